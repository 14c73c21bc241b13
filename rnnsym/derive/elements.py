"""The equations of single elements: `h_{t,j} = tanh(Σ_k x_{t,k} W_{k,j} + …)`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

from sympy import (
    Expr,
    HadamardProduct,
    Integer,
    MatAdd,
    Or,
    Piecewise,
    S,
    Symbol,
    Transpose,
    exp,
    fraction,
)
from sympy import Pow as Pow_
from sympy.core.relational import GreaterThan, LessThan, StrictGreaterThan, StrictLessThan
from sympy.matrices.expressions.matexpr import MatrixElement

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
    Spread,
    is_negative,
    transposed_form,
)
from ..errors import InputError
from ..language.elements import Known, Table, read_scalar
from ..nouns import Cell, Equation, Quantity
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
        left, right = transposed_form(left), transposed_form(right)
    rows, cols = (size != 1 for size in left.shape)
    # A vector has one index, whether it is a row or a column.
    i = Symbol(indices.row if rows and cols else indices.column)
    j = Symbol(indices.column)
    whole_left = _Entries(indices.summed).entry(left, i, j)
    assert isinstance(whole_left, Entry)
    return Element(whole_left, _Entries(indices.summed).entry(right, i, j))


class _Entries:
    """The entry of a matrix expression at two places."""

    def __init__(self, letters: tuple[str, ...]) -> None:
        self.letters = letters

    def entry(self, expr: Any, i: Expr, j: Expr, depth: int = 0) -> Scalar:
        """The entry (i, j); `depth` says how many sums stand around it."""

        def go(node: Any, i: Expr = i, j: Expr = j, deeper: int = 0) -> Scalar:
            return self.entry(node, i, j, depth + deeper)

        match expr:
            case Quantity():
                places = [p for p, size in zip((i, j), expr.shape) if size != 1]
                return Entry(expr.label, expr.time, tuple(places))
            case Number():
                return Const(expr.text)
            case Size():
                return Count(expr.args[0])
            case Filled():
                return whole(int(expr.args[0]))
            case Eye():
                off = [Branch(whole(0), Count(i), sign, Count(j)) for sign in "<>"]
                return Cases(tuple(off), whole(1))
            case Spread():
                return go(expr.args[0])
            case MatAdd():
                return Add(tuple(go(a) for a in expr.args))
            case MatMul() if is_negative(expr):
                return Neg(go(expr.args[1]))
            case MatMul():
                return self.product(list(expr.args), i, j, depth)
            case Scale() | HadamardProduct():
                return multiplied([go(a) for a in expr.args])
            case Divide():
                return Div(*(go(a) for a in expr.args))
            case Power():
                return Pow(*(go(a) for a in expr.args))
            case Transpose():
                return go(expr.args[0], j, i)
            case Apply():
                return Call(expr.name_, tuple(go(a) for a in expr.operands))
            case RowApply():
                return self.row(expr, i, j, depth)
            case Concat():
                return self.joined(expr, i, j, depth)
            case Diagonal():
                place = j if expr.axis else i
                return go(expr.args[1], place, place)
            case Inner():
                return self.inner(expr, depth)
        raise InputError(f"there is no form in elements of {type(expr).__name__}")

    def letter(self, depth: int) -> Symbol:
        if depth >= len(self.letters):
            raise InputError("sums are nested deeper than there are letters for indices")
        return Symbol(self.letters[depth])

    def product(self, factors: list[Any], i: Expr, j: Expr, depth: int) -> Scalar:
        sums: list[tuple[Symbol, Expr]] = []
        entries: list[Scalar] = []
        before = i
        # A diagonal matrix scales the rows or columns beside it, and is not summed over.
        behind: list[Any] = []
        while len(factors) > 1 and isinstance(factors[-1], Diag):
            behind.insert(0, factors.pop().args[0])
        inner = depth + sum(f.shape[1] != 1 for f in factors[:-1])
        for n, factor in enumerate(factors):
            after: Expr = j
            if n < len(factors) - 1:
                if isinstance(factor, Diag):
                    entries.append(self.entry(factor.args[0], before, before, inner))
                    continue
                size = factor.shape[1]
                after = self.letter(depth + len(sums))
                if size != 1:
                    sums.append((after, size))
            entries.append(self.entry(factor, before, after, inner))
            before = after
        entries += [self.entry(v, j, j, inner) for v in behind]
        result: Scalar = multiplied(entries)
        for index, size in reversed(sums):
            result = Total(index, size, result)
        return result

    def inner(self, expr: Inner, depth: int) -> Scalar:
        sides = [(n, size) for n, size in enumerate(expr.args[0].shape) if size != 1]
        places: list[Expr] = [Integer(1), Integer(1)]
        for k, (n, _) in enumerate(sides):
            places[n] = self.letter(depth + k)
        count = depth + len(sides)
        result = multiplied([self.entry(a, places[0], places[1], count) for a in expr.args])
        for n, size in reversed(sides):
            result = Total(places[n], size, result)
        return result

    def row(self, expr: RowApply, i: Expr, j: Expr, depth: int) -> Scalar:
        entry = ROWS[expr.name_]
        place = expr.axis
        size = expr.operand.shape[place]
        template = row_element(expr.name_)
        own = sorted(set(re.findall(r"∑_\{([a-z])", entry.element)))
        count = depth + len(own)
        inside = {Symbol(old): self.letter(depth + n) for n, old in enumerate(own)}

        def fill(node: Scalar) -> Scalar:
            if isinstance(node, Entry) and node.label == "z":
                (at,) = node.indices
                where = inside.get(at, j if place else i)
                pair = (i, where) if place else (where, j)
                return self.entry(expr.operand, *pair, count)
            if isinstance(node, Entry):
                number = [n for n, _ in entry.defaults].index(node.label)
                if number < len(expr.options):
                    return self.entry(expr.options[number], i, j, count)
                return Const(entry.defaults[number][1])
            if isinstance(node, Count):
                return Count(size)
            if isinstance(node, Total):
                return Total(inside[node.index], size, fill(node.body))
            return rebuilt(node, fill)

        return fill(template)

    def joined(self, expr: Concat, i: Expr, j: Expr, depth: int) -> Scalar:
        at = j if expr.axis else i
        branches: list[Branch] = []
        offset: Expr = Integer(0)
        *first, last = expr.operands
        for operand in first:
            value = self.at(operand, i, j, expr.axis, offset, depth)
            offset = offset + operand.shape[expr.axis]
            branches.append(Branch(value, Count(at), "≤", Count(offset)))
        return Cases(tuple(branches), self.at(last, i, j, expr.axis, offset, depth))

    def at(self, operand: Any, i: Expr, j: Expr, axis: int, offset: Expr, depth: int) -> Scalar:
        pair = (i, j - offset) if axis else (i - offset, j)
        return self.entry(operand, *pair, depth)


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
