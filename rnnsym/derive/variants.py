"""Cells made from cells: other functions, no bias, dropout, a mask. Each gives equations again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from sympy import MatrixExpr, S

from ..names import canonical, t
from ..nouns import Cell, Equation, Quantity, Role, Variable, quantities
from ..ops.elementwise import BESIDE, PRODUCT, Apply, hadamard, is_sign
from ..ops.joins import Concat
from ..ops.leaves import Number
from ..ops.node import replace_quantities
from ..ops.products import MatMul
from ..ops.sums import MatAdd, Minus

#: A function of the language, with its parameters filled in.
Function = Callable[[MatrixExpr], MatrixExpr]


def with_functions(cell: Cell, functions: Mapping[str, Function]) -> Cell:
    """The cell with some of its elementwise functions replaced, such as tanh by relu."""

    def go(node: Any) -> Any:
        if not isinstance(node, MatrixExpr) or isinstance(node, Quantity):
            return node
        args = [go(a) for a in node.args]
        if isinstance(node, Apply) and node.name_ in functions:
            return functions[node.name_](args[1])
        return node.func(*args)

    return _with(cell, [replace(e, expr=flat(go(e.expr))) for e in cell.equations])


def applied(cell: Cell, function: Function) -> Cell:
    """The cell with a function around its output's right side."""
    return _with(
        cell,
        [
            replace(e, expr=function(e.expr)) if e.variable == cell.output else e
            for e in cell.equations
        ],
    )


def flat(expr: Any) -> Any:
    """Sums inside of sums written as one."""
    if not isinstance(expr, MatrixExpr) or isinstance(expr, Quantity):
        return expr
    args = [flat(a) for a in expr.args]
    if isinstance(expr, MatAdd):
        args = [b for a in args for b in (a.args if isinstance(a, MatAdd) else (a,))]
    return expr.func(*args)


def without(cell: Cell, parameters: Collection[str]) -> Cell:
    """The cell without some parameters that stand as terms of sums, such as its biases."""

    def go(node: Any) -> Any:
        if not isinstance(node, MatrixExpr) or isinstance(node, Quantity):
            return node
        args = list(node.args)
        if isinstance(node, MatAdd):
            args = [a for a in args if not (isinstance(a, Quantity) and a.label in parameters)]
        args = [go(a) for a in args]
        return args[0] if isinstance(node, MatAdd) and len(args) == 1 else node.func(*args)

    return _with(cell, [replace(e, expr=go(e.expr)) for e in cell.equations])


def dropped_out(cell: Cell, masks: Mapping[tuple[str, str], str]) -> Cell:
    """The cell with dropout: a mask on a quantity where it meets a matrix.

    Args:
        cell: the cell.
        masks: for (quantity, parameter), such as ("h", "U_i"), the name of the mask that the
            quantity is multiplied by inside of products with that parameter. A mask is a state that
            stays as it is, `p_t = p_{t-1}`: it is kept over the steps.
    """
    added: dict[str, Variable] = {}

    def go(node: Any, parameter: str = "") -> Any:
        if isinstance(node, Quantity):
            name = masks.get((node.label, parameter))
            if name is None:
                return node
            shape = node.shape
            words = "dropout mask, kept over the steps"
            fresh = Variable(name, Role.STATE, shape, words, kept=True)
            mask = added.setdefault(name, fresh)
            return Apply(PRODUCT, node, mask.here)
        if not isinstance(node, MatrixExpr):
            return node
        if isinstance(node, MatMul) and isinstance(node.args[-1], Quantity):
            parameter = node.args[-1].label
        args = [go(a, parameter) for a in node.args]
        if is_sign(node, PRODUCT) and not node.beside:
            return hadamard(args[1:])
        return node.func(*args)

    equations = [replace(e, expr=go(e.expr)) for e in cell.equations]
    kept = [Equation(v, v.at(t - 1)) for v in added.values()]
    return _with(cell, [*kept, *equations], added.values())


