"""The syntax tree of an equation text, and the parser that builds it.

The tree keeps what was written (positions, parentheses, order); shapes.py finds what it means.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from lark import Lark, Transformer
from lark import Token as LarkToken
from lark.exceptions import UnexpectedInput
from lark.lexer import Lexer

from ..errors import LanguageError
from .tokens import NORM, Name, Scanned, Statement, nearest


@dataclass(frozen=True, eq=False)
class Tree:
    """A node with the span of its text; `grouped` if parentheses stand around it."""

    start: int
    end: int
    grouped: bool = False

    @property
    def children(self) -> tuple[Tree, ...]:
        return ()


@dataclass(frozen=True, eq=False)
class Num(Tree):
    """A number as written."""

    text: str = ""


@dataclass(frozen=True, eq=False)
class Ref(Tree):
    """A variable: `lag` 0 for t, -1 for t-1, None without time; `step` for a numbered step.

    `subscripts` are those of an element as written, of which the name is a part.
    """

    name: str = ""
    lag: int | None = None
    called: bool = False
    step: int | None = None
    last: bool = False
    subscripts: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Nested(Tree):
    items: tuple[Any, ...] = ()

    @property
    def children(self) -> tuple[Tree, ...]:
        return self.items


@dataclass(frozen=True, eq=False)
class Function(_Nested):
    """A function of the language, by its name."""

    name: str = ""


@dataclass(frozen=True, eq=False)
class Sum(_Nested):
    """Terms with their signs."""

    signs: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Chain(_Nested):
    """⊙ and / from left to right: operators stand between the items."""

    operators: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Product(_Nested):
    """Factors side by side: matrix products and scalars."""


@dataclass(frozen=True, eq=False)
class Flip(_Nested):
    """A transpose."""


@dataclass(frozen=True, eq=False)
class OuterFlip(Flip):
    """The transpose that `a ⊗ b` stands for: of a in row form, of b in column form."""


@dataclass(frozen=True, eq=False)
class Raise(_Nested):
    """A power; `elementwise` where it was written as such."""

    elementwise: bool = False


@dataclass(frozen=True, eq=False)
class Join(_Nested):
    """A concatenation."""


@dataclass(frozen=True, eq=False)
class InnerProduct(_Nested):
    """The sum of all products of entries."""


@dataclass(frozen=True, eq=False)
class Ranged(_Nested):
    """Some of the columns: `bounds` as written, such as D+1:D+M."""

    bounds: str = ""


@dataclass(frozen=True, eq=False)
class SumOverTime(_Nested):
    """A sum over t, of which `bounds` are the first and the last, a number or T."""

    bounds: tuple[str, str] = ("1", "T")


@dataclass(frozen=True, eq=False)
class SumOverIndex(_Nested):
    """A sum over an index of elements, from 1 to `upper` as written."""

    index: str = ""
    upper: str = ""


@dataclass(frozen=True, eq=False)
class CaseOf(_Nested):
    """A value with its condition (value, left, right), or alone the one that is left."""

    relation: str = ""


@dataclass(frozen=True, eq=False)
class CaseList(_Nested):
    """Branches, the first whose condition holds."""


@dataclass(frozen=True, eq=False)
class Special(Tree):
    """The identity (`I`), zeros or ones: `text` is the letter and, behind a colon, the sizes."""

    text: str = ""


@dataclass(frozen=True, eq=False)
class Identity(Tree):
    """The identity matrix, as wide as what stands beside it; `size` where it is written, I_K."""

    size: str = ""


@dataclass(frozen=True, eq=False)
class Measure(Tree):
    """A size as a number."""

    name: str = ""


@dataclass(frozen=True)
class EquationTree:
    """An equation: the name on its left, the tree of its right side, the comment behind it."""

    name: Ref
    right: Tree
    comment: str
    start: int
    end: int


@dataclass(frozen=True)
class DeclarationTree:
    """A declaration: names, and what they are."""

    names: tuple[Ref, ...]
    kind: Any  # a token, or the two tokens of a shape
    comment: str
    start: int
    end: int
    kind_start: int = 0


#: Tokens that carry nothing: Lark drops those whose name begins with an underscore.
_FILTERED = {"COMMA", "COLON", "EQUAL", "ROW"}


class _Replay(Lexer):
    """Hands Lark the tokens that a scanner has cut."""

    def __init__(self, _: Any) -> None:
        pass

    def lex(self, data: Any, _: Any = None) -> Iterator[LarkToken]:
        for token in data.tokens:
            kind = f"_{token.type}" if token.type in _FILTERED else token.type
            yield LarkToken(kind, token, start_pos=token.start, end_pos=token.end)


class _Build(Transformer):
    """Turns what the grammar finds into the tree while it parses, so nothing is nested twice."""

    def number(self, items: list[Any]) -> Tree:
        token = items[0].value
        return Num(token.start, token.end, text=token.value)

    def negative_number(self, items: list[Any]) -> Tree:
        minus, number = items[0].value, self.number(items[1:])
        return Sum(minus.start, number.end, items=(number,), signs=(-1,))

    def name(self, items: list[Any]) -> Ref:
        token = items[0].value
        called = type(token.value) is not Name
        name = token.value
        return Ref(
            token.start, token.end, False, name.name, name.lag, called, None, name.last,
            name.subscripts,
        )  # fmt: skip

    def parenthesised(self, items: list[Any]) -> Tree:
        opened, tree, closed = items
        return replace(tree, start=opened.value.start, end=closed.value.end, grouped=True)

    def braced(self, items: list[Any]) -> Tree:
        return items[1]

    def arguments(self, items: list[Any]) -> list[Any]:
        return items[1:]

    def call(self, items: list[Any]) -> Tree:
        token, (*arguments, closed) = items[0].value, items[1]
        return Function(token.start, closed.value.end, items=tuple(arguments), name=token.value)

    def concat(self, items: list[Any]) -> Tree:
        opened, *parts, closed = items
        return Join(opened.value.start, closed.value.end, items=tuple(parts))

    def fraction(self, items: list[Any]) -> Tree:
        token, above, below = items
        return Chain(
            token.value.start, below.end + 1, True, (_group(above), _group(below)), ("SLASH",)
        )

    def root(self, items: list[Any]) -> Tree:
        return Function(items[0].value.start, items[1].end + 1, items=(items[1],), name="sqrt")

    def absolute(self, items: list[Any]) -> Tree:
        return Function(items[0].value.start, items[2].value.end, items=(items[1],), name="abs")

    def special(self, items: list[Any]) -> Tree:
        token = items[0].value
        return Special(token.start, token.end, text=token.value)

    def inner(self, items: list[Any]) -> Tree:
        opened, *parts, closed = items
        return InnerProduct(opened.value.start, closed.value.end, items=tuple(parts))

    def ranged(self, items: list[Any]) -> Tree:
        tree, token = items
        return Ranged(tree.start, token.value.end, items=(tree,), bounds=token.value.value)

    def time_sum(self, items: list[Any]) -> Tree:
        token, tree = items
        lower, _, upper = token.value.value.partition(":")
        return SumOverTime(token.value.start, tree.end, items=(tree,), bounds=(lower, upper))

    def index_sum(self, items: list[Any]) -> Tree:
        token, tree = items
        index, _, upper = token.value.value.partition(":")
        return SumOverIndex(token.value.start, tree.end, items=(tree,), index=index, upper=upper)

    def branch(self, items: list[Any]) -> Tree:
        value = items[0]
        if len(items) == 2:
            return CaseOf(value.start, items[1].value.end, items=(value,))
        left, relation, right = items[2:]
        return CaseOf(value.start, right.end, False, (value, left, right), relation.value.value)

    def cases(self, items: list[Any]) -> Tree:
        opened, *branches, closed = items
        return CaseList(opened.value.start, closed.value.end, items=tuple(branches))

    def transpose(self, items: list[Any]) -> Tree:
        return Flip(items[0].start, items[1].value.end, items=(items[0],))

    def power(self, items: list[Any]) -> Tree:
        base, token, exponent = items
        elementwise = token.value.value == "elementwise"
        return Raise(base.start, exponent.end, False, (base, exponent), elementwise)

    def transposed_power(self, items: list[Any]) -> Tree:
        return self.power([self.transpose(items[:2]), *items[2:]])

    def juxtaposition(self, items: list[Any]) -> Tree:
        factors = [items[0]]
        outer = False
        for item in items[1:]:
            if isinstance(item, LarkToken):
                outer = item.type == "OUTER"
                continue
            if outer:
                factors[-1] = OuterFlip(factors[-1].start, factors[-1].end, items=(factors[-1],))
            factors.append(item)
            outer = False
        return Product(factors[0].start, factors[-1].end, items=tuple(factors))

    def product(self, items: list[Any]) -> Tree:
        operators = tuple(token.type for token in items[1::2])
        return Chain(items[0].start, items[-1].end, False, tuple(items[::2]), operators)

    def sum(self, items: list[Any]) -> Tree:
        signs: list[int] = []
        terms: list[Tree] = []
        sign = 1
        start = items[0].value.start if isinstance(items[0], LarkToken) else items[0].start
        for item in items:
            if isinstance(item, LarkToken):
                sign = -1 if item.type == "MINUS" else 1
            else:
                signs.append(sign)
                terms.append(item)
        return Sum(start, terms[-1].end, items=tuple(terms), signs=tuple(signs))

    def size(self, items: list[Any]) -> Any:
        return items[0].value

    def word(self, items: list[Any]) -> Any:
        return items[0].value

    def shape(self, items: list[Any]) -> Any:
        return items[0], items[2]

    def equation(self, items: list[Any]) -> tuple[Ref, Tree]:
        return self.name(items[:1]), items[1]

    def declaration(self, items: list[Any]) -> tuple[list[Ref], Any]:
        return [self.name([token]) for token in items[:-1]], items[-1]


def _group(tree: Tree) -> Tree:
    """Mark a numerator: a fraction bar groups as parentheses do."""
    return replace(tree, grouped=True)


#: A second reading, in which ⊙ and / bind tighter than a product side by side: what the printers
#: write must be the same in both, so that it rests on no rule of precedence.
_TIGHT = {
    "?sum_term: product\n": "?sum_term: juxtaposition\n",
    "?product: juxtaposition ((HADAMARD | SLASH) juxtaposition)*":
        "?product: postfix ((HADAMARD | SLASH) postfix)*",
    "?juxtaposition: postfix ((AT | OUTER)? postfix)*":
        "?juxtaposition: product ((AT | OUTER)? product)*",
}  # fmt: skip


@cache
def _parser(tight: bool = False) -> Lark:
    grammar = Path(__file__).with_name("grammar.lark").read_text(encoding="utf-8")
    for loose, other in _TIGHT.items() if tight else ():
        if grammar.count(loose) != 1:
            raise ValueError(f"the grammar has no rule {loose!r}")
        grammar = grammar.replace(loose, other)
    return Lark(grammar, parser="lalr", lexer=_Replay, transformer=_Build())


#: What may stand before a factor in parentheses.
_FACTORS = {"NAME", "RPAR", "RSQB", "RBRACE", "RBAR", "TRANSPOSE", "RANGLE"}


#: 2 and 2.3: how equations are numbered.
_NUMBERED = re.compile(r"[0-9]+(\.[0-9]+)?")
#: ^{(2)}: in papers the number of a layer, by the letter a power.
_NUMBER_ABOVE = re.compile(r"\^\s*\{\s*\(\s*([0-9]+)\s*\)\s*\}")


def _refuse_signs_of_two_meanings(statement: Statement, scanned: Scanned) -> None:
    """Refuse `^{(2)}`, a layer's number or a power, and `||x||`, a norm or two absolute values."""
    opened: list[int] = []
    for i, token in enumerate(statement.tokens):
        number = _NUMBER_ABOVE.match(scanned.text, token.start)
        if token.type == "POWER" and number:
            raise LanguageError(
                f"^{{({number[1]})}} could be the number of a layer or a power; as part of the "
                f"name it is written _{number[1]}, a power without the parentheses",
                scanned.text, token.start, number.end(),
            )  # fmt: skip
        if token.type == "LBAR":
            opened.append(i)
        elif token.type == "RBAR" and opened:
            start = opened.pop()
            after = statement.tokens[i + 1].type if i + 1 < len(statement.tokens) else ""
            if opened and opened[-1] == start - 1 and after == "RBAR":
                raise LanguageError(
                    f"||…|| is read as a norm, which is no function of the language: {NORM}",
                    scanned.text, statement.tokens[start - 1].start, statement.tokens[i + 1].end,
                )  # fmt: skip


