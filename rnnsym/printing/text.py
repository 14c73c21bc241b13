"""Plain Unicode text of the nouns, for terminals and `str()`."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from sympy import ImmutableMatrix

from ..derive.elements import elements
from ..errors import InputError
from ..language import parse
from ..nouns import Cell, Equation, Report, Role, Variable
from ..pieces import join
from .elements import ElementPlain
from .formula import Plain, in_convention
from .latex import OWN, count_parts
from .style import Style


def equation_text(equation: Equation, style: Style = OWN) -> str:
    """An equation in one line."""
    plain = Plain(style)
    if isinstance(equation.expr, ImmutableMatrix):
        return f"{plain.quantity(equation.lhs).text} = {equation.expr}"
    left, right = in_convention(equation, style.convention)
    return f"{plain.quantity(left).text} = {join(plain.expr(right))}"


def cell_text(cell: Cell, style: Style = OWN) -> str:
    """The text of a `.cell` file that the cell can be read from, and reads back equal.

    Title, description and source, what is declared, the equations with their meanings, and the
    meaning of every symbol that no equation defines.

    Raises:
        InputError: if there is no such text; none was found to have none in its own form.
    """
    form = replace(cell, convention=style.convention)
    shaped: set[str] = set()
    for ordered in (False, True, True):
        # In the other form names are met in another order; then that order is declared, and so are
        # shapes that nobody would find.
        text = _cell_text(form, style, ordered, shaped)
        again = parse(text, name=cell.name)
        if replace(again, sizes=form.sizes) == form:
            return text
        if ordered:
            found = {v.name: v.shape for v in again.variables}
            shaped |= {v.name for v in form.variables if found.get(v.name) != v.shape}
    raise InputError(f"{cell.name} has no text in {style.convention} form that reads back equal")


def _cell_text(cell: Cell, style: Style, ordered: bool, shaped: Collection[str]) -> str:
    lines = [f"# {line}" for line in (cell.title, cell.description) if line]
    if cell.source:
        lines += ([] if cell.title else ["#"]) + [f"# Source: {cell.source}"]
    lines += [""] * bool(lines)
    if style.column:
        lines.append("convention: column")
    for v in cell.variables:
        lines += [f"{v}: {kind}" for kind in _declared(v, cell, ordered, v.name in shaped)]
    lines.append(f"output: {cell.output}")
    for e in cell.equations:
        comment = f"    # {e.variable.meaning}" if e.variable.meaning else ""
        lines.append(f"{equation_text(e, style)}{comment}")
    told = {e.variable.name for e in cell.equations}
    plain = Plain(style)
    more = [f"# {plain.quantity(v.at(None)).text}: {v.meaning}" for v in cell.variables
            if v.meaning and v.name not in told]  # fmt: skip
    return "\n".join([*lines, *([""] * bool(more)), *more]) + "\n"


def _declared(v: Variable, cell: Cell, ordered: bool, shaped: bool) -> Iterator[str]:
    """What a text has to declare of a symbol, so that it is read as what it is."""
    rows, cols = cell.shown_shape(v)
    if v.scalar:
        yield "scalar"
    elif shaped or (v.timed and v.shape[0] != 1):
        yield f"{rows} × {cols}"
    if v.role == Role.PARAMETER and (ordered or v.name.partition("_")[0] == "I"):
        yield "parameter"
    if v.role == Role.INPUT and (ordered or v in cell.delayed):
        yield "input"


def element_texts(cell: Cell, style: Style = OWN) -> list[str]:
    """A cell's equations of single elements, each in one line."""
    _, formulas = elements(cell, style.convention)
    spelling = ElementPlain(style)
    return [f"{spelling.entry(f.left).text} = {join(spelling.pieces(f.right))}" for f in formulas]


def report_text(report: Report) -> str:
    """The verdict and what it rests on, one line each."""
    weak = f", because {report.weak}" if report.weak else ""
    lines = [f"{report.subject}: {report.verdict}{weak} (against {report.against}, seed "
             f"{report.seed})"]  # fmt: skip
    for c in report.comparisons:
        mark = "ok  " if c.passed else "FAIL"
        numbers = "" if c.error is None else f": error {c.error:.1e}, tolerance {c.tolerance:.0e}"
        place = f" ({c.where})" if c.where and not c.passed else ""
        lines.append(f"  {mark} {c.what}{numbers}{place}")
    telling = [c for c in report.controls if not c.harmless]
    seen = sum(c.rejected for c in telling)
    lines.append(f"  {seen} of {len(telling)} planted wrong formulas were rejected")
    lines += [f"  NOT REJECTED {c.what}" for c in telling if not c.rejected]
    lines += [f"  note: {remark}" for remark in report.remarks]
    return "\n".join(lines)


def count_text(cell: Cell) -> str:
    """The parameter count as a formula, layer by layer: M(D + M + 1) + K(M + 1)."""
    parts = [str(part).replace("**", "^").replace("*(", "(").replace("*", " ")
             for part in count_parts(cell)]  # fmt: skip
    return " + ".join(parts) or "0"
