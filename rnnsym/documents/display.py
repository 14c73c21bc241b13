"""How nouns show themselves in notebooks."""

from __future__ import annotations

from ..checking import Flow
from ..errors import InputError
from ..nouns import Cell, Report
from ..printing import to_latex, to_text
from .environment import html_environment
from .plots import flow_svg
from .views import symbol_rows


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
                symbols=symbol_rows(subject),
            )
        )
    if isinstance(subject, Report):
        return (
            html_environment()
            .get_template("report.html.j2")
            .render(report=subject, summary=to_text(subject).splitlines()[0])
        )
    raise InputError(f"there is no HTML for {type(subject).__name__}")


def to_svg(subject: Flow) -> str:
    """A picture of a gradient flow: the norms against the distance, on a logarithmic scale.

    It takes the colour of the text around it, and says in words what it shows.

    Raises:
        InputError: for anything else.
    """
    if not isinstance(subject, Flow):
        raise InputError(f"there is no picture of {type(subject).__name__}")
    return flow_svg(subject)
