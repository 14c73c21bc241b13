"""Formulas as lines of text: one walk over an expression, two spellings (TeX and plain).

What is printed can be read back to the same tree: terms stand in the order written, a matrix
product beside ⊙ always has its parentheses. A line too long is broken where its nesting is least.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from sympy import Expr, HadamardProduct, MatAdd, Transpose, latex

from ..algebra.functions import ELEMENTWISE, ROWS
from ..algebra.nodes import (
    Apply,
    Concat,
    Diag,
    Diagonal,
    Divide,
    Eye,
    Filled,
    Inner,
    MatMul,
    Number,
    Power,
    RowApply,
    Scale,
    Size,
    Slice,
    Spread,
    TimeSum,
    is_negative,
    transposed_form,
)
from ..names import Look, tex_of, unicode_of, unmarked
from ..nouns import Equation, Quantity
from .style import HADAMARD, TRANSPOSE, Style

#: How tightly an expression binds: a sum, a product, a factor (no product inside), an atom.
SUM, TERM, FACTOR, ATOM = range(4)


@dataclass(frozen=True)
class Piece:
    """A bit of text and its width in letters; a line may break before it if `depth` is given.

    A line that breaks before a factor starts with `joint`, a product sign.
    """

    text: str
    width: float
    depth: int | None = None
    joint: str = ""


Pieces = list[Piece]


def join(pieces: Pieces) -> str:
    """The text of pieces in one line."""
    return "".join(p.text for p in pieces)


def measure(pieces: Pieces) -> float:
    """The width of pieces in one line, in letters."""
    return sum(p.width for p in pieces)


def deeper(pieces: Pieces) -> Pieces:
    """Pieces inside one more bracket: a worse place to break."""
    return [p if p.depth is None else replace(p, depth=p.depth + 1) for p in pieces]


def _bare(expr: Any) -> Any:
    while isinstance(expr, Spread):
        expr = expr.args[0]
    return expr


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
        if isinstance(expr, Spread):
            return self.expr(expr.args[0], level)
        pieces, own = self._expr(expr)
        return pieces if own >= level else self.parentheses(pieces)

    def _expr(self, expr: Any) -> tuple[Pieces, int]:
        match expr:
            case Quantity():
                # What already has something above it takes no second exponent.
                raised = self.style.look.raised and expr.time is not None
                derived = unmarked(expr.label)[0] in ("", "bar", "dot")
                return [self.quantity(expr)], FACTOR if raised and derived else ATOM
            case Number():
                return [Piece(expr.text, len(expr.text))], ATOM
            case MatAdd():
                return self.sum(expr), SUM
            case MatMul() if is_negative(expr):
                return [Piece(self.minus, 1.5), *self.expr(expr.args[1], TERM)], SUM
            case MatMul():
                return self.product(expr.args), TERM
            case Scale():
                return self.scale(expr), TERM
            case HadamardProduct():
                return self.elementwise(expr.args), TERM
            case Divide():
                return self.divide(*expr.args)
            case Power():
                return self.power(expr), FACTOR
            case Transpose():
                return [*self.expr(expr.args[0], ATOM), Piece(self.transpose, 0.8)], FACTOR
            case Apply():
                return self.apply(expr), ATOM
            case Concat():
                mark = ", " if expr.axis else "; "
                return self.list_in("[", expr.operands, "]", mark), ATOM
            case RowApply():
                head = self.head(ROWS[expr.name_].tex, expr.name_)
                return [head, *self.list_in("(", (expr.operand, *expr.options), ")")], ATOM
            case Diag():
                return [self.head(r"\operatorname{diag}", "diag"),
                        *self.list_in("(", expr.args, ")")], ATOM  # fmt: skip
            case Diagonal():
                return [self.head(r"\operatorname{diagonal}", "diagonal"),
                        *self.list_in("(", expr.args[1:], ")")], ATOM  # fmt: skip
            case Inner():
                return self.list_in(self.open_inner, expr.args, self.close_inner), ATOM
            case Slice():
                return [*self.parentheses(self.expr(expr.operand)), self.range_of(expr)], ATOM
            case Eye():
                return [self.special("I", str(expr.args[0]))], ATOM
            case Filled():
                number, rows, cols = expr.args
                return [self.special(str(number), f"{rows}{self.cross}{cols}")], ATOM
            case Size():
                return [self.size(expr.args[0])], ATOM
            case TimeSum():
                lower, upper = expr.args[1:]
                head = Piece(f"{self.sum_sign}_{{t={lower}}}^{{{upper}}} ", 3)
                return [head, *self.expr(expr.operand, TERM)], TERM
        raise TypeError(f"no spelling for {type(expr).__name__}")

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

    def sum(self, expr: MatAdd) -> Pieces:
        pieces: Pieces = []
        for i, term in enumerate(expr.args):
            bare = term
            sign = "+"
            while isinstance(bare, Spread):
                bare = bare.args[0]
            if is_negative(bare) and bare is term:
                bare, sign = bare.args[1], "-"
            if i:
                pieces.append(Piece(f" {sign} ", 2.4, 0))
            elif sign == "-":
                pieces.append(Piece(self.minus, 1.5))
            pieces += self.expr(bare, TERM)
        return pieces

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

    def scale(self, expr: Scale) -> Pieces:
        factor = self.expr(expr.args[0], FACTOR)
        other = expr.args[1]
        plain = isinstance(other, (Scale, MatMul)) and not is_negative(other)
        scaled = self._expr(other)[0] if plain else self.expr(other, FACTOR)
        digit = scaled[0].text[:1].isdigit()
        between = Piece(f" {self.times}", 2) if digit else self.thin
        return [*factor, between, *scaled]

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
        head = self.head(ELEMENTWISE[expr.name_].tex, expr.name_)
        return [head, *self.list_in("(", expr.operands, ")")]

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

    def divide(self, above: Any, below: Any) -> tuple[Pieces, int]:
        raise NotImplementedError

    def power(self, expr: Power) -> Pieces:
        raise NotImplementedError

    def elementwise_power(self, expr: Power) -> bool:
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

    def divide(self, above: Any, below: Any) -> tuple[Pieces, int]:
        # Each side is spelled once: nested fractions would double the work at every level.
        (top, over), (bottom, under) = self._expr(_bare(above)), self._expr(_bare(below))
        width = max(measure(top), measure(bottom))
        if width <= self.widest_fraction:
            return [Piece(rf"\frac{{{join(top)}}}{{{join(bottom)}}}", width + 1)], FACTOR
        # The slash leaves the same tree only between factors.
        top = top if over >= FACTOR else self.parentheses(top)
        bottom = bottom if under >= FACTOR else self.parentheses(bottom)
        return [*top, Piece(" / ", 2, 1), *bottom], TERM

    def power(self, expr: Power) -> Pieces:
        exponent = self.expr(expr.args[1])
        mark = r"\circ " if self.elementwise_power(expr) else ""
        width = 0.75 * measure(exponent) + (1 if mark else 0)
        return [*self.expr(expr.args[0], ATOM), Piece(f"^{{{mark}{join(exponent)}}}", width)]


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

    def divide(self, above: Any, below: Any) -> tuple[Pieces, int]:
        slash = Piece(" / ", 3, 1)
        return [*self.expr(above, FACTOR), slash, *self.expr(below, FACTOR)], TERM

    def power(self, expr: Power) -> Pieces:
        exponent = self.expr(expr.args[1])
        mark = "∘" if self.elementwise_power(expr) else ""
        text = f"^{{{mark}{join(exponent)}}}"
        return [*self.expr(expr.args[0], ATOM), Piece(text, len(text))]


def in_convention(equation: Equation, convention: str) -> tuple[Quantity, Expr]:
    """Both sides of an equation in the row or the column form."""
    if convention == "row":
        return equation.lhs, equation.expr
    return transposed_form(equation.lhs), transposed_form(equation.expr)


def break_lines(pieces: Pieces, first: float, later: float) -> list[str]:
    """Break pieces into lines, each where nesting is least among the places that fit."""
    lines: list[str] = []
    limit = first
    while measure(pieces) > limit:
        width = 0.0
        fits: list[tuple[int, int]] = []
        beyond: int | None = None
        for i, piece in enumerate(pieces):
            if i and piece.depth is not None:
                if width <= limit:
                    fits.append((piece.depth, -i))
                elif beyond is None:
                    beyond = i
            width += piece.width
        # A break in the first third of a line looks worse than a deeper one further on.
        far = [f for f in fits if measure(pieces[: -f[1]]) > limit / 3] or fits
        at = -min(far)[1] if far else beyond
        if at is None:
            break
        lines.append(join(pieces[:at]).rstrip())
        head = pieces[at]
        pieces = [Piece(head.joint + head.text.lstrip(), head.width), *pieces[at + 1 :]]
        limit = later
    lines.append(join(pieces))
    return lines
