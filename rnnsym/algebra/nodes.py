"""The matrix expressions that SymPy lacks.

Every one is an ordinary SymPy `MatrixExpr` whose arguments rebuild it (`expr.func(*expr.args)`), so
`xreplace` and `subs` work. SymPy's own `MatAdd`, `MatMul`, `HadamardProduct` and `Transpose` are
used beside them, always through the raw constructors, which keep the order in which terms were
written. Shapes are checked by the language, not here: SymPy does not check symbolic ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import sympy
from sympy import (
    HadamardProduct,
    Integer,
    MatAdd,
    MatrixExpr,
    Rational,
    S,
    Transpose,
    sympify,
)
from sympy.core.symbol import Str

from ..names import t
from ..nouns import Quantity, Shape


class MatMul(sympy.MatMul):
    """SymPy's product of matrices; each factor is asked for its shape once.

    SymPy asks the same one for its rows and again for its columns, which takes 2^n steps where n
    products or signs stand in one another.
    """

    @cached_property
    def shape(self) -> Shape:
        matrices = [a for a in self.args if a.is_Matrix]
        first = matrices[0].shape
        return first[0], (first if len(matrices) == 1 else matrices[-1].shape)[1]


class Node(MatrixExpr):
    """Base of our nodes: arguments are SymPy objects, names are `Str`."""

    def __new__(cls, *args: Any) -> Node:
        return super().__new__(cls, *(Str(a) if isinstance(a, str) else sympify(a) for a in args))

    @property
    def shape(self) -> Shape:
        raise TypeError(f"{type(self).__name__} must say its shape")


class Number(Node):
    """A decimal number as it was written, a 1 × 1 matrix: `Number("0.5")`."""

    @property
    def text(self) -> str:
        return self.args[0].name

    @property
    def value(self) -> Rational:
        return Rational(self.text)

    @property
    def shape(self) -> Shape:
        return (S.One, S.One)


class Spread(Node):
    """A matrix one wide, repeated to a shape: `Spread(x, rows, columns)`; it is not printed."""

    @property
    def shape(self) -> Shape:
        return (self.args[1], self.args[2])


class Scale(Node):
    """A scalar times a matrix, written by juxtaposition: `Scale(s, X)`."""

    @property
    def shape(self) -> Shape:
        return self.args[1].shape


class Apply(Node):
    """An elementwise function of matrices of one shape: `Apply("tanh", X)`."""

    @property
    def name_(self) -> str:
        return self.args[0].name

    @property
    def operands(self) -> tuple[MatrixExpr, ...]:
        return self.args[1:]

    @property
    def shape(self) -> Shape:
        return self.args[1].shape


class Divide(Node):
    """Elementwise quotient of two matrices of one shape."""

    @property
    def shape(self) -> Shape:
        return self.args[0].shape


class Power(Node):
    """Elementwise power: base and exponent of one shape."""

    @property
    def shape(self) -> Shape:
        return self.args[0].shape


class Concat(Node):
    """Matrices side by side (`axis` 1) or one below the other (`axis` 0): `Concat(axis, *X)`."""

    @property
    def axis(self) -> int:
        return int(self.args[0])

    @property
    def operands(self) -> tuple[MatrixExpr, ...]:
        return self.args[1:]

    @cached_property
    def shape(self) -> Shape:
        # Each operand is asked once: one that is a concatenation asks its own in turn.
        shapes = [x.shape for x in self.operands]
        total = sum((s[self.axis] for s in shapes), Integer(0))
        return (shapes[0][0], total) if self.axis else (total, shapes[0][1])


class RowApply(Node):
    """A function along an axis: `RowApply("softmax", axis, X, *numbers)`.

    In the row form the axis is the last one (1); the column form is its transpose (0).
    """

    @property
    def name_(self) -> str:
        return self.args[0].name

    @property
    def axis(self) -> int:
        return int(self.args[1])

    @property
    def operand(self) -> MatrixExpr:
        return self.args[2]

    @property
    def options(self) -> tuple[MatrixExpr, ...]:
        return self.args[3:]

    @property
    def shape(self) -> Shape:
        from .functions import ROWS

        rows, cols = self.operand.shape
        if not ROWS[self.name_].reduces:
            return (rows, cols)
        return (rows, S.One) if self.axis else (S.One, cols)


class Diag(Node):
    """A row (or column) vector as the diagonal of a square matrix."""

    @property
    def shape(self) -> Shape:
        rows, cols = self.args[0].shape
        size = cols if rows == 1 else rows
        return (size, size)


class Diagonal(Node):
    """The diagonal of a square matrix as a row (`axis` 1) or column (0): `Diagonal(axis, X)`."""

    @property
    def axis(self) -> int:
        return int(self.args[0])

    @property
    def shape(self) -> Shape:
        size = self.args[1].shape[0]
        return (S.One, size) if self.axis else (size, S.One)


class Inner(Node):
    """The inner product of two matrices of one shape, Σ A_ij B_ij, a 1 × 1 matrix."""

    @property
    def shape(self) -> Shape:
        return (S.One, S.One)


class Slice(Node):
    """Columns (`axis` 1) or rows (0) of a matrix: `Slice(axis, X, start, stop)`, counted from 0."""

    @property
    def axis(self) -> int:
        return int(self.args[0])

    @property
    def operand(self) -> MatrixExpr:
        return self.args[1]

    @property
    def shape(self) -> Shape:
        rows, cols = self.operand.shape
        width = self.args[3] - self.args[2]
        return (rows, width) if self.axis else (width, cols)


class Eye(Node):
    """The identity matrix of a size: `Eye(M)`."""

    @property
    def shape(self) -> Shape:
        return (self.args[0], self.args[0])


class Filled(Node):
    """A matrix of zeros or ones, written with its shape: `Filled(0, rows, columns)`."""

    @property
    def shape(self) -> Shape:
        return (self.args[1], self.args[2])


class Size(Node):
    """A size as a number in a formula, a 1 × 1 matrix: `Size(M)`."""

    @property
    def shape(self) -> Shape:
        return (S.One, S.One)


class TimeSum(Node):
    """The sum of an expression over t: `TimeSum(X, 1, T)`; it binds the t inside."""

    @property
    def operand(self) -> MatrixExpr:
        return self.args[0]

    @property
    def shape(self) -> Shape:
        return self.args[0].shape


def negative(expr: MatrixExpr) -> MatrixExpr:
    """−X, kept as written."""
    return MatMul(S.NegativeOne, expr)


def is_negative(expr: Any) -> bool:
    """Whether an expression is a −X that was written so."""
    return isinstance(expr, MatMul) and len(expr.args) == 2 and expr.args[0] == -1


def replace_quantities(expr: Any, rename: Callable[[Quantity], Any]) -> Any:
    """Rebuild an expression with every quantity replaced, keeping the order of all terms."""
    if isinstance(expr, Quantity):
        return rename(expr)
    if not isinstance(expr, MatrixExpr):
        return expr
    return expr.func(*(replace_quantities(a, rename) for a in expr.args))


def resized(expr: Any, sizes: Mapping[Any, Any]) -> Any:
    """Rebuild an expression with its sizes replaced, keeping the order of all terms."""
    if isinstance(expr, MatrixExpr):
        return expr.func(*(resized(a, sizes) for a in expr.args))
    return expr.xreplace(sizes)


def at_time(expr: Any, time: Any) -> Any:
    """An expression of step t as it stands at another time: t becomes `time` everywhere."""
    return replace_quantities(
        expr, lambda q: q if q.time is None else q.at(q.time.xreplace({t: sympify(time)}))
    )


def transposed_form(expr: Any) -> Any:
    """The same formula in the other convention: every product reversed, every shape swapped.

    Row form and column form are each other's transpose; each symbol then stands for its transpose.
    """
    if isinstance(expr, Quantity):
        label, rows, cols, time = expr.args
        return Quantity(label, cols, rows, time)
    if not isinstance(expr, MatrixExpr):
        return expr
    args = [transposed_form(a) for a in expr.args]
    match expr:
        case MatMul() if not is_negative(expr):
            return MatMul(*reversed(args))
        case Spread():
            return Spread(args[0], args[2], args[1])
        case Concat():
            return Concat(1 - expr.axis, *args[1:])
        case RowApply():
            return RowApply(args[0], 1 - expr.axis, *args[2:])
        case Filled():
            return Filled(args[0], args[2], args[1])
        case Slice() | Diagonal():
            return expr.func(1 - expr.axis, *args[1:])
    return expr.func(*args)


def _alike(operands: Any) -> bool:
    return len({tuple(a.shape) for a in operands}) == 1


def transposed(expr: Any) -> Any:
    """The transpose of an expression, carried inwards to its names where a printer can write it."""
    if expr.shape == (1, 1):
        return expr
    match expr:
        case Transpose():
            return expr.args[0]
        case MatMul() if is_negative(expr):
            return negative(transposed(expr.args[1]))
        case MatMul():
            return MatMul(*(transposed(a) for a in reversed(expr.args)))
        # A column beside a whole matrix, or spread to one: its transpose would lose an axis.
        case MatAdd() | HadamardProduct() | Divide() | Power() if _alike(expr.args):
            return expr.func(*map(transposed, expr.args))
        case Apply() if _alike(expr.operands):
            return Apply(expr.args[0], *map(transposed, expr.operands))
        case Scale():
            return Scale(expr.args[0], transposed(expr.args[1]))
        case Spread() if expr.args[0].shape == (1, 1):
            return Spread(transposed(expr.args[0]), expr.args[2], expr.args[1])
        case Filled():
            return Filled(expr.args[0], expr.args[2], expr.args[1])
        case TimeSum():
            return TimeSum(transposed(expr.operand), *expr.args[1:])
        case Diag() | Eye():
            return expr
    return Transpose(expr)


__all__ = [
    "Apply", "Concat", "Diag", "Diagonal", "Divide", "Eye", "Filled", "HadamardProduct", "Inner",
    "MatAdd", "MatMul", "Number", "Power", "RowApply", "Scale", "Size", "Slice", "Spread",
    "TimeSum", "Transpose", "at_time", "is_negative", "negative", "replace_quantities", "resized",
    "transposed", "transposed_form",
]  # fmt: skip
