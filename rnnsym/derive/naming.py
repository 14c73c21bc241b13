"""Naming what is nested: before a cell is differentiated, every function stands alone.

    h_t = tanh(x_t W + h_{t-1} U + b)     becomes     a_t = x_t W + h_{t-1} U + b
                                                      h_t = tanh(a_t)

so that each slope can be written in a name, and nothing is substituted into anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from sympy import MatrixExpr

from ..names import ACCENTS, canonical, fault_of, t
from ..nouns import Cell, Equation, Quantity, Role, Variable, quantities
from ..ops.elementwise import BESIDE, Apply
from ..ops.joins import Concat
from ..ops.leaves import Number
from ..ops.node import Node, Transpose, transpose, transposed
from ..ops.products import MatMul
from ..ops.rowfunctions import ROWS
from ..ops.rows import RowApply
from ..ops.sums import Minus

#: Letters for what is named: arguments of functions, and other nested values.
_ARGUMENTS = "aesnpq"
_VALUES = "uvwrgz"


def named(cell: Cell) -> Cell:
    """The cell with its nested pre-activations and values named; the same function of its inputs.

    Returns:
        A cell (never a network) whose right sides hold a nonlinear function only at the top,
        applied to names.
    """
    known = vars(cell)
    if "_named" not in known:  # a cell never changes, and is asked again by whoever checks it
        known["_named"] = _named(cell, _Split)
    return known["_named"]  # type: ignore[no-any-return]


def rows_named(cell: Cell) -> Cell:
    """The cell with a name for each row that a function such as softmax takes, and for each join.

    A cell in which all of these have names is given back as it is.
    """
    named_ = _named(cell, _Rows)
    return cell if named_.equations == cell.equations else named_


def _named(cell: Cell, kind: type[_Split]) -> Cell:
    plan = [kind(e) for e in cell.equations]
    for split in plan:
        split.right = split.visit(split.equation.expr, top=True)
    names = _fresh_names(cell, plan)
    equations: list[Equation] = []
    variables = list(cell.variables)
    for split in plan:
        table: dict[str, Quantity] = {}
        for part in split.parts:
            expr = _filled(part.expr, table)
            timed = any(q.time is not None for q in quantities(expr))
            name = names[split.equation.variable.name, part.key]
            role = Role.INTERMEDIATE if timed else Role.CONSTANT
            shape = (expr.shape[0], expr.shape[1])
            variable = Variable(
                name, role, shape, f"{part.words} of {split.equation.variable.name}"
            )
            variables.append(variable)
            equations.append(Equation(variable, expr, t if timed else None))
            table[part.key] = variable.here
        right = _filled(split.right, table)
        equations.append(replace(split.equation, expr=right))
    order = list(Role)
    variables.sort(key=lambda v: order.index(v.role))
    return Cell(
        cell.name, tuple(equations), tuple(variables), cell.output, cell.title, cell.description,
        cell.source, cell.text, cell.sizes, cell.convention, cell.remarks,
    )  # fmt: skip


@dataclass
class _Part:
    """A nested expression that gets a name; `key` stands for it until the name is chosen."""

    key: str
    expr: Any
    argument: bool

    @property
    def words(self) -> str:
        return "pre-activation" if self.argument else "value inside the equation"


@dataclass
class _Split:
    """One equation, taken apart."""

    equation: Equation
    parts: list[_Part] = field(default_factory=list)
    right: Any = None

    def visit(self, expr: Any, top: bool = False) -> Any:
        """The expression with its nested parts replaced by placeholders."""
        if not isinstance(expr, MatrixExpr) or isinstance(expr, Quantity):
            return expr
        steady = all(q.time is None for q in quantities(expr))
        if self.equation.time is not None and steady and _has_product(expr):
            return self.name(expr, argument=False)  # it is the same at every step
        match expr:
            case Node(named=True):
                args = [self.plain(self.visit(a), argument=True) for a in expr.args]
                whole = expr.func(*args)
                return whole if top else self.name(whole, argument=False)
            case Apply(name_="/") if not top and not isinstance(expr.operands[1], Number):
                # Its derivative is written in its value.
                inner = expr.func(*(self.product_named(self.visit(a)) for a in expr.args))
                return self.name(inner, argument=False)
            case Apply(beside=True):
                factor, other = map(self.visit, expr.operands)
                other = other if _rank_one(other) else self.product_named(other)
                return Apply(BESIDE, factor, other)
            case Apply() | MatMul():
                return expr.func(*(self.product_named(self.visit(a)) for a in expr.args))
            case Concat() if not top:
                # A slice of an adjoint reads better when what was joined has a name.
                return self.name(expr.func(*(self.visit(a) for a in expr.args)), argument=False)
        return expr.func(*(self.visit(a) for a in expr.args))

    def plain(self, expr: Any, argument: bool) -> Any:
        return (
            expr if not isinstance(expr, MatrixExpr) or _leaf(expr) else self.name(expr, argument)
        )

    def product_named(self, expr: Any) -> Any:
        """A factor that holds a matrix product is used more than once: by each derivative."""
        holds = isinstance(expr, MatrixExpr) and not _leaf(expr) and _has_product(expr)
        return self.name(expr, argument=False) if holds else expr

    def name(self, expr: Any, argument: bool) -> Any:
        rows, cols = expr.shape
        turned = transposed(expr)
        # A name is of a row, as every vector is; its transpose is written where it stands. A column
        # such as the sums of rows has no other spelling, and is named as it is.
        column = cols == 1 != rows
        if (column or isinstance(expr, Transpose)) and not (
            isinstance(turned, Transpose) if column else turned.shape[1] == 1
        ):
            return transpose(self.name(turned, argument))
        for part in self.parts:
            if part.expr == expr:
                return _placeholder(part.key, expr)
        key = f"#{len(self.parts)}"
        self.parts.append(_Part(key, expr, argument))
        return _placeholder(key, expr)


class _Rows(_Split):
    """Names only what an element of a function of a row, or of a join, is written in."""

    def visit(self, expr: Any, top: bool = False) -> Any:
        if not isinstance(expr, MatrixExpr) or isinstance(expr, Quantity):
            return expr
        args = [self.visit(a) for a in expr.args]
        if isinstance(expr, RowApply) and not ROWS[expr.name_].reduces:
            args = [self.plain(a, argument=True) if isinstance(a, MatrixExpr) else a for a in args]
        whole = expr.func(*args)
        return self.name(whole, argument=False) if isinstance(expr, Concat) and not top else whole


def _placeholder(key: str, expr: Any) -> Quantity:
    timed = any(q.time is not None for q in quantities(expr))
    rows, cols = expr.shape
    return Quantity(key, rows, cols, t if timed else None)


def _leaf(expr: Any) -> bool:
    """A name, a number, or one of these with a sign or transposed."""
    while isinstance(expr, (Minus, Transpose)):
        expr = expr.args[0]
    return isinstance(expr, (Quantity, Number))


def _has_product(expr: Any) -> bool:
    stack = [expr]
    while stack:
        node = stack.pop()
        if isinstance(node, MatMul):
            return True
        if isinstance(node, MatrixExpr) and not isinstance(node, Quantity):
            stack.extend(node.args)
    return False


def _rank_one(expr: Any) -> bool:
    """k^⊤ v: its inner product with a matrix G is the plain product k G v^⊤."""
    return (
        isinstance(expr, MatMul)
        and len(expr.args) == 2
        and expr.args[0].shape[1] == 1
        and all(map(_leaf, expr.args))
    )


def _filled(expr: Any, table: dict[str, Quantity]) -> Any:
    if isinstance(expr, Quantity):
        return table.get(expr.label, expr)
    if not isinstance(expr, MatrixExpr):
        return expr
    return expr.func(*(_filled(a, table) for a in expr.args))


def _fresh_names(cell: Cell, plan: list[_Split]) -> dict[tuple[str, str], str]:
    """A name for each part: `a` for the only pre-activation, `a_i`, `a_f` where there are more."""
    taken = {v.name for v in cell.variables} | {str(s) for s in cell.dims} | {"ell", "L", "N"}
    result: dict[tuple[str, str], str] = {}
    for argument, letters in ((True, _ARGUMENTS), (False, _VALUES)):
        wanted = [(s.equation.variable.name, p.key) for s in plan for p in s.parts
                  if p.argument == argument]  # fmt: skip
        owners = [owner for owner, _ in wanted]
        for owner, key in wanted:
            base, *parts = owner.split("_")
            short = [p for p in parts if p not in ACCENTS]
            alone = len({tuple(o.split("_")[1:]) for o in owners}) == len(set(owners))
            subscripts = [short] if alone else []
            for name in _candidates(letters, [*subscripts, [*parts, base]]):
                clash = name in taken or fault_of(name) or _ambiguous(name, taken)
                if not clash:
                    break
            taken.add(name)
            result[owner, key] = name
    return result


def _candidates(letters: str, subscripts: list[list[str]]) -> Iterable[str]:
    for parts in subscripts:
        for letter in letters:
            yield canonical(letter, parts)
    for n in count(1):
        yield f"node_{'abcdefghij'[n % 10]}{n}"


def _ambiguous(name: str, taken: set[str]) -> bool:
    """Whether a name is how another is written at a step (`a_1`), or the other way round."""
    base, _, step = name.rpartition("_")
    if step.isdigit() and base in taken:
        return True
    return any(other.rpartition("_")[0] == name and other.rpartition("_")[2].isdigit()
               for other in taken)  # fmt: skip
