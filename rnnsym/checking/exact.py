"""The value of equations at 50 digits, from their entries alone: no NumPy text, no printer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import mpmath
import numpy as np
from numpy.typing import NDArray
from sympy import Integer, Rational, Symbol

from ..algebra.entries import Entries, entries
from ..algebra.functions import numeric
from ..algebra.nodes import resized
from ..names import t
from ..nouns import Cell, Equation, Quantity
from .samples import Sample

DIGITS = 50


def number(value: Rational) -> Any:
    """A rational number at the working precision."""
    return mpmath.mpf(int(value.p)) / int(value.q)


def call(name: str, *arguments: Any) -> Any:
    """An elementwise function of the table, by its SymPy expression."""
    return numeric(name, len(arguments))(*arguments)


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

        try:
            table = entries(resized(equation.expr, self.sizes), leaf, call, number)
        except (ZeroDivisionError, OverflowError):
            rows, cols = self.shape(equation.variable.name)
            table = [[mpmath.nan] * cols for _ in range(rows)]
        if (len(table), len(table[0])) != self.shape(equation.variable.name):
            raise ValueError(f"{equation.variable.name} came out in another shape")
        self.values[equation.variable.name, at(equation.time)] = table


def evaluate(cell: Cell, equations: Iterable[Equation], sample: Sample) -> NDArray[Any]:
    """The output of the cell at every step, at 50 digits, rounded to float64 at the end.

    Args:
        cell: the symbol table, and the order in which its equations are computed.
        equations: equations of one step, or of numbered steps; each defined variable's own.
        sample: what goes in.

    Returns:
        The output (N, T, …). An entry that is no real number is NaN.
    """
    given = list(equations)
    order = {e.variable.name: i for i, e in enumerate(cell.ordered)}
    constants = [e for e in given if e.time is None]
    stepwise = sorted((e for e in given if e.time == t), key=lambda e: order[e.variable.name])
    numbered = [e for e in given if isinstance(e.time, Integer) and e.time > 0]
    output = []
    with mpmath.workdps(DIGITS):
        for index in range(len(sample.inputs[0])):
            run = Evaluation(cell, sample, index)
            for equation in sorted(constants, key=lambda e: order[e.variable.name]):
                run.compute(equation)
            if numbered:
                for equation in numbered:
                    run.compute(equation)
            else:
                for step in range(1, sample.steps + 1):
                    for equation in stepwise:
                        run.compute(equation, step)
            rows = [run.values[cell.output.name, n + 1] for n in range(sample.steps)]
            output.append([[[_real(v) for v in row] for row in table] for table in rows])
    result = np.array(output)
    return result[:, :, 0] if cell.output.shape[0] == 1 else result


def _real(value: Any) -> float:
    if isinstance(value, mpmath.mpc) and value.imag:
        return float("nan")
    return float(value.real)
