"""A cell made ready for derivation: nested parts named, changes of all equations, derivatives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from sympy import Expr, Symbol

from ..errors import InputError
from ..names import ACCENTS, GRADIENT, IMMEDIATE, marked, unicode_of, unmarked
from ..nouns import Cell, Derivation, Equation, Quantity, Role, Variable, quantities
from ..ops.elementwise import Apply, is_function
from ..ops.node import replace_quantities, resized
from ..ops.rowfunctions import ROWS
from ..ops.rows import RowApply
from .differentials import Change, change, common_factor, pull
from .losses import Loss, fitted, loss_cell
from .naming import named


@dataclass(frozen=True)
class Part:
    """What one use of a quantity brings back to it: of whose equation, read at which time.

    One that is `of_loss` is what the loss of a step brings to the output.
    """

    consumer: Equation
    time: Expr | None
    expr: Any
    rule: str
    of_loss: bool = False


class Differentiated:
    """A cell with its nested parts named, the change of every equation, and marks for derivatives.

    Attributes:
        cell: the named cell, with the equations of the loss behind it if it has one.
        loss: which loss; `renamed` has its names in this cell.
        still: the roles of what does not change.
    """

    def __init__(
        self, cell: Cell, loss: str = "general", still: frozenset[Role] = frozenset()
    ) -> None:
        self.still = still
        self.loss_name = loss
        _check_names(cell)
        self.given = frozenset(v.name for v in cell.variables)
        #: The cell whose output the loss is of: of probabilities, up to their logits.
        self.loss: Loss
        self.bare, self.loss, called = fitted(named(cell), loss, set(self.given))
        self.cell, self.renamed = _with_loss(self.bare, self.loss, called)
        self.output = self.cell[self.bare.output.name]
        used = {a for v in self.cell.variables for a in v.name.split("_")[1:] if a in ACCENTS}
        self.adjoint_mark = _free_mark(("bar", "breve", "check"), used, cell)
        self.tangent_mark = _free_mark(("dot", "hat", "tilde"), used, cell)

    @classmethod
    def of(cls, derivation: Derivation) -> Differentiated:
        """What a derivation was made from."""
        return cls(derivation.subject or derivation.cell, derivation.loss or "general")

    def is_target(self, v: Variable) -> bool:
        """Whether a variable is the target of the loss, which no derivative is taken by."""
        return v.name == self.renamed.get("d")

    # --- quantities of the derivation

    def adjoint(self, v: Variable) -> Variable:
        """∂L by a variable, as a variable: h̄, or ∂L/∂W where there is no time or no equation."""
        if not v.timed:
            return Variable(marked(GRADIENT, v.name), Role.GRADIENT, v.shape, _by(v))
        mark = GRADIENT if v.role == Role.INPUT else self.adjoint_mark
        return Variable(marked(mark, v.name), Role.ADJOINT, v.shape, _by(v))

    def immediate(self, v: Variable) -> Variable:
        """∂ℓ_t by a variable of step t."""
        return Variable(
            marked(IMMEDIATE, v.name), Role.ADJOINT, v.shape, f"of this step's {v.name}"
        )

    def tangent(self, v: Variable) -> Variable:
        """The change of a variable."""
        role = Role.TANGENT if v.timed else Role.DIRECTION
        return Variable(marked(self.tangent_mark, v.name), role, v.shape, f"change of {v.name}")

    def change_of(self, q: Quantity) -> Quantity | None:
        """The change of a quantity; what is still has none, nor has a target."""
        if q.label not in self.moving:
            return None
        rows, cols = q.shape
        return Quantity(marked(self.tangent_mark, q.label), rows, cols, q.time)

    @cached_property
    def moving(self) -> set[str]:
        """The names that change: those of the moving roles, and what is computed from them."""
        if not self.still:  # each may be changed by itself, whatever it is computed from
            return {v.name for v in self.cell.variables if not self.is_target(v)}
        start = {v.name for v in self.cell.variables
                 if v.role not in self.still and not self.is_target(v)}  # fmt: skip
        defined = {e.variable.name for e in self.cell.equations}
        found = {n for n in start if n not in defined}
        found |= {v.name for v in self.cell.states if not self.still >= {Role.STATE}}
        while True:
            more = {e.variable.name for e in self.cell.equations
                    if any(q.label in found for q in e.uses)} - found  # fmt: skip
            if not more:
                return found
            found |= more

    # --- the calculus of every equation

    @cached_property
    def changes(self) -> dict[str, Change]:
        """The change of each equation's right side, by the name that it defines."""
        return {e.variable.name: change(e.expr, self.change_of, e.lhs) for e in self.cell.equations}

    def parts(self, v: Variable, outer: Any, among: Iterable[Equation] | None = None) -> list[Part]:
        """What comes back to a variable from every equation that reads it.

        Args:
            v: the variable.
            outer: gives ∂L by the left side of an equation, as a quantity.
            among: the equations that count; all of them if not given.
        """
        found: list[Part] = []
        for equation in self.ordered if among is None else among:
            linear = self.changes[equation.variable.name].expr
            if linear is None:
                continue
            for q in equation.uses:
                moved = self.change_of(q)
                if q.label != v.name or moved is None:
                    continue
                pulled = pull(linear, outer(equation.variable).here, moved)
                if pulled:
                    rule = _rule(equation, [r for p in pulled for r in p.rules])
                    expr = common_factor([p.expr for p in pulled])
                    found.append(Part(equation, q.time, expr, rule))
        return found

    @cached_property
    def relevant(self) -> frozenset[str]:
        """The names on which L depends, in the sense that its derivative need not be zero."""
        found = {self.output.name} if self.loss_name == "general" else {"ell"}
        while True:
            more = {
                unmarked(q.label)[1]
                for name in found
                if name in self.changes and self.changes[name].expr is not None
                for q in quantities(self.changes[name].expr)
                if ":" in q.label
            } - found
            if not more:
                return frozenset(found)
            found |= more

    @cached_property
    def reaching(self) -> frozenset[str]:
        """The names that L is computed from, whatever the slopes on the way."""
        found = {self.output.name} if self.loss_name == "general" else {"ell"}
        while True:
            more = {q.label for e in self.cell.equations if e.variable.name in found
                    for q in e.uses} - found  # fmt: skip
            if not more:
                return frozenset(found)
            found |= more

    @cached_property
    def ordered(self) -> tuple[Equation, ...]:
        """All equations in an order in which they can be computed."""
        return self.cell.ordered

    @cached_property
    def loss_equations(self) -> list[Equation]:
        """The equations of the loss, in order."""
        own = {e.variable.name for e in self.bare.equations}
        return [e for e in self.ordered if e.variable.name not in own]

    @cached_property
    def recurrent(self) -> list[Equation]:
        """The equations of a step, in order, without those of the loss."""
        own = {e.variable.name for e in self.bare.equations}
        return [e for e in self.ordered if e.variable.name in own and e.time is not None]

    @cached_property
    def readers(self) -> dict[str, list[Equation]]:
        """By name: the equations that read it, without those of the loss or of no influence."""
        lost = {e.variable.name for e in self.loss_equations}
        found: dict[str, list[Equation]] = {}
        for e in self.ordered:
            if e.variable.name in self.relevant and e.variable.name not in lost:
                for name in dict.fromkeys(q.label for q in e.uses):
                    found.setdefault(name, []).append(e)
        return found


