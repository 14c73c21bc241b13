"""What checking does for whoever asks, whatever the subject is."""

from __future__ import annotations

from ..errors import InputError
from ..models import Model, seen
from ..nouns import Cell, Report
from .cells import CellWhole
from .equality import verify_claim
from .models import of_model
from .whole import Progress, Whole, silent


def verify(
    subject: Cell | Model,
    against: str = "keras",
    *,
    claim: str | Cell | None = None,
    seed: int = 0,
    steps: int | None = None,
    gradient: bool = False,
    progress: Progress = silent,
) -> Report:
    """Compare a cell or network with a framework's own layer, on random non-zero weights.

    The loop, the unrolled and the explicit-matrix function, in float64 and float32, are compared
    with Keras; so are the parameter count and the shapes of the weights. The LaTeX that is printed
    is read again and evaluated at 50 digits. Planted wrong formulas must be rejected in the same
    run, and every branch of a piecewise function must be reached.

    The verdict is *verified* only where Keras's own layer was asked. A cell that is no layer of
    Keras is run as a `keras.layers.RNN` cell made from the same equations, and its verdict is
    *consistent*: this checks the loop and not the equations. What such a text is meant to be is
    said by `claim`.

    Args:
        subject: the cell or network; sizes that it does not give are small and all different. A
            model that `from_keras` read is compared with the one that Keras's constructors make
            of its configuration, and with the live layer where it was one, with its own and with
            random weights, whole and step by step.
        against: "keras", or "latex" for the printed formula alone (no TensorFlow).
        claim: what the cell is said to be: a layer of Keras such as "keras.layers.GRU" or
            "keras.layers.GRU(reset_after=False)", a name of the catalogue, or a cell; see `equal`.
        seed: of the random numbers.
        steps: the number of time steps.
        gradient: check the backward pass as well: every line of the derivation by itself
            (`verify_lines`), and against Keras all gradients by TensorFlow's `GradientTape`.
        progress: is told what is done next.

    Returns:
        The report; `bool(report)` is whether its verdict is a good one.

    Raises:
        InputError: for an unknown framework or claim, or if Keras is not installed.
    """
    if not isinstance(subject, (Cell, Model)):
        raise InputError(f"verify takes a cell, network or model, not {type(subject).__name__}")
    if against not in ("keras", "latex"):
        raise InputError(f"unknown framework '{against}'; there are keras, latex")
    if claim is not None:
        if isinstance(subject, Model):
            raise InputError("a claim is about a cell; rnnsym.equal compares models")
        if against != "keras" or gradient:
            raise InputError("a claim is compared with what it names, forward, and nothing else")
        return verify_claim(subject, claim, seed=seed, progress=progress)
    if against == "latex":
        return Whole(seen(subject), seed, progress).report(gradient)
    if isinstance(subject, Model):
        return of_model(subject, seed, steps, gradient, progress)
    return CellWhole(subject, seed, steps, progress).report(gradient)
