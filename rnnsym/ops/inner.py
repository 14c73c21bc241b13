"""The inner product."""

from __future__ import annotations

from typing import Any

from sympy import Expr, S

from ..nouns import Shape
from ..pieces import ATOM, Spelled
from ..scalars import Scalar, Total
from ..scalars import multiplied as side_by_side
from .elementwise import hadamard, times
from .entries import Compiled, Entering, Entries, each
from .node import Change, Node, letter, transpose, widest
from .products import MatMul, matmul
from .rows import wide
from .sums import negated, signed, summed


class Inner(Node):
    """The inner product of two matrices of one shape, Σ A_ij B_ij, a 1 × 1 matrix."""

    of_scalars = True
    why = "every entry is multiplied by the one in its place"

    @classmethod
    def examples(cls) -> tuple[Any, ...]:
        return (Inner(letter("A"), letter("B")),)

    @property
    def shape(self) -> Shape:
        return (S.One, S.One)

    @property
    def inside(self) -> Shape:
        """The shape that is summed over."""
        return widest(a.shape for a in self.args)

    def table(self, e: Entering) -> Compiled:
        one, two = map(e, self.args)

        def inner_product(leaf: Any) -> Entries:
            products = each(lambda a, b: a * b, one(leaf), two(leaf))
            terms = [v for row in products for v in row]
            return [[sum(terms[1:], terms[0])]]

        return inner_product

    def change(self, d: Any) -> Change:
        """d⟨A, B⟩ = ⟨dA, B⟩ + ⟨A, dB⟩."""
        parts = []
        for i, operand in enumerate(self.args):
            if found := d(operand):
                args = [*self.args]
                args[i] = wide(found.expr, operand.shape)
                parts.append(Change(Inner(*args), (*found.rules, "inner product")))
        return summed(parts, "product rule")

    def pull(self, outer: Any, p: Any) -> list[Change]:
        one, two = self.args if p.holds(self.args[0]) else self.args[::-1]
        return p.named("inner product", p(one, times(outer, two), self.inside))

    def spelled(self, s: Any) -> Spelled:
        return s.list_in(s.open_inner, self.args, s.close_inner), ATOM

    def element(self, e: Any, i: Expr, j: Expr) -> Scalar:
        sides = list(self.inside)
        letters, deeper = e.sums(sides)
        result = side_by_side([deeper(a, *letters) for a in self.args])
        for index, size in reversed(list(zip(letters, sides))):
            if size != 1:
                result = Total(index, size, result)
        return result

    def code(self, p: Any) -> str:
        return p.inner_product(self)

    def mirrored(self, *args: Any) -> Any:
        return Inner(*args)


def inner(a: Any, b: Any) -> Any:
    """Σ A_ij B_ij: as a b^⊤ for rows, as k A v^⊤ where B is k^⊤ v."""
    minus, (a, b) = signed((a, b))
    if tuple(a.shape) == (1, 1):
        whole: Any = hadamard([a, b])
    elif a.shape[0] == 1:
        whole = matmul([a, transpose(b)])
    elif isinstance(b, MatMul) and len(b.args) == 2 and b.args[0].shape[1] == 1:
        left, right = b.args
        whole = matmul([transpose(left), a, transpose(right)])
    else:
        whole = Inner(a, b)
    return negated(whole) if minus else whole


__all__ = ["Inner", "inner"]
