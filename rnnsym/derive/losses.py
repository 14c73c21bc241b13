"""Losses, as texts of the language: what a step adds to L, and its derivative simplified."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import InputError
from ..language import parse
from ..nouns import Cell

OVER = ("all", "last")


@dataclass(frozen=True)
class Loss:
    """A loss of one step, in the names y (the output), d (the target) and p (a prediction).

    Attributes:
        words: what it is called in a sentence.
        text: its equations; `ell` is the loss of the step.
        results: what ∂ℓ_t/∂y_t simplifies to, line by line, each with the reason.
        target: what the target must be, in words; a check draws such ones.
        stable: the loss as code computes it, where the text would take the log of a number that
            underflows.
    """

    words: str
    text: str
    results: tuple[tuple[str, str], ...] = ()
    target: str = ""
    stable: str = ""


LOSSES = {
    "general": Loss("a loss whose derivative by the output of each step is given", ""),
    "squared_error": Loss(
        "half the squared error",
        "ell_t = sum((y_t - d_t) ⊙ (y_t - d_t)) / 2",
        (("y_t - d_t", "both factors of the square give the same half, and they add up"),),
        "any numbers",
    ),
    "softmax_cross_entropy": Loss(
        "softmax with cross-entropy",
        "p_t = softmax(y_t)\nell_t = -sum(d_t ⊙ log(p_t))",
        (
            (
                "p_t ⊙ sum(d_t) - d_t",
                "with the line of `∂ℓ_t/∂p_t` put in, its divisor `p_t` cancels against the factor "
                "`p_t` of softmax's Jacobian",
            ),
            ("p_t - d_t", "the target is a distribution, so its entries sum to 1"),
        ),
        "a distribution: no negative entries, their sum is 1",
        "ell_t = -sum(d_t ⊙ log_softmax(y_t))",
    ),
    "binary_cross_entropy": Loss(
        "sigmoid with binary cross-entropy",
        "p_t = σ(y_t)\nell_t = -sum(d_t ⊙ log(p_t) + (1 - d_t) ⊙ log(1 - p_t))",
        (
            (
                "p_t ⊙ (1 - d_t) - (1 - p_t) ⊙ d_t",
                "with the line of `∂ℓ_t/∂p_t` put in, the slope of the sigmoid cancels both "
                "divisors",
            ),
            ("p_t - d_t", "multiplied out, the product of `p_t` and `d_t` cancels"),
        ),
        "numbers from 0 to 1",
        "ell_t = sum(softplus(y_t) - d_t ⊙ y_t)",
    ),
}


def loss_of(name: str) -> Loss:
    """A loss by its name.

    Raises:
        InputError: for a name that is none.
    """
    if name not in LOSSES:
        raise InputError(f"unknown loss '{name}'; there are {', '.join(LOSSES)}")
    return LOSSES[name]


def check_over(over: str) -> None:
    """Refuse anything but "all" and "last"."""
    if over not in OVER:
        raise InputError(f"a loss is taken over {' or '.join(OVER)} steps, not '{over}'")


def stable_cell(loss: Loss, scalar: bool) -> Cell:
    """The loss of a step as code computes it, in the names y and d."""
    kind = "scalar" if scalar else "1 × K"
    return parse(f"y_t, d_t: {kind}\nell_t: scalar\n{loss.stable or loss.text}")


def loss_cell(loss: Loss, scalar: bool, simplified: str | None = None) -> Cell:
    """The equations of a loss (or of one of its simplified derivatives), by themselves.

    Args:
        loss: which loss.
        scalar: whether the output is a scalar.
        simplified: a derivative from `results` to read in place of the loss, as `s_t`.
    """
    body = loss.text if simplified is None else f"s_t = {simplified}"
    names = [f"{n}_t" for n in "ydp" if f"{n}_t" in body]
    if scalar:
        names = [*names, "s_t"] if simplified is not None else names
        declared = f"{', '.join(names)}: scalar\n"
    else:
        declared = f"{', '.join(names)}{', s_t' if simplified is not None else ''}: 1 × K\n"
    ell = "" if simplified is not None else "ell_t: scalar\n"
    return parse(declared + ell + body)
