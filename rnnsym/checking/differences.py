"""Derivatives by differences to 30 digits: they know the equations of a cell and no rule."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from itertools import product
from typing import Any

import mpmath
import numpy as np
from sympy import Integer, MatrixExpr, Symbol

from ..derive.differentiated import Differentiated
from ..derive.kinds import kind_of
from ..names import BY, IMMEDIATE, JACOBIAN, SAME_STEP, T, t, unmarked
from ..nouns import Derivation, Equation, Quantity, Role
from ..ops.entries import Compiled, Entering, Entries, broadcast
from ..ops.node import resized
from .exact import call, dot, multiply, number, total
from .samples import Sample

#: The digits that differences are computed with: with a change of 1e-35, truncation and rounding
#: both stay below 1e-30.
DIGITS = 70
DELTA = mpmath.mpf(10) ** -35
_ROUNDING = mpmath.mpf(10) ** -66
Values = dict[tuple[str, int | None], Entries]
#: A quantity as a place: its name, and its step, counted from the present one or from 0.
_Place = tuple[str, bool, int | None]


class Trajectory:
    """All values of one sample over the steps, and the derivative of anything by anything.

    Args:
        derivation: whose cell (with the equations of the loss) is run.
        sample: one sample of inputs, states and weights; the target of the loss, or the given
            derivative by the output, is its last input.
        d: what the derivation was made from, if it is there already.
    """

    def __init__(
        self, derivation: Derivation, sample: Sample, d: Differentiated | None = None
    ) -> None:
        self.derivation = derivation
        self.d = d or Differentiated.of(derivation)
        self.cell = self.d.cell
        self.steps = sample.steps
        self.sizes = {Symbol(n): Integer(v) for n, v in sample.sizes.items()} | {
            T: Integer(sample.steps)
        }
        self.general = self.d.loss_name == "general"
        self.constants = [e for e in self.cell.ordered if e.time is None]
        self.stepwise = [e for e in self.cell.ordered if e.time is not None]
        self.values: Values = {}
        # Both by the identity of an expression, which the first of them keeps alive.
        self._compiled: dict[int, tuple[Any, Compiled]] = {}
        self._right: dict[tuple[int, int | None], Entries] = {}
        # The products of the run itself, by the identity of their tables.
        self._products: dict[tuple[int, int], tuple[Entries, Entries, Entries]] = {}
        self._keeps = True
        self._given(sample)
        self._run(self.values)
        self._keeps = False
        self._known: dict[Any, Entries] = {}
        self._following: dict[Any, tuple[list[Equation], frozenset[str]]] = {}
        self._rng = np.random.default_rng(sample.seed + 17)

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
            if self.d.loss.distribution:  # a distribution, to the last of the 50 digits
                (row,) = self.values[target, k + 1]
                self.values[target, k + 1] = [[v / mpmath.fsum(row) for v in row]]

    # --- running the equations

    def _computed(self, expr: Any) -> Compiled:
        """How an expression is computed from places, made once; kept by the expression itself."""
        found = self._compiled.get(id(expr))
        if found is None:
            sized = resized(expr, self.sizes)
            found = expr, Entering(call, number, self._place, self._product, total)(sized)
            self._compiled[id(expr)] = found
        return found[1]

    def _product(self, a: Entries, b: Entries) -> Entries:
        """A matrix product; one of two tables that nothing has changed is known."""
        known = self._products.get((id(a), id(b)))
        if known is not None:
            return known[2]
        found = multiply(a, b)
        if self._keeps:
            self._products[id(a), id(b)] = a, b, found
        return found

    def _place(self, q: Quantity) -> _Place:
        if q.time is None:
            return q.label, False, None
        time = q.time.xreplace({T: Integer(self.steps)})
        if isinstance(time, Integer):
            return q.label, False, int(time)
        return q.label, True, int(time - t)

    def evaluate(self, expr: MatrixExpr, values: Values, step: int | None) -> Entries:
        """An expression at a step, from given values."""

        def leaf(place: _Place) -> Entries:
            label, relative, number_ = place
            if relative:
                assert step is not None and number_ is not None
                return values[label, step + number_]
            return values[label, number_]

        return self._computed(expr)(leaf)

    def _run(self, values: Values) -> None:
        """Compute everything, in place."""
        for e in self.constants:
            values[e.variable.name, None] = self.evaluate(e.expr, values, None)
        for k in range(1, self.steps + 1):
            for e in self.stepwise:
                values[e.variable.name, k] = self.evaluate(e.expr, values, k)

    def _follow(self, values: Values, name: str, step: int | None, last: int, first: int = 1,
                within: bool = True) -> None:  # fmt: skip
        """Compute what follows from one changed quantity up to a step, in place.

        What a parameter moves is followed from the step `first` on; what a quantity moves in its
        own step only if it counts `within` it.
        """
        steady: frozenset[str] = frozenset()
        before: frozenset[str] = frozenset()
        if step is None:
            steady = frozenset([name])
            for e in self.constants:
                if e.variable.name != name and any(q.label in steady for q in e.uses):
                    values[e.variable.name, None] = self.evaluate(e.expr, values, None)
                    steady |= {e.variable.name}
        else:
            first = step if step and within else step + 1
            before = frozenset([name]) if first > step else before
        for k in range(first, last + 1):
            now = frozenset([name]) if k == step else frozenset()
            following, changed = self._affected(steady, before, now)
            for e in following:
                if (e.variable.name, k) != (name, step):
                    values[e.variable.name, k] = self.evaluate(e.expr, values, k)
            before = changed

    def _affected(
        self, steady: frozenset[str], before: frozenset[str], now: frozenset[str]
    ) -> tuple[list[Equation], frozenset[str]]:
        """The equations of a step that read what has changed, and the names that change by it."""
        key = (steady, before, now)
        if key not in self._following:
            changed, found = set(now), []
            moved = {None: steady, t - 1: before, t: changed}
            for e in self.stepwise:
                if any(q.label in moved[q.time] for q in e.uses):
                    found.append(e)
                    changed.add(e.variable.name)
            self._following[key] = (found, frozenset(changed))
        return self._following[key]

    def loss(self, values: Values, steps: Iterable[int], every: bool = False) -> Any:
        """The loss of some steps, or of those among them that count in L."""
        total = mpmath.mpf(0)
        for k in steps:
            if self.derivation.over == "last" and k != self.steps and not every:
                continue
            if self.general:
                y, g = values[self.d.output.name, k], values[IMMEDIATE, k]
                total += sum(map(dot, y, g))
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
        if step is not None:
            count = losses if losses is not None else list(self._block(step))
            blocks = [(max(step, 1), count)]
        elif self.derivation.truncate is None:
            blocks = [(1, list(range(1, self.steps + 1)))]
        else:  # each block by itself: what enters it does not move
            firsts = range(1, self.steps + 1, self.derivation.truncate)
            blocks = [(k, list(self._block(k))) for k in firsts]
        every = losses is not None
        rows, cols = self.shape(name)
        table = [[mpmath.mpf(0)] * cols for _ in range(rows)]
        for first, steps in blocks:
            start = self.loss(self.values, steps, every)
            for i, j in product(range(rows), range(cols)):
                values = self._with(name, step, i, j)
                self._follow(values, name, step, max(steps), first)
                table[i][j] += _quotient(self.loss(values, steps, every), start)
        return table

    def _with(self, name: str, step: int | None, i: int, j: int) -> Values:
        """All values, one entry of one quantity changed."""
        changed = [list(row) for row in self.values[name, step]]
        changed[i][j] += DELTA
        values = dict(self.values)
        values[name, step] = changed
        return values

    def dropped(self, name: str, step: int) -> Entries:
        """What the next block would bring to a quantity through the step behind it alone."""
        rows, cols = self.shape(name)
        block = list(self._block(step + 1))
        start = self.loss(self.values, block)
        table = [[mpmath.mpf(0)] * cols for _ in range(rows)]
        for i, j in product(range(rows), range(cols)):
            values = self._with(name, step, i, j)
            self._follow(values, name, step, block[-1], within=False)
            table[i][j] = _quotient(self.loss(values, block), start)
        return table

    def _jacobian(self, mark: str, above: str, below: str, step: int) -> Entries:
        """One quantity by another: by one of the step before with the rest of that step held, by
        one of the same step, or by one of the step before with the rest of that step following."""
        rows, cols = self.shape(below)[1], self.shape(above)[1]
        at = step if mark == SAME_STEP else step - 1
        start = self.values[above, step][0]
        table = []
        for i in range(rows):
            values = self._with(below, at, 0, i)
            self._follow(values, below, at, step, within=mark != JACOBIAN)
            table.append([_quotient(values[above, step][0][j], start[j]) for j in range(cols)])
        return table

    @cached_property
    def _tangents(self) -> Values:
        """How everything changes when what goes in changes along one random direction.

        In forward mode the parameters change alone, for a Jacobian the states alone.
        """
        kind = kind_of(self.derivation)
        roles = kind.moves if kind is not None else frozenset[Role]()
        moving: list[tuple[str, int | None]] = []
        if Role.PARAMETER in roles:
            moving += [(v.name, None) for v in self.d.bare.parameters]
        if Role.STATE in roles:
            moving += [(v.name, 0) for v in self.d.bare.states]
        if Role.INPUT in roles:
            moving += [(v.name, k) for v in self.d.bare.inputs for k in range(1, self.steps + 1)]
        direction: Values = {}
        for name, step in moving:
            rows, cols = self.shape(name)
            numbers = self._rng.normal(size=(rows, cols))
            direction[name, step] = [[mpmath.mpf(float(v)) for v in row] for row in numbers]
        moved = dict(self.values)
        for key, table in direction.items():
            moved[key] = [[a + DELTA * b for a, b in zip(r, s)]
                          for r, s in zip(moved[key], table)]  # fmt: skip
        self._run(moved)
        start = dict(self.values)
        if self.general:
            for values in (moved, start):
                for k in range(1, self.steps + 1):
                    values["ell", k] = [[self.loss(values, [k], every=True)]]
                values["L", None] = [[self.loss(values, range(1, self.steps + 1))]]
        return {
            key: [[_quotient(a, b) for a, b in zip(r, s)] for r, s in zip(one, start[key])]
            for key, one in moved.items()
        }

    # --- lines

    def right_side(self, equation: Equation, step: int | None, leaf: Any = None) -> Entries:
        """The right side of a line at a step, everything in it by differences.

        Where it is narrower than the left side it stands for all of that. Another `leaf` gives
        other values: it takes a label and the number of a step.
        """
        rows, cols = (int(size.xreplace(self.sizes)) for size in equation.variable.shape)
        return broadcast(self.right_side_of(equation.expr, step, leaf), rows, cols)

    def right_side_of(self, expr: Any, step: int | None, leaf: Any = None) -> Entries:
        """The value of an expression of a derivation, everything in it by differences."""
        if leaf is None and (id(expr), step) in self._right:
            return self._right[id(expr), step]
        value = leaf or self.of

        def at(place: _Place) -> Entries:
            label, relative, number_ = place
            if relative:
                assert step is not None and number_ is not None
                return value(label, step + number_)
            return value(label, number_)

        found = self._computed(expr)(at)
        if leaf is None:
            self._right[id(expr), step] = found
        return found

    def left_side(self, equation: Equation, step: int | None) -> Entries:
        """The left side of a line at a step, by differences; a definition's is its value."""
        return self.of(equation.variable.name, self.step_of(equation.time, step))

    def value(self, q: Quantity, step: int) -> Entries:
        """The value of a quantity of the cell as it stands in the equations of a step."""
        return self.of(q.label, self.step_of(q.time, step))

    def step_of(self, time: Any, step: int | None) -> int | None:
        """The number of the step that a time is, seen from a step."""
        if time is None:
            return None
        return int(time.xreplace({t: Integer(step or 0), T: Integer(self.steps)}))


def _quotient(moved: Any, start: Any) -> Any:
    """A difference; what is left of equal numbers after rounding is no derivative."""
    if abs(moved - start) <= _ROUNDING * max(abs(moved), abs(start)):
        return mpmath.mpf(0)
    return (moved - start) / DELTA
