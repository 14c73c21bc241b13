"""Bounds of Jacobians by the norms of what they are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..names import JACOBIAN, t, unmarked
from ..nouns import Derivation, Quantity, Step
from ..ops.diagonals import Diag
from ..ops.elementwise import Apply
from ..ops.leaves import Eye
from ..ops.node import Transpose
from ..ops.products import MatMul
from ..ops.sums import MatAdd, Minus


@dataclass(frozen=True)
class Bound:
    """‖J‖ ≤ a sum of products of norms.

    Attributes:
        line: the line of the Jacobian that is bounded.
        terms: a product for each path; each factor is a kind ("norm", "largest", "number") and an
            expression: the spectral norm of a matrix, the largest entry of a row without its
            sign, the absolute value of a number.
    """

    line: Step
    terms: tuple[tuple[tuple[str, Any], ...], ...]

    def value(self, norm: Callable[[str, Any], float]) -> float:
        """The right side, from the value of each factor."""
        total = 0.0
        for factors in self.terms:
            product = 1.0
            for kind, expr in factors:
                product *= norm(kind, expr)
            total += product
        return total


#: More paths than this are not written out.
_MOST_TERMS = 12


def bounds(derivation: Derivation) -> tuple[Bound, ...]:
    """A bound for every state by a state before it, its named parts put in.

    Args:
        derivation: of `jacobian`; one that is a linear map has no bounds.
    """
    lines = {s.equation.variable.name: s for s in derivation.steps if s.equation.time == t}
    states = {v.name for v in derivation.cell.states}
    found = []
    for name, step in lines.items():
        mark, names = unmarked(name)
        above, _, below = names.partition("/")
        if mark != JACOBIAN or above not in states or below not in states:
            continue
        terms = _terms(step.equation.expr, lines)
        if len(terms) <= _MOST_TERMS:
            found.append(Bound(step, tuple(tuple(factors) for factors in terms)))
    return tuple(found)


def _terms(expr: Any, lines: dict[str, Step]) -> list[list[tuple[str, Any]]]:
    match expr:
        case Quantity() if expr.label in lines and expr.time == t:
            return _terms(lines[expr.label].equation.expr, lines)
        case MatAdd():
            return [factors for a in expr.args for factors in _terms(a, lines)]
        case Minus():
            return _terms(expr.args[0], lines)
        case MatMul():
            rows: list[list[tuple[str, Any]]] = [[]]
            for factor in expr.args:
                rows = [a + b for a in rows for b in _terms(factor, lines)]
            return rows
        case Apply(beside=True):
            number = [("number", expr.operands[0])]
            return [number + factors for factors in _terms(expr.operands[1], lines)]
        case Eye():
            return [[]]
        case Diag():
            return [[("largest", expr.args[0])]]
        case Transpose():
            return _terms(expr.args[0], lines)
    return [[("norm", expr)]]
