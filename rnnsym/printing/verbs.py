"""What printing does for whoever asks, whatever the subject is."""

from __future__ import annotations

from typing import Any, Unpack

from ..errors import InputError
from ..models import Model
from ..nouns import Cell, Derivation, Equation, Report
from .latex import aligned, element_lines, equation_tex, matrix_lines, tex_lines
from .models import model_lines, model_text
from .style import Choices, chosen
from .text import cell_text, element_texts, equation_text, report_text

#: The forms of a cell's equations.
FORMS = ("vectors", "elements", "cell")


def check_form(form: str, subject: Any) -> None:
    """Refuse a form that is none, or that the subject does not have.

    Raises:
        InputError: with the forms that there are.
    """
    if form not in FORMS:
        raise InputError(f"unknown form '{form}'; there are {', '.join(FORMS)}")
    if form != "vectors" and not isinstance(subject, Cell):
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
        form: of a cell, "vectors", or "elements" for equations of single elements.
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
    if form == "elements":
        assert isinstance(subject, Cell)
        tex = aligned(element_lines(subject, style))
    elif isinstance(subject, Equation):
        tex = equation_tex(subject, style)
    elif isinstance(subject, Derivation) and subject.form == "matrices":
        tex = aligned(matrix_lines(s.equation, style) for s in subject)
    elif isinstance(subject, (Cell, Derivation)):
        tex = aligned(tex_lines(e, style) for e in subject.equations)
    else:
        tex = aligned(model_lines(subject, style))
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
    assert isinstance(subject, Model)
    return model_text(subject)
