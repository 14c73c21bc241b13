"""The calculus on one page: every rule of every operation, each held to differences.

A rule says how an operation changes and what comes back to each operand. Both are checked at 50
digits on random matrices: the change against central differences, what comes back by
⟨Ȳ, Ẏ⟩ = Σ ⟨Ā, Ȧ⟩, which holds for the transpose of a linear map and for nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
from sympy import Integer, Symbol

from ..derive.differentials import change, pull
from ..errors import CheckError
from ..names import marked
from ..nouns import Equation, Quantity, Role, Variable, quantities
from ..ops import operations
from ..ops.entries import Entries, broadcast, entries
from ..ops.node import Node
from ..ops.sums import add
from .exact import DIGITS, call, number

#: Central differences of this width are good to about twice as many digits.
_DELTA = mpmath.mpf(10) ** -17
#: An error beyond it is a wrong rule: differences of 50 digits leave about 1e-33.
TOLERANCE = 1e-25
_SIZES = (3, 5, 4, 2)
#: Where random numbers lie: positive, where logarithms and powers are; the next where nothing
#: changes, as in a row of which a sparsemax keeps no element. What never changes shows nothing.
_RANGES = ((0.3, 1.7), (0.8, 1.2), (-0.2, 0.2))
_LEAST = 1e-6


@dataclass(frozen=True)
class Rule:
    """What an operation does with changes.

    Attributes:
        operation: the class of the operation.
        equation: Y, and the operation on letters.
        change: Ẏ, the change of Y.
        backs: for each operand Ā, what comes back to it.
        name: what the rule is called.
        why: why it holds, in words.
        error: the largest error relative to the size of what was compared.
    """

    operation: type[Node]
    equation: Equation
    change: Equation
    backs: tuple[Equation, ...]
    name: str
    why: str
    error: float

    @property
    def where(self) -> str:
        """Where the operation has a value, and where its formula changes; "" if everywhere one."""
        expr: Any = self.equation.expr
        values = [f"{m.words} {m.relation} 0" for m in expr.domain()]
        changes = [f"{m.words} = 0" for m in expr.branches() if m.entrywise]
        return "; ".join(
            [f"a value where {' and '.join(values)}"] * bool(values)
            + [f"formulas meet at {', '.join(changes)}"] * bool(changes)
        )


def calculus(seed: int = 0) -> tuple[Rule, ...]:
    """Every rule of every operation, checked.

    Args:
        seed: of the random matrices.

    Raises:
        CheckError: for a rule that does not hold.
    """
    rules = tuple(r for operation in operations() for r in _rules(operation, seed))
    for rule in rules:
        if not rule.error <= TOLERANCE:
            raise CheckError(f"the rule of {rule.equation} is wrong: error {rule.error:.1e}")
    return rules


def _rules(operation: type[Node], seed: int) -> Iterator[Rule]:
    for expr in operation.examples():
        whole = Variable("Y", Role.PARAMETER, expr.shape)
        equation = Equation(whole, expr, None)
        found = change(expr, tangent, whole.here)
        if not found:
            continue
        outer = adjoint(whole.here)
        backs = []
        for q in quantities(expr):
            parts = pull(found.expr, outer, tangent(q))
            if parts:
                variable = Variable(adjoint(q).label, Role.GRADIENT, q.shape)
                backs.append(Equation(variable, add(p.expr for p in parts), None))
        moved = Variable(tangent(whole.here).label, Role.DIRECTION, expr.shape)
        name = next((r for r in found.rules if r != "sum"), "sum" if found.rules else "sign")
        error = error_of_rule(expr, found.expr, seed, whole.here)
        yield Rule(
            operation, equation, Equation(moved, found.expr, None), tuple(backs), name,
            operation.why, error,
        )  # fmt: skip


def tangent(q: Quantity) -> Quantity:
    """The change of a quantity, q̇."""
    rows, cols = q.shape
    return Quantity(marked("dot", q.label), rows, cols, q.time)


def adjoint(q: Quantity) -> Quantity:
    """The derivative of a loss by a quantity, q̄."""
    rows, cols = q.shape
    return Quantity(marked("bar", q.label), rows, cols, q.time)


def error_of_rule(
    expr: Any,
    linear: Any,
    seed: int,
    value: Quantity | None = None,
    move: Callable[[Quantity], Quantity] = tangent,
) -> float:
    """How far the change of an expression, and what its pulls bring, are from differences.

    Args:
        expr: the expression.
        linear: its change.
        seed: of the random matrices.
        value: the name that stands for the value of the expression in its change.
        move: the change of a quantity.

    Returns:
        The larger of both errors, each relative to the size of what was compared; infinite where
        nothing changed, which shows nothing.
    """
    given = list(quantities(expr))
    outer = Quantity("outer", *expr.shape)
    sizes = sizes_of([*given, outer], expr)
    shape = tuple(int(size.xreplace(sizes)) for size in expr.shape)
    with mpmath.workdps(DIGITS):
        for span in _RANGES:
            values = _random((*given, *map(move, given), outer), sizes, span, seed)
            values |= {} if value is None else {value: _at(expr, values, sizes, shape)}
            ends = []
            for sign in (1, -1):
                there = dict(values)
                for q in given:
                    there[q] = _moved(values[q], values[move(q)], sign * _DELTA)
                ends.append(_at(expr, there, sizes, shape))
            wanted = [[(a - b) / (2 * _DELTA) for a, b in zip(r, s)] for r, s in zip(*ends)]
            if _norm(wanted) > _LEAST:
                break
        else:
            return float("inf")
        found = _at(linear, values, sizes, shape)
        forward = _norm(_moved(found, wanted, -1)) / _norm(wanted)
        left = _dot(values[outer], found)
        size = right = mpmath.mpf(0)
        for q in given:
            back = tuple(int(side.xreplace(sizes)) for side in q.shape)
            for part in pull(linear, outer, move(q)):
                one = _dot(_at(part.expr, values, sizes, back), values[move(q)])
                right, size = right + one, size + abs(one)
        return float(max(forward, abs(left - right) / size))


def _random(given: Iterable[Quantity], sizes: Any, span: tuple[float, float], seed: int) -> Any:
    """A random matrix for each quantity."""
    rng = np.random.default_rng(seed)
    found = {}
    for q in given:
        rows, cols = (int(size.xreplace(sizes)) for size in q.shape)
        drawn = rng.uniform(*span, (rows, cols)).tolist()
        found[q] = [[mpmath.mpf(v) for v in row] for row in drawn]
    return found


def sizes_of(given: list[Quantity], expr: Any) -> Mapping[Any, Integer]:
    """A number for every size in an expression, unlike each other."""
    symbols = {s for q in given for side in q.shape for s in side.free_symbols}
    symbols |= {s for s in expr.free_symbols if isinstance(s, Symbol)}
    return {s: Integer(_SIZES[i % 4] + i // 4 * 4) for i, s in enumerate(sorted(symbols, key=str))}


def _at(expr: Any, values: Mapping[Quantity, Entries], sizes: Any, shape: Any) -> Entries:
    table = {q.xreplace(sizes): value for q, value in values.items()}
    return broadcast(entries(expr.xreplace(sizes), table.__getitem__, call, number), *shape)


def _moved(a: Entries, b: Entries, times: Any) -> Entries:
    return [[x + times * y for x, y in zip(r, s)] for r, s in zip(a, b)]


def _dot(a: Entries, b: Entries) -> Any:
    return mpmath.fsum(x * y for r, s in zip(a, b) for x, y in zip(r, s))


def _norm(a: Entries) -> Any:
    return mpmath.sqrt(_dot(a, a))