def masked(cell: Cell, zero: bool = False) -> Cell:
    """The cell with a mask `m_t`, 1 or 0 at each step.

    At a step with m_t = 0 the states stay as they were. The output, `y_t`, is repeated (it starts
    at zero), or is zero.

    Args:
        cell: the cell; it must have no variable called m or y.
        zero: whether the output of a masked step is zero.
    """
    mask = Variable("m", Role.INPUT, (S.One, S.One), "mask: 1 for a step that counts, 0 for none")
    m = mask.here
    states = {v.name: v for v in cell.states if not v.kept}
    fresh = {
        name: Variable(_hatted(name), Role.INTERMEDIATE, v.shape, f"{v.meaning or name}, unmasked")
        for name, v in states.items()
    }

    def here(q: Quantity) -> Quantity:
        return fresh[q.label].here if q.label in fresh and q.time == t else q

    equations = [
        replace(
            e,
            variable=fresh.get(e.variable.name, e.variable),
            expr=replace_quantities(e.expr, here),
        )
        for e in cell.equations
    ]

    def gated(new: Variable, old: MatrixExpr | None) -> MatrixExpr:
        kept = Apply(BESIDE, m, new.here)
        one = MatAdd(Number("1"), Minus(m))
        return kept if old is None else MatAdd(kept, Apply(BESIDE, one, old))

    equations += [Equation(v, gated(fresh[n], v.at(t - 1))) for n, v in states.items()]
    source = fresh.get(cell.output.name, cell.output)
    role = Role.INTERMEDIATE if zero else Role.STATE
    output = Variable("y", role, cell.output.shape, "output")
    equations.append(Equation(output, gated(source, None if zero else output.at(t - 1))))
    return _with(replace(cell, output=output), equations, [mask, *fresh.values(), output])


def _hatted(name: str) -> str:
    base, *parts = name.split("_")
    return canonical(base, [*parts, "hat"])


def giving(cell: Cell, names: Collection[str]) -> Cell:
    """The cell with several of its quantities side by side as its output."""
    if list(names) == [cell.output.name]:
        return cell
    chosen = [cell[name] for name in names]
    if len(chosen) == 1:
        return replace(cell, output=chosen[0])
    expr = Concat(1, *(v.here for v in chosen))
    joint = Variable("all_out", Role.INTERMEDIATE, expr.shape, "what the node gives")
    return _with(replace(cell, output=joint), [*cell.equations, Equation(joint, expr)], [joint])


def still(cell: Cell) -> Cell:
    """A cell without states as it stands outside of time: `y = x V + c`, no index t.

    What it reads is a parameter of this cell, and what it defines is a constant.
    """
    roles = {Role.INPUT: Role.PARAMETER, Role.INTERMEDIATE: Role.CONSTANT}
    table = {v.name: replace(v, role=roles.get(v.role, v.role)) for v in cell.variables}
    equations = tuple(
        Equation(
            table[e.variable.name], replace_quantities(e.expr, lambda q: table[q.label].at()), None
        )
        for e in cell.equations
    )
    return replace(
        cell, equations=equations, variables=tuple(table.values()), output=table[cell.output.name]
    )


def _with(cell: Cell, equations: list[Equation], added: Collection[Variable] = ()) -> Cell:
    """The cell with other equations; what is no longer there is no variable any more."""
    table = {v.name: v for v in [*cell.variables, *added]}
    used = {q.label for e in equations for q in quantities(e.expr)}
    used |= {e.variable.name for e in equations}
    order = list(Role)
    variables = sorted((table[n] for n in table if n in used), key=lambda v: order.index(v.role))
    return replace(
        cell,
        equations=tuple(replace(e, variable=table[e.variable.name]) for e in equations),
        variables=tuple(variables),
        output=table[cell.output.name],
    )


__all__ = [
    "Function", "applied", "dropped_out", "flat", "giving", "masked", "still",
    "with_functions", "without",
]  # fmt: skip
