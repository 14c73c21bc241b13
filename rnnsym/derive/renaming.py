"""The same equations in other names: a notation is a map from names to names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sympy import MatrixExpr

from ..errors import InputError
from ..models import Model, Node
from ..names import canonical, fault_of, marked, unmarked
from ..nouns import Cell, Derivation, Equation, Network, Quantity, Role, Variable
from ..ops import spellings
from ..ops.sums import MatAdd
from ..scalars import Count, Entry, Scalar, Total, children
from .elements import elements
from .kinds import kind_of
from .unrolling import matrices, unroll
from .variants import flat

#: What a name, of a quantity of a step or not, is called: one name, or several whose sum it is.
Names = Callable[[str, bool], tuple[str, ...]]
Table = dict[str, tuple[str, ...]]


def same_names(name: str, timed: bool) -> tuple[str, ...]:
    """Every name as it is."""
    return (name,)


def renamed(
    subject: Any, names: Names = same_names, rename: Mapping[str, str] | None = None
) -> Any:
    """A cell, derivation, model or equation in other names.

    Args:
        subject: what is renamed; a derivation is derived again from the renamed cell.
        names: what each name is called, such as those of a notation.
        rename: further names by the names of the text; they come before `names`.

    Raises:
        InputError: for a name that is none, or is not there; for two symbols that would become one,
            or one that would meet an index letter, both named.
    """
    given = dict(rename or {})
    if isinstance(subject, Model):
        for old in given:
            if not any(old in n.cell for n in subject.nodes if n.cell is not None):
                raise InputError(f"the model has no symbol '{old}' to rename")
        return replace(subject, nodes=tuple(_node(n, names, given) for n in subject.nodes))
    if isinstance(subject, Derivation):
        return _derived_again(subject, names, given)
    if isinstance(subject, Equation):
        return _equation(subject, names, given)
    table = _table(subject, names, given)
    if all(new == (old,) for old, new in table.items()):
        return subject
    _check(subject, table)
    return _cell(subject, table)


def _node(node: Node, names: Names, given: dict[str, str]) -> Node:
    """A part of a model with its cell in other names: for print, its arrays stay what they are."""
    if node.cell is None:
        return node
    here = {old: new for old, new in given.items() if old in node.cell}
    table = _table(node.cell, names, here)
    return replace(
        node,
        cell=renamed(node.cell, names, here),
        takes=tuple((table[name][0], which) for name, which in node.takes),
        initial={table[name][0]: value for name, value in node.initial.items()},
        places={new: place for old, place in node.places.items() for new in table[old]},
    )


def _table(cell: Cell, names: Names, given: dict[str, str]) -> Table:
    for old, new in given.items():
        if old not in cell:
            known = ", ".join(v.name for v in cell.variables)
            raise InputError(f"{cell.name} has no symbol '{old}' to rename; it has {known}")
        _check_name(old, new)
    given = {old: _canonical(new) for old, new in given.items()}
    table = {
        v.name: (given[v.name],) if v.name in given else names(v.name, v.timed)
        for v in cell.variables
    }
    # Where a cell has a symbol of its own for a part of a sum, the part is left to it.
    own = {new[0] for new in table.values() if len(new) == 1}
    for old, several in table.items():
        if len(several) > 1:
            if cell[old].role != Role.PARAMETER:
                table[old] = (old,)
                continue
            table[old] = tuple(n for n in several if n not in own) or several[:1]
    return table


def _check_name(old: str, new: str) -> None:
    if fault := fault_of(new):
        raise InputError(f"'{old}' cannot be called '{new}': {fault}")
    if new in spellings():
        raise InputError(f"'{old}' cannot be called '{new}': that is a function")


def _canonical(name: str) -> str:
    base, *parts = name.split("_")
    return canonical(base, parts)


def _check_apart(table: Table) -> dict[str, str]:
    """Refuse names that would be one, and say which symbol has which name."""
    owner: dict[str, str] = {}
    for old, new in table.items():
        for name in new:
            if (other := owner.get(name)) is not None:
                raise InputError(f"'{other}' and '{old}' would both be called '{name}'")
            owner[name] = old
    return owner


def _check(cell: Cell, table: Table) -> None:
    owner = _check_apart(table)
    sizes = {str(s): v for v in cell.variables for size in v.shape for s in size.free_symbols}
    indices = _indices(cell)
    for old, new in table.items():
        for name in new:
            if name in sizes:
                raise InputError(
                    f"'{old}' cannot be called '{name}': that is a size of '{sizes[name].name}'"
                )
            if name in indices and (name,) != (old,):
                raise InputError(
                    f"'{old}' cannot be called '{name}': '{name}' is an index of the formulas of "
                    "elements"
                )
    for name, old in owner.items():
        base, _, step = name.rpartition("_")
        of = owner.get(base)
        if step.isdigit() and of is not None and cell[of].timed:
            raise InputError(
                f"'{old}' cannot be called '{name}': so '{of}' would be written at step {step}"
            )
        if step.isdigit() and of is not None and not cell[of].scalar and (name,) != (old,):
            raise InputError(
                f"'{old}' cannot be called '{name}': so an element of '{of}' would be written"
            )


def _indices(cell: Cell) -> set[str]:
    """The index letters that a cell's formulas of elements use."""
    try:
        _, formulas = elements(cell)
    except InputError:
        return set()
    found: set[str] = set()

    def go(node: Scalar) -> None:
        sizes = node.indices if isinstance(node, Entry) else ()
        if isinstance(node, Count):
            sizes = (node.size,)
        if isinstance(node, Total):
            sizes = (node.index,)
        found.update(str(s) for size in sizes for s in size.free_symbols)
        for child in children(node):
            go(child)

    for formula in formulas:
        go(formula.left)
        go(formula.right)
    return found - {str(s) for s in cell.dims}


