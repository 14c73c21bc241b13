"""What has no operands: numbers, sizes, the identity, zeros and ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sympy import Expr, Rational, S

from ..nouns import Shape
from ..pieces import ATOM, Piece, Spelled
from ..scalars import Branch, Cases, Const, Count, Scalar, whole
from .entries import Compiled, Entering
from .node import NONE, Change, Node
from .spans import Span


class Leaf(Node):
    """What never changes."""

    def change(self, d: Any) -> Change:
        return NONE

    def transposed(self) -> Any:
        return self

    flipped = transposed


class Number(Leaf):
    """A decimal number as it was written, a 1 × 1 matrix: `Number("0.5")`."""

    of_scalars = True

    @property
    def text(self) -> str:
        return self.args[0].name

    @property
    def value(self) -> Rational:
        return Rational(self.text)

    @property
    def shape(self) -> Shape:
        return (S.One, S.One)

    def table(self, e: Entering) -> Compiled:
        entry = [[e.number(self.value)]]
        return lambda leaf: entry

    def span(self, of: Callable[[Any], Span]) -> Span:
        return float(self.value), float(self.value)

    def spelled(self, s: Any) -> Spelled:
        return [Piece(self.text, len(self.text))], ATOM

    def element(self, e: Any, i: Expr, j: Expr) -> Scalar:
        return Const(self.text)

    def code(self, p: Any) -> str:
        decimal = "." in self.text or "e" in self.text
        return repr(float(self.value)) if decimal else self.text


class Size(Leaf):
    """A size as a number in a formula, a 1 × 1 matrix: `Size(M)`."""

    of_scalars = True

    @property
    def shape(self) -> Shape:
        return (S.One, S.One)

    def table(self, e: Entering) -> Compiled:
        entry = [[e.number(Rational(self.args[0]))]]
        return lambda leaf: entry

    def spelled(self, s: Any) -> Spelled:
        return [s.size(self.args[0])], ATOM

    def element(self, e: Any, i: Expr, j: Expr) -> Scalar:
        return Count(self.args[0])

    def code(self, p: Any) -> str:
        return p.size(self.args[0])


class Eye(Leaf):
    """The identity matrix of a size: `Eye(M)`."""

    @property
    def shape(self) -> Shape:
        return (self.args[0], self.args[0])

    def table(self, e: Entering) -> Compiled:
        one, zero = e.number(Rational(1)), e.number(Rational(0))
        size = range(int(self.args[0]))
        table = [[one if i == j else zero for j in size] for i in size]
        return lambda leaf: table

    def spelled(self, s: Any) -> Spelled:
        return [s.special("I", str(self.args[0]))], ATOM

    def element(self, e: Any, i: Expr, j: Expr) -> Scalar:
        off = [Branch(whole(0), Count(i), sign, Count(j)) for sign in "<>"]
        return Cases(tuple(off), whole(1))

    def code(self, p: Any) -> str:
        return f"np.eye({p.size(self.args[0])}, dtype={p.dtype})"


class Filled(Leaf):
    """A matrix of zeros or ones, written with its shape: `Filled(0, rows, columns)`."""

    @property
    def shape(self) -> Shape:
        return (self.args[1], self.args[2])

    def table(self, e: Entering) -> Compiled:
        value = e.number(Rational(self.args[0]))
        table = [[value] * int(self.args[2]) for _ in range(int(self.args[1]))]
        return lambda leaf: table

    def spelled(self, s: Any) -> Spelled:
        number, rows, cols = self.args
        return [s.special(str(number), f"{rows}{s.cross}{cols}")], ATOM

    def element(self, e: Any, i: Expr, j: Expr) -> Scalar:
        return whole(int(self.args[0]))

    def code(self, p: Any) -> str:
        word = "ones" if self.args[0] == 1 else "zeros"
        return f"np.{word}(({p.size(self.args[1])}, {p.size(self.args[2])}), {p.dtype})"

    def mirrored(self, *args: Any) -> Any:
        return Filled(args[0], args[2], args[1])

    def transposed(self) -> Any:
        return self.mirrored(*self.args)

    flipped = transposed


def is_number(expr: Any, value: int) -> bool:
    """Whether an expression is a number of that value."""
    return isinstance(expr, Number) and expr.value == value


__all__ = ["Eye", "Filled", "Leaf", "Number", "Size", "is_number"]
