"""The value of equations at 50 digits, from their entries alone: no NumPy text, no printer."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import mpmath
import numpy as np
from mpmath.libmp import mpf_add, mpf_mul, mpf_sum
from numpy.typing import NDArray
from sympy import Integer, Rational, Symbol

from ..names import t
from ..nouns import Cell, Equation, Quantity
from ..ops.entries import Entries, entries, multiplied, sum_of
from ..ops.node import resized
from ..ops.numbers import numeric
from ..scalars import (
    Add,
    Call,
    Cases,
    Const,
    Count,
    Div,
    Element,
    Entry,
    Mul,
    Neg,
    Pow,
    Scalar,
    Total,
)
from .samples import Sample

DIGITS = 50


def number(value: Rational) -> Any:
    """A rational number at the working precision."""
    return mpmath.mpf(int(value.p)) / int(value.q)


def call(name: str, *arguments: Any) -> Any:
    """An elementwise function of the table, by its SymPy expression."""
    return numeric(name, len(arguments))(*arguments)


def total(values: Sequence[Any]) -> Any:
    """The sum of some numbers from left to right, each rounded, as `a + b + c` is.

    With `m = max(a + b, c)`, `a + b - m` is then nothing at all where the first is the larger one.
    """
    precision = mpmath.mp._prec_rounding
    try:
        found, *rest = [value._mpf_ for value in values]
    except AttributeError:  # a number that is not real
        return sum_of(values)
    for value in rest:
        found = mpf_add(found, value, *precision)
    return mpmath.mp.make_mpf(found)


def dot(row: Sequence[Any], column: Sequence[Any]) -> Any:
    """The sum of the products of two rows of numbers, rounded once."""
    try:
        terms = [mpf_mul(a._mpf_, b._mpf_) for a, b in zip(row, column)]
    except AttributeError:
        return mpmath.fdot(row, column)
    return mpmath.mp.make_mpf(mpf_sum(terms, *mpmath.mp._prec_rounding))


def multiply(a: Entries, b: Entries) -> Entries:
    """The matrix product of two tables of numbers."""
    return multiplied(a, b, dot)


def _entries_of(value: Any, shape: tuple[int, int]) -> Entries:
    table = np.asarray(value, np.float64).reshape(shape)
    return [[mpmath.mpf(float(v)) for v in row] for row in table]


class Evaluation:
    """Values of quantities for one sample, filled in step by step."""

    def __init__(self, cell: Cell, sample: Sample, index: int) -> None:
        self.cell = cell
        self.sizes = {Symbol(n): Integer(v) for n, v in sample.sizes.items()}
        self.values: dict[tuple[str, int | None], Entries] = {}
        for variable in cell.parameters:
            self._set(variable.name, None, sample.weights[variable.name])
        for variable in cell.states:
            self._set(variable.name, 0, sample.states[variable.name][index])
        for variable, x in zip(cell.inputs, sample.inputs):
            self._set(variable.name, 0, np.zeros_like(x[index, 0]))
            for step in range(sample.steps):
                self._set(variable.name, step + 1, x[index, step])

    def shape(self, name: str) -> tuple[int, int]:
        rows, cols = (int(size.xreplace(self.sizes)) for size in self.cell[name].shape)
        return rows, cols

    def sides(self, name: str) -> tuple[bool, bool]:
        """Which sides of a quantity its elements have an index for; a size given as 1 has one."""
        rows, cols = self.cell[name].shape
        return rows != 1, cols != 1

    def _set(self, name: str, step: int | None, value: Any) -> None:
        self.values[name, step] = _entries_of(value, self.shape(name))

    def compute(self, equation: Equation, step: int | None = None) -> None:
        """Evaluate an equation at a step (or at the step that it is written for)."""

        def at(time: Any) -> int | None:
            if time is None:
                return None
            if isinstance(time, Integer):
                return int(time)
            return int(time.subs(t, step))

        def leaf(q: Quantity) -> Entries:
            return self.values[q.label, at(q.time)]

        # What a derivation adds, such as an adjoint, is no variable of the cell.
        rows, cols = (int(size.xreplace(self.sizes)) for size in equation.variable.shape)
        try:
            table = entries(
                resized(equation.expr, self.sizes), leaf, call, number, (rows, cols), multiply
            )
        except (ZeroDivisionError, OverflowError):
            table = [[mpmath.nan] * cols for _ in range(rows)]
        if (len(table), len(table[0])) != (rows, cols):
            raise ValueError(f"{equation.variable.name} came out in another shape")
        self.values[equation.variable.name, at(equation.time)] = table

    def compute_elements(self, element: Element, step: int | None, column: bool) -> None:
        """Evaluate an equation of single elements, for every value of its free indices."""
        left = element.left
        rows, cols = self.shape(left.label)
        sides = self.sides(left.label)
        formulas = Formulas(self, step, column)
        table = []
        for i in range(1, rows + 1):
            row = []
            for j in range(1, cols + 1):
                pair = [n for n, side in zip((i, j), sides) if side]
                pair = pair[::-1] if column else pair
                if not all(index.is_Symbol for index in left.indices):
                    raise ValueError(f"the left side of {left.label} is one element")
                places = dict(zip(left.indices, pair, strict=True))
                try:
                    row.append(formulas.value(element.right, places))
                except (ZeroDivisionError, OverflowError):
                    row.append(mpmath.nan)
            table.append(row)
        self.values[left.label, formulas.at(left.time)] = table


class Formulas:
    """Values of formulas of elements, at a step of an evaluation."""

    def __init__(self, run: Evaluation, step: int | None, column: bool) -> None:
        self.run = run
        self.step = step
        self.column = column

    def at(self, time: Any) -> int | None:
        if time is None:
            return None
        return int(time) if isinstance(time, Integer) else int(time.subs(t, self.step))

    def whole(self, size: Any, places: Mapping[Symbol, int]) -> int:
        """A size or an index as a number."""
        number_ = size.xreplace(self.run.sizes).xreplace({k: Integer(v) for k, v in places.items()})
        if not number_.is_Integer:
            raise ValueError(f"{size} is no number")
        return int(number_)

    def value(self, node: Scalar, places: Mapping[Symbol, int]) -> Any:
        """The value of a formula, its indices at `places`.

        Raises:
            ValueError: for an index outside of a quantity.
        """

        def go(n: Scalar) -> Any:
            return self.value(n, places)

        match node:
            case Const():
                return {"e": mpmath.e, "pi": mpmath.pi}.get(node.text) or mpmath.mpf(node.text)
            case Count():
                return mpmath.mpf(self.whole(node.size, places))
            case Entry():
                return self.entry(node, places)
            case Neg():
                return -go(node.term)
            case Add():
                return mpmath.fsum(map(go, node.terms))
            case Mul():
                return mpmath.fprod(map(go, node.factors))
            case Div():
                return call("/", go(node.above), go(node.below))
            case Pow():
                return call("^", go(node.base), go(node.exponent))
            case Call():
                return call(node.name, *map(go, node.arguments))
            case Total():
                upper = self.whole(node.upper, places)
                return mpmath.fsum(
                    self.value(node.body, {**places, node.index: n}) for n in range(1, upper + 1)
                )
            case Cases():
                for branch in node.branches:
                    if _RELATIONS[branch.relation](go(branch.left), go(branch.right)):
                        return go(branch.value)
                return go(node.otherwise)
        raise TypeError(f"no value for {type(node).__name__}")

    def entry(self, node: Entry, places: Mapping[Symbol, int]) -> Any:
        table = self.run.values[node.label, self.at(node.time)]
        rows, cols = len(table), len(table[0])
        wanted = [self.whole(i, places) for i in node.indices]
        wanted = wanted[::-1] if self.column else wanted
        pair = [wanted.pop(0) if side else 1 for side in self.run.sides(node.label)]
        if wanted or not (1 <= pair[0] <= rows and 1 <= pair[1] <= cols):
            raise ValueError(f"{node.label} has no element {node.indices}")
        return table[pair[0] - 1][pair[1] - 1]


_RELATIONS = {"≤": operator.le, "<": operator.lt, "≥": operator.ge, ">": operator.gt}


def evaluate(
    cell: Cell,
    equations: Iterable[Equation | Element],
    sample: Sample,
    column: bool = False,
    exact: bool = False,
) -> NDArray[Any]:
    """The output of the cell at every step, at 50 digits.

    Args:
        cell: the symbol table, and the order in which its equations are computed.
        equations: equations of one step, or of numbered steps; each defined variable's own.
        sample: what goes in.
        column: whether formulas of elements are in column form.
        exact: keep the 50 digits; without it they are rounded to float64 at the end.

    Returns:
        The output (N, T, …). An entry that is no real number is NaN.
    """
    given = list(equations)
    order = {e.variable.name: i for i, e in enumerate(cell.ordered)}
    constants = [e for e in given if _time(e) is None]
    stepwise = sorted((e for e in given if _time(e) == t), key=lambda e: order[_label(e)])
    numbered = [e for e in given if isinstance(_time(e), Integer) and _time(e) > 0]
    output = []
    with mpmath.workdps(DIGITS):
        for index in range(len(sample.inputs[0])):
            run = Evaluation(cell, sample, index)

            def compute(e: Equation | Element, step: int | None = None, run: Any = run) -> None:
                if isinstance(e, Element):
                    run.compute_elements(e, step, column)
                else:
                    run.compute(e, step)

            for equation in sorted(constants, key=lambda e: order[_label(e)]):
                compute(equation)
            if numbered:
                for equation in numbered:
                    compute(equation)
            else:
                for step in range(1, sample.steps + 1):
                    for equation in stepwise:
                        compute(equation, step)
            rows = [run.values[cell.output.name, n + 1] for n in range(sample.steps)]
            shown = _real if not exact else (lambda v: v)
            output.append([[[shown(v) for v in row] for row in table] for table in rows])
    result = np.array(output)
    return result[:, :, 0] if cell.output.shape[0] == 1 else result


def _time(e: Equation | Element) -> Any:
    return e.left.time if isinstance(e, Element) else e.time


def _label(e: Equation | Element) -> str:
    return e.left.label if isinstance(e, Element) else e.variable.name


def apart(found: NDArray[Any], expected: NDArray[Any]) -> float:
    """How far numbers of 50 digits are apart, relative to the norm of the second."""
    if found.shape != expected.shape or not expected.size:
        return float("inf")
    with mpmath.workdps(DIGITS):
        pairs = list(zip(found.flat, expected.flat))
        error = mpmath.sqrt(mpmath.fsum(abs(a - b) ** 2 for a, b in pairs))
        norm = mpmath.sqrt(mpmath.fsum(abs(b) ** 2 for _, b in pairs))
        relative = error / norm if norm else (mpmath.mpf(0) if error == 0 else mpmath.inf)
        return float(relative) if mpmath.isfinite(relative) else float("inf")


def _real(value: Any) -> float:
    if isinstance(value, mpmath.mpc) and value.imag:
        return float("nan")
    return float(value.real)
