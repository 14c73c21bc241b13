"""Diagonal matrices, and the diagonal of a matrix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sympy import Expr, Integer, Rational, S

from ..nouns import Shape
from ..scalars import Scalar
from .entries import Compiled, Entering, Entries
from .node import NONE, Change, Node
from .rows import wide
from .sums import Minus


class Diag(Node):
    """A row (or column) vector as the diagonal of a square matrix."""

    call = "diag"
    signature = "(1, M) -> (M, M)"
    why = "what stands beside the diagonal does not change"

    @property
    def shape(self) -> Shape:
        rows, cols = self.args[0].shape
        size = cols if rows == 1 else rows
        return (size, size)

    def table(self, e: Entering) -> Compiled:
        vector, zero = e(self.args[0]), e.number(Rational(0))

        def diagonal_matrix(leaf: Any) -> Entries:
            table = vector(leaf)
            values = table[0] if len(table) == 1 else [row[0] for row in table]
            size = range(len(values))
            return [[values[i] if i == j else zero for j in size] for i in size]

        return diagonal_matrix

    def change(self, d: Any) -> Change:
        """d diag(v) = diag(dv)."""
        if not (inner := d(self.args[0])):
            return NONE
        return Change(Diag(wide(inner.expr, self.args[0].shape)), (*inner.rules, "diagonal matrix"))

    def pull(self, outer: Any, p: Any) -> list[Change]:
        row = Integer(int(self.args[0].shape[0] == 1))
        return p.named("diagonal", p(self.args[0], Diagonal(row, wide(outer, self.shape))))

    def element(self, e: Any, i: Expr, j: Expr) -> Scalar:
        return e.where_equal(i, j, e(self.args[0], i, i))

    def code(self, p: Any) -> str:
        return p.diagonal_matrix(self.args[0])

    def transposed(self) -> Any:
        return self

    flipped = transposed


class Diagonal(Node):
    """The diagonal of a square matrix as a row (`axis` 1) or column (0): `Diagonal(axis, X)`."""

    call = "diagonal"
    signature = "(M, M) -> (1, M)"
    why = "nothing but the diagonal is read"

    @classmethod
    def called(cls, *operands: Any) -> Node:
        return cls(Integer(1), *operands)

    @property
    def axis(self) -> int:
        return int(self.args[0])

    @property
    def shape(self) -> Shape:
        size = self.args[1].shape[0]
        return (S.One, size) if self.axis else (size, S.One)

    def table(self, e: Entering) -> Compiled:
        square, axis = e(self.args[1]), self.axis

        def diagonal(leaf: Any) -> Entries:
            values = [row[i] for i, row in enumerate(square(leaf))]
            return [values] if axis else [[v] for v in values]

        return diagonal

    def change(self, d: Any) -> Change:
        """d diagonal(A) = diagonal(dA)."""
        if not (inner := d(self.args[1])):
            return NONE
        whole = Diagonal(self.args[0], wide(inner.expr, self.args[1].shape))
        return Change(whole, (*inner.rules, "diagonal"))

    def pull(self, outer: Any, p: Any) -> list[Change]:
        return p.named("diagonal", p(self.args[1], Diag(wide(outer, self.shape))))

    def element(self, e: Any, i: Expr, j: Expr) -> Scalar:
        place = j if self.axis else i
        return e(self.args[1], place, place)

    def code(self, p: Any) -> str:
        return p.diagonal_of(self.args[1])

    def cost(self, count: Callable[[Any], Expr]) -> Expr:
        """Of an outer product only the diagonal is computed."""
        inner = self.args[1].args[0] if isinstance(self.args[1], Minus) else self.args[1]
        outer = inner.is_MatMul and len(inner.args) == 2 and inner.args[0].shape[1] == 1
        return Integer(0) if outer else super().cost(count)

    def mirrored(self, *args: Any) -> Any:
        return Diagonal(1 - self.axis, args[1])


__all__ = ["Diag", "Diagonal"]
