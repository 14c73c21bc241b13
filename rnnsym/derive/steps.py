"""Lines that derivations have in common, and the words that give their reasons."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sympy import Integer

from ..algebra.functions import kinks
from ..algebra.nodes import Apply, Number, Spread, at_time
from ..names import T, said, t
from ..nouns import Equation, Step, Variable
from .differentiated import Differentiated, Part

#: What a derivation's sections are called, in order.
FORWARD, CHANGES, LOSS, IMMEDIATES, BACKWARD, RESULTS = (
    "forward", "changes", "loss", "immediate", "backward", "gradients",
)  # fmt: skip


def definition_words(d: Differentiated, equation: Equation) -> str:
    """Why a line of the forward pass is there."""
    name = said(equation.variable.name, equation.time)
    if equation.variable.name in d.given:
        return f"the equation of {name}"
    return f"what is nested gets a name, {name}"


def change_line(d: Differentiated, equation: Equation) -> Step | None:
    """The line that says how an equation changes, or None if nothing in it does."""
    found = d.changes[equation.variable.name]
    if found.expr is None:
        return _still_line(d, equation)
    name = said(equation.variable.name, equation.time)
    rule = next((r for r in ("chain rule", "quotient rule", "product rule") if r in found.rules),
                found.rules[-1] if found.rules else "sum")  # fmt: skip
    reason = (
        f"what a small change of everything in the equation of {name} does to it, to first order"
    )
    line = Equation(d.tangent(equation.variable), found.expr, equation.time)
    return make_step(line, rule, reason + kink_words([equation]), CHANGES, result=False)


def _still_line(d: Differentiated, equation: Equation) -> Step | None:
    """What does not change although others read its change: a slope of zero, or no use at all."""
    v = equation.variable
    if v.name not in d.moving:
        return None
    if any(d.change_of(q) is not None for q in equation.uses):
        reason = f"the slope in the equation of {said(v.name, equation.time)} is zero everywhere"
    else:
        reason = f"nothing that changes is read by {said(v.name, equation.time)}"
    line = Equation(d.tangent(v), zero_of(v), equation.time)
    return make_step(line, "zero", reason, CHANGES, result=False)


def make_step(
    equation: Equation, rule: str, reason: str, section: str, result: bool = True
) -> Step:
    """A line, with the steps at which it holds."""
    holds = (Integer(1), T) if equation.time == t else None
    return Step(equation, rule, reason, section, result, holds)


def zero_of(v: Variable) -> Any:
    """Zero, of the shape of a variable."""
    zero = Number("0")
    return zero if v.scalar else Spread(zero, *v.shape)


def place_of(part: Part) -> str:
    """Where a part comes from, in words."""
    if part.rule == "the loss of this step":
        return "the loss of this step"
    equation = part.consumer
    if part.time == t - 1:
        return f"`{_at(equation, t + 1)}` of the next step"
    return f"`{equation}`"


def _at(equation: Equation, time: Any) -> str:
    return str(replace(equation, expr=at_time(equation.expr, time), time=time))


def adjoints_of(d: Differentiated, parts: Iterable[Part]) -> list[str]:
    """The names of the adjoints that parts are made of, each once."""
    names = [said(d.adjoint(p.consumer.variable).name, t) for p in parts]
    return list(dict.fromkeys(names))


def listed(items: Iterable[str]) -> str:
    """Words as a list: a, b and c."""
    items = list(items)
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def kink_words(equations: Iterable[Equation]) -> str:
    """What is taken where a function has no slope, in words; empty if there is no such place."""
    said_: dict[str, None] = {}
    for equation in equations:
        expr = equation.expr
        if not isinstance(expr, Apply):
            continue
        if len(expr.operands) > 1 and expr.name_ in ("max", "min"):
            said_.setdefault(
                f"where both arguments of {expr.name_} are equal, the first one counts"
            )
        elif len(expr.operands) > 1:
            if expr.name_ in ("leaky_relu", "elu", "celu"):
                said_.setdefault(
                    f"at 0, where {expr.name_} has no slope, the one from below is taken, as Keras "
                    "takes it"
                )
        elif "'" not in expr.name_:
            for place, value in kinks(expr.name_):
                said_.setdefault(
                    f"at {place}, where {expr.name_} has no slope, {float(value):.6g} is taken, as "
                    "Keras takes it"
                )
    return "".join(f"; {words}" for words in said_)
