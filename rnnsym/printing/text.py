"""Plain Unicode text of the nouns, for terminals and `str()`."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Unpack

from sympy import ImmutableMatrix

from ..derive.elements import elements
from ..errors import InputError
from ..language import parse
from ..models import Model
from ..nouns import Cell, Derivation, Equation, Report, Role, Variable
from .elements import ElementPlain
from .formula import Plain, in_convention, join
from .latex import OWN, check_form, count_parts
from .style import Choices, Style, chosen


def to_text(
    subject: Equation | Cell | Derivation | Model | Report,
    *,
    form: str = "vectors",
    **choices: Unpack[Choices],
) -> str:
    """Plain text of a noun, which the language reads back where it is an equation.

    Args:
        subject: what to print.
        form: of a cell, "vectors", "elements" for equations of single elements, or "cell" for the
            text of a `.cell` file, which reads back equal.
        **choices: as those of `to_latex`.

    Raises:
        InputError: for an unknown choice or something that has no text.
    """
    if isinstance(subject, Report):
        return report_text(subject)
    if not isinstance(subject, (Equation, Cell, Derivation, Model)):
        raise InputError(f"there is no text for {type(subject).__name__}")
    check_form(form, subject)
    subject, style = chosen(subject, **choices)
    if form == "elements":
        assert isinstance(subject, Cell)
        return "\n".join(element_texts(subject, style))
    if form == "cell":
        assert isinstance(subject, Cell)
        return cell_text(subject, style)
    if isinstance(subject, Equation):
        return equation_text(subject, style)
    if isinstance(subject, (Cell, Derivation)):
        return "\n".join(equation_text(e, style) for e in subject.equations)
    from .models import model_text

    assert isinstance(subject, Model)
    return model_text(subject)


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
