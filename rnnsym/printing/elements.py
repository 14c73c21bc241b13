"""Formulas of single elements as lines of text, in the same two spellings as matrices."""

from __future__ import annotations

from collections.abc import Callable

from sympy import Expr

from ..names import tex_of, unicode_of
from ..ops.functions import ELEMENTWISE
from ..ops.rowfunctions import ROWS
from ..pieces import ATOM, FACTOR, SUM, TERM, Piece, Pieces, deeper, join, measure
from ..scalars import (
    Add,
    Call,
    Cases,
    Const,
    Count,
    Div,
    Entry,
    Mul,
    Neg,
    Pow,
    Scalar,
    Total,
)
from .formula import Plain, Spelling, Tex
from .style import Style

#: The shape of an element: a number, which is never bold.
_NUMBER = (1, 1)
_RELATIONS = {"≤": r"\leq", "≥": r"\geq", "<": "<", ">": ">"}


def index_text(index: Expr, spell: Callable[[str], str] = tex_of) -> str:
    """An index without spaces, what is added before what is taken away: j-M."""
    terms = sorted(index.as_ordered_terms(), key=lambda t: (t.could_extract_minus_sign(),
                                                            t.is_Integer, str(t)))  # fmt: skip
    text = ""
    for term in terms:
        minus = term.could_extract_minus_sign()
        factors = (-term if minus else term).as_ordered_factors()
        text += ("-" if minus else "+") + " ".join(
            spell(f.name) if f.is_Symbol else str(f) for f in factors
        )
    return text.removeprefix("+")


class ElementSpelling:
    """The walk over a formula of elements."""

    spelling: Spelling

    def __init__(self, style: Style | None = None) -> None:
        self.style = style or Style()

    def pieces(self, node: Scalar, level: int = SUM) -> Pieces:
        """The pieces of a formula, in parentheses where `level` asks for them."""
        pieces, own = self._pieces(node)
        return pieces if own >= level else self.spelling.parentheses(pieces)

    def _pieces(self, node: Scalar) -> tuple[Pieces, int]:
        match node:
            case Const():
                return [self.constant(node.text)], ATOM
            case Count():
                if node.size.is_Integer and node.size < 0:
                    return [Piece(self.size(node.size), 2)], SUM
                text = self.size(node.size)
                return [Piece(text, len(text))], SUM if node.size.is_Add else ATOM
            case Entry():
                raised = self.style.look.raised and node.time is not None
                return [self.entry(node)], FACTOR if raised else ATOM
            case Neg():
                minus = Piece(self.spelling.minus, 1.5)
                return [minus, *self.pieces(node.term, TERM)], SUM
            case Add():
                return self.sum(node), SUM
            case Mul():
                return self.product(node), TERM
            case Div():
                return self.divide(node)
            case Pow():
                return self.power(node), FACTOR
            case Call():
                return self.call(node), ATOM
            case Total():
                sign = self.spelling.sum_sign
                upper = self.index(node.upper)
                head = Piece(f"{sign}_{{{node.index}=1}}^{{{upper}}} ", 3)
                return [head, *self.pieces(node.body, TERM)], TERM
            case Cases():
                return [self.cases(node)], ATOM
        raise TypeError(f"no spelling for {type(node).__name__}")

    def sum(self, node: Add) -> Pieces:
        pieces: Pieces = []
        for i, term in enumerate(node.terms):
            bare, sign = (term.term, "-") if isinstance(term, Neg) else (term, "+")
            if i:
                pieces.append(Piece(f" {sign} ", 2.4, 0))
            elif sign == "-":
                pieces.append(Piece(self.spelling.minus, 1.5))
            pieces += self.pieces(bare, TERM)
        return pieces

    def product(self, node: Mul) -> Pieces:
        pieces: Pieces = []
        for i, factor in enumerate(node.factors):
            inner = self.pieces(factor, FACTOR)
            if i:
                digit = inner[0].text[:1].isdigit()
                mark = self.spelling.times
                pieces.append(Piece(f" {mark}", 2) if digit else Piece(" ", 0.4, 1, mark))
            pieces += inner
        return pieces

    def call(self, node: Call) -> Pieces:
        spelling = self.spelling
        if node.name == "abs":
            inner = deeper(self.pieces(node.arguments[0]))
            return [Piece(spelling.open_abs, 0.6), *inner, Piece(spelling.close_abs, 0.6)]
        entry = ELEMENTWISE.get(node.name) or ROWS[node.name]
        pieces = [spelling.head(entry.tex, node.name), Piece("(", 0.8)]
        for i, argument in enumerate(node.arguments):
            if i:
                pieces.append(Piece(", ", 1))
            pieces += deeper(self.pieces(argument))
        return [*pieces, Piece(")", 0.8)]

    # --- what a spelling says

    def constant(self, text: str) -> Piece:
        raise NotImplementedError

    def index(self, index: Expr) -> str:
        raise NotImplementedError

    def size(self, size: Expr) -> str:
        """A size as a number, such as D + M."""
        return self.index(size).replace("+", " + ").replace("-", " - ").removeprefix(" ")

    def entry(self, node: Entry) -> Piece:
        raise NotImplementedError

    def divide(self, node: Div) -> tuple[Pieces, int]:
        raise NotImplementedError

    def cases(self, node: Cases) -> Piece:
        raise NotImplementedError

    def power(self, node: Pow) -> Pieces:
        exponent = self.pieces(node.exponent)
        width = 0.75 * measure(exponent)
        return [*self.pieces(node.base, ATOM), Piece(f"^{{{join(exponent)}}}", width)]


