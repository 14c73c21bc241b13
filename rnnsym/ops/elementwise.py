"""What is done entry by entry: the functions of the table, ⊙, / and powers. Operands broadcast."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from functools import cached_property, partial
from typing import Any

from sympy import Expr

from ..nouns import Quantity, Shape
from ..pieces import ATOM, TERM, Spelled
from ..scalars import Call, Div, Pow, Scalar
from ..scalars import multiplied as side_by_side
from .entries import Compiled, Entering
from .functions import ELEMENTWISE, Elementwise
from .leaves import Number, is_number
from .margins import Margin, branches_of, domain_of, power_domain
from .node import Change, Node, Transpose, letter, transpose, transposed, widest
from .spans import EVERYWHERE, POSITIVE, Span, inverse, of_function, product
from .sums import Minus, add, alike, negated, signed, summed

#: The signs: a product, a quotient, a power; a product is also written side by side, as `2 x_t`.
PRODUCT, QUOTIENT, POWER, BESIDE = "⊙", "/", "^", " "


class Apply(Node):
    """An elementwise function of matrices, or a sign: `Apply("tanh", X)`, `Apply("⊙", A, B)`.

    `Apply(" ", s, X)` is the same as `Apply("⊙", s, X)`, and written side by side.
    """

    of_scalars = True
    why = (
        "what is done entry by entry changes entry by entry: each change is multiplied by the slope"
    )

    @classmethod
    def examples(cls) -> tuple[Any, ...]:
        a, b, s, n = letter("A"), letter("B"), letter("s", "1", "1"), letter("n", "1", "1")
        signs = (
            Apply(PRODUCT, a, b), Apply(BESIDE, s, a), Apply(QUOTIENT, a, b),
            Apply(POWER, a, Number("3")), Apply(POWER, a, n),
        )  # fmt: skip
        return (*signs, *map(cls._example_of, (e for e in ELEMENTWISE if "'" not in e)))

    @staticmethod
    def _example_of(name: str) -> Apply:
        letters = (letter(n) for n in "AB"[: ELEMENTWISE[name].required])
        return Apply(name, *letters)

    @property
    def name_(self) -> str:
        name = self.args[0].name
        return PRODUCT if name == BESIDE else name

    @property
    def beside(self) -> bool:
        """Whether it is a product that is written side by side."""
        return self.args[0].name == BESIDE

    @property
    def entry(self) -> Elementwise | None:
        """The function's entry in the table; None for a sign."""
        return ELEMENTWISE.get(self.args[0].name)

    @property
    def named(self) -> bool:
        return self.entry is not None

    def _hashable_content(self) -> tuple[Any, ...]:
        # How a product is written makes it no other product.
        return (self.name_, *self.args[1:])

    @cached_property
    def operands(self) -> tuple[Any, ...]:
        return self.args[1:]

    @cached_property
    def shape(self) -> Shape:
        return widest(a.shape for a in self.args[1:])

    def table(self, e: Entering) -> Compiled:
        if self.name_ == PRODUCT:
            return e.fold(operator.mul, self.operands)
        return e.each(partial(e.call, self.name_), self.operands)

    # --- the calculus

    def change(self, d: Any) -> Change:
        match self.name_:
            case "⊙":
                return self._product_rule(d)
            case "/":
                return self._quotient_rule(d)
            case "^":
                return self._power_rule(d)
        return self._chain_rule(d)

    def _chain_rule(self, d: Any) -> Change:
        """d f(A) = f'(A) ⊙ dA."""
        if self.name_.endswith("'"):  # a slope that has a name changes as its formula does
            return d(d.written_out(self))
        parts = []
        for i, operand in enumerate(self.operands):
            inner = d(operand)
            factor = d.slope(self, i) if inner else None
            if factor is not None:
                whole = times_slope(inner.expr, factor)
                parts.append(Change(whole, (*inner.rules, "chain rule")))
        return summed(parts, "sum")

    def _product_rule(self, d: Any) -> Change:
        """d(A ⊙ B) = dA ⊙ B + A ⊙ dB."""
        rule = "scalar multiple" if self.beside else "elementwise product"
        parts = []
        for i, operand in enumerate(self.operands):
            if inner := d(operand):
                args = [*self.operands[:i], inner.expr, *self.operands[i + 1 :]]
                whole = scale(*args) if self.beside else hadamard(args)
                parts.append(Change(whole, (*inner.rules, rule)))
        return summed(parts, "product rule")

    def _quotient_rule(self, d: Any) -> Change:
        """d(A / B) = dA / B − (A / B) ⊙ dB / B."""
        above, below = self.operands
        parts = []
        if inner := d(above):
            parts.append(Change(divided(inner.expr, below), (*inner.rules, "quotient")))
        if inner := d(below):
            whole = divided(hadamard([inner.expr, d.whole(self)]), below)
            parts.append(Change(negated(whole), ("quotient",)))
        return summed(parts, "quotient rule")

    def _power_rule(self, d: Any) -> Change:
        """d(A^n) = n A^(n−1) ⊙ dA + A^n ⊙ log(A) ⊙ dn."""
        base, exponent = self.operands
        parts = []
        if not is_number(exponent, 0) and (inner := d(base)):  # A^0 is 1 wherever A is
            parts.append(Change(hadamard([inner.expr, power_slope(base, exponent)]), ("power",)))
        if inner := d(exponent):
            factors = [inner.expr, d.whole(self), Apply("log", base)]
            parts.append(Change(hadamard(factors), ("power",)))
        return summed(parts, "sum")

    def pull(self, outer: Any, p: Any) -> list[Change]:
        if self.name_ == QUOTIENT:
            return self._pull_quotient(outer, p)
        parts: list[Change] = []
        for i, operand in enumerate(self.operands):
            if not p.holds(operand):
                continue
            rest = [*self.operands[:i], *self.operands[i + 1 :]]
            if self.beside and i == 0:
                back = p.inner(outer, rest[0], self.shape)
                parts += p.named("inner product", p(operand, back, operand.shape))
            elif self.beside:
                parts += p.named("scalar multiple", p(operand, scale(rest[0], outer), self.shape))
            else:
                parts += p.named("elementwise", p(operand, hadamard([outer, *rest]), self.shape))
        return parts

    def _pull_quotient(self, outer: Any, p: Any) -> list[Change]:
        above, below = self.operands
        if below.shape != self.shape and p.sums_rows(above):
            # One divisor for a whole row: sums over the row do not see it, so it may wait.
            parts = p(above, outer, self.shape)
            rules = dict.fromkeys(r for part in parts for r in part.rules)
            whole = divided(add(part.expr for part in parts), below)
            return [Change(whole, ("quotient", *rules))]
        return p.named("quotient", p(above, divided(outer, below), self.shape))

    # --- its values

    def span(self, of: Callable[[Any], Span]) -> Span:
        spans = [of(a) for a in self.operands]
        match self.name_:
            case "⊙":
                square = len(set(self.operands)) == 1 and len(self.operands) % 2 == 0
                return POSITIVE if square else product(spans)
            case "/":
                by = inverse(spans[1])
                return EVERYWHERE if by == EVERYWHERE else product([spans[0], by])
            case "^":
                exponent = self.operands[1]
                even = isinstance(exponent, Number) and exponent.value % 2 == 0
                return POSITIVE if even else EVERYWHERE
        return of_function(self.name_, spans)

    # --- how it is written

    def spelled(self, s: Any) -> Spelled:
        if self.beside:
            return s.scaled(*self.operands), TERM
        match self.name_:
            case "⊙":
                return s.elementwise(self.operands), TERM
            case "/":
                return s.divide(*self.operands)
            case "^":
                return s.power(self)
        return s.apply(self), ATOM

    def element(self, e: Any, i: Expr, j: Expr) -> Scalar:
        entries = [e(a, i, j) for a in self.operands]
        match self.name_:
            case "⊙":
                return side_by_side(entries)
            case "/":
                return Div(*entries)
            case "^":
                return Pow(*entries)
        return Call(self.name_, tuple(entries))

    def code(self, p: Any) -> str:
        match self.name_:
            case "⊙":
                return p.product_of_elements(self)
            case "/":
                return " / ".join(p.operand_beside(a, self) for a in self.operands)
            case "^":
                return p.power(self)
        return p.function(self)

    def branches(self) -> tuple[Margin, ...]:
        return branches_of(self.name_, len(self.operands)) if self.named else ()

    def domain(self) -> tuple[Margin, ...]:
        if self.named:
            return domain_of(self.name_, len(self.operands))
        if self.name_ == QUOTIENT:
            return (Margin("b", lambda a, b: b, "≠"),)
        relation = power_domain(_exponent(self.operands[1])) if self.name_ == POWER else ""
        return (Margin("a", lambda a, b: a, relation),) if relation else ()

    # --- its transpose

    def transposed(self) -> Any:
        if self.beside:
            return Apply(BESIDE, self.operands[0], transposed(self.operands[1]))
        if not alike(self.operands):
            return Transpose(self)
        return Apply(self.args[0], *map(transposed, self.operands))

    def flipped(self) -> Any:
        if self.beside and tuple(self.operands[0].shape) == (1, 1):
            return Apply(BESIDE, self.operands[0], transpose(self.operands[1]))
        return Transpose(self)


