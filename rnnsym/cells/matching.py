"""Whether two cells are the same up to the names of their symbols."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import Any

from sympy import MatrixExpr

from ..nouns import Cell, Quantity
from ..ops.elementwise import PRODUCT, Apply, is_sign
from ..ops.leaves import Number
from ..ops.sums import MatAdd
from .catalogue import get, names

Names = dict[str, str]

#: Sums and elementwise products of more terms are compared in the order written only.
_MOST_PERMUTED = 5
#: Attempts before two texts are taken for different: a hostile text must not hold us up.
_MOST_ATTEMPTS = 20_000


class _Budget:
    def __init__(self) -> None:
        self.left = _MOST_ATTEMPTS

    def spend(self) -> bool:
        self.left -= 1
        return self.left > 0


def same(cell: Cell, other: Cell) -> Names | None:
    """The renaming that makes `cell` into `other`, or None if there is none.

    The terms of sums and of elementwise products may stand in another order.
    """
    count = [len(c.equations) for c in (cell, other)]
    if count[0] != count[1] or len(cell.variables) != len(other.variables):
        return None
    budget = _Budget()
    start = {cell.output.name: other.output.name}
    roles = {v.name: v.role for v in cell.variables}, {v.name: v.role for v in other.variables}
    for found in _equations(list(cell.equations), list(other.equations), start, budget):
        if len(found) == len(cell.variables):
            if all(roles[0][a] == roles[1][b] for a, b in found.items()):
                return found
    return None


def find(cell: Cell) -> tuple[Cell, Names] | None:
    """The cell of the catalogue that `cell` is up to renaming, and the renaming."""
    for name in names():
        known = get(name)
        renaming = same(cell, known)
        if renaming is not None:
            return known, renaming
    return None


def _equations(left: list[Any], right: list[Any], known: Names, budget: _Budget) -> Iterator[Names]:
    if not left:
        yield known
        return
    # What is known already leaves the fewest choices.
    left.sort(key=lambda e: e.variable.name not in known)
    first, *rest = left
    for i, other in enumerate(right):
        if not budget.spend():
            return
        if (first.time is None) != (other.time is None):
            continue
        for matched in _pair(first.variable.name, other.variable.name, known):
            for inner in _match(first.expr, other.expr, matched, budget):
                yield from _equations(list(rest), right[:i] + right[i + 1 :], inner, budget)


def _pair(a: str, b: str, known: Names) -> Iterator[Names]:
    if a in known:
        if known[a] == b:
            yield known
    elif b not in known.values():
        yield {**known, a: b}


def _match(a: Any, b: Any, known: Names, budget: _Budget) -> Iterator[Names]:
    if not budget.spend():
        return
    if isinstance(a, Quantity) and isinstance(b, Quantity):
        if a.time == b.time and (a.shape == (1, 1)) == (b.shape == (1, 1)):
            yield from _pair(a.label, b.label, known)
        return
    if type(a) is not type(b):
        return
    if isinstance(a, Number):
        if a.value == b.value:
            yield known
        return
    if not isinstance(a, MatrixExpr):
        if a == b:
            yield known
        return
    if len(a.args) != len(b.args):
        return
    if isinstance(a, Apply) and a.name_ != b.name_:
        return
    left, right = (a.operands, b.operands) if isinstance(a, Apply) else (a.args, b.args)
    orders: Any = [right]
    commutes = isinstance(a, MatAdd) or is_sign(a, PRODUCT)
    if commutes and len(left) <= _MOST_PERMUTED:
        orders = permutations(right)
    for order in orders:
        yield from _all(left, order, known, budget)


def _all(left: Any, right: Any, known: Names, budget: _Budget) -> Iterator[Names]:
    if not left:
        yield known
        return
    for matched in _match(left[0], right[0], known, budget):
        yield from _all(left[1:], right[1:], matched, budget)
