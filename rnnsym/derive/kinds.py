"""The derivations that a cell has: one list, which commands, documents, pages and tests ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from ..names import GRADIENT, marked, t, unmarked
from ..nouns import Cell, Derivation, Role, Sentence
from .backward import backpropagate
from .differentiated import Differentiated
from .parts import has_parameters, has_states
from .sensitivities import jacobian, rtrl
from .steps import BACKWARD

#: What accents are called at the beginning of a sentence.
ACCENT_WORDS = {
    "bar": "A bar", "breve": "A breve", "check": "A check", "dot": "A dot", "hat": "A hat",
    "tilde": "A tilde",
}  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """A kind of derivation.

    Attributes:
        name: what commands and documents call it.
        title: of its part of a document.
        form: what a derivation of it says of itself (`Derivation.form`).
        make: derives it of a cell; one that is `of_loss` takes steps, loss, over and truncate.
        applies: whether a cell has it.
        moves: the roles of what changes, along which its lines are held to differences.
        about: what it is, in words for a convention.
        of_loss: whether it starts from a loss.
        blocks: whether its lines are blocks of matrices, which have bounds and a product.
        also: other words for it.
    """

    name: str
    title: str
    form: str
    make: Callable[..., Derivation]
    moves: frozenset[Role]
    about: Callable[[Derivation, str], Sentence]
    applies: Callable[[Cell], bool] = field(default=lambda cell: True)
    of_loss: bool = False
    blocks: bool = False
    also: tuple[str, ...] = ()

    def of(self, cell: Cell, loss: str = "general") -> Derivation | None:
        """The derivation of a cell, or None if it has none."""
        if not self.applies(cell):
            return None
        return self.make(cell, loss=loss) if self.of_loss else self.make(cell)

    def again(self, derivation: Derivation, cell: Cell) -> Derivation:
        """The same derivation of another cell."""
        d = derivation
        if not self.of_loss:
            return self.make(cell)
        return self.make(
            cell, steps=d.length, loss=d.loss or "general", over=d.over, truncate=d.truncate
        )


def _about_backward(derivation: Derivation, convention: str) -> Sentence:
    d = Differentiated.of(derivation)
    output = derivation.cell[derivation.cell.output.name]
    if derivation.loss == "general":
        words = "the derivative of each step's loss by the output, {}, is given"
        loss = Sentence.of(words, d.immediate(output).at(t))
    else:
        loss = Sentence.of(f"the loss is {derivation.loss.replace('_', ' ')}")
    whole = Sentence.of("The loss L is the sum over all steps; {}.", loss)
    bars = [s for s in derivation.steps if s.section == BACKWARD and s.equation.time == t]
    if not bars:
        return whole
    adjoint = bars[0].equation.variable
    total = replace(adjoint, name=marked(GRADIENT, unmarked(adjoint.name)[1]))
    words = " {} is the total derivative of L: {} is {}."
    return whole + Sentence.of(words, ACCENT_WORDS[d.adjoint_mark], adjoint.at(t), total.at(t))


def _about_jacobian(derivation: Derivation, convention: str) -> Sentence:
    several = (
        " Over several steps, the derivative of all states is the product of the block matrices of "
        "these." if len(derivation.cell.states) > 1 else ""
    )  # fmt: skip
    about = (
        "a row for each entry of what changes, and changes multiply from the left."
        if convention == "row" else "a column for each entry of what changes."
    )  # fmt: skip
    return Sentence.of(f"In {convention} form a Jacobian has {about}{several}")


def _about_forward_mode(derivation: Derivation, convention: str) -> Sentence:
    return Sentence.of(
        "The parameters change along a direction. With a direction that is one at a single "
        "entry of a parameter, each changed quantity is the derivative by that entry, and the "
        "last lines are the gradient: one run for every entry."
    )


_KINDS = (
    Kind(
        "bptt", "Backpropagation through time", "backward", backpropagate,
        frozenset([Role.PARAMETER, Role.STATE, Role.INPUT]), _about_backward, of_loss=True,
        also=("gradient", "backward"),
    ),
    Kind(
        "jacobian", "The Jacobian of one step", "jacobian", jacobian, frozenset([Role.STATE]),
        _about_jacobian, has_states, blocks=True,
    ),
    Kind(
        "rtrl", "Real-time recurrent learning", "forward mode", rtrl, frozenset([Role.PARAMETER]),
        _about_forward_mode, has_parameters,
    ),
)  # fmt: skip
#: Every kind by its name.
DERIVATIONS: dict[str, Kind] = {kind.name: kind for kind in _KINDS}


def kind_of(derivation: Derivation) -> Kind | None:
    """The kind of a derivation; None for an unrolled recurrence or explicit matrices."""
    return next((k for k in DERIVATIONS.values() if k.form == derivation.form), None)


def derivations_of(cell: Cell, **options: Any) -> list[Derivation]:
    """Every derivation that a cell has."""
    found = (kind.of(cell, **options) for kind in DERIVATIONS.values())
    return [d for d in found if d is not None]
