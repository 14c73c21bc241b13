"""How nouns show themselves in notebooks."""

from __future__ import annotations

from typing import Any, Unpack

from ..checking import Flow
from ..checking.printed import Printing
from ..derive.parts import part_of
from ..errors import InputError
from ..models import Model
from ..nouns import Cell, Report
from ..printing import Choices, chosen, to_latex, to_text
from ..printing.latex import aligned
from ..printing.verbs import check_form
from .environment import html_environment
from .plots import flow_svg
from .rendering import document
from .views import symbol_rows


def to_html(
    subject: Cell | Model | Report, *, form: str = "vectors", **choices: Unpack[Choices]
) -> str:
    """HTML of a cell or a model (its equations and symbols) or a report, for a notebook.

    Args:
        subject: what to show.
        form: of a cell, as that of `to_latex`.
        **choices: of a cell, as those of `to_latex`.

    Raises:
        InputError: for an unknown choice or anything else.
    """
    if isinstance(subject, (Cell, Model)):
        shown, style = chosen(subject, **choices)
        template = html_environment().get_template("cell.html.j2")
        return "\n".join(
            template.render(
                title=cell.title or cell.name,
                tex=_read_back(cell, form, **choices),
                symbols=symbol_rows(like, style),
            )
            for cell, like in zip(_cells(subject), _cells(shown))
        )
    if isinstance(subject, Report):
        return (
            html_environment()
            .get_template("report.html.j2")
            .render(report=subject, summary=to_text(subject).splitlines()[0])
        )
    raise InputError(f"there is no HTML for {type(subject).__name__}")


def _cells(subject: Cell | Model) -> list[Cell]:
    return [subject] if isinstance(subject, Cell) else list(map(part_of, subject.equations))


def _read_back(cell: Cell, form: str, **choices: Any) -> str:
    """LaTeX of a cell, read again first; one without an input has no numbers to compare."""
    if not cell.inputs:
        return to_latex(cell, form=form, **choices)
    check_form(form, cell)
    blocks = {"vectors": "forward", "elements": "elements"}
    return aligned(Printing(cell, **choices).block(blocks[form]).lines)


def to_svg(subject: Flow | Cell | Model, *, steps: int = 3, **choices: Unpack[Choices]) -> str:
    """A picture: of a cell, one step and the unrolled network; of a gradient flow, its norms.

    It takes the colour of the text around it, and says in words what it shows.

    Args:
        subject: what to draw. The norms of a flow stand against the distance, on a logarithmic
            scale.
        steps: of a cell, or of each part of a model, how many steps are drawn.
        **choices: of a cell, as those of `to_latex`.

    Raises:
        InputError: for an unknown choice or anything else.
    """
    if isinstance(subject, (Cell, Model)):
        return document(subject, "svg", steps=steps, **choices)
    if not isinstance(subject, Flow):
        raise InputError(f"there is no picture of {type(subject).__name__}")
    return flow_svg(subject)