def _free_mark(marks: tuple[str, ...], used: set[str], cell: Cell) -> str:
    for mark in marks:
        if mark not in used:
            return mark
    raise InputError(
        f"{cell.name} uses all of the accents {', '.join(marks)}, and a derivation needs one for "
        "what it derives; rename a symbol"
    )


def _by(v: Variable) -> str:
    return f"derivative of L by {v.name}"


def _check_names(cell: Cell) -> None:
    for name in ("ell", "L"):
        if name in cell:
            raise InputError(
                f"'{unicode_of(name)}' stands for the loss in a derivation; rename that symbol of "
                f"{cell.name}"
            )


def _with_loss(cell: Cell, loss: Loss, called: str = "") -> tuple[Cell, dict[str, str]]:
    """A cell with the equations of a loss behind its own; the loss's names in this cell.

    The prediction gets the name that it is `called`, if that is given.
    """
    if not loss.text:
        return cell, {}
    output = cell.output
    if output.shape[0] != 1:
        raise InputError(
            f"{loss.words} is of a row vector, and the output {output.name} of {cell.name} is "
            f"{output.shape[0]} × {output.shape[1]}; the loss 'general' takes any shape"
        )
    if output.scalar and "softmax" in loss.text:
        raise InputError(
            f"{loss.words} is of a row vector, and the output {output.name} of {cell.name} is a "
            "scalar"
        )
    own = named(loss_cell(loss, output.scalar))
    taken = {v.name for v in cell.variables} | {str(s) for s in cell.dims} | {"N", "L", called}
    names = {"y": output.name, "ell": "ell"} | ({"p": called} if called else {})
    for v in own.variables:
        if v.name not in names:
            letters = [v.name, *"dpeqskrmg"]
            free = [n for n in letters if n not in taken]
            names[v.name] = free[0] if free else f"{v.name}_loss"
            taken.add(names[v.name])
    widths = {Symbol("K"): output.shape[1]}
    variables = {
        v.name: replace(v, name=names[v.name], shape=tuple(s.xreplace(widths) for s in v.shape),
                        meaning=_MEANINGS.get(v.name, v.meaning))
        for v in own.variables
    }  # fmt: skip
    equations = tuple(
        Equation(variables[e.variable.name], _renamed(e.expr, variables, widths), e.time)
        for e in own.equations
    )
    rest = [v for name, v in variables.items() if name != "y"]
    order = list(Role)
    joined = sorted([*cell.variables, *rest], key=lambda v: order.index(v.role))
    whole = replace(cell, equations=cell.equations + equations, variables=tuple(joined))
    return whole, names


_MEANINGS = {"d": "target", "p": "prediction", "ell": "loss of the step"}


def _renamed(expr: Any, variables: dict[str, Variable], widths: dict[Any, Any]) -> Any:
    return replace_quantities(resized(expr, widths), lambda q: variables[q.label].at(q.time))


def _rule(equation: Equation, rules: list[str]) -> str:
    """The name of the rule that a part comes from, as a textbook would call it."""
    match equation.expr:
        case Apply() if is_function(equation.expr):
            return "chain rule"
        case RowApply() if not ROWS[equation.expr.name_].reduces:
            return "Jacobian of " + equation.expr.name_.replace("_", " ")
    for word in ("transpose of a product", "elementwise", "inner product"):
        if word in rules:
            return "elementwise product" if word == "elementwise" else word
    return rules[0] if rules else "sum"
