"""Formulas as lines of text: one walk over an expression, two spellings (TeX and plain).

What is printed can be read back to the same tree: terms stand in the order written, a matrix
product beside ⊙ always has its parentheses. A line too long is broken where its nesting is least.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sympy import Expr, latex

from ..names import Look, tex_of, unicode_of, unmarked
from ..nouns import Equation, Quantity
from ..ops.elementwise import Apply
from ..ops.functions import ELEMENTWISE
from ..ops.joins import Slice
from ..ops.node import mirrored
from ..ops.products import MatMul
from ..pieces import ATOM, FACTOR, SUM, TERM, Piece, Pieces, Spelled, deeper, join, measure
from .style import HADAMARD, TRANSPOSE, Style


class Spelling:
    """The walk; what a spelling must say is below it."""

    times = minus = open_abs = close_abs = ""
    open_inner = close_inner = sum_sign = cross = ""

    def __init__(self, style: Style | None = None) -> None:
        self.style = style or Style()

    @property
    def hadamard(self) -> str:
        return self.style.hadamard

    @property
    def transpose(self) -> str:
        return f"^{self.style.transpose}"

    def look(self, shape: tuple[Any, Any]) -> Look:
        """How a name looks: a number is never bold."""
        look = self.style.look
        return replace(look, bold=False) if tuple(shape) == (1, 1) else look

    def expr(self, expr: Any, level: int = SUM) -> Pieces:
        """The pieces of an expression, in parentheses where `level` asks for them."""
        pieces, own = self._expr(expr)
        return pieces if own >= level else self.parentheses(pieces)

    def _expr(self, expr: Any) -> Spelled:
        if isinstance(expr, Quantity):
            # What already has something above it takes no second exponent.
            raised = self.style.look.raised and expr.time is not None
            derived = unmarked(expr.label)[0] in ("", "bar", "dot")
            return [self.quantity(expr)], FACTOR if raised and derived else ATOM
        return expr.spelled(self)

    def parentheses(self, pieces: Pieces) -> Pieces:
        return [Piece("(", 0.8), *deeper(pieces), Piece(")", 0.8)]

    def list_in(self, left: str, items: Iterable[Any], right: str, mark: str = ", ") -> Pieces:
        pieces = [Piece(left, 0.8)]
        for i, item in enumerate(items):
            if i:
                pieces.append(Piece(mark, 1))
            inner = deeper(self.expr(item))
            if i:
                inner[0] = replace(inner[0], depth=1)
            pieces += inner
        return [*pieces, Piece(right, 0.8)]

    def called(self, name: str, operands: Iterable[Any], tex: str = "") -> Pieces:
        """A call; its TeX is that of an operator of that name unless it is given."""
        head = self.head(tex or rf"\operatorname{{{name}}}", name)
        return [head, *self.list_in("(", operands, ")")]

    def turned(self, expr: Any) -> Spelled:
        """A transpose."""
        return [*self.expr(expr, ATOM), Piece(self.transpose, 0.8)], FACTOR

    def product(self, factors: Iterable[Any]) -> Pieces:
        pieces: Pieces = []
        for i, factor in enumerate(factors):
            inner = self.expr(factor, FACTOR)
            if i and inner[0].text[:1].isdigit():  # two numbers would become one
                pieces.append(Piece(f" {self.times}", 2))
            elif i:
                pieces.append(Piece(" ", 0.3, 1, self.times))
            pieces += inner
        return pieces

    def scaled(self, factor: Any, other: Any) -> Pieces:
        """A scalar and what it stands beside."""
        plain = isinstance(other, MatMul) or (isinstance(other, Apply) and other.beside)
        scaled = self._expr(other)[0] if plain else self.expr(other, FACTOR)
        digit = scaled[0].text[:1].isdigit()
        between = Piece(f" {self.times}", 2) if digit else self.thin
        return [*self.expr(factor, FACTOR), between, *scaled]

    def elementwise(self, factors: Iterable[Any]) -> Pieces:
        pieces: Pieces = []
        for i, factor in enumerate(factors):
            if i:
                pieces.append(Piece(f" {self.hadamard} ", 2.4, 1))
            pieces += self.expr(factor, FACTOR)
        return pieces

    def apply(self, expr: Apply) -> Pieces:
        if expr.name_ == "abs":
            inner = deeper(self.expr(expr.operands[0]))
            return [Piece(self.open_abs, 0.6), *inner, Piece(self.close_abs, 0.6)]
        return self.called(expr.name_, expr.operands, ELEMENTWISE[expr.name_].tex)

    # --- what a spelling says

    thin = Piece(" ", 0.4)

    def size(self, size: Any) -> Piece:
        raise NotImplementedError

    def special(self, letter: str, size: str) -> Piece:
        """The identity, zeros or ones, with its size."""
        raise NotImplementedError

    def range_of(self, expr: Slice) -> Piece:
        """The columns of a slice, counted from 1 and the last included: D+1:D+M."""
        start, stop = expr.args[2] + 1, expr.args[3]
        text = f"{start}:{stop}".replace(" ", "").replace("*", "")
        return Piece(f"_{{{text}}}", 0.7 * len(text))

    def quantity(self, q: Quantity) -> Piece:
        raise NotImplementedError

    def head(self, tex: str, name: str) -> Piece:
        raise NotImplementedError

    def divide(self, above: Any, below: Any) -> Spelled:
        raise NotImplementedError

    def power(self, expr: Apply) -> Spelled:
        raise NotImplementedError

    def elementwise_power(self, expr: Apply) -> bool:
        """Whether the power must be marked as elementwise: a matrix has another one."""
        rows, cols = expr.shape
        return rows != 1 and cols != 1


_COMMANDS = re.compile(r"\\(?:mathrm|mathbf|boldsymbol|tilde|hat|bar|dot|breve|check)(?![A-Za-z])")


class Tex(Spelling):
    """LaTeX in the commands that the language reads and KaTeX renders."""

    times, minus = r"\cdot ", "-"
    open_abs, close_abs = r"\lvert ", r" \rvert"
    open_inner, close_inner, sum_sign = r"\langle ", r" \rangle", r"\sum"
    cross = r" \times "
    thin = Piece(r"\, ", 0.4)
    #: A fraction wider than this is written on one line, where it can be broken.
    widest_fraction = 40
    widest_root = 46

    @property
    def hadamard(self) -> str:
        return HADAMARD[self.style.hadamard]

    @property
    def transpose(self) -> str:
        return f"^{{{TRANSPOSE[self.style.transpose]}}}"

    def size(self, size: Any) -> Piece:
        return Piece(latex(size), len(str(size)))

    def special(self, letter: str, size: str) -> Piece:
        size = size.replace("*", " ")
        return Piece(rf"\mathbf{{{letter}}}_{{{size}}}", 1 + 0.7 * len(size))

    def quantity(self, q: Quantity) -> Piece:
        tex = tex_of(q.label, q.time, self.look(q.shape))
        return Piece(tex, self.width_of_name(tex))

    @staticmethod
    def width_of_name(tex: str) -> float:
        """The width of a name in letters: what stands below or above is smaller."""
        if tex.startswith(r"\frac"):
            return 3.5
        bare = re.sub(r"\\[A-Za-z]+", "a", _COMMANDS.sub("", tex))
        above = re.search(r"\^\{(.*)\}$", bare)
        bare = bare[: above.start()] if above else bare
        base, _, subscript = bare.partition("_{")
        letters = [len(re.sub(r"[{}\\]", "", part)) for part in (base, subscript)]
        higher = len(above.group(1)) if above else 0
        # Words are set upright, a little wider than letters of mathematics.
        return (1.2 if letters[0] == 1 else 1.15 * letters[0]) + 0.75 * max(letters[1], higher)

    def head(self, tex: str, name: str) -> Piece:
        return Piece(tex, 1 if name == "sigmoid" else len(tex.strip("\\").split("{")[-1]))

    def apply(self, expr: Apply) -> Pieces:
        if expr.name_ != "sqrt":
            return super().apply(expr)
        inner = self.expr(expr.operands[0])
        if measure(inner) > self.widest_root:  # a root cannot be broken; a function's argument can
            return [Piece(r"\operatorname{sqrt}", 4), *self.parentheses(inner)]
        return [Piece(rf"\sqrt{{{join(inner)}}}", measure(inner) + 1.5)]

    def divide(self, above: Any, below: Any) -> Spelled:
        # Each side is spelled once: nested fractions would double the work at every level.
        (top, over), (bottom, under) = self._expr(above), self._expr(below)
        width = max(measure(top), measure(bottom))
        if width <= self.widest_fraction:
            return [Piece(rf"\frac{{{join(top)}}}{{{join(bottom)}}}", width + 1)], FACTOR
        # The slash leaves the same tree only between factors.
        top = top if over >= FACTOR else self.parentheses(top)
        bottom = bottom if under >= FACTOR else self.parentheses(bottom)
        return [*top, Piece(" / ", 2, 1), *bottom], TERM

    def power(self, expr: Apply) -> Spelled:
        base, power = expr.operands
        exponent = self.expr(power)
        mark = r"\circ " if self.elementwise_power(expr) else ""
        width = 0.75 * measure(exponent) + (1 if mark else 0)
        whole = Piece(f"^{{{mark}{join(exponent)}}}", width)
        return [*self.expr(base, ATOM), whole], FACTOR


_BOLD = {"I": "𝐈", "0": "𝟎", "1": "𝟏"}


class Plain(Spelling):
    """Unicode text for the terminal, which the language reads as well."""

    times, minus = "@ ", "-"
    open_abs = close_abs = "|"
    open_inner, close_inner, sum_sign, cross = "⟨", "⟩", "∑", "×"

    def size(self, size: Any) -> Piece:
        return Piece(str(size), len(str(size)))

    def special(self, letter: str, size: str) -> Piece:
        text = f"{_BOLD[letter]}_{{{size}}}"
        return Piece(text, len(text))

    def quantity(self, q: Quantity) -> Piece:
        text = unicode_of(q.label, q.time, self.look(q.shape))
        return Piece(text, len(text))

    def head(self, tex: str, name: str) -> Piece:
        word = "σ" if name == "sigmoid" else name
        return Piece(word, len(word))

    def divide(self, above: Any, below: Any) -> Spelled:
        slash = Piece(" / ", 3, 1)
        return [*self.expr(above, FACTOR), slash, *self.expr(below, FACTOR)], TERM

    def power(self, expr: Apply) -> Spelled:
        base, power = expr.operands
        exponent = self.expr(power)
        mark = "∘" if self.elementwise_power(expr) else ""
        text = f"^{{{mark}{join(exponent)}}}"
        return [*self.expr(base, ATOM), Piece(text, len(text))], FACTOR


def in_convention(equation: Equation, convention: str) -> tuple[Quantity, Expr]:
    """Both sides of an equation in the row or the column form."""
    if convention == "row":
        return equation.lhs, equation.expr
    return mirrored(equation.lhs), mirrored(equation.expr)
