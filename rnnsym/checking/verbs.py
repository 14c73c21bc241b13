"""What checking does for whoever asks, whatever the subject is."""

from __future__ import annotations

from ..errors import InputError
from ..models import Model
from ..nouns import Cell, Report
from .equality import verify_claim
from .models import verify_model, verify_printed
from .verification import Progress, read_back, read_back_with_lines, silent, verify_cell


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
    if isinstance(subject, Model):
        if claim is not None:
            raise InputError("a claim is about a cell; rnnsym.equal compares models")
        if against == "latex":
            return verify_printed(subject, seed=seed, gradient=gradient, progress=progress)
        return verify_model(subject, seed=seed, steps=steps, gradient=gradient, progress=progress)
    if claim is not None:
        if against != "keras" or gradient:
            raise InputError("a claim is compared with what it names, forward, and nothing else")
        return verify_claim(subject, claim, seed=seed, progress=progress)
    if against == "latex":
        if gradient:
            return read_back_with_lines(subject, seed=seed, progress=progress)
        return read_back(subject, seed=seed)
    return verify_cell(subject, seed=seed, steps=steps, gradient=gradient, progress=progress)