def is_sign(expr: Any, sign: str) -> bool:
    """Whether an expression is a product, a quotient or a power of elements."""
    return isinstance(expr, Apply) and expr.name_ == sign


def is_function(expr: Any) -> bool:
    """Whether an expression is a function of the table, applied."""
    return isinstance(expr, Apply) and expr.entry is not None


def is_scalar(expr: Any) -> bool:
    """Whether an expression is made of numbers and 1 × 1 quantities alone, as the language asks."""
    if isinstance(expr, Quantity):
        return tuple(expr.shape) == (1, 1)
    return expr.of_scalars and all(map(is_scalar, expr.operands))


# --- building, with as few signs and parentheses as a person would write -------------------------


def hadamard(args: Iterable[Any]) -> Any:
    """An elementwise product; products in it are joined, signs stand in front."""
    minus, bare = signed(args)
    flat = [f for a in bare for f in (a.operands if _written_out(a) else (a,))]
    whole = flat[0] if len(flat) == 1 else Apply(PRODUCT, *flat)
    return Minus(whole) if minus else whole


def _written_out(expr: Any) -> bool:
    return isinstance(expr, Apply) and expr.args[0].name == PRODUCT


def divided(expr: Any, by: Any) -> Any:
    """A / B, a sign of A in front."""
    if isinstance(expr, Minus):
        return negated(divided(expr.args[0], by))
    return Apply(QUOTIENT, expr, by)


