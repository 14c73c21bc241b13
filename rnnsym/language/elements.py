"""Reading formulas of single elements, with a table that says which subscripts are indices."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from sympy import Expr, Integer, Symbol

from ..errors import LanguageError
from ..names import canonical, t
from ..nouns import Cell
from ..scalars import (
    Add,
    Branch,
    Call,
    Cases,
    Const,
    Count,
    Div,
    Element,
    Entry,
    Mul,
    Neg,
    Pow,
    Scalar,
    Total,
)
from .scan import scan
from .tokens import ELEMENTS
from .tree import (
    CaseList,
    Chain,
    DeclarationTree,
    Function,
    Num,
    Product,
    Raise,
    Ref,
    Sum,
    SumOverIndex,
    parse_statement,
)


@dataclass(frozen=True)
class Known:
    """What a name stands for: whether it has a time, and how many indices its elements have."""

    timed: bool
    indices: int


@dataclass(frozen=True)
class Table:
    """The names and sizes of formulas of elements.

    Attributes:
        names: what is known by name.
        sizes: the symbols of the sizes.
        constants: names such as `e` and `pi` that are numbers.
    """

    names: Mapping[str, Known]
    sizes: frozenset[str] = frozenset()
    constants: frozenset[str] = frozenset()


def table_of(cell: Cell) -> Table:
    """The table of a cell's symbols."""
    names = {v.name: Known(v.timed, sum(size != 1 for size in v.shape)) for v in cell.variables}
    return Table(names, frozenset(str(s) for s in cell.dims))


def read_elements(
    text: str, table: Table, latex: bool | None = None, tight: bool = False
) -> tuple[Element, ...]:
    """Read equations of elements again.

    Args:
        text: LaTeX or plain text, such as `h_{t,j} = \\tanh(\\sum_{k=1}^{D} x_{t,k} W_{k,j})`.
        table: what the names stand for.
        latex: whether the text is LaTeX; without it, a text with a backslash is.
        tight: let ⊙ and / bind tighter than a product, which must change nothing.

    Raises:
        LanguageError: where the text cannot be read with these names.
    """
    scanned = scan(text, latex, ELEMENTS)
    found = []
    for statement in scanned.statements:
        tree = parse_statement(statement, scanned, tight)
        if isinstance(tree, DeclarationTree):
            raise LanguageError("an equation is wanted", scanned.text, tree.start, tree.end)
        reader = _Reader(table, scanned.text)
        left = reader.entry(tree.name, frozenset(), left=True)
        inside = frozenset(i for i in left.indices if i.is_Symbol)
        found.append(Element(left, reader.scalar(tree.right, inside)))
    return tuple(found)


def read_scalar(
    text: str, table: Table, latex: bool | None = None, indices: Iterable[str] = (),
    tight: bool = False,
) -> Scalar:  # fmt: skip
    """Read one expression of elements, with the indices that stand in it.

    Raises:
        LanguageError: where it cannot be read.
    """
    scanned = scan(f"y = {text}", latex, ELEMENTS)
    if len(scanned.statements) != 1:
        raise LanguageError("one expression is wanted", scanned.text, 0)
    tree = parse_statement(scanned.statements[0], scanned, tight)
    if isinstance(tree, DeclarationTree):
        raise LanguageError("an expression is wanted", scanned.text, 0)
    inside = frozenset(map(Symbol, indices))
    return _Reader(table, scanned.text).scalar(tree.right, inside)


#: A term of an index: j, 3, D, 2 D.
_TERM = re.compile(r"([+-]?)\s*(?=[A-Za-z0-9])([0-9]*)\s*([A-Za-z][A-Za-z0-9_]*)?\s*")


