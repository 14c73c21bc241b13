"""The equations of single elements: `h_{t,j} = tanh(Σ_k x_{t,k} W_{k,j} + …)`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

from sympy import Expr, Integer, Or, Piecewise, S, Symbol, exp, fraction
from sympy import Pow as Pow_
from sympy.core.relational import GreaterThan, LessThan, StrictGreaterThan, StrictLessThan
from sympy.matrices.expressions.matexpr import MatrixElement

from ..errors import InputError
from ..language.elements import Known, Table, read_scalar
from ..nouns import Cell, Equation, Quantity
from ..ops.functions import ELEMENTWISE
from ..ops.node import mirrored
from ..ops.rowfunctions import ROWS
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
    Neg,
    Pow,
    Scalar,
    Total,
    added,
    multiplied,
    placed,
    rebuilt,
    whole,
)
from .naming import rows_named

#: Letters for indices, as books take them: of a column, then of sums; `i` is that of a row.
_LETTERS = "jklmnpqrsuvw"


@dataclass(frozen=True)
class Indices:
    """The letters that a cell leaves for indices."""

    row: str
    column: str
    summed: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        return (self.row, self.column, *self.summed)


def indices_of(cell: Cell) -> Indices:
    """Index letters that are no part of any name of a cell.

    Raises:
        InputError: if the cell leaves too few.
    """
    used = {part for v in cell.variables for part in v.name.split("_")}
    used |= {str(s) for s in cell.dims} | {"t", "e"}
    free = [c for c in _LETTERS if c not in used]
    if len(free) < 4:
        raise InputError(f"{cell.name} leaves no letters for indices")
    column, *summed = free
    row = "i" if "i" not in used else summed.pop(0)
    return Indices(row, column, tuple(summed))


def elements(cell: Cell, convention: str = "row") -> tuple[Cell, tuple[Element, ...]]:
    """A cell's equations as equations of single elements.

    Rows that a function such as softmax takes, and what is joined, get a name first.

    Args:
        cell: the cell.
        convention: "row", or "column", where every matrix is transposed.

    Returns:
        The cell with these names, and its equations.

    Raises:
        InputError: for a cell that leaves no letters for indices.
    """
    named = rows_named(cell)
    indices = indices_of(named)
    return named, tuple(_element(e, indices, convention) for e in named.equations)


def _element(equation: Equation, indices: Indices, convention: str) -> Element:
    left: Any = equation.lhs
    right: Any = equation.expr
    if convention == "column":
        left, right = mirrored(left), mirrored(right)
    rows, cols = (size != 1 for size in left.shape)
    # A vector has one index, whether it is a row or a column.
    i = Symbol(indices.row if rows and cols else indices.column)
    j = Symbol(indices.column)
    walk = _Walk(indices.summed)
    whole_left = walk(left, i, j)
    assert isinstance(whole_left, Entry)
    return Element(whole_left, walk(right, i, j))


class _Walk:
    """What an operation asks for its entry: the entries of its operands, letters for sums.

    Args:
        letters: those that are free for the indices of sums.
        depth: how many sums stand around.
    """

    def __init__(self, letters: tuple[str, ...], depth: int = 0) -> None:
        self._letters = letters
        self._depth = depth

    def __call__(self, expr: Any, i: Expr, j: Expr) -> Scalar:
        """The entry (i, j) of an expression; a side 1 wide has no index."""
        if isinstance(expr, Quantity):
            places = [p for p, size in zip((i, j), expr.shape) if size != 1]
            return Entry(expr.label, expr.time, tuple(places))
        return expr.element(self, i, j)

    def sums(self, sizes: Sequence[Expr]) -> tuple[list[Expr], _Walk]:
        """A letter for each side that is summed over, and the walk inside of these sums."""
        wide = [n for n, size in enumerate(sizes) if size != 1]
        fresh = {n: self._letter(k) for k, n in enumerate(wide)}
        # A side that is 1 wide is not summed over: whatever stands there is dropped.
        letters = [fresh.get(n, Integer(1)) for n in range(len(sizes))]
        return letters, _Walk(self._letters, self._depth + len(wide))

    def letters(self, own: Sequence[str]) -> tuple[dict[Symbol, Symbol], _Walk]:
        """Fresh letters in the place of those of a text."""
        table = {Symbol(old): self._letter(n) for n, old in enumerate(own)}
        return table, _Walk(self._letters, self._depth + len(own))

    def _letter(self, further: int) -> Symbol:
        at = self._depth + further
        if at >= len(self._letters):
            raise InputError("sums are nested deeper than there are letters for indices")
        return Symbol(self._letters[at])

    @staticmethod
    def where_equal(i: Expr, j: Expr, value: Scalar) -> Scalar:
        """A value on the diagonal, zero beside it."""
        off = [Branch(whole(0), Count(i), sign, Count(j)) for sign in "<>"]
        return Cases(tuple(off), value)

    @staticmethod
    def row_element(name: str) -> Scalar:
        """The element of a function of a row."""
        return row_element(name)


@cache
def row_element(name: str) -> Scalar:
    """The element of a function of a row, in elements z of the row and its length n."""
    entry = ROWS[name]
    names = {"z": Known(False, 1), **{n: Known(False, 0) for n, _ in entry.defaults}}
    return read_scalar(entry.element, Table(names, frozenset("n")), False, "j")


def sized(element: Scalar, sizes: dict[Symbol, Integer]) -> Scalar:
    """A formula of elements with its sizes as numbers and its sums written out."""
    if isinstance(element, Total):
        upper = element.upper.xreplace(sizes)
        terms = [
            sized(placed(element.body, {element.index: Integer(n)}), sizes)
            for n in range(1, int(upper) + 1)
        ]
        return added(terms)
    if isinstance(element, Count):
        return Count(element.size.xreplace(sizes))
    if isinstance(element, Cases):
        for branch in element.branches:
            left, right = sized(branch.left, sizes), sized(branch.right, sizes)
            if isinstance(left, Count) and isinstance(right, Count) and branch.relation == "≤":
                if left.size.is_Integer and right.size.is_Integer:
                    if left.size <= right.size:
                        return sized(branch.value, sizes)
                    continue
            break
        else:
            return sized(element.otherwise, sizes)
    if isinstance(element, Entry):
        return Entry(element.label, element.time, tuple(i.xreplace(sizes) for i in element.indices))
    return rebuilt(element, lambda n: sized(n, sizes))


def scalar_of(expr: Any, transposed: bool = False) -> Scalar:
    """A SymPy expression of numbers, symbols and entries of explicit matrices as a formula.

    Args:
        expr: what SymPy holds; its order of terms is SymPy's.
        transposed: whether entries are of the transposed quantities.

    Raises:
        InputError: for what no formula of elements has.
    """

    def go(e: Any) -> Scalar:
        return scalar_of(e, transposed)

    if isinstance(expr, MatrixElement):
        q, i, j = expr.args
        pairs = [(i, q.shape[0]), (j, q.shape[1])]
        pairs = pairs[::-1] if transposed else pairs
        return Entry(q.label, q.time, tuple(k + 1 for k, size in pairs if size != 1))
    if expr.is_Symbol:
        return Entry(expr.name)
    if expr.is_Rational or expr.is_Float:
        return _number(expr)
    if expr is S.Exp1 or expr is S.Pi:
        return Const("e" if expr is S.Exp1 else "pi")
    if expr.is_Add:
        return Add(tuple(map(go, expr.as_ordered_terms())))
    if expr.is_Mul:
        return _product(expr, go)
    if isinstance(expr, Pow_):
        return _power(expr, go)
    if isinstance(expr, exp):
        return Call("exp", (go(expr.args[0]),))
    if isinstance(expr, Piecewise):
        return _cases(expr, go)
    name = _SYMPY_NAMES.get(type(expr).__name__, type(expr).__name__)
    if name not in ELEMENTWISE:
        raise InputError(f"there is no formula of elements for {type(expr).__name__}")
    arguments = list(map(go, expr.args))
    while len(arguments) > len(ELEMENTWISE[name].arguments):  # Max of three
        arguments = [Call(name, tuple(arguments[:2])), *arguments[2:]]
    return Call(name, tuple(arguments))


#: What SymPy calls functions that the language calls otherwise.
_SYMPY_NAMES = {"Abs": "abs", "atan": "arctan", "Max": "max", "Min": "min"}
_TO_RELATION = {
    StrictGreaterThan: ">", GreaterThan: "≥", StrictLessThan: "<", LessThan: "≤",
}  # fmt: skip


def _number(value: Any) -> Scalar:
    if value.is_Float:
        text = format(Decimal(str(value)), "f")
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return Neg(Const(text[1:])) if text.startswith("-") else Const(text)
    above = whole(abs(value.p))
    number: Scalar = above if value.q == 1 else Div(above, whole(value.q))
    return Neg(number) if value < 0 else number


def _product(expr: Any, go: Any) -> Scalar:
    if expr.could_extract_minus_sign():
        return Neg(go(-expr))
    above, below = fraction(expr)
    if below != 1:
        return Div(go(above), go(below))
    return multiplied([go(f) for f in expr.as_ordered_factors()])


def _power(expr: Any, go: Any) -> Scalar:
    base, exponent = expr.as_base_exp()
    if base is S.Exp1:
        return Call("exp", (go(exponent),))
    if exponent == S.Half:
        return Call("sqrt", (go(base),))
    if exponent.could_extract_minus_sign():
        return Div(whole(1), go(base ** (-exponent)))
    return Pow(go(base), go(exponent))


def _cases(expr: Any, go: Any) -> Scalar:
    *first, (last, always) = expr.args
    if always != True:  # noqa: E712  SymPy's own true
        raise InputError("cases must end with the one that is left")
    branches = []
    for value, condition in first:
        either = sorted(condition.args, key=str) if isinstance(condition, Or) else [condition]
        for one in either:
            relation = _TO_RELATION.get(type(one))
            if relation is None:
                raise InputError(f"no formula of elements has the condition {one}")
            branches.append(Branch(go(value), go(one.lhs), relation, go(one.rhs)))
    return Cases(tuple(branches), go(last))
