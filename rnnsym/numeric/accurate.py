"""Slopes as code computes them: where a formula would cancel, from the pre-activation.

On paper the slope of tanh is 1 - h ⊙ h, in the name of its value. Where h is near 1 that has no
digits left; code takes the slope from what tanh is applied to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sympy import MatrixExpr

from ..derive.slopes import written_out
from ..names import t
from ..nouns import Cell, Derivation, Equation, Quantity, quantities
from ..ops.elementwise import PRODUCT, Apply, is_function, is_sign
from ..ops.functions import ELEMENTWISE, prime
from ..ops.node import at_time

#: The slope as it stands in a formula, and the function that computes it.
Rule = tuple[Any, Apply]
#: Both, by the label of a quantity that stands in the slope, with that quantity.
Rules = dict[str, list[tuple[Quantity, Any, Apply]]]


def accurate(derivation: Derivation, cell: Cell) -> Derivation:
    """A derivation in which no slope cancels, for code to be made of.

    Args:
        derivation: of a gradient.
        cell: with its nested parts named.
    """
    rules: Rules = {}
    for slope, function in (rule for e in cell.equations for rule in _rules(e)):
        for q in quantities(slope):
            rules.setdefault(q.label, []).append((q, slope, function))
    if not rules:
        return derivation
    steps = tuple(
        replace(s, equation=replace(s.equation, expr=_replaced(s.equation.expr, rules)))
        for s in derivation.steps
    )
    return replace(derivation, steps=steps)


def _rules(equation: Equation) -> Iterator[Rule]:
    expr = equation.expr
    if not is_function(expr) or len(expr.operands) != 1:
        return
    entry = ELEMENTWISE[expr.name_]
    if any(entry.accurate) and isinstance(expr.operands[0], Quantity):
        slope = written_out(expr.name_, 0, expr.operands, equation.lhs)
        yield slope, Apply(prime(expr.name_), *expr.operands)


def _replaced(expr: Any, rules: Rules) -> Any:
    if not isinstance(expr, MatrixExpr) or isinstance(expr, Quantity):
        return expr
    for q in quantities(expr):
        for own, slope, function in rules.get(q.label, ()):
            if q.time != own.time:  # the line stands at another step
                slope, function = (at_time(e, t + q.time - own.time) for e in (slope, function))
            if expr == slope:
                return function
            if _product(expr):
                factors = slope.operands if _product(slope) else (slope,)
                expr = _factors_replaced(expr, factors, function)
                if not _product(expr):
                    return expr
    return expr.func(*(_replaced(a, rules) for a in expr.args))


def _product(expr: Any) -> bool:
    return is_sign(expr, PRODUCT) and not expr.beside


def _factors_replaced(expr: Any, factors: tuple[Any, ...], function: Apply) -> Any:
    """A product of elements in which the factors of a slope are one function."""
    left = list(expr.operands)
    for factor in factors:
        if factor not in left:
            return expr
        left.remove(factor)
    first = min(expr.operands.index(f) for f in factors)
    left.insert(min(first, len(left)), function)
    return left[0] if len(left) == 1 else Apply(PRODUCT, *left)
