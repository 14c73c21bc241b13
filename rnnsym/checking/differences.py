"""Derivatives by differences at 50 digits: they know the equations of a cell and no rule."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import mpmath
import numpy as np
from sympy import Integer, MatrixExpr, Symbol

from ..algebra.entries import Entries, entries
from ..algebra.nodes import resized
from ..derive.differentiated import Differentiated
from ..names import BY, IMMEDIATE, JACOBIAN, SAME_STEP, T, t, unmarked
from ..nouns import Derivation, Equation, Quantity, Role, Variable
from .exact import call, number
from .samples import Sample

#: The change that differences are taken over: with 50 digits, truncation and rounding both stay
#: below 1e-30.
DELTA = mpmath.mpf(10) ** -17
_ROUNDING = mpmath.mpf(10) ** -46
Values = dict[tuple[str, int | None], Entries]


class Trajectory:
    """All values of one sample over the steps, and the derivative of anything by anything.

    Args:
        derivation: whose cell (with the equations of the loss) is run.
        sample: one sample of inputs, states and weights; the target of the loss, or the given
            derivative by the output, is its last input.
        seed: of the random changes that tangents are taken along.
    """

    def __init__(self, derivation: Derivation, sample: Sample) -> None:
        self.derivation = derivation
        self.d = Differentiated.of(derivation)
        self.cell = self.d.cell
        self.steps = sample.steps
        self.sizes = {Symbol(n): Integer(v) for n, v in sample.sizes.items()} | {
            T: Integer(sample.steps)
        }
        self.general = self.d.loss_name == "general"
        self.constants = [self._sized(e) for e in self.cell.ordered if e.time is None]
        self.stepwise = [self._sized(e) for e in self.cell.ordered if e.time is not None]
        self.values: Values = {}
        self._given(sample)
        self._run(self.values)
        self._known: dict[Any, Entries] = {}
        self._rng = np.random.default_rng(sample.seed + 17)

    def _sized(self, e: Equation) -> Equation:
        return Equation(e.variable, resized(e.expr, self.sizes), e.time)

    def shape(self, name: str) -> tuple[int, int]:
        rows, cols = (int(s.xreplace(self.sizes)) for s in self.cell[name].shape)
        return rows, cols

    def _set(self, name: str, step: int | None, value: Any, shape: tuple[int, int]) -> None:
        table = np.asarray(value, np.float64).reshape(shape)
        self.values[name, step] = [[mpmath.mpf(float(v)) for v in row] for row in table]

    def _given(self, sample: Sample) -> None:
        bare = self.d.bare
        for v in bare.parameters:
            self._set(v.name, None, sample.weights[v.name], self.shape(v.name))
        for v in bare.states:
            self._set(v.name, 0, sample.states[v.name][0], self.shape(v.name))
        for v, x in zip(bare.inputs, sample.inputs):
            self._set(v.name, 0, np.zeros_like(x[0, 0]), self.shape(v.name))
            for k in range(self.steps):
                self._set(v.name, k + 1, x[0, k], self.shape(v.name))
        output = self.d.output
        target = IMMEDIATE if self.general else self.d.renamed["d"]
        for k in range(self.steps):
            self._set(target, k + 1, sample.inputs[-1][0, k], self.shape(output.name))
            if "softmax" in self.d.loss_name:  # a distribution, to the last of the 50 digits
                (row,) = self.values[target, k + 1]
                self.values[target, k + 1] = [[v / mpmath.fsum(row) for v in row]]

    # --- running the equations

    def evaluate(self, expr: MatrixExpr, values: Values, step: int | None) -> Entries:
        """An expression of sized matrices at a step, from given values."""

        def leaf(q: Quantity) -> Entries:
            return values[q.label, _step(q.time, step)]

        return entries(expr, leaf, call, number)

    def _run(
        self, values: Values, first: int = 1, last: int | None = None,
        kept: tuple[str, int | None] | None = None, constants: bool = True,
    ) -> None:  # fmt: skip
        """Compute what follows, in place; what is `kept` is not computed anew."""
        if constants:
            for e in self.constants:
                if (e.variable.name, None) != kept:
                    values[e.variable.name, None] = self.evaluate(e.expr, values, None)
        for k in range(first, (last or self.steps) + 1):
            for e in self.stepwise:
                if (e.variable.name, k) != kept:
                    values[e.variable.name, k] = self.evaluate(e.expr, values, k)

    def loss(self, values: Values, steps: Iterable[int], every: bool = False) -> Any:
        """The loss of some steps, or of those among them that count in L."""
        total = mpmath.mpf(0)
        for k in steps:
            if self.derivation.over == "last" and k != self.steps and not every:
                continue
            if self.general:
                y, g = values[self.d.output.name, k], values[IMMEDIATE, k]
                total += sum(a * b for r, s in zip(y, g) for a, b in zip(r, s))
            else:
                total += values["ell", k][0][0]
        return total

    # --- derivatives by differences

    def of(self, label: str, step: int | None) -> Entries:
        """The value of a quantity; of a derived one by differences."""
        mark, name = unmarked(label)
        if not mark:
            return self.values[name, step]
        key = (label, step)
        if key not in self._known:
            self._known[key] = self._derived(mark, name, step)
        return self._known[key]

    def _derived(self, mark: str, name: str, step: int | None) -> Entries:
        if mark == self.d.tangent_mark:
            return self._tangents[name, step]
        if mark in BY:
            above, _, below = name.partition("/")
            assert step is not None
            return self._jacobian(mark, above, below, step)
        if mark == IMMEDIATE:
            assert step is not None
            return self._by_entries(name, step, [step])
        return self._by_entries(name, step, None)

    def _block(self, step: int) -> range:
        """The steps whose loss counts for what stands at a step: all, or those of its block."""
        size = self.derivation.truncate
        if size is None:
            return range(1, self.steps + 1)
        first = (max(step, 1) - 1) // size * size + 1
        return range(first, min(first + size - 1, self.steps) + 1)

    def _by_entries(self, name: str, step: int | None, losses: list[int] | None) -> Entries:
        """The derivative of the loss by each entry of a quantity."""
        rows, cols = self.shape(name)
        return [
            [self._central(lambda d, i=i, j=j: self._moved(name, step, (i, j), d, losses))  # type: ignore[misc]
             for j in range(cols)] for i in range(rows)
        ]  # fmt: skip

    def _central(self, function: Any) -> Any:
        return _quotient(function(DELTA), function(-DELTA))

    def _moved(
        self, name: str, step: int | None, entry: tuple[int, int], delta: Any,
        losses: list[int] | None,
    ) -> Any:  # fmt: skip
        """The loss when one entry of one quantity is changed and everything behind it follows."""
        changed = [list(row) for row in self.values[name, step]]
        changed[entry[0]][entry[1]] += delta
        if step is not None:
            values = dict(self.values)
            values[name, step] = changed
            count = losses if losses is not None else self._block(step)
            self._run(values, max(step, 1), max(count), (name, step), constants=False)
            return self.loss(values, count, every=losses is not None)
        if self.derivation.truncate is None:
            values = dict(self.values)
            values[name, None] = changed
            self._run(values, 1, None, (name, None))
            return self.loss(values, range(1, self.steps + 1))
        total = mpmath.mpf(0)  # each block by itself: what enters it does not move
        first = 1
        while first <= self.steps:
            block = self._block(first)
            values = dict(self.values)
            values[name, None] = changed
            self._run(values, first, block[-1], (name, None))
            total += self.loss(values, block)
            first = block[-1] + 1
        return total

    def dropped(self, name: str, step: int) -> Entries:
        """What the next block would bring to a quantity through the step behind it alone."""
        rows, cols = self.shape(name)
        block = self._block(step + 1)

        def moved(delta: Any, i: int, j: int) -> Any:
            changed = [list(row) for row in self.values[name, step]]
            changed[i][j] += delta
            values = dict(self.values)
            values[name, step] = changed
            self._run(values, step + 1, block[-1], constants=False)
            return self.loss(values, block)

        return [
            [self._central(lambda d, i=i, j=j: moved(d, i, j)) for j in range(cols)]  # type: ignore[misc]
            for i in range(rows)
        ]

    def _jacobian(self, mark: str, above: str, below: str, step: int) -> Entries:
        """One quantity by another: by one of the step before with the rest of that step held, by
        one of the same step, or by one of the step before with the rest of that step following."""
        rows, cols = self.shape(below)[1], self.shape(above)[1]
        at = step if mark == SAME_STEP else step - 1

        def moved(delta: Any, i: int) -> list[Any]:
            changed = [list(row) for row in self.values[below, at]]
            changed[0][i] += delta
            values = dict(self.values)
            values[below, at] = changed
            first = step if mark == JACOBIAN else at
            self._run(values, first, step, (below, at), constants=False)
            return values[above, step][0]

        table = []
        for i in range(rows):
            plus, minus = moved(DELTA, i), moved(-DELTA, i)
            table.append([_quotient(plus[j], minus[j]) for j in range(cols)])
        return table

    @cached_property
    def _tangents(self) -> Values:
        """How everything changes when what goes in changes along one random direction.

        In forward mode the parameters change alone, for a Jacobian the states alone.
        """
        form = self.derivation.form
        moving: list[tuple[str, int | None]] = []
        if form != "jacobian":
            moving += [(v.name, None) for v in self.d.bare.parameters]
        if form != "forward mode":
            moving += [(v.name, 0) for v in self.d.bare.states]
        if form == "backward":
            moving += [(v.name, k) for v in self.d.bare.inputs for k in range(1, self.steps + 1)]
        direction: Values = {}
        for name, step in moving:
            rows, cols = self.shape(name)
            numbers = self._rng.normal(size=(rows, cols))
            direction[name, step] = [[mpmath.mpf(float(v)) for v in row] for row in numbers]
        runs = []
        for sign in (1, -1):
            values = dict(self.values)
            for key, table in direction.items():
                values[key] = [[a + sign * DELTA * b for a, b in zip(r, s)]
                               for r, s in zip(values[key], table)]  # fmt: skip
            self._run(values)
            runs.append(values)
        if self.general:
            for values in runs:
                for k in range(1, self.steps + 1):
                    values["ell", k] = [[self.loss(values, [k], every=True)]]
                values["L", None] = [[self.loss(values, range(1, self.steps + 1))]]
        plus, minus = runs
        return {
            key: [[_quotient(a, b) for a, b in zip(r, s)] for r, s in zip(one, minus[key])]
            for key, one in plus.items()
        }

    # --- lines

    def right_side(self, equation: Equation, step: int | None) -> Entries:
        """The right side of a line at a step, everything in it by differences."""
        return self.right_side_of(equation.expr, step)

    def right_side_of(self, expr: Any, step: int | None) -> Entries:
        """The value of an expression of a derivation, everything in it by differences."""
        sized = resized(expr, self.sizes)

        def leaf(q: Quantity) -> Entries:
            return self.of(q.label, _step(q.time, step, self.steps))

        return entries(sized, leaf, call, number)

    def left_side(self, equation: Equation, step: int | None) -> Entries:
        """The left side of a line at a step, by differences; a definition's is its value."""
        return self.of(equation.variable.name, _step(equation.time, step, self.steps))


def _quotient(plus: Any, minus: Any) -> Any:
    """A central difference; what is left of equal numbers after rounding is no derivative."""
    if abs(plus - minus) <= _ROUNDING * max(abs(plus), abs(minus)):
        return mpmath.mpf(0)
    return (plus - minus) / (2 * DELTA)


def _step(time: Any, step: int | None, last: int | None = None) -> int | None:
    if time is None:
        return None
    if isinstance(time, Integer):
        return int(time)
    known = {T: Integer(last)} if last is not None else {}
    return int(time.xreplace({t: Integer(step or 0), **known}))


def derived_role(v: Variable) -> bool:
    """Whether a variable is one that a derivation adds."""
    return v.role in (Role.ADJOINT, Role.GRADIENT, Role.TANGENT, Role.DIRECTION, Role.JACOBIAN)