def _refuse_number_behind(statement: Statement, scanned: Scanned) -> None:
    """Refuse a number in parentheses at the end: of the equation, or a factor?"""
    if len(statement.tokens) < 4:
        return
    before, opened, number, closed = statement.tokens[-4:]
    kinds = (opened.type, number.type, closed.type)
    numbered = _NUMBERED.fullmatch(number.text)
    if kinds == ("LPAR", "NUMBER", "RPAR") and before.type in _FACTORS and numbered:
        raise LanguageError(
            f"({number.text}) at the end could be the number of the equation or a factor; leave "
            "the number out, or write the factor in front",
            scanned.text, opened.start, closed.end,
        )  # fmt: skip


_WORDS = {
    "NAME": "a name", "NUMBER": "a number", "FUNCTION": "a function", "LPAR": "'('",
    "RPAR": "')'", "LSQB": "'['", "RSQB": "']'", "EQUAL": "'='", "COLON": "':'", "COMMA": "','",
    "PLUS": "'+'", "MINUS": "'-'", "HADAMARD": "'⊙'", "SLASH": "'/'", "TIMES": "'×'",
    "$END": "the end of the equation", "LBRACE": "'{'", "RBRACE": "'}'",
}  # fmt: skip
_BINARY = {"PLUS", "MINUS", "HADAMARD", "SLASH", "AT", "OUTER"}


