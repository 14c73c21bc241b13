"""Planted errors: formulas that are wrong on purpose, which a check must reject first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from typing import Any

from sympy import Expr, MatrixExpr

from ..names import t, unicode_of
from ..nouns import Cell, Equation, Quantity, Role
from ..ops.elementwise import BESIDE, Apply
from ..ops.leaves import Number
from ..ops.node import Transpose, replace_quantities
from ..ops.products import MatMul
from ..ops.sums import MatAdd, Minus

SIGN, TRANSPOSED, BIAS, TIME, EXCHANGED, UNSEEN = (
    "a sign", "a transposed matrix", "a missing bias", "a wrong time index",
    "two parameters exchanged", "another number",
)  # fmt: skip
#: What may stand in a text and be seen by no number; only algebra tells that it is not there.
HIDDEN = (SIGN, UNSEEN)


def planted(cell: Cell, every_term: bool = False) -> Iterator[tuple[str, str, Cell]]:
    """Wrong versions of a cell: (kind, what was done, the wrong cell).

    For every equation the first place of each kind of error, and parameters of one shape exchanged.

    Args:
        cell: what is right, or is claimed to be.
        every_term: change the sign of every term of every sum, and every quantity of a step
            wherever it stands. Of somebody else's text a part that no number shows, as a factor
            that is 1 to all digits, may not be there at all.
    """
    for i, equation in enumerate(cell.equations):
        seen: set[str] = set()
        name = str(equation.variable)
        for kind, what, expr in [*_variants(equation.expr), *_whole(equation.expr)]:
            if kind in seen and not (every_term and kind == SIGN):
                continue
            seen.add(kind)
            wrong = list(cell.equations)
            wrong[i] = Equation(equation.variable, expr, equation.time)
            yield kind, f"{kind}: {what} in the equation of {name}", _rebuilt(cell, wrong)
        for what, expr in _disturbed(equation.expr) if every_term else ():
            wrong = list(cell.equations)
            wrong[i] = Equation(equation.variable, expr, equation.time)
            words = f"{UNSEEN} in the place of {what} in the equation of {name}"
            yield UNSEEN, words, _rebuilt(cell, wrong)
    yield from _exchanged(cell)


def _disturbed(expr: Any) -> Iterator[tuple[str, Any]]:
    """Every quantity of a step made 1.5 q + 0.3, one place at a time."""
    if isinstance(expr, Quantity):
        if expr.time is not None:
            wrong = MatAdd(Apply(BESIDE, Number("1.5"), expr), Number("0.3"))
            yield unicode_of(expr.label, expr.time), wrong
        return
    if not isinstance(expr, MatrixExpr):
        return
    args = list(expr.args)
    for i, argument in enumerate(args):
        for what, wrong in _disturbed(argument):
            yield what, expr.func(*args[:i], wrong, *args[i + 1 :])


def negated_terms(expr: Any) -> Iterator[tuple[str, Any]]:
    """(what was done, the expression) with the sign of one term changed, each in turn."""
    return ((what, wrong) for kind, what, wrong in _variants(expr) if kind == SIGN)


def _whole(expr: Any) -> Iterator[tuple[str, str, Any]]:
    yield SIGN, "the whole right side negated", Minus(expr)


def _variants(expr: Any) -> Iterator[tuple[str, str, Any]]:
    if isinstance(expr, Quantity):
        if expr.time == t:
            earlier = expr.at(t - 1)
            words = f"{unicode_of(expr.label, t - 1)} for {unicode_of(expr.label, t)}"
            yield TIME, words, earlier
        return
    if not isinstance(expr, MatrixExpr):
        return
    args = list(expr.args)
    if isinstance(expr, MatAdd):
        for i, term in enumerate(args):
            flipped = term.args[0] if isinstance(term, Minus) else Minus(term)
            yield SIGN, f"term {i + 1} of a sum", expr.func(*args[:i], flipped, *args[i + 1 :])
        for i, term in enumerate(args):
            if isinstance(term, Quantity) and term.time is None:
                rest = args[:i] + args[i + 1 :]
                yield BIAS, f"no {term.label}", rest[0] if len(rest) == 1 else MatAdd(*rest)
    if isinstance(expr, MatMul):
        for i, factor in enumerate(args):
            if isinstance(factor, Quantity) and factor.time is None:
                if factor.shape[0] == factor.shape[1] != 1:
                    flipped = Transpose(factor)
                    words = f"{factor.label} transposed"
                    yield TRANSPOSED, words, expr.func(*args[:i], flipped, *args[i + 1 :])
    for i, argument in enumerate(args):
        for kind, what, wrong in _variants(argument):
            yield kind, what, expr.func(*args[:i], wrong, *args[i + 1 :])


def _exchanged(cell: Cell) -> Iterator[tuple[str, str, Cell]]:
    """The first pair of parameters of each shape, exchanged everywhere: a gate in a wrong place."""
    seen: set[Any] = set()
    for a, b in combinations(cell.parameters, 2):
        if a.shape != b.shape or a.shape in seen:
            continue
        seen.add(a.shape)
        swap = {a.name: b, b.name: a}

        def exchange(q: Quantity, swap: dict[str, Any] = swap) -> Quantity:
            return swap[q.label].at(q.time) if q.label in swap else q

        wrong = [
            Equation(e.variable, replace_quantities(e.expr, exchange), e.time)
            for e in cell.equations
        ]
        yield (
            EXCHANGED,
            f"{EXCHANGED}: {a.name} and {b.name}",
            replace(cell, equations=tuple(wrong)),
        )


def _rebuilt(cell: Cell, equations: list[Equation]) -> Cell:
    """The cell with other equations: a name that is now read at t-1 is a state."""
    late: set[tuple[str, Expr | None]] = {(q.label, q.time) for e in equations for q in e.uses}
    variables = tuple(
        replace(v, role=Role.STATE)
        if v.role == Role.INTERMEDIATE and (v.name, t - 1) in late
        else v
        for v in cell.variables
    )
    return replace(cell, equations=tuple(equations), variables=variables)