class ElementTex(ElementSpelling):
    """LaTeX."""

    def __init__(self, style: Style | None = None) -> None:
        super().__init__(style)
        self.spelling: Tex = Tex(self.style)

    def constant(self, text: str) -> Piece:
        return Piece(r"\pi" if text == "pi" else text, 1 if text == "pi" else len(text))

    def index(self, index: Expr) -> str:
        return index_text(index)

    def entry(self, node: Entry) -> Piece:
        indices = tuple(map(self.index, node.indices))
        tex = tex_of(node.label, node.time, self.spelling.look(_NUMBER), indices)
        return Piece(tex, self.spelling.width_of_name(tex))

    def call(self, node: Call) -> Pieces:
        if node.name != "sqrt":
            return super().call(node)
        inner = self.pieces(node.arguments[0])
        return [Piece(rf"\sqrt{{{join(inner)}}}", measure(inner) + 1.5)]

    def divide(self, node: Div) -> tuple[Pieces, int]:
        (top, over), (bottom, under) = self._pieces(node.above), self._pieces(node.below)
        width = max(measure(top), measure(bottom))
        if width <= Tex.widest_fraction:
            return [Piece(rf"\frac{{{join(top)}}}{{{join(bottom)}}}", width + 1)], FACTOR
        top = top if over >= FACTOR else self.spelling.parentheses(top)
        bottom = bottom if under >= FACTOR else self.spelling.parentheses(bottom)
        return [*top, Piece(" / ", 2, 1), *bottom], TERM

    def cases(self, node: Cases) -> Piece:
        rows = [
            rf"{join(self.pieces(b.value))} & \text{{for }} {join(self.pieces(b.left))} "
            rf"{_RELATIONS[b.relation]} {join(self.pieces(b.right))}"
            for b in node.branches
        ]
        last = self.pieces(node.otherwise)
        rows.append(rf"{join(last)} & \text{{otherwise}}")
        values = [self.pieces(b.value) for b in node.branches] + [last]
        width = max(map(measure, values)) + 12
        return Piece(r"\begin{cases} " + r" \\ ".join(rows) + r" \end{cases}", width)


class ElementPlain(ElementSpelling):
    """Unicode text."""

    def __init__(self, style: Style | None = None) -> None:
        super().__init__(style)
        self.spelling = Plain(self.style)

    def constant(self, text: str) -> Piece:
        return Piece("π" if text == "pi" else text, len(text))

    def index(self, index: Expr) -> str:
        return index_text(index, unicode_of)

    def entry(self, node: Entry) -> Piece:
        indices = tuple(map(self.index, node.indices))
        text = unicode_of(node.label, node.time, self.spelling.look(_NUMBER), indices)
        return Piece(text, len(text))

    def divide(self, node: Div) -> tuple[Pieces, int]:
        top, bottom = self.pieces(node.above, FACTOR), self.pieces(node.below, FACTOR)
        return [*top, Piece(" / ", 3, 1), *bottom], TERM

    def cases(self, node: Cases) -> Piece:
        rows = [
            f"{join(self.pieces(b.value))} if {join(self.pieces(b.left))} {b.relation} "
            f"{join(self.pieces(b.right))}"
            for b in node.branches
        ]
        text = f"[{'; '.join([*rows, join(self.pieces(node.otherwise)) + ' otherwise'])}]"
        return Piece(text, len(text))