def parse_statement(
    statement: Statement, scanned: Scanned, tight: bool = False
) -> EquationTree | DeclarationTree:
    """Parse the tokens of one statement; `tight` lets ⊙ bind tighter than a product.

    Raises:
        LanguageError: at the first token that cannot stand where it stands.
    """
    first, last = statement.tokens[0], statement.tokens[-1]
    _refuse_number_behind(statement, scanned)
    _refuse_signs_of_two_meanings(statement, scanned)
    try:
        tree: Any = _parser(tight).parse(statement)  # type: ignore[arg-type]
    except UnexpectedInput as error:
        raise _syntax_error(error, statement, scanned) from None
    left, right = tree
    if isinstance(left, Ref):
        return EquationTree(left, right, statement.comment, first.start, last.end)
    colon = next(t for t in statement.tokens if t.type == "COLON")
    return DeclarationTree(tuple(left), right, statement.comment, first.start, last.end, colon.end)


def _syntax_error(error: UnexpectedInput, statement: Statement, scanned: Scanned) -> LanguageError:
    tokens = statement.tokens
    found = getattr(error, "token", None)
    position = next(
        (i for i, t in enumerate(tokens) if found is not None and t is found.value), len(tokens)
    )
    at_end = position == len(tokens)
    token = tokens[-1] if at_end else tokens[position]
    before = tokens[position - 1] if position else None
    start, end = (token.end, token.end + 1) if at_end else (token.start, token.end)
    if before is not None and before.type == "FUNCTION":
        reason = f"{before.value} needs its argument in parentheses: {before.value}(…)"
        if token.type == "POWER":
            reason = (
                f"{before.value} with a number above it could be a power or the inverse function; "
                f"a power stands behind the argument: {before.value}(…)^2"
            )
        start, end = before.start, before.end
    elif not any(t.type in ("EQUAL", "COLON") for t in tokens):
        reason = "this line is no equation (name = …) and no declaration (name: scalar)"
        start, end = tokens[0].start, tokens[0].end
        if tokens[0].type == "FUNCTION":
            reason += f"; '{tokens[0].value}' is a function"
    elif tokens[0].type == "FUNCTION" and position == 0:
        reason = f"'{token.text}' is a function and cannot be the name of a variable"
    elif token.type == "TIMES":
        reason = (
            "'×' stands only in declared shapes; ⊙ (\\odot) is the elementwise product, and the "
            "factors of a matrix product stand side by side"
        )
    elif token.type == "MINUS" and before is not None and before.type in _BINARY:
        reason = "a sign behind an operator needs parentheses: (−…)"
    elif token.type == "EQUAL" and not at_end:
        left = [t for t in tokens[:position] if t.type != "NAME"]
        reason = (
            "a second '=' in one equation"
            if any(t.type == "EQUAL" for t in left)
            else "the left side of an equation is one name at t, such as h_t"
        )
    else:
        accepts = {
            kind.removeprefix("_")
            for kind in getattr(error, "expected", ()) or getattr(error, "accepts", ()) or ()
        }
        wanted = [_WORDS[w] for w in _WORDS if w in accepts]
        what = "the equation ends too early" if at_end else f"unexpected '{token.text}'"
        if {"NAME", "NUMBER", "FUNCTION"} <= accepts:
            wanted = ["a name, a number, a function or a bracket"]
        reason = what + (f"; expected {_either(wanted)}" if wanted else "")
    return LanguageError(reason, scanned.text, start, end)


def _either(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def reversed_products(tree: Any) -> Any:
    """A tree in column form as the same formula in row form: every product reversed.

    Each symbol then stands for its transpose, so a formula of column vectors becomes one of rows.
    """
    if not isinstance(tree, _Nested):
        return tree
    items = [reversed_products(item) for item in tree.items]
    if isinstance(tree, Product):
        for i, item in enumerate(items[:-1]):
            if isinstance(item, OuterFlip):  # a ⊗ b is a bᵀ of columns
                items[i] = item.items[0]
                items[i + 1] = replace(item, items=(items[i + 1],))
        items.reverse()
    return replace(tree, items=tuple(items))


def close_names(name: str, known: list[str]) -> str:
    """A hint with the nearest known name, or the empty text."""
    near = nearest(name, known)
    return f"; did you mean {near}?" if near else ""
