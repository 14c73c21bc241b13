"""What this room does for whoever asks, whatever the subject is."""

from __future__ import annotations

from typing import Any

from ..derive import backpropagate
from ..errors import InputError
from ..models import Model
from ..nouns import CLAIMED, Cell, Derivation
from .function import RESERVED, GradientFunction, NumericFunction
from .models import ModelFunction, ModelGradient
from .source import loop_source, straight_source


def lambdify(
    subject: Cell | Derivation | Model,
    *,
    gradient: bool = False,
    loss: str = "general",
    over: str = "all",
) -> Any:
    """Make a NumPy function of a cell, a network, a derivation or a model.

    Args:
        subject: a cell or network (the function is a loop over time), a derivation unrolled over
            a given number of steps, by name or as explicit matrices (straight code), or one of
            `backpropagate` (a `GradientFunction`). A model read by `from_keras` gives a
            `ModelFunction`, or with `gradient` a `ModelGradient`.
        gradient: make the function of the loss and all its gradients; see `backpropagate` for
            `loss` and `over`.
        loss: the loss, with `gradient`.
        over: the steps over which it is taken, with `gradient`.

    Returns:
        The function; its `source` is readable NumPy, one line an equation.

    Raises:
        InputError: for a recurrence with a symbolic T, a cell without an input, or a loss that does
            not fit.
    """
    if not gradient and (loss, over) != ("general", "all"):
        raise InputError("a loss belongs to a gradient: give gradient=True as well")
    if isinstance(subject, Model):
        return ModelGradient(subject, loss, over) if gradient else ModelFunction(subject)
    cell = subject.cell if isinstance(subject, Derivation) else subject
    if not isinstance(cell, Cell):
        raise InputError(f"lambdify takes a cell or a derivation, not {type(subject).__name__}")
    if isinstance(subject, Derivation) and any(s.section == CLAIMED for s in subject):
        raise InputError("claimed lines can be checked; a function is made of a derivation's own")
    if gradient and isinstance(subject, Derivation):
        raise InputError("gradient=True takes a cell; the function of a backward derivation is one")
    if not cell.inputs:
        raise InputError(f"{cell.name} has no input, so nothing tells how many steps to take")
    for variable in cell.parameters:
        if variable.name in RESERVED:
            raise InputError(f"a parameter called '{variable.name}' meets an argument of that name")
    if gradient:
        return GradientFunction(backpropagate(cell, loss=loss, over=over))
    if isinstance(subject, Derivation) and subject.form == "backward":
        return GradientFunction(subject)
    if isinstance(subject, Derivation):
        if subject.length is None:
            raise InputError("with a symbolic T there is no straight code; lambdify the cell")
        return NumericFunction(
            cell, straight_source(subject), straight_source(subject, True), subject.length
        )
    return NumericFunction(cell, loop_source(cell), loop_source(cell, True))
