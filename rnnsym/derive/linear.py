"""The matrix of a linear change of row vectors: how a Jacobian is read off a differential."""

from __future__ import annotations

from typing import Any

from sympy import HadamardProduct, Integer, MatAdd, S, Transpose

from ..algebra.nodes import (
    Concat,
    Diag,
    Divide,
    Eye,
    Filled,
    MatMul,
    Number,
    RowApply,
    Scale,
    Size,
    Spread,
    is_negative,
    negative,
)
from ..nouns import Quantity
from .differentials import add, contains, hadamard, is_scalar, matmul, negated, scale, transpose


class NoMatrix(Exception):
    """The change is of a matrix, so it has no Jacobian matrix."""


#: The identity: it is left out of products.
ONE = "identity"


def matrix_of(linear: Any, of: Quantity) -> Any:
    """The matrix J with d = d_of J, for a linear change between row vectors.

    Args:
        linear: a linear expression of changes, a row vector.
        of: the change of a row vector.

    Returns:
        A matrix expression with a row for each entry of `of`; None if `of` does not stand in the
        expression.

    Raises:
        NoMatrix: where a matrix changes.
    """
    if linear.shape[0] != 1 or of.shape[0] != 1:
        raise NoMatrix
    found = _matrix(linear, of)
    return identity(of.shape[1]) if found is ONE else found


def identity(width: Any) -> Any:
    """The identity matrix; of size 1 it is a number."""
    return Number("1") if width == 1 else Eye(width)


def _ones(rows: Any, cols: Any) -> Any:
    return Number("1") if (rows, cols) == (1, 1) else Filled(Integer(1), rows, cols)


def _to_column(matrix: Any, width: Any) -> Any:
    """M 1^⊤, the sums of the rows of a matrix: of diag(v) it is v^⊤."""
    if isinstance(matrix, Diag) and matrix.args[0].shape[0] == 1:
        return transpose(matrix.args[0])
    ones = _ones(width, S.One)
    return ones if isinstance(matrix, Eye) else matmul([matrix, ones])


def _matrix(linear: Any, of: Quantity) -> Any:
    if linear == of:
        return ONE
    if not contains(linear, of):
        return None
    if linear.shape[0] != 1:
        raise NoMatrix
    width = of.shape[1]
    match linear:
        case MatAdd():
            parts = [m for m in (_matrix(a, of) for a in linear.args) if m is not None]
            return add(identity(width) if m is ONE else m for m in parts)
        case MatMul() if is_negative(linear):
            inner = _matrix(linear.args[1], of)
            return negative(identity(width)) if inner is ONE else negated(inner)
        case MatMul():
            first, *rest = linear.args
            if any(contains(f, of) for f in rest):
                if len(rest) == 1 and isinstance(rest[0], Transpose) and not contains(first, of):
                    # a d^⊤ is one number, d a^⊤
                    return _matrix(MatMul(rest[0].args[0], transpose(first)), of)
                raise NoMatrix
            return _times(_matrix(first, of), rest)
        case HadamardProduct():
            return _elementwise(linear, of)
        case Divide():
            above, below = linear.args
            inner = _matrix(above, of)
            if isinstance(below, Spread) and tuple(below.args[0].shape) == (1, 1):
                inner = identity(width) if inner is ONE else inner
                shape = inner.shape
                return Divide(inner, Spread(below.args[0], *shape))
            one = Number("1")
            ones = one if tuple(below.shape) == (1, 1) else Spread(one, *below.shape)
            return _by(inner, Divide(ones, below))
        case Scale():
            factor, other = linear.args
            if contains(factor, of):
                return _times(_matrix(factor, of), [other])
            inner = _matrix(other, of)
            return scale(factor, identity(width) if inner is ONE else inner)
        case Spread():
            return _times(_matrix(linear.args[0], of), [_ones(*linear.shape)])
        case RowApply() if linear.name_ in ("sum", "mean"):
            inner = _matrix(linear.operand, of)
            length = linear.operand.shape[1]
            column = _to_column(identity(length) if inner is ONE else inner, length)
            if linear.name_ == "mean":
                return scale(Divide(Number("1"), Size(length)), column)
            return column
        case Concat() if linear.axis == 1:
            blocks = []
            for part in linear.operands:
                inner = _matrix(part, of)
                if inner is None:
                    inner = Filled(Integer(0), width, part.shape[1])
                blocks.append(identity(width) if inner is ONE else inner)
            return Concat(Integer(1), *blocks)
    raise NoMatrix


def _times(inner: Any, rest: list[Any]) -> Any:
    if inner is ONE:
        return rest[0] if len(rest) == 1 else matmul(rest)
    return matmul([inner, *rest])


def _by(inner: Any, factor: Any) -> Any:
    """d ⊙ b is d diag(b)."""
    if tuple(factor.shape) == (1, 1):
        return scale(factor, inner) if inner is not ONE and is_scalar(factor) else (
            factor if inner is ONE else matmul([inner, factor]))  # fmt: skip
    minus = is_negative(factor)
    diagonal = Diag(factor.args[1] if minus else factor)
    whole = diagonal if inner is ONE else matmul([inner, diagonal])
    return negated(whole) if minus else whole


def _elementwise(linear: HadamardProduct, of: Quantity) -> Any:
    """One factor changes, the others multiply it: spread numbers come out of the row."""
    parts = []
    for i, factor in enumerate(linear.args):
        if not contains(factor, of):
            continue
        rest = [*linear.args[:i], *linear.args[i + 1 :]]
        if any(contains(r, of) for r in rest):
            raise NoMatrix
        bare = factor
        if isinstance(bare, Spread) and tuple(bare.args[0].shape) == (1, 1):
            inner = _matrix(bare.args[0], of)
            parts.append(_times(inner, [hadamard(rest)]))
        else:
            parts.append(_by(_matrix(factor, of), hadamard(rest)))
    return add(parts)
