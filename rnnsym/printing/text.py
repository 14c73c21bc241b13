"""Plain Unicode text of the nouns, for terminals and `str()`."""

from __future__ import annotations

from sympy import ImmutableMatrix

from ..errors import InputError
from ..models import Model
from ..nouns import Cell, Derivation, Equation, Report
from .formula import Plain, in_convention, join
from .latex import count_parts

_PLAIN = Plain()


def to_text(
    subject: Equation | Cell | Derivation | Model | Report, *, convention: str = "row"
) -> str:
    """Plain text of a noun, which the language reads back where it is an equation.

    Raises:
        InputError: for something that has no text.
    """
    if isinstance(subject, Equation):
        return equation_text(subject, convention)
    if isinstance(subject, (Cell, Derivation)):
        return "\n".join(equation_text(e, convention) for e in subject.equations)
    if isinstance(subject, Model):
        from .models import model_text

        return model_text(subject)
    if isinstance(subject, Report):
        return report_text(subject)
    raise InputError(f"there is no text for {type(subject).__name__}")


def equation_text(equation: Equation, convention: str = "row") -> str:
    """An equation in one line."""
    if isinstance(equation.expr, ImmutableMatrix):
        return f"{_PLAIN.quantity(equation.lhs).text} = {equation.expr}"
    left, right = in_convention(equation, convention)
    return f"{_PLAIN.quantity(left).text} = {join(_PLAIN.expr(right))}"


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
