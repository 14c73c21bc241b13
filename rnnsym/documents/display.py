"""How nouns show themselves in notebooks."""

from __future__ import annotations

from ..errors import InputError
from ..nouns import Cell, Report
from ..printing import to_latex, to_text
from .environment import html_environment
from .rendering import symbol_rows


def to_html(subject: Cell | Report) -> str:
    """HTML of a cell (its equations and symbols) or a report, for a notebook.

    Raises:
        InputError: for anything else.
    """
    if isinstance(subject, Cell):
        return (
            html_environment()
            .get_template("cell.html.j2")
            .render(
                title=subject.title or subject.name,
                tex=to_latex(subject),
                symbols=symbol_rows(subject, "row"),
            )
        )
    if isinstance(subject, Report):
        return (
            html_environment()
            .get_template("report.html.j2")
            .render(report=subject, summary=to_text(subject).splitlines()[0])
        )
    raise InputError(f"there is no HTML for {type(subject).__name__}")