def scale(factor: Any, other: Any) -> Any:
    """A scalar times a matrix, side by side, signs in front."""
    minus, (factor, other) = signed((factor, other))
    whole = Apply(BESIDE, factor, other)
    return Minus(whole) if minus else whole


def times(factor: Any, other: Any) -> Any:
    """A 1 × 1 matrix times another: written side by side only if it is a scalar by itself."""
    return scale(factor, other) if is_scalar(factor) else hadamard([factor, other])


def times_slope(inner: Any, factor: Any) -> Any:
    """dA ⊙ f'(A); a slope 1 / B divides."""
    if is_sign(factor, QUOTIENT) and is_number(factor.operands[0], 1):
        return Apply(QUOTIENT, inner, factor.operands[1])
    if isinstance(factor, Minus):
        return negated(times_slope(inner, factor.args[0]))
    return inner if is_number(factor, 1) else hadamard([inner, factor])


def _exponent(expr: Any) -> Any:
    """An exponent as a number, or None."""
    minus = isinstance(expr, Minus)
    number = expr.args[0] if minus else expr
    if not isinstance(number, Number):
        return None
    return -number.value if minus else number.value


def power_slope(base: Any, exponent: Any) -> Any:
    """n A^(n−1), entry by entry."""
    value = _exponent(exponent)
    if value is None:
        return hadamard([exponent, Apply(POWER, base, add([exponent, Minus(Number("1"))]))])
    if value == 1:
        return Number("1")
    number = exponent.args[0] if value < 0 else exponent
    if value == 2:
        slope: Any = scale(number, base)
    else:
        power = Number(_plain(abs(value - 1)))
        slope = scale(number, Apply(POWER, base, Minus(power) if value < 1 else power))
    return negated(slope) if value < 0 else slope


def _plain(value: Any) -> str:
    return str(value) if value.is_Integer else str(value.evalf(25)).rstrip("0")


__all__ = [
    "BESIDE", "POWER", "PRODUCT", "QUOTIENT", "Apply", "divided", "hadamard", "is_function",
    "is_scalar", "is_sign", "power_slope", "scale", "times", "times_slope",
]  # fmt: skip
