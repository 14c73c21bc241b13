"""All gradients of a cell against those of a framework."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..derive import backpropagate
from ..errors import InputError
from ..frameworks import keras as keras_framework
from ..names import t
from ..nouns import Cell, Comparison, Control, Derivation
from ..numeric import GradientFunction, lambdify
from ..numeric.layout import as_shown
from .claim import Plan
from .lines import target_like, wrong_lines
from .rounding import Tolerance, growth, tolerance
from .sampled import Samples, unsized
from .samples import Sample, default_sizes, error_of

Array = NDArray[Any]

#: Losses, the steps that they are taken over, and the number of steps, that are compared with
#: TensorFlow. The first also has planted errors.
_LOSSES = (
    ("general", "all", 7), ("general", "all", 50), ("squared_error", "all", 7),
    ("softmax_cross_entropy", "last", 7), ("binary_cross_entropy", "all", 7),
    ("cross_entropy", "all", 7), ("binary_cross_entropy_of_probabilities", "all", 7),
    ("negative_log_likelihood", "all", 7),
)  # fmt: skip


@dataclass(frozen=True)
class _Gradients:
    """A gradient function against TensorFlow's, on the samples of a cell."""

    samples: Samples
    models: dict[Any, keras_framework.Model]
    loss: str
    over: str
    seed: int

    def model(self, sample: Sample) -> keras_framework.Model:
        key = (tuple(sample.sizes.items()), sample.steps)
        if key not in self.models:
            self.models[key] = keras_framework.Model(
                unsized(self.samples.cell), sample.sizes, sample.steps, "float64"
            )
        self.models[key].set_weights(sample.weights)
        return self.models[key]

    def target(self, sample: Sample) -> Array:
        output = sample.call(self.samples.function)
        output = output if self.over == "all" else output[:, -1]
        return target_like(output, self.loss, np.random.default_rng(self.seed))

    def expected(self, sample: Sample) -> tuple[float, Mapping[str, Array]]:
        """The loss and all gradients by `GradientTape`."""
        target = self.target(sample)
        return self.model(sample).gradients(sample.inputs, sample.states, target, self.loss,
                                            self.over)  # fmt: skip

    def growth(self, function: GradientFunction, sample: Sample) -> Mapping[str, float]:
        """How rounding grows in the code of each gradient, and where slopes are as printed.

        Frameworks take 1 - h ⊙ h from h as paper does, which cancels where h is near 1.
        """
        shown = sample.as_shown(function.cell)
        target = as_shown(function.cell, function.cell.output, self.target(sample))
        arguments = function.prepare((*shown.inputs, target), shown.states, shown.weights)
        one = growth(function, arguments, sample.seed)
        two = growth(GradientFunction(function.derivation, True), arguments, sample.seed)
        return {name: max(grown, two[name]) for name, grown in one.items()}


@np.errstate(all="ignore")  # what is not finite is told by the numbers
def compared_gradients(
    subject: Cell, seed: int, progress: Callable[[str], None]
) -> tuple[list[Comparison], list[Control]]:
    """All gradients against TensorFlow's `GradientTape`, in float64; wrong ones first."""
    comparisons: list[Comparison] = []
    controls: list[Control] = []
    models: dict[Any, keras_framework.Model] = {}
    drawn: dict[int, Samples] = {}
    for loss, over, steps in _LOSSES:
        try:
            derivation = backpropagate(unsized(subject), loss=loss, over=over)
        except InputError:
            continue  # a loss of row vectors, or of probabilities, and the output is none
        progress(f"gradients against GradientTape: {loss}, T = {steps}")
        if steps not in drawn:
            drawn[steps] = Samples(subject, [Plan(seed + 2, default_sizes(subject), steps)])
        check = _Gradients(drawn[steps], models, loss, over, seed + 3)
        function = lambdify(derivation)
        assert isinstance(function, GradientFunction)
        where = f"{loss.replace('_', ' ')} over {over}, T = {steps}, against GradientTape, float64"
        rows: dict[str, list[Comparison]] = {}
        for sample in drawn[steps].domain.samples:
            expected = check.expected(sample)
            grown = check.growth(function, sample)
            value, gradients = sample.gradients(function, check.target(sample))
            found: dict[str, tuple[Any, Any, str]] = {f"loss: {where}": (value, expected[0], "")}
            found |= {f"∂L/∂{n}: {where}": (g, expected[1][n], n) for n, g in gradients.items()}
            if not controls:
                limits = {n: tolerance("float64", g, steps).value for n, g in grown.items()}
                controls += _gradient_controls(derivation, sample, check.target(sample),
                                               expected[1], limits)  # fmt: skip
            for what, (ours, theirs, name) in found.items():
                limit = tolerance("float64", grown[name], steps)
                rows.setdefault(what, []).append(_near(what, ours, theirs, limit))
        comparisons += [max(r, key=_badness) for r in rows.values()]
    return comparisons, controls


def _badness(c: Comparison) -> float:
    assert c.error is not None and c.tolerance is not None
    return c.error / c.tolerance


def _near(what: str, found: Any, expected: Any, limit: Tolerance) -> Comparison:
    found, expected = np.atleast_1d(found), np.atleast_1d(expected)
    if found.size == expected.size:  # a bias has one axis in Keras
        found = found.reshape(expected.shape)
    error, place = error_of(found, expected, plain=True)
    return Comparison(what, error <= limit.value, error, limit.value, limit.reason, place)


def _gradient_controls(
    derivation: Derivation, sample: Sample, target: Any, expected: Mapping[str, Any],
    limits: Mapping[str, float],
) -> Iterable[Control]:  # fmt: skip
    """Wrong lines through the generated code: one of each kind must differ from TensorFlow."""
    seen: set[str] = set()
    for i, step in enumerate(derivation.steps):
        if step.section not in ("backward", "gradients"):
            continue
        for kind, wrong in wrong_lines(step.equation):
            if kind in seen or wrong.time not in (t, None):
                continue
            steps = list(derivation.steps)
            steps[i] = replace(step, equation=wrong)
            try:
                function = lambdify(replace(derivation, steps=tuple(steps)))
                assert isinstance(function, GradientFunction)
                _, gradients = sample.gradients(function, target)
                errors = {
                    n: error_of(np.reshape(g, np.shape(expected[n])), expected[n], plain=True)[0]
                    for n, g in gradients.items()
                }
            except (KeyError, NameError, ValueError):
                continue  # a line that cannot run is no wrong number
            if all(errors[n] <= limits[n] for n in errors):
                continue  # tried again at another line: this one changes nothing here
            seen.add(kind)
            yield Control(f"{kind}, in the gradient's code: {wrong}", True, max(errors.values()))
