"""Plain Unicode text of the nouns, for terminals and `str()`."""

from __future__ import annotations

from typing import Unpack

from sympy import ImmutableMatrix

from ..derive.elements import elements
from ..errors import InputError
from ..models import Model
from ..nouns import Cell, Derivation, Equation, Report
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
        form: of a cell, "vectors", or "elements" for equations of single elements.
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


def source_text(cell: Cell) -> str:
    """The text that a cell can be read from: what must be declared, and its equations."""
    lines = [f"{v}: scalar" for v in cell.variables if v.scalar]
    lines += [f"{v}: {v.shape[0]} × {v.shape[1]}" for v in cell.variables
              if v.timed and v.shape[0] != 1]  # fmt: skip
    lines += [f"{v}: input" for v in cell.delayed]
    lines.append(f"output: {cell.output}")
    return "\n".join([*lines, *(equation_text(e) for e in cell.equations)])


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
