"""What this room does for whoever asks, whatever the subject is."""

from __future__ import annotations

from typing import Any

from ..derive import backpropagate
from ..errors import InputError
from ..models import Model, seen
from ..nouns import CLAIMED, Cell, Derivation
from .function import RESERVED, GradientFunction, NumericFunction, function_of
from .models import ModelFunction, ModelGradient
from .source import straight_source


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
    if isinstance(subject, Derivation):
        if gradient:
            raise InputError("gradient=True takes a cell or model, not a derivation of one")
        return _of_derivation(subject)
    if not isinstance(subject, (Cell, Model)):
        words = "a cell, network, model or derivation"
        raise InputError(f"lambdify takes {words}, not {type(subject).__name__}")
    model = seen(subject)
    if not model.bare:
        return ModelGradient(model, loss, over) if gradient else ModelFunction(model)
    # The one part of a bare model stands for itself, without what runs several.
    (node,) = model.nodes
    assert node.cell is not None
    _check_arguments(node.cell)
    if gradient:
        return GradientFunction(backpropagate(node.cell, loss=loss, over=over))
    return function_of(node.cell)


def _of_derivation(derivation: Derivation) -> Any:
    if any(s.section == CLAIMED for s in derivation):
        raise InputError("claimed lines can be checked; a function is made of a derivation's own")
    _check_arguments(derivation.cell)
    if derivation.form == "backward":
        return GradientFunction(derivation)
    if derivation.length is None:
        raise InputError("with a symbolic T there is no straight code; lambdify the cell")
    sources = (straight_source(derivation), straight_source(derivation, True))
    return NumericFunction(derivation.cell, *sources, derivation.length)


def _check_arguments(cell: Cell) -> None:
    if not cell.inputs:
        raise InputError(f"{cell.name} has no input, so nothing tells how many steps to take")
    for variable in cell.parameters:
        if variable.name in RESERVED:
            raise InputError(f"a parameter called '{variable.name}' meets an argument of that name")
