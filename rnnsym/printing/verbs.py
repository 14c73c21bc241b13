"""What printing does for whoever asks, whatever the subject is."""

from __future__ import annotations

from typing import Any, Unpack

from ..errors import InputError
from ..models import Model, seen
from ..nouns import Cell, Derivation, Equation, Report
from .latex import aligned, equation_tex, matrix_lines, tex_lines
from .models import model_lines, model_text
from .style import Choices, chosen
from .text import cell_text, equation_text, report_text

#: The forms of the equations of a cell, or of the parts of a model.
FORMS = ("vectors", "elements", "cell")


def check_form(form: str, subject: Any) -> None:
    """Refuse a form that is none, or that the subject does not have.

    Raises:
        InputError: with the forms that there are.
    """
    if form not in FORMS:
        raise InputError(f"unknown form '{form}'; there are {', '.join(FORMS)}")
    of = (Cell,) if form == "cell" else (Cell, Model)
    if form != "vectors" and not isinstance(subject, of):
        raise InputError(f"the form '{form}' is of a cell, not of a {type(subject).__name__}")


def to_latex(
    subject: Equation | Cell | Derivation | Model,
    *,
    form: str = "vectors",
    display: bool = False,
    **choices: Unpack[Choices],
) -> str:
    """LaTeX of an equation, a cell, a derivation or a model.

    Args:
        subject: what to print.
        form: of a cell or a model, "vectors", or "elements" for equations of single elements.
        display: put the `$$` of a display around it.
        **choices: `convention`, "row" (`x_t W`) or "column" (`W x_t`); `notation`, `rename`,
            `bold`, `hadamard` and `transpose`, see `Choices`.

    Returns:
        LaTeX without a `$`, unless `display` is set: one equation in one line, or several in an
        `aligned` block, long ones broken.

    Raises:
        InputError: for an unknown choice or something that has no LaTeX.
    """
    if not isinstance(subject, (Equation, Cell, Derivation, Model)):
        raise InputError(f"there is no LaTeX for {type(subject).__name__}")
    if form == "cell":
        raise InputError("the form of a .cell file is text: to_text(form='cell')")
    check_form(form, subject)
    subject, style = chosen(subject, **choices)
    if isinstance(subject, Equation):
        tex = equation_tex(subject, style)
    elif isinstance(subject, Derivation) and subject.form == "matrices":
        tex = aligned(matrix_lines(s.equation, style) for s in subject)
    elif isinstance(subject, Derivation):
        tex = aligned(tex_lines(e, style) for e in subject.equations)
    else:
        assert isinstance(subject, (Cell, Model))
        tex = aligned(model_lines(seen(subject), style, form == "elements"))
    return f"$$\n{tex}\n$$" if display else tex


def to_text(
    subject: Equation | Cell | Derivation | Model | Report,
    *,
    form: str = "vectors",
    **choices: Unpack[Choices],
) -> str:
    """Plain text of a noun, which the language reads back where it is an equation.

    Args:
        subject: what to print.
        form: of a cell or a model, "vectors", or "elements" for equations of single elements; of a
            cell also "cell" for the text of a `.cell` file, which reads back equal.
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
    if form == "cell":
        assert isinstance(subject, Cell)
        return cell_text(subject, style)
    if isinstance(subject, Equation):
        return equation_text(subject, style)
    if isinstance(subject, Derivation):
        return "\n".join(equation_text(e, style) for e in subject.equations)
    assert isinstance(subject, (Cell, Model))
    return "\n".join(model_text(seen(subject), style, form == "elements"))
