"""Random inputs, states and weights for a check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sympy import Integer, Symbol

from ..nouns import ROW, Cell, Variable
from ..numeric import GradientFunction, NumericFunction
from ..numeric.layout import all_as_shown, as_shown

Array = NDArray[Any]

#: Sizes of a check where none are given: small, and no two alike, so that nothing is taken for
#: something else because it happens to be as wide.
_DEFAULTS = (3, 5, 2, 4, 6, 7)


@dataclass(frozen=True)
class Sample:
    """Everything a function of a cell needs, in float64.

    Attributes:
        inputs: one (N, T, D) array for each input.
        states: the initial states by name, (N, M).
        weights: the parameters by name: matrices, rows of shape (1, M), numbers.
        sizes: the sizes by symbol.
        seed: where the numbers come from.
    """

    inputs: tuple[Array, ...]
    states: Mapping[str, Array]
    weights: Mapping[str, Any]
    sizes: Mapping[str, int]
    seed: int
    steps: int = field(default=0)

    def cast(self, dtype: str) -> Sample:
        def as_dtype(value: Any) -> Any:
            return value.astype(dtype) if isinstance(value, np.ndarray) else value

        return Sample(
            tuple(map(as_dtype, self.inputs)),
            {k: as_dtype(v) for k, v in self.states.items()},
            {k: as_dtype(v) for k, v in self.weights.items()},
            self.sizes,
            self.seed,
            self.steps,
        )

    def as_shown(self, cell: Cell) -> Sample:
        """The sample with every array as a cell shows it; itself, if that is in row form."""
        if cell.convention == ROW:
            return self
        inputs = tuple(as_shown(cell, v, x) for v, x in zip(cell.inputs, self.inputs))
        states, weights = (all_as_shown(cell, arrays) for arrays in (self.states, self.weights))
        for v in cell.parameters:
            if v.shape[0] == 1 and not v.scalar and v.name in weights:
                weights[v.name] = np.reshape(weights[v.name], -1)
        return replace(self, inputs=inputs, states=states, weights=weights)

    def call(self, function: NumericFunction, **options: Any) -> Any:
        """Call a generated function with the sample; what it gives comes back in row form."""
        cell = function.cell
        s = self.as_shown(cell)
        found = function(*s.inputs, initial_state=s.states, **options, **s.weights)
        if isinstance(found, dict):
            return all_as_shown(cell, found)
        return as_shown(cell, cell.output, found)

    def gradients(self, function: GradientFunction, target: Any) -> tuple[Any, dict[str, Any]]:
        """The loss and its gradients, both from and to the row form."""
        cell = function.cell
        s = self.as_shown(cell)
        target = as_shown(cell, cell.output, target)
        loss, found = function(*s.inputs, target, initial_state=s.states, **s.weights)
        found = all_as_shown(cell, found)
        return loss, {n: _like(g, self.weights.get(n)) for n, g in found.items()}


def _like(array: Any, given: Any) -> Any:
    """A gradient in the shape of the row form's array: a vector may come as a column."""
    return array if given is None else np.reshape(array, np.shape(given))


def default_sizes(cell: Cell, most: int | None = None) -> dict[str, int]:
    """A size for every symbol: the given ones, then small ones that differ from each other."""
    sizes = {str(symbol): value for symbol, value in cell.sizes.items()}
    spare = [n for n in _DEFAULTS if n not in sizes.values()] + list(range(8, 8 + len(cell.dims)))
    for symbol in cell.dims:
        if str(symbol) not in sizes:
            sizes[str(symbol)] = spare.pop(0)
    if most is not None and any(size > most for size in sizes.values()):
        small = list(range(2, 2 + len(cell.dims)))
        sizes = {name: small.pop(0) if size > most else size for name, size in sizes.items()}
    return sizes


def draw(
    cell: Cell,
    seed: int,
    sizes: Mapping[str, int],
    samples: int = 2,
    steps: int = 6,
    positive: bool = False,
    stretch: float = 1.0,
    signs: int | None = None,
) -> Sample:
    """Draw a sample.

    Matrices are scaled by 1/√fan_in: with unscaled normal weights a recurrent network is chaotic,
    and nothing agrees after a few dozen steps, even in float64. Biases and initial states are
    random and not zero: a zero bias hides a missing one.

    Args:
        positive: draw positive numbers only, for cells with a log or a root of their input.
        stretch: a factor on inputs, biases and initial states, to reach the far branches of a text.
        signs: of positive numbers, a seed that says which arrays get a minus sign.
    """
    rng = np.random.default_rng(seed)
    flip = np.random.default_rng(signs) if signs is not None else None
    values = {Symbol(name): Integer(size) for name, size in sizes.items()}

    def shape(variable: Variable) -> tuple[int, ...]:
        return tuple(int(size.xreplace(values)) for size in variable.shape)

    def numbers(dims: tuple[int, ...], scale: float) -> Array:
        if positive:
            sign = -1 if flip is not None and flip.random() < 0.5 else 1
            return rng.uniform(0.1, 1.0, dims) * (scale * sign)
        return rng.normal(size=dims) * scale

    weights: dict[str, Any] = {}
    for variable in cell.parameters:
        rows, cols = shape(variable)
        if variable.scalar:
            weights[variable.name] = float(rng.uniform(0.25, 0.75))
        else:
            scale = 0.5 * stretch if rows == 1 else 1 / np.sqrt(rows)
            weights[variable.name] = numbers((rows, cols), scale)
    inputs = tuple(numbers((samples, steps, *_axes(shape(v))), stretch) for v in cell.inputs)
    states = {v.name: numbers((samples, *_axes(shape(v))), 0.5 * stretch) for v in cell.states}
    return Sample(inputs, states, weights, dict(sizes), seed, steps)


def _axes(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape[1:] if shape[0] == 1 else shape


def error_of(found: Any, expected: Any, plain: bool = False) -> tuple[float, str]:
    """The error of an array relative to the norm of the other, and where it parts.

    A place is told as sample, step and unit; for an array that is no sequence (`plain`) by indices.

    Arrays of other shapes, empty ones and NaN give an infinite error: a check must fail on them.
    """
    found, expected = np.asarray(found), np.asarray(expected)
    if found.shape != expected.shape:
        return float("inf"), f"shape {found.shape} against {expected.shape}"
    if expected.size == 0:
        return float("inf"), "nothing to compare"
    exact = expected.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        difference = np.abs(found.astype(np.float64) - exact)
    if not np.isfinite(difference).all():
        place = np.unravel_index(int(np.argmin(np.isfinite(difference))), difference.shape)
        return float("inf"), f"not finite at {_place(place, plain)}"
    norm = float(np.linalg.norm(exact))
    error = float(np.linalg.norm(difference))
    relative = error / norm if norm > 0 else (0.0 if error == 0 else float("inf"))
    place = np.unravel_index(int(np.argmax(difference)), difference.shape)
    return relative, f"{_place(place, plain)}: {found[place]:.9g} against {expected[place]:.9g}"


def _place(index: tuple[Any, ...], plain: bool) -> str:
    if plain or not index:
        return f"[{', '.join(str(int(i)) for i in index)}]"
    sample, *rest = (int(i) for i in index)
    step, *rest = rest or [0]
    unit = f", unit {', '.join(str(i) for i in rest)}" if rest else ""
    return f"sample {sample}, step {step + 1}{unit}"
