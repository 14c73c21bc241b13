"""Sums, minus, and sums over the steps."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

import sympy
from sympy import Expr, Integer, Rational

from ..names import t
from ..nouns import Shape
from ..pieces import SUM, TERM, Piece, Pieces, Spelled
from ..scalars import Add, Neg, Scalar
from .entries import Compiled, Entering
from .node import NONE, Change, Node, Transpose, at_time, letter, transpose, transposed, widest
from .spans import Span, total


class MatAdd(Node, sympy.MatAdd):
    """A sum, as wide as its widest term."""

    of_scalars = True
    why = "what stands beside something wider is the same along it, so what comes back is added up"

    @classmethod
    def examples(cls) -> tuple[Any, ...]:
        return (MatAdd(letter("A"), letter("B")), MatAdd(letter("A"), letter("v", "1")))

    @cached_property
    def shape(self) -> Shape:
        return widest(a.shape for a in self.args)

    def table(self, e: Entering) -> Compiled:
        return e.added(self.args)

    def change(self, d: Any) -> Change:
        return summed([d(a) for a in self.args], "sum")

    def pull(self, outer: Any, p: Any) -> list[Change]:
        return [part for a in self.args for part in p(a, outer, self.shape)]

    def span(self, of: Callable[[Any], Span]) -> Span:
        return total(map(of, self.args))

    def spelled(self, s: Any) -> Spelled:
        pieces: Pieces = []
        for i, term in enumerate(self.args):
            minus = isinstance(term, Minus)
            if i:
                pieces.append(Piece(f" {'-' if minus else '+'} ", 2.4, 0))
            elif minus:
                pieces.append(Piece(s.minus, 1.5))
            pieces += s.expr(term.args[0] if minus else term, TERM)
        return pieces, SUM

    def element(self, e: Any, i: Expr, j: Expr) -> Scalar:
        return Add(tuple(e(a, i, j) for a in self.args))

    def code(self, p: Any) -> str:
        text = ""
        for i, term in enumerate(self.args):
            minus = isinstance(term, Minus)
            bare = term.args[0] if minus else term
            # A sum in a sum keeps its parentheses, as on paper.
            loose = isinstance(bare, (MatAdd, Minus))
            part = p.beside(bare, self)
            part = f"({part})" if loose else part
            sign = "-" if minus else "+"
            text += f" {sign} {part}" if i else (f"-{part}" if minus else part)
        return text

    def transposed(self) -> Any:
        return MatAdd(*map(transposed, self.args)) if alike(self.args) else Transpose(self)


class Minus(Node):
    """−X, kept as written."""

    of_scalars = True
    why = "a sign is a factor"

    @classmethod
    def examples(cls) -> tuple[Any, ...]:
        return (Minus(letter("A")),)

    @cached_property
    def shape(self) -> Shape:
        return self.args[0].shape

    def table(self, e: Entering) -> Compiled:
        return e.each(operator.neg, self.args)

    def change(self, d: Any) -> Change:
        inner = d(self.args[0])
        return Change(negated(inner.expr), inner.rules) if inner else NONE

    def pull(self, outer: Any, p: Any) -> list[Change]:
        return p(self.args[0], negated(outer))

    def span(self, of: Callable[[Any], Span]) -> Span:
        low, high = of(self.args[0])
        return -high, -low

    def spelled(self, s: Any) -> Spelled:
        return [Piece(s.minus, 1.5), *s.expr(self.args[0], TERM)], SUM

    def element(self, e: Any, i: Expr, j: Expr) -> Scalar:
        return Neg(e(self.args[0], i, j))

    def code(self, p: Any) -> str:
        inner = self.args[0]
        text = p.text(inner)
        return f"-({text})" if isinstance(inner, (MatAdd, Minus)) else f"-{text}"

    def transposed(self) -> Any:
        return Minus(transposed(self.args[0]))

    def flipped(self) -> Any:
        return negated(transpose(self.args[0]))


class TimeSum(Node):
    """The sum of an expression over t: `TimeSum(X, 1, T)`; it binds the t inside."""

    @property
    def operand(self) -> Any:
        return self.args[0]

    @property
    def free_symbols(self) -> set[Any]:
        return set().union(*(a.free_symbols for a in self.args)) - {t}

    def _eval_subs(self, old: Any, new: Any) -> Any:
        return self if old == t else None

    @cached_property
    def shape(self) -> Shape:
        return self.args[0].shape

    def table(self, e: Entering) -> Compiled:
        steps = range(int(self.args[1]), int(self.args[2]) + 1)
        if not steps:  # nothing is added up
            rows, cols = map(int, self.shape)
            zero = e.number(Rational(0))
            return lambda leaf: [[zero] * cols for _ in range(rows)]
        return e.added(at_time(self.operand, Integer(n)) for n in steps)

    def change(self, d: Any) -> Change:
        """The change of a sum is the sum of the changes."""
        inner = d(self.operand)
        return Change(TimeSum(inner.expr, *self.args[1:]), inner.rules) if inner else NONE

    def pull(self, outer: Any, p: Any) -> list[Change]:
        """Of one step: it reads the change of that step in its own term alone."""
        return p(self.operand, outer)

    def spelled(self, s: Any) -> Spelled:
        lower, upper = self.args[1:]
        head = Piece(f"{s.sum_sign}_{{t={lower}}}^{{{upper}}} ", 3)
        return [head, *s.expr(self.operand, TERM)], TERM

    def code(self, p: Any) -> str:
        return p.reduced(self.operand)

    def transposed(self) -> Any:
        return TimeSum(transposed(self.operand), *self.args[1:])


def alike(operands: Iterable[Any]) -> bool:
    """Whether all have one shape: a column beside a whole matrix would lose an axis in code."""
    return len({tuple(a.shape) for a in operands if tuple(a.shape) != (1, 1)}) <= 1


def negated(expr: Any) -> Any:
    """−A, without a double sign."""
    return expr.args[0] if isinstance(expr, Minus) else Minus(expr)


def add(terms: Iterable[Any]) -> Any:
    """The sum of terms; sums in it are joined."""
    flat = [a for term in terms for a in (term.args if isinstance(term, MatAdd) else (term,))]
    return flat[0] if len(flat) == 1 else MatAdd(*flat)


def summed(changes: Iterable[Change], rule: str) -> Change:
    """d(A + B) = dA + dB."""
    parts = [c for c in changes if c]
    if not parts:
        return NONE
    rules = tuple(dict.fromkeys([r for c in parts for r in c.rules] + [rule] * (len(parts) > 1)))
    return Change(add(c.expr for c in parts), rules)


def signed(args: Iterable[Any]) -> tuple[bool, list[Any]]:
    """The sign of a product, and its factors without signs."""
    minus, bare = False, []
    for a in args:
        if isinstance(a, Minus):
            minus, a = not minus, a.args[0]
        bare.append(a)
    return minus, bare


__all__ = ["MatAdd", "Minus", "TimeSum", "add", "alike", "negated", "signed", "summed"]
