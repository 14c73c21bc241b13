"""The calculus: how an expression changes, and the transpose of that linear change.

Two questions, which every operation answers for itself (`ops/`). `change` says what a small change
of the quantities in an expression does to it (the product rule, the chain rule, …): it is linear
in the changes. `pull` reads such a linear expression backwards: given ∂L by the whole it gives ∂L
by one of the changes. Backpropagation is the second question put to the answer of the first;
forward mode is the first alone; a Jacobian is the matrix of the linear map.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from sympy import Integer, MatrixExpr, S

from ..nouns import Quantity
from ..ops.elementwise import PRODUCT, Apply, hadamard, is_sign, scale
from ..ops.inner import inner
from ..ops.leaves import Number, Size
from ..ops.node import NONE, Change, contains, transpose
from ..ops.products import MatMul
from ..ops.rows import RowApply
from ..ops.sums import Minus, add, negated, signed
from .slopes import slope, written_out

#: The change of a quantity, or None if it does not change.
Changes = Callable[[Quantity], Quantity | None]


class Changing:
    """What an operation asks: how an operand changes, the slope of a function, its own value."""

    def __init__(self, of: Changes, value: MatrixExpr | None = None) -> None:
        self.of = of
        self.value = value

    @cached_property
    def inside(self) -> Changing:
        """The same for operands, whose values have no name."""
        return self if self.value is None else Changing(self.of)

    def __call__(self, expr: MatrixExpr) -> Change:
        if isinstance(expr, Quantity):
            moved = self.of(expr)
            return NONE if moved is None else Change(moved)
        return expr.change(self.inside)

    def whole(self, expr: MatrixExpr) -> MatrixExpr:
        """The value of the expression that is asked: the name that it was given, or itself."""
        return expr if self.value is None else self.value

    def slope(self, expr: Any, argument: int) -> MatrixExpr | None:
        """The slope of a function in one of its arguments; None where it is zero everywhere."""
        return slope(expr, argument, self.whole(expr))

    def written_out(self, expr: Any) -> MatrixExpr:
        """The formula of a slope that has a name, gelu'."""
        name = expr.name_.rstrip("'")
        argument = len(expr.name_) - len(name) - 1
        return written_out(name, argument, expr.operands, Apply(name, *expr.operands))


def change(expr: MatrixExpr, of: Changes, value: MatrixExpr | None = None) -> Change:
    """What a change of its quantities does to an expression, to first order.

    Args:
        expr: the expression.
        of: the change of each quantity.
        value: a name for the value of the whole expression, in which slopes are written.

    Returns:
        The change, linear in the changes; it is false where nothing changes. Where it is narrower
        than the expression it is the same along that side.

    Raises:
        InputError: for a function whose slope is not known.
    """
    if isinstance(expr, Quantity):
        return Changing(of)(expr)
    return expr.change(Changing(of, value))


class Pulling:
    """The walk back through a linear expression of changes, towards one of them."""

    def __init__(self, of: Quantity) -> None:
        self.of = of

    def holds(self, expr: Any) -> bool:
        """Whether the change stands in an expression."""
        return contains(expr, self.of)

    def __call__(self, linear: Any, outer: Any, shape: Any = None) -> list[Change]:
        """What comes back through a linear expression.

        Args:
            linear: the expression.
            outer: ∂L by it; it may be narrower where it is the same along a side.
            shape: that of what `outer` is the derivative by, if not that of `linear`: where
                `linear` is narrower it was broadcast, and what comes back is added up.
        """
        if not self.holds(linear):
            return []
        if shape is not None:
            outer = collected(outer, shape, linear.shape)
        return [Change(outer)] if linear == self.of else linear.pull(outer, self)

    @staticmethod
    def named(rule: str, parts: list[Change]) -> list[Change]:
        """Parts that came by a rule."""
        return [Change(p.expr, (rule, *p.rules)) for p in parts]

    def inner(self, outer: Any, other: Any, shape: Any) -> Any:
        """Σ G_ij B_ij over a shape: what comes back to the number in s B."""
        if tuple(outer.shape) == tuple(other.shape):
            return inner(outer, other)
        return collected(hadamard([outer, other]), shape, (S.One, S.One))

    def sums_rows(self, expr: Any) -> bool:
        """Whether a function of a row stands in an expression."""
        if isinstance(expr, RowApply):
            return True
        return any(self.sums_rows(a) for a in getattr(expr, "operands", ()))


def pull(linear: MatrixExpr, outer: MatrixExpr, of: Quantity) -> list[Change]:
    """∂L by one change, through a linear expression of changes.

    Args:
        linear: the change of an equation, from `change`.
        outer: ∂L by the left side of that equation, of its shape.
        of: the change that is asked for.

    Returns:
        Parts whose sum is ∂L by `of`, each with the rules on the way; none if it is not in it.
    """
    return Pulling(of)(linear, outer, outer.shape)


def collected(outer: Any, shape: Any, to: Any) -> Any:
    """The transpose of broadcasting is adding up, along each side that was broadcast."""
    if isinstance(outer, Minus):
        return negated(collected(outer.args[0], shape, to))
    if is_sign(outer, PRODUCT) and tuple(to) == (1, 1) and 1 not in outer.shape:
        first, *others = outer.operands
        rest = hadamard(others)
        if first.shape == rest.shape:  # what is narrower is added up as often as it stands
            return inner(first, rest)
    for axis in (1, 0):
        if to[axis] == 1 and shape[axis] != 1:
            outer = _added_up(outer, axis, shape[axis])
    return outer


def _added_up(outer: Any, axis: int, size: Any) -> Any:
    if outer.shape[axis] == 1:  # the same everywhere
        count = Number(str(size)) if isinstance(size, Integer) else Size(size)
        return scale(count, outer)
    return _row_sum(outer) if axis else transpose(_row_sum(transpose(outer)))


def _row_sum(expr: Any) -> Any:
    if is_sign(expr, PRODUCT) and expr.shape[0] == 1 and len(expr.operands) == 2:
        one, two = expr.operands
        if one.shape == two.shape:
            return MatMul(one, transpose(two))  # Σ a_j b_j = a b^⊤
    return RowApply("sum", S.One, expr)


def common_factor(terms: list[Any]) -> Any:
    """The sum of terms, an elementwise factor of all of them in front of it."""
    if len(terms) < 2:
        return add(terms)
    rows = []
    for term in terms:
        minus, (bare,) = signed([term])
        if not is_sign(bare, PRODUCT) or bare.beside:
            return add(terms)
        rows.append((minus, list(bare.operands)))
    shared = [f for f in rows[0][1] if all(f in factors for _, factors in rows)]
    if not shared:
        return add(terms)
    rest = []
    for minus, factors in rows:
        left = list(factors)
        for f in shared:
            left.remove(f)
        if not left:
            return add(terms)
        inside = hadamard(left)
        rest.append(negated(inside) if minus else inside)
    if isinstance(rest[0], Minus):
        positive = [r for r in rest if not isinstance(r, Minus)]
        rest = positive + [r for r in rest if isinstance(r, Minus)]
    if isinstance(rest[0], Minus):
        return negated(hadamard([*shared, add(map(negated, rest))]))
    return hadamard([*shared, add(rest)])
