"""A matrix expression entry by entry, over any kind of scalar.

The same few lines give SymPy's explicit matrices and the value at 50 digits: they know the
definitions of the operations, and nothing of printers, NumPy or shapes of batches.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import partial
from typing import Any

from sympy import HadamardProduct, Integer, MatAdd, Rational, Transpose

from ..nouns import Quantity
from .functions import ELEMENTWISE, ROWS
from .nodes import (
    Apply,
    Concat,
    Diag,
    Diagonal,
    Divide,
    Eye,
    Filled,
    Inner,
    MatMul,
    Number,
    Power,
    RowApply,
    Scale,
    Size,
    Slice,
    Spread,
    TimeSum,
    at_time,
    is_negative,
)

Entries = list[list[Any]]


#: Makes the entries of an expression from those of its leaves.
Compiled = Callable[[Callable[[Any], Entries]], Entries]


def entries(
    expr: Any,
    leaf: Callable[[Quantity], Entries],
    call: Callable[..., Any],
    number: Callable[[Rational], Any],
) -> Entries:
    """Evaluate an expression of known sizes to nested lists of scalars.

    Args:
        expr: a matrix expression; every size in it is a number.
        leaf: the entries of a quantity.
        call: applies an elementwise function by name to scalars; also "/" and "^".
        number: makes a scalar of a rational number.
    """
    return compiled_entries(expr, call, number)(leaf)


def compiled_entries(
    expr: Any,
    call: Callable[..., Any],
    number: Callable[[Rational], Any],
    key: Callable[[Quantity], Any] = lambda q: q,
) -> Compiled:
    """The same, made once for an expression that is evaluated many times.

    What `key` makes of a quantity is made once as well, and `leaf` is asked by it.
    """

    def fixed(table: Entries) -> Compiled:
        return lambda leaf: table

    def each(function: Callable[..., Any], nodes: Any) -> Compiled:
        parts = [go(n) for n in nodes]
        return lambda leaf: _each(function, *[part(leaf) for part in parts])

    def fold(function: Callable[..., Any], nodes: Any) -> Compiled:
        parts = [go(n) for n in nodes]
        return lambda leaf: _fold(function, [part(leaf) for part in parts])

    def go(node: Any) -> Compiled:
        match node:
            case Quantity():
                place = key(node)
                return lambda leaf: leaf(place)
            case Number():
                return fixed([[number(node.value)]])
            case Spread():
                inner = go(node.args[0])
                rows, cols = map(int, node.shape)

                def spread(leaf: Any) -> Entries:
                    table = inner(leaf)
                    table = table * rows if len(table) == 1 else table
                    return [row * cols if len(row) == 1 else row for row in table]

                return spread
            case Scale():
                factor, other = map(go, node.args)

                def scaled(leaf: Any) -> Entries:
                    ((value,),) = factor(leaf)
                    return _each(lambda v: value * v, other(leaf))

                return scaled
            case MatMul() if is_negative(node):
                return each(lambda v: -v, node.args[1:])
            case MatMul():
                factors = [go(a) for a in node.args]

                def product(leaf: Any) -> Entries:
                    result = factors[0](leaf)
                    for factor in factors[1:]:
                        result = _product(result, factor(leaf))
                    return result

                return product
            case MatAdd():
                return fold(lambda a, b: a + b, node.args)
            case HadamardProduct():
                return fold(lambda a, b: a * b, node.args)
            case Divide():
                return each(partial(call, "/"), node.args)
            case Power():
                return each(partial(call, "^"), node.args)
            case Transpose():
                turned = go(node.args[0])
                return lambda leaf: _flip(turned(leaf))
            case Apply():
                name = node.name_
                return each(lambda *v: call(name, *v), node.operands)
            case Concat():
                joined = [go(a) for a in node.operands]
                if node.axis == 0:
                    return lambda leaf: [row for part in joined for row in part(leaf)]
                return lambda leaf: [
                    [v for row in rows for v in row] for rows in zip(*(p(leaf) for p in joined))
                ]
            case RowApply():
                entry, axis, operand = ROWS[node.name_], node.axis, go(node.operand)
                options = [go(a) for a in node.options]
                rest = [number(Rational(d)) for _, d in entry.defaults[len(options) :]]

                def along(leaf: Any) -> Entries:
                    values = [*(option(leaf)[0][0] for option in options), *rest]
                    table = operand(leaf) if axis else _flip(operand(leaf))
                    table = [entry.row(row, call, *values) for row in table]
                    return table if axis else _flip(table)

                return along
            case Diag():
                vector, zero = go(node.args[0]), number(Rational(0))

                def diagonal_matrix(leaf: Any) -> Entries:
                    table = vector(leaf)
                    values = table[0] if len(table) == 1 else [row[0] for row in table]
                    size = range(len(values))
                    return [[values[i] if i == j else zero for j in size] for i in size]

                return diagonal_matrix
            case Diagonal():
                square, axis = go(node.args[1]), node.axis

                def diagonal(leaf: Any) -> Entries:
                    values = [row[i] for i, row in enumerate(square(leaf))]
                    return [values] if axis else [[v] for v in values]

                return diagonal
            case Inner():
                products = each(lambda a, b: a * b, node.args)

                def inner_product(leaf: Any) -> Entries:
                    terms = [v for row in products(leaf) for v in row]
                    return [[sum(terms[1:], terms[0])]]

                return inner_product
            case Slice():
                whole, axis, (start, stop) = go(node.operand), node.axis, map(int, node.args[2:])
                if axis:
                    return lambda leaf: [row[start:stop] for row in whole(leaf)]
                return lambda leaf: whole(leaf)[start:stop]
            case Eye():
                one, zero = number(Rational(1)), number(Rational(0))
                size = range(int(node.args[0]))
                return fixed([[one if i == j else zero for j in size] for i in size])
            case Filled():
                value = number(Rational(node.args[0]))
                return fixed([[value] * int(node.args[2]) for _ in range(int(node.args[1]))])
            case Size():
                return fixed([[number(Rational(node.args[0]))]])
            case TimeSum():
                steps = range(int(node.args[1]), int(node.args[2]) + 1)
                terms = [go(at_time(node.operand, Integer(n))) for n in steps]
                return lambda leaf: _fold(lambda a, b: a + b, [term(leaf) for term in terms])
        raise TypeError(f"no entries for {type(node).__name__}")

    return go(expr)


def _each(function: Callable[..., Any], *tables: Entries) -> Entries:
    return [
        [function(*values) for values in zip(*rows, strict=True)]
        for rows in zip(*tables, strict=True)
    ]


def _fold(function: Callable[..., Any], tables: list[Entries]) -> Entries:
    result = tables[0]
    for table in tables[1:]:
        result = _each(function, result, table)
    return result


def _flip(table: Entries) -> Entries:
    return [list(column) for column in zip(*table, strict=True)]


def _product(a: Entries, b: Entries) -> Entries:
    columns = _flip(b)
    if len(a[0]) != len(b):
        raise TypeError(f"a product of {len(a[0])} columns and {len(b)} rows")
    result = []
    for row in a:
        sums = []
        for column in columns:
            terms = [x * y for x, y in zip(row, column, strict=True)]
            sums.append(sum(terms[1:], terms[0]))
        result.append(sums)
    return result


def symbolic_entries(expr: Any) -> Entries:
    """The entries as SymPy expressions in the elements of the quantities (`W[0, 1]`)."""

    def leaf(q: Quantity) -> Entries:
        return [[q[i, j] for j in range(int(q.shape[1]))] for i in range(int(q.shape[0]))]

    def call(name: str, *arguments: Any) -> Any:
        operation = {"/": operator.truediv, "^": operator.pow}.get(name)
        return (operation or ELEMENTWISE[name].symbol)(*arguments)

    return entries(expr, leaf, call, lambda value: value)
