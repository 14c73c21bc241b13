"""The samples that a cell is compared on, and whether a planted cell is the same function."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..derive.naming import named
from ..names import t
from ..nouns import ROW, Cell, Quantity
from ..numeric import lambdify
from .branches import Lookup
from .claim import Claim, Domain, Plan, draw_finite, plans, whole_numbers
from .exact import apart, evaluate
from .rounding import Tolerance, growth, tolerance
from .samples import Sample, error_of

Array = NDArray[Any]

#: The most that two values at 50 digits may be apart to be equal.
_EQUAL = 1e-40


def unsized(cell: Cell) -> Cell:
    """The cell with no size given."""
    return replace(cell, sizes={})


def numbers_in(cell: Cell) -> set[int]:
    """The whole numbers in a cell's formulas, which no size may be mistaken for."""
    return set().union(*(whole_numbers(e.expr) for e in cell.equations))


class Samples:
    """What a cell is compared on: its domain, and what the cell's own code says of each sample."""

    def __init__(self, cell: Cell, plans: Iterable[Plan]) -> None:
        self.cell = cell
        self.rows = named(replace(unsized(cell), convention=ROW))
        self.function = lambdify(unsized(cell))
        self._tracer = lambdify(self.rows)
        self._grown: dict[int, float] = {}
        self.domain: Domain[Sample] = Domain(
            self.rows.equations, plans, self._drawn, lambda s: [self.lookup(s)]
        )

    def _drawn(self, plan: Plan) -> Sample | None:
        """A sample with finite numbers: some cells have a log or a root of their input."""
        return draw_finite(unsized(self.cell), plan, 2, self.function)

    def lookup(self, sample: Sample) -> Lookup:
        """The values of every quantity of a sample, in row form."""
        with np.errstate(all="ignore"):
            trace = sample.call(self._tracer, trace=True)
        shapes = {v.name: v for v in self.rows.variables}
        inputs = dict(zip((v.name for v in self.rows.inputs), sample.inputs))

        def lookup(q: Quantity) -> Array:
            v = shapes[q.label]
            if q.time is None:
                value = sample.weights[q.label] if q.label in sample.weights else trace[q.label]
                return np.atleast_2d(value)
            rows = np.asarray(trace[q.label] if q.label in trace else inputs[q.label])
            if q.time == t - 1:
                start = sample.states.get(q.label, np.zeros_like(rows[:, 0]))
                rows = np.concatenate([start[:, None], rows[:, :-1]], axis=1)
            return rows[..., None, :] if v.shape[0] == 1 else rows

        return lookup

    def tolerance(self, sample: Sample, dtype: str = "float64") -> Tolerance:
        """How far computations of the cell may be apart on a sample."""
        if id(sample) not in self._grown:
            s = sample.as_shown(self.function.cell)
            arguments = self.function.prepare(s.inputs, s.states, s.weights)
            self._grown[id(sample)] = growth(self.function, arguments, sample.seed)[""]
        return tolerance(dtype, self._grown[id(sample)], sample.steps)

    def equal(self, wrong: Cell) -> Callable[[Sample], bool]:
        """Whether a planted cell is the same function: at 50 digits, on a sample."""
        right, other = unsized(self.cell), unsized(wrong)

        def agree(sample: Sample) -> bool:
            one = evaluate(right, right.equations, sample, exact=True)
            two = evaluate(other, other.equations, completed(sample, other), exact=True)
            return apart(two, one) <= _EQUAL

        return agree

    def claim(
        self, what: str, left: Callable[[Sample], Any], right: Callable[[Sample], Any],
        dtype: str = "float64", reason: str = "",
    ) -> Claim[Sample]:  # fmt: skip
        """Two ways to the output at every step."""
        words = reason or self.tolerance(self.domain.samples[0], dtype).reason
        return Claim(what, left, right, lambda a, b: _error_in(dtype, a, b),
                     lambda s: self.tolerance(s, dtype).value, words)  # fmt: skip


def _error_in(dtype: str, expected: Any, found: Any) -> tuple[float, str]:
    if np.asarray(found).dtype != dtype:
        return float("inf"), f"came out as {np.asarray(found).dtype}"
    return error_of(found, expected)


def completed(sample: Sample, wrong: Cell) -> Sample:
    """A sample for a wrong cell, which may have more states: they start at zero."""
    states = dict(sample.states)
    for variable in wrong.states:
        if variable.name not in states:
            rows, cols = (
                int(size.xreplace({s: sample.sizes[str(s)] for s in size.free_symbols}))
                for size in variable.shape
            )
            shape = (cols,) if rows == 1 else (rows, cols)
            states[variable.name] = np.zeros((len(sample.inputs[0]), *shape))
    return replace(sample, states=states)


def same_function(cell: Cell, wrong: Cell, seed: int = 0) -> bool:
    """Whether a planted cell is the same function as the right one, shown at 50 digits.

    It has to agree on several samples that reach every branch: a sign inside a cosine changes
    nothing, and that is no lack of power.
    """
    samples = Samples(cell, plans(unsized(cell), seed + 11, numbers_in(cell)))
    equal = samples.equal(wrong)
    agree = all(equal(s) for s in (*samples.domain.samples, *samples.domain.spares))
    return agree and not samples.domain.weakness
