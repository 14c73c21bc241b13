"""The matrix of a linear change of row vectors: how a Jacobian is read off a differential."""

from __future__ import annotations

from typing import Any

from sympy import Integer, S

from ..nouns import Quantity
from ..ops.diagonals import Diag
from ..ops.elementwise import QUOTIENT, Apply, hadamard, is_scalar, scale, times
from ..ops.joins import Concat
from ..ops.leaves import Eye, Filled, Number, Size
from ..ops.node import Transpose, contains, transpose
from ..ops.products import MatMul, matmul
from ..ops.rows import RowApply
from ..ops.sums import MatAdd, Minus, add, negated


class NoMatrix(Exception):
    """The change is of a matrix, so it has no Jacobian matrix."""


#: The identity: it is left out of products.
ONE = "identity"


def matrix_of(linear: Any, of: Quantity, shape: Any) -> Any:
    """The matrix J with d = d_of J, for a linear change between row vectors.

    Args:
        linear: a linear expression of changes, a row vector, or one number for all of it.
        of: the change of a row vector.
        shape: of the row vector that changes so.

    Returns:
        A matrix expression with a row for each entry of `of`; None if `of` does not stand in the
        expression.

    Raises:
        NoMatrix: where a matrix changes.
    """
    if shape[0] != 1 or of.shape[0] != 1:
        raise NoMatrix
    found = _matrix(linear, of)
    if found is not None and linear.shape[1] != shape[1]:
        found = _times(found, [_ones(*shape)])
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
            found = (_widened(_matrix(a, of), a, linear) for a in linear.args)
            parts = [m for m in found if m is not None]
            return add(identity(width) if m is ONE else m for m in parts)
        case Minus():
            inner = _matrix(linear.args[0], of)
            return Minus(identity(width)) if inner is ONE else negated(inner)
        case MatMul():
            first, *rest = linear.args
            if any(contains(f, of) for f in rest):
                if len(rest) == 1 and isinstance(rest[0], Transpose) and not contains(first, of):
                    # a d^⊤ is one number, d a^⊤
                    return _matrix(MatMul(rest[0].args[0], transpose(first)), of)
                raise NoMatrix
            return _times(_matrix(first, of), rest)
        case Apply(beside=True):
            factor, other = linear.operands
            if contains(factor, of):
                return _times(_matrix(factor, of), [other])
            inner = _matrix(other, of)
            return scale(factor, identity(width) if inner is ONE else inner)
        case Apply(name_="⊙"):
            return _elementwise(linear, of)
        case Apply(name_="/"):
            above, below = linear.operands
            inner = _widened(_matrix(above, of), above, linear)
            if tuple(below.shape) == (1, 1) != tuple(linear.shape):
                return Apply(QUOTIENT, identity(width) if inner is ONE else inner, below)
            return _by(inner, Apply(QUOTIENT, Number("1"), below), linear.shape[1])
        case RowApply() if linear.name_ in ("sum", "mean"):
            inner = _matrix(linear.operand, of)
            length = linear.operand.shape[1]
            column = _to_column(identity(length) if inner is ONE else inner, length)
            if linear.name_ == "mean":
                return scale(Apply(QUOTIENT, Number("1"), Size(length)), column)
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


def _by(inner: Any, factor: Any, width: Any) -> Any:
    """d ⊙ b is d diag(b), for a row d of some width."""
    if tuple(factor.shape) == (1, 1):
        if width != 1:
            return times(factor, identity(width) if inner is ONE else inner)
        if inner is ONE:
            return factor
        return scale(factor, inner) if is_scalar(factor) else matmul([inner, factor])
    minus = isinstance(factor, Minus)
    diagonal = Diag(factor.args[0] if minus else factor)
    whole = diagonal if inner is ONE else matmul([inner, diagonal])
    return negated(whole) if minus else whole


def _widened(matrix: Any, part: Any, whole: Any) -> Any:
    """The matrix of a part that is one number beside a row: the same for each of its entries."""
    if matrix is None or part.shape == whole.shape:
        return matrix
    return _times(matrix, [_ones(*whole.shape)])


def _elementwise(linear: Apply, of: Quantity) -> Any:
    """One factor changes, the others multiply it: a number that changes scales their row."""
    parts = []
    for i, factor in enumerate(linear.operands):
        if not contains(factor, of):
            continue
        rest = [*linear.operands[:i], *linear.operands[i + 1 :]]
        if any(contains(r, of) for r in rest):
            raise NoMatrix
        if tuple(factor.shape) == (1, 1) != tuple(linear.shape):
            parts.append(_times(_matrix(factor, of), [hadamard(rest)]))
        else:
            parts.append(_by(_matrix(factor, of), hadamard(rest), linear.shape[1]))
    return add(parts)
