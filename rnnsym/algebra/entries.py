"""A matrix expression entry by entry, over any kind of scalar.

The same few lines give SymPy's explicit matrices and the value at 50 digits: they know the
definitions of the operations, and nothing of printers, NumPy or shapes of batches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sympy import HadamardProduct, Integer, MatAdd, MatMul, Rational, Transpose

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
        call: applies an elementwise function by name to scalars.
        number: makes a scalar of a rational number.
    """

    def go(node: Any) -> Entries:
        match node:
            case Quantity():
                return leaf(node)
            case Number():
                return [[number(node.value)]]
            case Spread():
                table = go(node.args[0])
                rows, cols = map(int, node.shape)
                table = table * rows if len(table) == 1 else table
                return [row * cols if len(row) == 1 else row for row in table]
            case Scale():
                ((factor,),) = go(node.args[0])
                return _each(lambda v: factor * v, go(node.args[1]))
            case MatMul() if is_negative(node):
                return _each(lambda v: -v, go(node.args[1]))
            case MatMul():
                result = go(node.args[0])
                for factor in node.args[1:]:
                    result = _product(result, go(factor))
                return result
            case MatAdd():
                return _fold(lambda a, b: a + b, [go(a) for a in node.args])
            case HadamardProduct():
                return _fold(lambda a, b: a * b, [go(a) for a in node.args])
            case Divide():
                return _each(lambda a, b: a / b, *map(go, node.args))
            case Power():
                return _each(lambda a, b: a**b, *map(go, node.args))
            case Transpose():
                return _flip(go(node.args[0]))
            case Apply():
                return _each(lambda *v: call(node.name_, *v), *map(go, node.operands))
            case Concat():
                parts = [go(a) for a in node.operands]
                if node.axis == 0:
                    return [row for part in parts for row in part]
                return [[v for row in rows for v in row] for rows in zip(*parts)]
            case RowApply():
                options = [go(a)[0][0] for a in node.options]
                for _, default in ROWS[node.name_].defaults[len(options) :]:
                    options.append(number(Rational(default)))
                table = go(node.operand)
                table = table if node.axis else _flip(table)
                table = [ROWS[node.name_].row(row, call, *options) for row in table]
                return table if node.axis else _flip(table)
            case Diag():
                table = go(node.args[0])
                values = table[0] if len(table) == 1 else [row[0] for row in table]
                zero = number(Rational(0))
                size = range(len(values))
                return [[values[i] if i == j else zero for j in size] for i in size]
            case Diagonal():
                table = go(node.args[1])
                values = [row[i] for i, row in enumerate(table)]
                return [values] if node.axis else [[v] for v in values]
            case Inner():
                products = _each(lambda a, b: a * b, *map(go, node.args))
                terms = [v for row in products for v in row]
                return [[sum(terms[1:], terms[0])]]
            case Slice():
                table, (start, stop) = go(node.operand), map(int, node.args[2:])
                return [row[start:stop] for row in table] if node.axis else table[start:stop]
            case Eye():
                one, zero = number(Rational(1)), number(Rational(0))
                size = range(int(node.args[0]))
                return [[one if i == j else zero for j in size] for i in size]
            case Filled():
                value = number(Rational(node.args[0]))
                return [[value] * int(node.args[2]) for _ in range(int(node.args[1]))]
            case Size():
                return [[number(Rational(node.args[0]))]]
            case TimeSum():
                steps = range(int(node.args[1]), int(node.args[2]) + 1)
                return _fold(
                    lambda a, b: a + b, [go(at_time(node.operand, Integer(n))) for n in steps]
                )
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
        return ELEMENTWISE[name].symbol(*arguments)

    return entries(expr, leaf, call, lambda value: value)
