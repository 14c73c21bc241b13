"""A matrix expression entry by entry, over any kind of scalar.

The same few lines give SymPy's explicit matrices and the value at 50 digits: they know nothing of
printers, NumPy or shapes of batches. What an operation is, each says of itself (`Node.table`).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sympy import Rational

from ..nouns import Quantity
from .functions import ELEMENTWISE

Entries = list[list[Any]]

#: Makes the entries of an expression from those of its leaves.
Compiled = Callable[[Callable[[Any], Entries]], Entries]


class Entering:
    """The walk: `e(node)` is how the entries of a node are computed, made once.

    Args:
        call: applies an elementwise function by name to scalars; also "/" and "^".
        number: makes a scalar of a rational number.
        key: what a quantity is asked by.
        multiply: the matrix product of two tables; kinds of scalars may have a faster one.
        total: the sum of several scalars; likewise.
    """

    def __init__(
        self,
        call: Callable[..., Any],
        number: Callable[[Rational], Any],
        key: Callable[[Quantity], Any] = lambda q: q,
        multiply: Callable[[Entries, Entries], Entries] | None = None,
        total: Callable[[Sequence[Any]], Any] | None = None,
    ) -> None:
        self.call = call
        self.number = number
        self.key = key
        self.multiply = multiply or multiplied
        self.total = total or sum_of

    def __call__(self, node: Any) -> Compiled:
        if isinstance(node, Quantity):
            place = self.key(node)
            return lambda leaf: leaf(place)
        if not hasattr(node, "table"):
            raise TypeError(f"no entries for {type(node).__name__}")
        return node.table(self)

    def each(self, function: Callable[..., Any], nodes: Iterable[Any]) -> Compiled:
        """A function of the entries at each place."""
        parts = [self(n) for n in nodes]
        return lambda leaf: each(function, *[part(leaf) for part in parts])

    def fold(self, function: Callable[..., Any], nodes: Iterable[Any]) -> Compiled:
        """A function of two, over several nodes from left to right."""
        first, *rest = [self(n) for n in nodes]

        def folded(leaf: Callable[[Any], Entries]) -> Entries:
            result = first(leaf)
            for part in rest:
                result = each(function, result, part(leaf))
            return result

        return folded

    def added(self, nodes: Iterable[Any]) -> Compiled:
        """The sum of several nodes."""
        parts = [self(n) for n in nodes]
        add = operator.add if len(parts) == 2 else lambda *values: self.total(values)
        return lambda leaf: each(add, *[part(leaf) for part in parts])


def entries(
    expr: Any,
    leaf: Callable[[Quantity], Entries],
    call: Callable[..., Any],
    number: Callable[[Rational], Any],
    shape: tuple[int, int] | None = None,
    multiply: Callable[[Entries, Entries], Entries] | None = None,
) -> Entries:
    """Evaluate an expression of known sizes to nested lists of scalars.

    Args:
        expr: a matrix expression; every size in it is a number.
        leaf: the entries of a quantity.
        call: applies an elementwise function by name to scalars; also "/" and "^".
        number: makes a scalar of a rational number.
        shape: what a narrower value is broadcast to, if it is given.
        multiply: the matrix product of two tables, if there is a faster one.
    """
    table = Entering(call, number, multiply=multiply)(expr)(leaf)
    return table if shape is None else broadcast(table, *shape)


def broadcast(table: Entries, rows: int, cols: int) -> Entries:
    """A table, repeated along each side that is 1 wide."""
    if len(table) == 1 != rows:
        table = table * rows
    return [row * cols for row in table] if len(table[0]) == 1 != cols else table


def each(function: Callable[..., Any], *tables: Entries) -> Entries:
    """A function of the entries at each place; tables 1 wide or high are broadcast."""
    shapes = {(len(table), len(table[0])) for table in tables}
    if len(shapes) > 1:
        rows, cols = (max(sides) for sides in zip(*shapes))
        tables = tuple(broadcast(table, rows, cols) for table in tables)
        if any((len(table), len(table[0])) != (rows, cols) for table in tables):
            raise TypeError(f"entries of {sorted(shapes)} have no common shape")
    return [list(map(function, *lines)) for lines in zip(*tables)]


def flip(table: Entries) -> Entries:
    """The transpose."""
    return [list(column) for column in zip(*table, strict=True)]


def sum_of(values: Iterable[Any]) -> Any:
    """Σ a_k."""
    first, *rest = values
    return sum(rest, first)


def sum_of_products(row: list[Any], column: list[Any]) -> Any:
    """Σ a_k b_k."""
    return sum_of(x * y for x, y in zip(row, column, strict=True))


def multiplied(a: Entries, b: Entries, dot: Callable[..., Any] = sum_of_products) -> Entries:
    """The matrix product."""
    columns = flip(b)
    if len(a[0]) != len(b):
        raise TypeError(f"a product of {len(a[0])} columns and {len(b)} rows")
    return [[dot(row, column) for column in columns] for row in a]


def symbolic_entries(expr: Any) -> Entries:
    """The entries as SymPy expressions in the elements of the quantities (`W[0, 1]`)."""

    def leaf(q: Quantity) -> Entries:
        return [[q[i, j] for j in range(int(q.shape[1]))] for i in range(int(q.shape[0]))]

    def call(name: str, *arguments: Any) -> Any:
        operation = {"/": operator.truediv, "^": operator.pow}.get(name)
        return (operation or ELEMENTWISE[name].symbol)(*arguments)

    return entries(expr, leaf, call, lambda value: value)
