"""Forward mode and Jacobians: how one step changes what the next one reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from sympy import Integer

from ..errors import InputError
from ..names import JACOBIAN, SAME_STEP, TOTAL, T, marked, t
from ..nouns import Cell, Derivation, Equation, Quantity, Role, Sentence, Step, Variable
from ..ops.inner import inner
from ..ops.leaves import Eye
from ..ops.products import MatMul, matmul
from ..ops.sums import TimeSum, add
from .differentiated import Differentiated
from .linear import NoMatrix, matrix_of
from .parts import has_parameters, has_states, of_parts
from .steps import FORWARD, ZERO, change_line, definition_words, kink_words, make_step

SENSITIVITIES, START, RESULT, JACOBIANS = "sensitivities", "start", "gradient", "jacobians"


def _definitions(d: Differentiated) -> Iterator[Step]:
    for equation in d.cell.ordered:
        yield make_step(equation, "definition", definition_words(d, equation), FORWARD)


# --- real-time recurrent learning ----------------------------------------------------------------


@of_parts(has_parameters)
def rtrl(subject: Cell) -> Derivation:
    """Derive real-time recurrent learning, the gradient in forward mode.

    The parameters change along a direction (`Ẇ`), and the change of every quantity is carried
    forward with the quantity itself. With a direction that is one at a single entry of W, `ḣ_t` is
    the derivative of h_t by that entry and `L̇` that of the loss.

    Args:
        subject: the cell or network; of a model, each part by itself.

    Returns:
        The derivation, with T and all sizes symbolic; its last line says that the result is that of
        backpropagation.

    Raises:
        InputError: for something that is no cell.
        Source: R. J. Williams, D. Zipser, "A learning algorithm for continually running fully
            recurrent neural networks", Neural Computation 1(2), 1989.
    """
    cell = subject
    if not cell.parameters:
        raise InputError(f"{cell.name} has no parameter, so nothing to learn")
    d = Differentiated(cell, still=frozenset([Role.INPUT]))
    steps = [*_definitions(d)]
    for v in cell.states:
        tangent = d.tangent(v)
        reason = Sentence.of("the initial state {} is given: no parameter changes it", v.at(0))
        equation = Equation(tangent, ZERO, Integer(0))
        steps.append(make_step(equation, "boundary", reason, START))
    for equation in d.cell.ordered:
        line = change_line(d, equation)
        if line is not None:
            reason = _immediate_words(d, line.equation) + kink_words([equation])
            steps.append(replace(line, section=SENSITIVITIES, result=True, why=reason))
    steps += _loss_lines(d)
    names = {v.name: v for v in (*d.cell.variables, *_losses())}
    whole = replace(d.cell, variables=tuple(names.values()))
    title = f"Real-time recurrent learning of {cell.title or cell.name}"
    return Derivation(title, whole, tuple(steps), None, "forward mode", "general", subject=cell)


def _losses() -> tuple[Variable, Variable]:
    one = (Integer(1), Integer(1))
    return (
        Variable("ell", Role.INTERMEDIATE, one, "loss of the step"),
        Variable("L", Role.CONSTANT, one, "loss"),
    )


def _immediate_words(d: Differentiated, equation: Equation) -> Sentence:
    """Which part of a change is immediate, and which is the work of the steps before."""
    name = equation.lhs
    terms = equation.expr.args if equation.expr.is_MatAdd else (equation.expr,)
    now = [q for q in Equation(equation.variable, add(terms)).uses if q.time is None and _moves(q)]
    before = [q for q in equation.uses if q.time == t - 1 and _moves(q)]
    if now and before:
        return Sentence.of(
            "the total change {} has the immediate part, what {} do in this step, and what the "
            "steps before have done to {}; the immediate part alone is not the derivative",
            name, Sentence.listing(now, ", "), Sentence.listing(before, ", "),
        )  # fmt: skip
    if before:
        return Sentence.of("{} carries on what the steps before have done", name)
    same = [q for q in equation.uses if q.time == t and _moves(q)]
    if now and not same:
        return Sentence.of("no state is read, so {} is immediate", name)
    if now:
        return Sentence.of(
            "{} has the immediate part, what {} do in this step, and what comes through {}",
            name, Sentence.listing(now, ", "), Sentence.listing(same, ", "),
        )  # fmt: skip
    return Sentence.of("the change goes on through the equation of {}, to first order", name)


def _moves(q: Quantity) -> bool:
    return ":" in q.label


def _loss_lines(d: Differentiated) -> Iterator[Step]:
    ell, loss = _losses()
    output = d.output
    given = d.immediate(output).here
    moved = d.tangent(output).here
    change_of_ell = Variable(marked(d.tangent_mark, "ell"), Role.TANGENT, ell.shape)
    change_of_loss = Variable(marked(d.tangent_mark, "L"), Role.DIRECTION, loss.shape)
    if d.changes.get(output.name) is None or d.changes[output.name].expr is None:
        return
    yield make_step(
        Equation(change_of_ell, inner(given, moved)), "chain rule",
        Sentence.of("the loss of step t sees the parameters through {} alone", output.at(t)),
        RESULT,
    )  # fmt: skip
    total = TimeSum(change_of_ell.here, Integer(1), T)
    yield make_step(
        Equation(change_of_loss, total, None), "sum", "L is the sum of the losses of all steps",
        RESULT,
    )  # fmt: skip
    parameters = d.cell.parameters
    if parameters:
        terms = [inner(d.adjoint(v).here, d.tangent(v).here) for v in parameters]
        yield make_step(
            Equation(change_of_loss, add(terms), None), "the same gradient",
            "backpropagation gives the same: each gradient times the change of its parameter",
            RESULT,
        )  # fmt: skip


# --- Jacobians ----------------------------------------------------------------------------------


@of_parts(has_states)
def jacobian(subject: Cell) -> Derivation:
    """Derive the Jacobian of one step: every state by every state before it.

    Every named quantity of the step has its own line, so nothing is substituted. Where other states
    follow from a state within its own step, the total derivative is derived as well: the direct
    path apart from the paths through the gates. A cell with a matrix state has no Jacobian matrix;
    its lines say how a change of the state goes through one step, which is the same linear map.

    Args:
        subject: the cell or network; of a model, each part by itself.

    Returns:
        The derivation. In row form a Jacobian has a row for each entry of what is changed, so that
        changes multiply from the left; the column form is its transpose, as most papers print it.

    Raises:
        InputError: for something that is no cell, or a cell without a state.
    """
    cell = subject
    if not cell.states:
        raise InputError(f"{cell.name} has no state, so no Jacobian from one step to the next")
    still = frozenset([Role.INPUT, Role.PARAMETER])
    d = Differentiated(cell, still=still)
    title = f"The Jacobian of one step of {cell.title or cell.name}"
    try:
        lines = tuple(_jacobian_lines(d))
    except NoMatrix:
        lines = tuple(_linear_map(d))
        title += ", as a linear map"
    steps = (*_definitions(d), *lines)
    return Derivation(title, d.cell, steps, None, "jacobian", "general", subject=cell)


def _linear_map(d: Differentiated) -> Iterator[Step]:
    for equation in d.recurrent:
        line = change_line(d, equation)
        if line is not None and _reaches_state(d, equation.variable.name):
            why = Sentence.of(
                "how a change of the states before goes through the equation of {}",
                equation.variable.at(t),
            )
            yield replace(line, section=JACOBIANS, result=True, why=why)


def _reaches_state(d: Differentiated, name: str) -> bool:
    found = {v.name for v in d.bare.states}
    for equation in reversed(d.recurrent):
        if equation.variable.name in found:
            found |= {q.label for q in equation.uses if q.time == t}
    return name in found


def _jacobian_lines(d: Differentiated) -> Iterator[Step]:
    states = [v for v in d.cell.states if v.role == Role.STATE]
    for state in states:
        yield from _one_by(d, state, JACOBIAN, t - 1)
    for state in states:
        others = [v for v in states if v != state and v.name in _below(d, state)]
        if not others:
            continue
        yield from _one_by(d, state, SAME_STEP, t)
        yield from _totals(d, state, others)


def _below(d: Differentiated, state: Variable) -> set[str]:
    """What follows from a state within its own step."""
    found = {state.name}
    for e in d.recurrent:
        if any(q.label in found and q.time == t for q in e.uses):
            found.add(e.variable.name)
    return found


def _jac(above: Variable, below: Variable, mark: str = JACOBIAN) -> Variable:
    shape = (below.shape[1], above.shape[1])
    return Variable(marked(mark, f"{above.name}/{below.name}"), Role.JACOBIAN, shape)


def _one_by(d: Differentiated, state: Variable, mark: str, time: Any) -> Iterator[Step]:
    """Every named quantity of the step by one state, in the order of the equations."""
    known: dict[str, Variable] = {}
    moved = d.tangent(state)
    for equation in d.recurrent:
        v = equation.variable
        linear = d.changes[v.name].expr
        if linear is None or not _reaches_state(d, v.name):
            continue
        if mark == SAME_STEP and v == state:
            continue
        parts: list[Any] = []
        through: list[Quantity] = []
        direct = False
        for q in dict.fromkeys(equation.uses):
            change = d.change_of(q)
            if change is None:
                continue
            if q == state.at(time):
                matrix = matrix_of(linear, moved.at(time), v.shape)
                direct = matrix is not None
                if direct:
                    parts.insert(0, matrix)
            elif q.time == t and q.label in known:
                matrix = matrix_of(linear, change, v.shape)
                if matrix is not None:
                    inside = known[q.label].here
                    parts.append(_chained(inside, matrix))
                    through.append(q)
        if not parts:
            continue
        line = _jac(v, state, mark)
        known[v.name] = line
        before = state.at(time)
        if direct and through:
            reason = Sentence.of(
                "the direct path, {} in the equation of {} itself, and the paths through {}",
                before, v.at(t), Sentence.listing(through, ", "),
            )  # fmt: skip
            rule = "several paths"
        elif direct:
            reason = Sentence.of("{} stands in the equation of {} itself", before, v.at(t))
            reason += ": the direct path alone" if v == state else ""
            rule = "direct path"
        else:
            reason = Sentence.of("only through {}", Sentence.listing(through, ", "))
            rule = "chain rule"
        yield make_step(
            Equation(line, add(parts)), rule, reason + kink_words([equation]), JACOBIANS
        )


def _chained(inside: Any, matrix: Any) -> Any:
    """The matrix of one path: what came before times what this equation does."""
    return inside if isinstance(matrix, Eye) else matmul([inside, matrix])


def _totals(d: Differentiated, state: Variable, others: Iterable[Variable]) -> Iterator[Step]:
    """The total derivative of a state by itself: the direct path and those through other states."""
    found = {s.equation.variable.name: s.equation for s in _one_by(d, state, JACOBIAN, t - 1)}
    terms: list[Any] = []
    own = found.get(_jac(state, state).name)
    if own is not None:  # the direct path is short, and what the line is about
        terms.append(own.expr)
    through: list[Quantity] = []
    for other in others:
        by_other = {s.equation.variable.name for s in _one_by(d, other, JACOBIAN, t - 1)}
        outer = _jac(state, other)
        if outer.name in by_other:
            same = _jac(other, state, SAME_STEP).at(t - 1)
            terms.append(MatMul(same, outer.here))
            through.append(other.at(t - 1))
    if not through or not terms:
        return
    reason = Sentence.of(
        "{} reaches {} directly, with everything else of step t - 1 held, and through {}, which "
        "follows from it: the paths through the gates",
        state.at(t - 1), state.at(t), Sentence.listing(through, ", "),
    )  # fmt: skip
    line = make_step(
        Equation(_jac(state, state, TOTAL), add(terms)), "several paths", reason, JACOBIANS
    )
    yield replace(line, holds=(Integer(2), T))


__all__ = ["jacobian", "rtrl"]
