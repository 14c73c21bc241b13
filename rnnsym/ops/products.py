"""Matrix products."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

import sympy
from sympy import Expr, Integer, S

from ..nouns import Quantity, Shape
from ..pieces import TERM, Spelled
from ..scalars import Scalar, Total
from ..scalars import multiplied as side_by_side
from .diagonals import Diag
from .elementwise import Apply, times
from .entries import Compiled, Entering, Entries
from .leaves import Eye, Filled
from .node import Change, Node, Transpose, letter, transpose, transposed
from .rows import RowApply, wide
from .spans import EVERYWHERE, POSITIVE, Span
from .sums import Minus, signed, summed


class MatMul(Node, sympy.MatMul):
    """A matrix product of two or more factors."""

    of_scalars = True
    why = "a product is linear in each factor; an adjoint goes back through the others"

    @classmethod
    def examples(cls) -> tuple[Any, ...]:
        return (
            MatMul(letter("A"), letter("B", "M", "P")),
            MatMul(letter("v", "1"), letter("A", "M", "P")),
        )

    @cached_property
    def shape(self) -> Shape:
        return (self.args[0].shape[0], self.args[-1].shape[1])

    def table(self, e: Entering) -> Compiled:
        factors = [e(a) for a in self.args]

        def product(leaf: Any) -> Entries:
            result = factors[0](leaf)
            for factor in factors[1:]:
                result = e.multiply(result, factor(leaf))
            return result

        return product

    def change(self, d: Any) -> Change:
        """d(A B) = dA B + A dB."""
        parts = []
        for i, factor in enumerate(self.args):
            if inner := d(factor):
                changed = wide(inner.expr, factor.shape)
                whole = matmul([*self.args[:i], changed, *self.args[i + 1 :]])
                parts.append(Change(whole, (*inner.rules, "matrix product")))
        return summed(parts, "product rule")

    def pull(self, outer: Any, p: Any) -> list[Change]:
        """Through A X B the adjoint goes as A^⊤ · B^⊤."""
        outer = wide(outer, self.shape)
        parts: list[Change] = []
        for i, factor in enumerate(self.args):
            if p.holds(factor):
                left = [transpose(a) for a in reversed(self.args[:i])]
                right = [transpose(a) for a in reversed(self.args[i + 1 :])]
                through = matmul([*left, outer, *right])
                parts += p.named("transpose of a product", p(factor, through))
        return parts

    def span(self, of: Callable[[Any], Span]) -> Span:
        positive = all(of(a)[0] >= 0 for a in self.args)
        return POSITIVE if positive else EVERYWHERE

    def spelled(self, s: Any) -> Spelled:
        return s.product(self.args), TERM

    def element(self, e: Any, i: Expr, j: Expr) -> Scalar:
        factors = list(self.args)
        # A diagonal matrix scales the rows or columns beside it, and is not summed over.
        behind: list[Any] = []
        while len(factors) > 1 and isinstance(factors[-1], Diag):
            behind.insert(0, factors.pop().args[0])
        places = [n for n, f in enumerate(factors[:-1]) if not isinstance(f, Diag)]
        letters, deeper = e.sums([factors[n].shape[1] for n in places])
        following = dict(zip(places, letters))
        entries: list[Scalar] = []
        before = i
        for n, factor in enumerate(factors):
            if n < len(factors) - 1 and isinstance(factor, Diag):
                entries.append(deeper(factor.args[0], before, before))
                continue
            after = following.get(n, j)
            entries.append(deeper(factor, before, after))
            before = after
        entries += [deeper(v, j, j) for v in behind]
        result: Scalar = side_by_side(entries)
        for n in reversed(places):
            if (size := factors[n].shape[1]) != 1:
                result = Total(following[n], size, result)
        return result

    def code(self, p: Any) -> str:
        return p.matrix_product(self)

    def cost(self, count: Callable[[Any], Expr]) -> Expr:
        """From left to right, as code computes it."""
        total = super().cost(count)
        for left, right in zip(self.args, self.args[1:]):
            total += self.shape[0] * left.shape[1] * right.shape[1]
        return total

    def mirrored(self, *args: Any) -> Any:
        return MatMul(*reversed(args))

    def transposed(self) -> Any:
        return MatMul(*(transposed(a) for a in reversed(self.args)))

    def flipped(self) -> Any:
        if 1 in self.shape:
            return matmul([transpose(a) for a in reversed(self.args)])
        return Transpose(self)


# --- building ------------------------------------------------------------------------------------


def matmul(args: Iterable[Any]) -> Any:
    """A matrix product; products in it are joined, signs and scalars stand in front."""
    minus, bare = signed(args)
    scalars: list[Any] = []
    flat: list[Any] = []
    for a in bare:
        while isinstance(a, Apply) and a.beside:
            scalars.append(a.operands[0])
            a = a.operands[1]
        if _beside_ones(a):
            a = _with_ones(a.operands[0], a.operands[1], scalars)
        flat += a.args if isinstance(a, MatMul) else (a,)
    factors = [f for f in flat if tuple(f.shape) != (1, 1)]
    factors = _ones_summed([f for f in factors if not isinstance(f, Eye)] or factors[:1])
    scalars += [f for f in flat if tuple(f.shape) == (1, 1)]
    if not factors:
        *scalars, whole = scalars
    else:
        whole = factors[0] if len(factors) == 1 else MatMul(*factors)
    for s in reversed(scalars):
        whole = times(s, whole)
    return Minus(whole) if minus else whole


def _beside_ones(expr: Any) -> bool:
    return isinstance(expr, Apply) and isinstance(expr.operands[-1], Filled) and (
        len(expr.operands) == 2 and expr.operands[0].shape != expr.shape
    )  # fmt: skip


def _with_ones(inner: Any, ones: Filled, scalars: list[Any]) -> Any:
    """What stands beside ones as a product with fewer of them; a 1 × 1 one goes to the scalars."""
    if tuple(inner.shape) == (1, 1):
        scalars.append(inner)
        return ones
    if inner.shape[1] == 1:
        return MatMul(inner, Filled(Integer(1), 1, ones.shape[1]))
    return MatMul(Filled(Integer(1), ones.shape[0], 1), inner)


def _ones_summed(factors: list[Any]) -> list[Any]:
    """1 A is the sums of A's columns, A 1 those of its rows: no product is needed."""
    done: list[Any] = []
    for f in factors:
        before = done[-1] if done else None
        if isinstance(before, Filled) and before.args[0] == 1 and before.shape[0] == 1:
            if f.shape[1] != 1 and isinstance(f, (Quantity, Transpose)):
                done[-1] = transpose(RowApply("sum", S.One, transpose(f)))
                continue
        elif isinstance(f, Filled) and f.args[0] == 1 and f.shape[1] == 1:
            if isinstance(before, (Quantity, Transpose)) and before.shape[0] != 1:
                done[-1] = RowApply("sum", S.One, before)
                continue
        done.append(f)
    return done


__all__ = ["MatMul", "matmul"]