class _Reader:
    """Makes scalars of trees."""

    def __init__(self, table: Table, text: str) -> None:
        self.table = table
        self.text = text

    def fail(self, reason: str, tree: Any) -> LanguageError:
        return LanguageError(reason, self.text, tree.start, tree.end)

    def place(self, text: str, tree: Any, inside: frozenset[Symbol]) -> Expr:
        """An index: letters that are in scope, sizes and numbers, added up."""
        total: Expr = Integer(0)
        at = 0
        for match in _TERM.finditer(text):
            if match.start() != at or (at and not match.group(1)):
                break
            at = match.end()
            sign, times, word = match.groups()
            value: Expr = Integer(times or 1)
            if word and Symbol(word) not in inside and word not in self.table.sizes:
                raise self.fail(f"'{word}' is no index here and no size", tree)
            value = value * Symbol(word) if word else value
            total = total - value if sign == "-" else total + value
        if at != len(text) or not text:
            raise self.fail(f"'{text}' is no index", tree)
        return total

    def entry(self, ref: Ref, inside: frozenset[Symbol], left: bool = False) -> Entry:
        """The element that a name with subscripts is."""
        base, *accents = ref.name.split("_")
        raised = [s[1:] for s in ref.subscripts if s.startswith("@")]
        subscripts = [s for s in ref.subscripts if not s.startswith("@")]
        for length in range(len(subscripts), -1, -1):
            label = canonical(base, [*accents, *subscripts[:length]])
            known = self.table.names.get(label)
            if known is None:
                continue
            rest = subscripts[length:]
            time: Expr | None = None if ref.lag is None else t + ref.lag
            if raised:
                time = Integer(raised[0])
            elif known.timed and time is None and rest and rest[0].isdigit():
                time = Integer(rest.pop(0))
            if len(rest) != known.indices or known.timed != (time is not None):
                continue
            if left:
                inside = frozenset(Symbol(r) for r in rest if r.isalpha())
            return Entry(label, time, tuple(self.place(r, ref, inside) for r in rest))
        raise self.fail(f"'{self.text[ref.start : ref.end]}' is no element that is known", ref)

    def scalar(self, tree: Any, inside: frozenset[Symbol]) -> Scalar:
        def go(node: Any) -> Scalar:
            return self.scalar(node, inside)

        match tree:
            case Num():
                return Const(tree.text)
            case Ref():
                return self.ref(tree, inside)
            case Sum():
                terms = [go(i) if s > 0 else Neg(go(i)) for i, s in zip(tree.items, tree.signs)]
                return terms[0] if len(terms) == 1 else Add(tuple(terms))
            case Product():
                return Mul(tuple(map(go, tree.items)))
            case Chain():
                result = go(tree.items[0])
                for operator, item in zip(tree.operators, tree.items[1:]):
                    if operator != "SLASH":
                        raise self.fail("elements are multiplied side by side", tree)
                    result = Div(result, go(item))
                return result
            case Raise():
                return Pow(*map(go, tree.items))
            case Function():
                return Call(tree.name, tuple(map(go, tree.items)))
            case SumOverIndex():
                index = Symbol(tree.index)
                if index in inside:
                    raise self.fail(f"'{tree.index}' is an index already", tree)
                upper = self.place(tree.upper.replace(" ", ""), tree, frozenset())
                return Total(index, upper, self.scalar(tree.items[0], inside | {index}))
            case CaseList():
                *branches, last = tree.items
                if last.relation or not all(b.relation for b in branches):
                    raise self.fail("cases end with the one that is left", tree)
                made = [Branch(*_branch(b.relation, list(map(go, b.items)))) for b in branches]
                return Cases(tuple(made), go(last.items[0]))
        raise self.fail("this stands in no formula of elements", tree)

    def ref(self, ref: Ref, inside: frozenset[Symbol]) -> Scalar:
        if not ref.subscripts and ref.lag is None and ref.name not in self.table.names:
            if Symbol(ref.name) in inside or ref.name in self.table.sizes:
                return Count(Symbol(ref.name))
            if ref.name in self.table.constants:
                return Const(ref.name)
        size = "_".join([ref.name, *ref.subscripts])
        if ref.lag is None and size in self.table.sizes:
            return Count(Symbol(size))
        return self.entry(ref, inside)


def _branch(relation: str, items: list[Scalar]) -> tuple[Scalar, Scalar, str, Scalar]:
    value, left, right = items
    return value, _as_size(left), relation, _as_size(right)


def _as_size(formula: Scalar) -> Scalar:
    """A sum of sizes and whole numbers, D + M or 2 D, as the one size that it is."""

    def size(part: Scalar) -> Any:
        match part:
            case Count():
                return part.size
            case Const() if part.text.isdigit():
                return Integer(part.text)
            case Add():
                sizes = list(map(size, part.terms))
                return None if None in sizes else sum(sizes[1:], sizes[0])
            case Mul():
                sizes = list(map(size, part.factors))
                return None if None in sizes else prod(sizes)
        return None

    found = size(formula)
    return formula if found is None else Count(found)


def with_constants(table: Table) -> Table:
    """The table with e and π, which definitions of functions use."""
    return replace(table, constants=frozenset(["e", "pi"]))
