"""Random inputs, states and weights for a check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sympy import Integer, Symbol

from ..nouns import Cell, Variable

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

    def call(self, function: Any, **options: Any) -> Any:
        """Call a generated function with the sample."""
        return function(*self.inputs, initial_state=self.states, **options, **self.weights)


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
) -> Sample:
    """Draw a sample.

    Matrices are scaled by 1/√fan_in: with unscaled normal weights a recurrent network is chaotic,
    and nothing agrees after a few dozen steps, even in float64. Biases and initial states are
    random and not zero: a zero bias hides a missing one.

    Args:
        positive: draw positive numbers only, for cells with a log or a root of their input.
    """
    rng = np.random.default_rng(seed)
    values = {Symbol(name): Integer(size) for name, size in sizes.items()}

    def shape(variable: Variable) -> tuple[int, ...]:
        return tuple(int(size.xreplace(values)) for size in variable.shape)

    def numbers(dims: tuple[int, ...], scale: float) -> Array:
        if positive:
            return rng.uniform(0.1, 1.0, dims) * scale
        return rng.normal(size=dims) * scale

    weights: dict[str, Any] = {}
    for variable in cell.parameters:
        rows, cols = shape(variable)
        if variable.scalar:
            weights[variable.name] = float(rng.uniform(0.25, 0.75))
        else:
            scale = 0.5 if rows == 1 else 1 / np.sqrt(rows)
            weights[variable.name] = numbers((rows, cols), scale)
    inputs = tuple(numbers((samples, steps, *_axes(shape(v))), 1.0) for v in cell.inputs)
    states = {v.name: numbers((samples, *_axes(shape(v))), 0.5) for v in cell.states}
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
