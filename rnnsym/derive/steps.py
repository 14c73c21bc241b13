"""Lines that derivations have in common, and the words that give their reasons."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sympy import Integer

from ..names import T, t
from ..nouns import Equation, Quantity, Sentence, Step
from ..ops.elementwise import is_function
from ..ops.functions import kinks
from ..ops.leaves import Number
from ..ops.node import at_time
from .differentiated import Differentiated, Part

ZERO = Number("0")
#: What a derivation's sections are called, in order.
FORWARD, CHANGES, LOSS, IMMEDIATES, BACKWARD, RESULTS = (
    "forward", "changes", "loss", "immediate", "backward", "gradients",
)  # fmt: skip


def definition_words(d: Differentiated, equation: Equation) -> Sentence:
    """Why a line of the forward pass is there."""
    if equation.variable.name in d.given:
        return Sentence.of("the equation of {}", equation.lhs)
    return Sentence.of("what is nested gets a name, {}", equation.lhs)


def change_line(d: Differentiated, equation: Equation) -> Step | None:
    """The line that says how an equation changes, or None if nothing in it does."""
    found = d.changes[equation.variable.name]
    if found.expr is None:
        return _still_line(d, equation)
    rule = next((r for r in ("chain rule", "quotient rule", "product rule") if r in found.rules),
                found.rules[-1] if found.rules else "sum")  # fmt: skip
    why = Sentence.of(
        "what a small change of everything in the equation of {} does to it, to first order",
        equation.lhs,
    )
    line = Equation(d.tangent(equation.variable), found.expr, equation.time)
    return make_step(line, rule, why + kink_words([equation]), CHANGES, result=False)


def _still_line(d: Differentiated, equation: Equation) -> Step | None:
    """What does not change although others read its change: a slope of zero, or no use at all."""
    v = equation.variable
    if v.name not in d.moving:
        return None
    if any(d.change_of(q) is not None for q in equation.uses):
        words = "the slope in the equation of {} is zero everywhere"
    else:
        words = "nothing that changes is read by {}"
    line = Equation(d.tangent(v), ZERO, equation.time)
    return make_step(line, "zero", Sentence.of(words, equation.lhs), CHANGES, result=False)


def make_step(
    equation: Equation, rule: str, why: Sentence | str, section: str, result: bool = True
) -> Step:
    """A line, with the steps at which it holds."""
    holds = (Integer(1), T) if equation.time == t else None
    return Step(equation, rule, Sentence.of("{}", why), section, result, holds)


def place_of(part: Part) -> Sentence:
    """Where a part comes from, in words."""
    if part.of_loss:
        return Sentence.of(part.rule)
    if part.time == t - 1:
        return Sentence.of("{} of the next step", _at(part.consumer, t + 1))
    return Sentence.of("{}", part.consumer)


def _at(equation: Equation, time: Any) -> Equation:
    return replace(equation, expr=at_time(equation.expr, time), time=time)


def adjoints_of(d: Differentiated, parts: Iterable[Part]) -> list[Quantity]:
    """The adjoints that parts are made of, each once."""
    return list(dict.fromkeys(d.adjoint(p.consumer.variable).at(t) for p in parts))


def kink_words(equations: Iterable[Equation]) -> str:
    """What is taken where a function has no slope, in words; empty if there is no such place."""
    said_: dict[str, None] = {}
    for equation in equations:
        expr = equation.expr
        if not is_function(expr):
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
