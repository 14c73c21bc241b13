"""Unrolling a recurrence: by name, with T as a symbol, and as explicit matrices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sympy import ImmutableMatrix, Integer, MatrixExpr

from ..errors import InputError
from ..names import T, t
from ..nouns import Cell, Derivation, Equation, Quantity, Sentence, Step, Variable
from ..ops.entries import broadcast, symbolic_entries
from ..ops.leaves import Number
from ..ops.node import replace_quantities, resized
from ..ops.rows import RowApply
from .parts import of_parts

#: The most entries that are written out as explicit matrices: beyond it nobody reads them.
MOST_ENTRIES = 20_000


@of_parts()
def unroll(cell: Cell, steps: int | None = None) -> Derivation:
    """Write a cell or network out over time, every equation by name and the weights shared.

    Args:
        cell: the cell, network or model.
        steps: the number of steps, or None for a symbolic T (the recurrence and where it starts).

    Returns:
        The derivation; its length is linear in `steps`. Of a model, one for each part with
        equations.

    Raises:
        InputError: if `steps` is no positive whole number.
    """
    if steps is None:
        lines = [*_constants(cell), *_start(cell), *_recurrence(cell)]
        title = f"The recurrence of {cell.title or cell.name}"
        return Derivation(title, cell, tuple(lines), None, "recurrence")
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise InputError(f"steps must be a positive whole number or None, not {steps!r}")
    lines = [*_constants(cell), *_start(cell)]
    ordered = [e for e in cell.ordered if e.time is not None]
    for step in range(1, steps + 1):
        lines += _at_step(ordered, step)
    title = f"{cell.title or cell.name} unrolled over {steps} step{'s' if steps > 1 else ''}"
    return Derivation(title, cell, tuple(lines), steps, "unrolled")


def _constants(cell: Cell) -> Iterator[Step]:
    for equation in cell.ordered:
        if equation.time is None:
            why = Sentence.of("{} has no time index: it is computed once", equation.lhs)
            yield Step(equation, "constant", why)


def _zero(variable: Variable) -> Equation:
    return Equation(variable, Number("0"), Integer(0))


def _start(cell: Cell) -> Iterator[Step]:
    for variable in cell.states:
        why = Sentence.of("{} starts at zero unless another initial state is given", variable.at())
        yield Step(_zero(variable), "initial state", why)
    for variable in cell.delayed:
        why = Sentence.of(
            "before the first step there is no {}: the delay starts at zero", variable.at()
        )
        yield Step(_zero(variable), "delayed input", why)


def _recurrence(cell: Cell) -> Iterator[Step]:
    for equation in cell.ordered:
        if equation.time is not None:
            why = Sentence.of(
                "the equation of {}, for t = 1, …, {}", equation.variable.at(), str(T)
            )
            yield Step(equation, "recurrence", why, holds=(Integer(1), T))


def _at_step(ordered: list[Equation], step: int) -> Iterator[Step]:
    now = Integer(step)
    before = Integer(step - 1)

    def rename(q: Quantity) -> Quantity:
        if q.time is None:
            return q
        return q.at(now if q.time == t else before)

    for equation in ordered:
        at_step = replace(equation, expr=replace_quantities(equation.expr, rename), time=now)
        why = Sentence.of("{} at t = {}", equation.variable.at(), str(step))
        yield Step(at_step, "recurrence", why)


def matrices(derivation: Derivation, **sizes: int) -> Derivation:
    """Write every equation out as an explicit SymPy `Matrix`, entry by entry.

    Args:
        derivation: a recurrence or an unrolled derivation.
        sizes: the sizes that the cell does not give itself, such as `M=2`.

    Returns:
        The same steps, the right sides `ImmutableMatrix` in elements such as `W[0, 1]`.

    Raises:
        InputError: if a size is missing, or there are too many entries to write out.
    """
    if getattr(derivation, "form", None) not in ("recurrence", "unrolled"):
        raise InputError("explicit matrices are of a recurrence or an unrolled derivation")
    cell = derivation.cell.with_sizes(**sizes)
    missing = [str(s) for s in cell.dims if s not in cell.sizes]
    if missing:
        raise InputError(
            f"explicit matrices need every size as a number; missing: {', '.join(missing)}"
        )
    given = {symbol: Integer(value) for symbol, value in cell.sizes.items()}
    if any(s.is_Symbol for v in cell.variables for d in v.shape for s in d.xreplace(given).args):
        raise InputError("explicit matrices need every size as a number")
    entries = 0
    for step in derivation.steps:
        rows, cols = (int(d.xreplace(given)) for d in step.equation.variable.shape)
        entries += rows * cols * max(1, _terms(step.equation.expr, given))
    if entries > MOST_ENTRIES:
        raise InputError(
            f"explicit matrices would have about {entries:,} terms; the limit is {MOST_ENTRIES:,}"
        )
    variables = {
        v.name: replace(v, shape=tuple(d.xreplace(given) for d in v.shape)) for v in cell.variables
    }
    steps = []
    for step in derivation.steps:
        equation = step.equation
        sized = resized(equation.expr, given)
        variable = variables[equation.variable.name]
        rows, cols = map(int, variable.shape)
        explicit = ImmutableMatrix(broadcast(symbolic_entries(sized), rows, cols))
        written = Equation(variable, explicit, equation.time)
        steps.append(replace(step, equation=written))
    sized_cell = replace(cell, variables=tuple(variables.values()))
    return Derivation(
        derivation.title + ", as explicit matrices",
        sized_cell,
        tuple(steps),
        derivation.length,
        "matrices",
    )


def _terms(expr: Any, given: dict[Any, Integer]) -> int:
    """How long an entry gets at most: the inner sizes of its products."""
    if isinstance(expr, Quantity):
        return 1
    inner = [_terms(a, given) for a in expr.args if isinstance(a, MatrixExpr)]
    most = 1
    if expr.is_MatMul:
        for factor in expr.args[1:]:
            if isinstance(factor, MatrixExpr):
                most *= int(factor.shape[0].xreplace(given))
    width = int(expr.shape[1].xreplace(given)) if not expr.is_MatMul and len(inner) == 1 else 1
    return most * max(1, sum(inner)) * (width if isinstance(expr, RowApply) else 1)