def _cell(cell: Cell, table: Table) -> Cell:
    variables: dict[str, Variable] = {}
    for v in cell.variables:
        new = table.get(v.name, (v.name,))
        for i, name in enumerate(new):
            meaning = f"{v.meaning or v.name}, part {i + 1} of {len(new)}" if new[1:] else v.meaning
            part = (i + 1, len(new)) if new[1:] else v.part
            variables[name] = replace(v, name=name, meaning=meaning, part=part)

    def first(name: str) -> Variable:
        return variables[table.get(name, (name,))[0]]

    equations = tuple(
        replace(e, variable=first(e.variable.name), expr=flat(_expr(e.expr, table)))
        for e in cell.equations
    )
    changes: dict[str, Any] = {
        "equations": equations, "variables": tuple(variables.values()),
        "output": first(cell.output.name),
    }  # fmt: skip
    if isinstance(cell, Network):
        changes["layers"] = tuple(
            _cell(layer, {n: t for n, t in table.items() if n in layer}) for layer in cell.layers
        )
    return replace(cell, **changes)


def _expr(expr: Any, table: Table) -> Any:
    if isinstance(expr, Quantity):
        mark, name = unmarked(expr.label)
        if "/" in name:  # a derivative of one quantity by another
            above, below = (table.get(n, (n,))[0] for n in name.split("/"))
            return _called(expr, marked(mark, f"{above}/{below}"))
        new = [_called(expr, marked(mark, n) if mark else n) for n in table.get(name, (name,))]
        return new[0] if len(new) == 1 else MatAdd(*new)
    if not isinstance(expr, MatrixExpr):
        return expr
    return expr.func(*(_expr(a, table) for a in expr.args))


def _called(q: Quantity, label: str) -> Quantity:
    rows, cols = q.shape
    return Quantity(label, rows, cols, q.time)


def _equation(equation: Equation, names: Names, given: dict[str, str]) -> Equation:
    used = [equation.lhs]
    if isinstance(equation.expr, MatrixExpr):
        used += equation.uses
    table: Table = {}
    for q in used:
        # A gradient such as ∂L/∂W is of no step, and so is its parameter.
        for name in unmarked(q.label)[1].split("/"):
            new = names(name, q.time is not None)
            table[name] = (_canonical(given[name]),) if name in given else new
    for old in given:
        if old not in table:
            raise InputError(f"the equation has no symbol '{old}' to rename")
    for old, wanted in given.items():
        _check_name(old, wanted)
    _check_apart(table)
    if all(new == (old,) for old, new in table.items()):
        return equation
    lhs = _expr(equation.lhs, {n: new[:1] for n, new in table.items()})
    return replace(
        equation,
        variable=replace(equation.variable, name=lhs.label),
        expr=flat(_expr(equation.expr, table)),
    )


def _derived_again(derivation: Derivation, names: Names, given: dict[str, str]) -> Derivation:
    subject = derivation.subject or derivation.cell
    table = _table(subject, names, given)
    if all(new == (old,) for old, new in table.items()):
        return derivation
    again = _again(derivation, subject)
    if again is None or again.equations != derivation.equations:
        raise InputError("other names are for a derivation as it was derived, with all its lines")
    found = _again(derivation, renamed(subject, names, given))
    assert found is not None
    return found


def _again(derivation: Derivation, cell: Cell) -> Derivation | None:
    d = derivation
    if (kind := kind_of(d)) is not None:
        return kind.again(d, cell)
    if d.form in ("recurrence", "unrolled"):
        return unroll(cell, d.length)
    if d.form == "matrices":
        return matrices(unroll(cell, d.length))
    return None
