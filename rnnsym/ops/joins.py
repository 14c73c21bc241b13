"""Matrices side by side, and a part of one."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from sympy import Expr, Integer

from ..nouns import Shape
from ..pieces import ATOM, Spelled
from ..scalars import Branch, Cases, Count, Scalar
from .entries import Compiled, Entering
from .leaves import Filled
from .node import NONE, Change, Node, letter
from .rows import wide
from .spans import Span, hull


class Concat(Node):
    """Matrices side by side (`axis` 1) or one below the other (`axis` 0): `Concat(axis, *X)`."""

    why = "each part keeps its own columns"

    @classmethod
    def examples(cls) -> tuple[Any, ...]:
        return (Concat(1, letter("A"), letter("B", "K", "P")),)

    @property
    def axis(self) -> int:
        return int(self.args[0])

    @cached_property
    def shape(self) -> Shape:
        shapes = [x.shape for x in self.operands]
        total = sum((s[self.axis] for s in shapes), Integer(0))
        return (shapes[0][0], total) if self.axis else (total, shapes[0][1])

    def table(self, e: Entering) -> Compiled:
        joined = [e(a) for a in self.operands]
        if self.axis == 0:
            return lambda leaf: [row for part in joined for row in part(leaf)]
        return lambda leaf: [
            [v for row in rows for v in row] for rows in zip(*(p(leaf) for p in joined))
        ]

    def change(self, d: Any) -> Change:
        """d[A, B] = [dA, dB]."""
        inner = [d(a) for a in self.operands]
        if not any(inner):
            return NONE
        parts = (
            wide(c.expr, a.shape) if c else Filled(Integer(0), *a.shape)
            for a, c in zip(self.operands, inner)
        )
        return Change(Concat(self.args[0], *parts), ("concatenation",))

    def pull(self, outer: Any, p: Any) -> list[Change]:
        parts: list[Change] = []
        start: Any = Integer(0)
        for operand in self.operands:
            stop = start + operand.shape[self.axis]
            if p.holds(operand):
                part = Slice(self.args[0], wide(outer, self.shape), start, stop)
                parts += p.named("the part of a concatenation", p(operand, part))
            start = stop
        return parts

    def span(self, of: Callable[[Any], Span]) -> Span:
        return hull(map(of, self.operands))

    def spelled(self, s: Any) -> Spelled:
        return s.list_in("[", self.operands, "]", ", " if self.axis else "; "), ATOM

    def element(self, e: Any, i: Expr, j: Expr) -> Scalar:
        axis = self.axis
        branches: list[Branch] = []
        offset: Expr = Integer(0)

        def at(operand: Any) -> Scalar:
            return e(operand, i, j - offset) if axis else e(operand, i - offset, j)

        *first, last = self.operands
        for operand in first:
            value = at(operand)
            offset = offset + operand.shape[axis]
            branches.append(Branch(value, Count(j if axis else i), "≤", Count(offset)))
        return Cases(tuple(branches), at(last))

    def code(self, p: Any) -> str:
        return p.joined(self)

    def mirrored(self, *args: Any) -> Any:
        return Concat(1 - self.axis, *args[1:])


class Slice(Node):
    """Columns (`axis` 1) or rows (0) of a matrix: `Slice(axis, X, start, stop)`, counted from 0."""

    why = "what is left and right of the part is not read"

    @classmethod
    def examples(cls) -> tuple[Any, ...]:
        return (Slice(1, letter("A", "K", "M"), 1, 3),)

    @property
    def axis(self) -> int:
        return int(self.args[0])

    @property
    def operand(self) -> Any:
        return self.args[1]

    @cached_property
    def shape(self) -> Shape:
        rows, cols = self.operand.shape
        width = self.args[3] - self.args[2]
        return (rows, width) if self.axis else (width, cols)

    def table(self, e: Entering) -> Compiled:
        whole, axis, (start, stop) = e(self.operand), self.axis, map(int, self.args[2:])
        if axis:
            return lambda leaf: [row[start:stop] for row in whole(leaf)]
        return lambda leaf: whole(leaf)[start:stop]

    def change(self, d: Any) -> Change:
        """The change of a part is the part of the change."""
        if not (inner := d(self.operand)):
            return NONE
        whole = Slice(self.args[0], wide(inner.expr, self.operand.shape), *self.args[2:])
        return Change(whole, (*inner.rules, "the part of a matrix"))

    def pull(self, outer: Any, p: Any) -> list[Change]:
        """What is left and right of the part gets nothing."""
        start, stop = self.args[2:]
        rows, cols = self.operand.shape
        around = [start, (cols if self.axis else rows) - stop]
        zeros = [Filled(Integer(0), *((rows, n) if self.axis else (n, cols))) for n in around]
        parts = [zeros[0], wide(outer, self.shape), zeros[1]]
        kept = [part for part, n in zip(parts, (around[0], 1, around[1])) if n != 0]
        whole = kept[0] if len(kept) == 1 else Concat(self.args[0], *kept)
        return p.named("the part of a matrix", p(self.operand, whole))

    def span(self, of: Callable[[Any], Span]) -> Span:
        return of(self.operand)

    def spelled(self, s: Any) -> Spelled:
        return [*s.parentheses(s.expr(self.operand)), s.range_of(self)], ATOM

    def element(self, e: Any, i: Expr, j: Expr) -> Scalar:
        start = self.args[2]
        return e(self.operand, i, j + start) if self.axis else e(self.operand, i + start, j)

    def code(self, p: Any) -> str:
        start, stop = (p.size(end) for end in self.args[2:])
        index = f"[..., {start}:{stop}]" if self.axis else f"[..., {start}:{stop}, :]"
        return p.indexed(self.operand, index)

    def mirrored(self, *args: Any) -> Any:
        return Slice(1 - self.axis, *args[1:])


__all__ = ["Concat", "Slice"]
