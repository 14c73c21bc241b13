"""Backpropagation through time, derived: from the equations alone, with a reason for every line."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterable, Iterator
from dataclasses import replace
from numbers import Integral
from typing import Any

from sympy import Integer, MatrixExpr, Symbol

from ..errors import InputError
from ..models import Model, Node
from ..names import GRADIENT, IMMEDIATE, T, marked, t, unmarked
from ..nouns import Cell, Derivation, Equation, Quantity, Role, Sentence, Step, Variable
from ..ops.elementwise import PRODUCT, QUOTIENT, Apply, is_sign
from ..ops.leaves import Number
from ..ops.node import at_time, replace_quantities, resized
from ..ops.products import MatMul
from ..ops.sums import TimeSum, add
from .differentials import common_factor
from .differentiated import Differentiated, Part
from .losses import check_over, loss_cell
from .parts import of_parts, part_of
from .steps import (
    BACKWARD,
    FORWARD,
    IMMEDIATES,
    LOSS,
    RESULTS,
    ZERO,
    adjoints_of,
    change_line,
    definition_words,
    kink_words,
    make_step,
    place_of,
)
from .unrolling import unroll


def given_to(model: Model, node: Node, options: dict[str, Any]) -> tuple[Cell, dict[str, Any]]:
    """A loss is of the part that gives the output of a model; ∂L/∂y is given to the others."""
    own, cell = {**options}, part_of(node)
    takes = node.takes
    if (own.get("loss", "general"), own.get("over", "all")) != ("general", "all"):
        last = [n for n in model.equations if model.outputs in n.gives]
        if not last:
            raise InputError(
                f"{model.title}: a loss is of what one part with equations gives, and its output "
                "is given by none"
            )
        if node in last:
            cell = part_of(node, model.outputs)
            takes = (node.takes[node.gives.index(model.outputs)],)
        else:
            own |= {"loss": "general", "over": "all"}
    if all(which == "last" for _, which in takes):  # nothing reads its other steps
        own["over"] = "last"
    return cell, own


@of_parts(last_first=True, given=given_to)
def backpropagate(
    subject: Cell,
    *,
    steps: int | None = None,
    loss: str = "general",
    over: str = "all",
    truncate: int | None = None,
) -> Derivation:
    """Derive backpropagation through time.

    With a symbolic T: the recurrence of the adjoints (`h̄_t` is ∂L/∂h_t), where it starts and ends,
    and the gradients of parameters, inputs and initial states. With a number of steps: the same,
    every step by name, linear in the number of steps.

    Args:
        subject: the cell, network or model.
        steps: the number of steps to write out, or None for a symbolic T.
        loss: "general" (∂ℓ_t/∂y_t is given), or the name of a loss, which says what it takes; see
            `rnnsym derive --help`. L is the sum of ℓ_t.
        over: "all" steps, or the "last" one alone.
        truncate: cut the steps into blocks of so many; nothing flows from one block back into the
            block before it, and every line says what it leaves out. Needs `steps`.

    Returns:
        The derivation (`terse()` has the result lines alone, `check()` checks each by itself). Of a
        model, one for each part with equations, the last first: the adjoint of what a part gives
        is what comes back from the parts that read it.

    Raises:
        InputError: for an unknown loss, one that does not fit the output, T = 0, or truncation to
            more steps than there are.
    """
    check_over(over)
    check_steps(steps)
    _check_truncation(truncate, steps)
    steps = None if steps is None else int(steps)
    d = Differentiated(subject, loss)
    lines = _Lines(d, over)
    title = f"Backpropagation through time of {subject.title or subject.name}"
    if steps is None:
        all_lines = (*lines.forward(), *lines.loss(), *lines.immediates(), *lines.backward(),
                     *lines.results())  # fmt: skip
    else:
        title += f", {steps} step{'s' if steps > 1 else ''} written out"
        with _no_collection():
            all_lines = tuple(_written_out(lines, steps, truncate))
    return Derivation(title, d.cell, all_lines, steps, "backward", loss, over, truncate, subject)


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Hold the garbage collector: it would walk over all lines again and again, for no cycle."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def check_steps(steps: int | None) -> None:
    """Refuse a number of steps that is none."""
    if steps is not None and (
        isinstance(steps, bool) or not isinstance(steps, Integral) or steps < 1
    ):
        raise InputError(f"steps must be a positive whole number or None, not {steps!r}")


def _check_truncation(truncate: int | None, steps: int | None) -> None:
    if truncate is None:
        return
    if isinstance(truncate, bool) or not isinstance(truncate, int) or truncate < 1:
        raise InputError(f"truncate must be a positive whole number or None, not {truncate!r}")
    if steps is None:
        raise InputError("a truncated gradient is written out: give the number of steps as well")
    if truncate > steps:
        raise InputError(f"cannot truncate {steps} step(s) to blocks of {truncate}")


#: The loss of a step, where a sentence names it.
_ELL = Quantity("ell", 1, 1, t)


class _Lines:
    """The lines of a derivation with a symbolic T."""

    def __init__(self, d: Differentiated, over: str) -> None:
        self.d = d
        self.over = over
        self.cell = d.cell
        self.immediate = d.immediate(d.output)

    # --- the equations, and how each changes

    def forward(self) -> Iterator[Step]:
        for equation in self.d.ordered:
            if equation in self.d.loss_equations:
                continue
            reason = definition_words(self.d, equation)
            yield make_step(equation, "definition", reason, FORWARD)
        yield from self._changes(e for e in self.d.ordered if e not in self.d.loss_equations)

    def _changes(self, equations: Iterable[Equation]) -> Iterator[Step]:
        for equation in equations:
            line = change_line(self.d, equation)
            if line is not None:
                yield line

    # --- the loss

    def loss(self) -> Iterator[Step]:
        if self.d.loss_name == "general":
            return
        for equation in self.d.loss_equations:
            words = Sentence.of(
                "{}: the equation of {}", self.d.loss.words, equation.variable.at(t)
            )
            yield make_step(equation, "definition", words, LOSS)
        yield from (replace(s, section=LOSS) for s in self._changes(self.d.loss_equations))
        ell = self.cell["ell"]
        among = self.d.loss_equations

        def outer(v: Variable) -> Variable:
            return self.d.immediate(v)

        for equation in reversed(among):
            if equation.variable == ell:
                continue
            yield self._from_parts(
                self.d.immediate(equation.variable),
                [_without_ell(p) for p in self.d.parts(equation.variable, outer, among)],
                equation.variable, LOSS, result=False,
            )  # fmt: skip
        last = self._from_parts(
            self.immediate, [_without_ell(p) for p in self.d.parts(self.d.output, outer, among)],
            self.d.output, LOSS, result=False,
        )  # fmt: skip
        yield last
        table = {n: self.cell[m] for n, m in self.d.renamed.items() if m in self.cell}
        for i, (text, reason) in enumerate(self.d.loss.results):
            parsed = loss_cell(self.d.loss, self.d.output.scalar, text)
            widths = {Symbol("K"): self.d.output.shape[1]}
            expr = replace_quantities(
                resized(parsed.equations[0].expr, widths), lambda q: table[q.label].at(q.time)
            )
            words = self._in_names(reason)
            yield make_step(
                Equation(self.immediate, expr), "simplification", words, LOSS,
                result=i == len(self.d.loss.results) - 1,
            )  # fmt: skip

    def _in_names(self, reason: Sentence) -> Sentence:
        """A reason that names the quantities of a loss's own text, with those of this cell."""

        def here(q: Quantity) -> Quantity:
            mark, name = unmarked(q.label)
            v = self.cell[self.d.renamed.get(name, name)]
            return v.at(t) if not mark else replace(v, name=marked(mark, v.name)).at(t)

        parts = (here(p) if isinstance(p, Quantity) else p for p in reason.parts)
        return Sentence(tuple(parts))

    # --- the immediate derivative, which is not the total one

    def immediates(self) -> Iterator[Step]:
        """∂ℓ_t by the states of step t alone, for comparison with the total ∂L."""
        states = [v for v in self.cell.states if v.name in self.d.relevant]
        if not states:
            return
        equations = self.d.recurrent
        reach = _same_step(equations, self.d.output.name)
        wanted: set[str] = set()
        for state in states:
            wanted |= {n for n in _descendants(equations, state.name) if n in reach}
        wanted |= {s.name for s in states}
        wanted.discard(self.d.output.name)

        def outer(v: Variable) -> Variable:
            return self.d.immediate(v)

        for equation in reversed(equations):
            v = equation.variable
            if v.name not in wanted:
                continue
            among = [e for e in equations if e.variable.name in reach]
            parts = [p for p in self.d.parts(v, outer, among) if p.time == t]
            line = self._from_parts(self.d.immediate(v), parts, v, IMMEDIATES)
            if v.role == Role.STATE:
                total = self.d.adjoint(v).at(t)
                why = Sentence.of(
                    "the immediate derivative: only the loss of step t, with every later step "
                    "left out; the total derivative {} is {}, which adds what comes back from the "
                    "steps behind",
                    replace(v, name=marked(GRADIENT, v.name)).at(t), total,
                )  # fmt: skip
                if not parts:
                    why = Sentence.of(
                        "{} does not depend on {} within step t, so its immediate derivative is "
                        "zero; all of the total {} comes from later steps",
                        _ELL, v.at(t), total,
                    )  # fmt: skip
                line = replace(line, why=why, rule="immediate derivative")
            yield line

    # --- the recurrence

    def backward(self) -> Iterator[Step]:
        for equation in reversed(self.d.recurrent):
            yield from self._adjoint(equation.variable)

    def results(self) -> Iterator[Step]:
        for v in self.cell.having(Role.INPUT):
            if not self.d.is_target(v):
                yield from self._adjoint(v, RESULTS)
        for v in self.cell.states:
            yield self._initial(v)
        constants = [e.variable for e in reversed(self.d.ordered) if e.time is None]
        for v in (*constants, *self.cell.parameters):
            yield self._shared(v)

    def parts_of(self, v: Variable) -> tuple[list[Part], list[Part]]:
        """What comes back to a timed variable from its own step and from the next one."""
        parts = self._relevant_parts(v)
        now = [p for p in parts if p.time == t]
        later = [replace(p, expr=at_time(p.expr, t + 1)) for p in parts if p.time == t - 1]
        return now, later

    def _relevant_parts(self, v: Variable) -> list[Part]:
        return self.d.parts(v, self.d.adjoint, self.d.readers.get(v.name, []))

    def _direct(self, v: Variable) -> list[Part]:
        """What the loss of this step brings to the output."""
        if v.name != self.d.output.name:
            return []
        equation = Equation(v, v.here)
        return [Part(equation, None, self.immediate.here, "the loss of this step", of_loss=True)]

    def _adjoint(self, v: Variable, section: str = BACKWARD) -> Iterator[Step]:
        now, later = self.parts_of(v)
        direct = self._direct(v)
        adjoint = self.d.adjoint(v)
        always = direct if self.over == "all" else []
        split = bool(later) or (bool(direct) and not always)
        line = self._from_parts(adjoint, [*always, *now, *later], v, section)
        if not split:
            yield replace(line, holds=(Integer(1), T))
            return
        yield replace(line, holds=(Integer(1), T - 1))
        last = self._from_parts(adjoint, [*direct, *now], v, section)
        equation = replace(last.equation, expr=at_time(last.equation.expr, T), time=T)
        if later:
            why = Sentence.of(
                "behind the last step there is none, so nothing comes back to {}", v.at(T)
            )
            if direct or now:
                why += " but from its own step"
        else:
            why = Sentence.of("the loss is taken at the last step alone")
        yield replace(last, equation=equation, rule="boundary", why=why, holds=None)

    def _initial(self, v: Variable) -> Step:
        _, later = self.parts_of(v)
        total = Variable(
            marked(GRADIENT, v.name),
            Role.ADJOINT,
            v.shape,
            f"derivative of L by the initial {v.name}",
        )
        line = self._from_parts(total, later, v, RESULTS)
        equation = replace(line.equation, expr=at_time(line.equation.expr, 0), time=Integer(0))
        why = Sentence.of("{} is read by the first step alone", v.at(0)) if later else line.why
        rule = "boundary" if later else line.rule
        return replace(line, equation=equation, rule=rule, why=why, holds=None)

    def _shared(self, v: Variable) -> Step:
        """∂L by what has no time: a sum over the steps, and what constants bring."""
        parts = self._relevant_parts(v)
        name = v.at()
        stepwise = [p for p in parts if p.consumer.time is not None]
        steady = [p for p in parts if p.consumer.time is None]
        terms = [p.expr for p in steady]
        if stepwise:
            inside = common_factor([p.expr for p in stepwise])
            terms.insert(0, TimeSum(inside, Integer(1), T))
        adjoint = self.d.adjoint(v)
        if not terms:
            return make_step(
                Equation(adjoint, ZERO, None), "zero", self._why_zero(v, name), RESULTS
            )
        places = Sentence.listing(map(place_of, parts))
        if stepwise:
            reason = Sentence.of(
                "{} is the same at every step and is read in {}, so what each step brings is added "
                "up; it is the total {} that stands here, not the derivative of one step's loss",
                name, places, Sentence.listing(adjoints_of(self.d, stepwise)),
            )  # fmt: skip
            rule = "shared parameter"
        else:
            reason = Sentence.of("{} is read in {}, which has no time index", name, places)
            rule = steady[0].rule if len(steady) == 1 else "several uses"
        return make_step(Equation(adjoint, add(terms), None), rule, reason, RESULTS)

    def _why_zero(self, v: Variable, name: Quantity) -> Sentence:
        if v.name in self.d.reaching:
            words = "{} reaches L only through functions whose slope is zero everywhere"
        else:
            words = "L does not depend on {}"
        return Sentence.of(words, name)

    def _from_parts(
        self, adjoint: Variable, parts: list[Part], v: Variable, section: str, result: bool = True
    ) -> Step:
        name = v.at(t)
        if not parts:
            if v.name in self.d.relevant:
                why = "nothing that counts reads it at this step"
                if self.over == "last" and v.name == self.d.output.name:
                    why = "the loss is taken at the last step alone"
            elif v.name in self.d.reaching:
                why = "it reaches L only through functions whose slope is zero everywhere"
            else:
                why = "L does not depend on it"
            reason = Sentence.of("{}: {}, so its derivative is zero", name, why)
            return make_step(Equation(adjoint, ZERO), "zero", reason, section, result=result)
        expr = add(p.expr for p in parts)
        if len(parts) == 1:
            rule = parts[0].rule
            reason = Sentence.of("{} is read in {} alone", name, place_of(parts[0]))
        else:
            rule = "several uses"
            places = Sentence.listing(map(place_of, parts))
            reason = Sentence.of("{} is read in {}; the parts add up", name, places)
        kink = kink_words(p.consumer for p in parts)
        return make_step(Equation(adjoint, expr), rule, reason + kink, section, result=result)


def _without_ell(part: Part) -> Part:
    """∂ℓ_t/∂ℓ_t is one: it is left out of products."""
    return replace(part, expr=_drop_unit(part.expr))


def _drop_unit(expr: Any) -> Any:
    unit = marked(IMMEDIATE, "ell")

    def is_unit(e: Any) -> bool:
        return isinstance(e, Quantity) and e.label == unit

    if not isinstance(expr, MatrixExpr) or isinstance(expr, Quantity):
        return Number("1") if is_unit(expr) else expr
    if is_sign(expr, PRODUCT) or isinstance(expr, MatMul):
        rest = [_drop_unit(a) for a in expr.operands if not is_unit(a)]
        head = expr.args[: len(expr.args) - len(expr.operands)]
        return rest[0] if len(rest) == 1 else expr.func(*head, *rest)
    if is_sign(expr, QUOTIENT):
        above, below = expr.operands
        return Apply(QUOTIENT, _drop_unit(above), below)
    return expr.func(*(_drop_unit(a) for a in expr.args))


def _same_step(equations: list[Equation], output: str) -> set[str]:
    """The names that reach the output within one step, the output among them."""
    found = {output}
    for equation in reversed(equations):
        if equation.variable.name in found:
            found |= {q.label for q in equation.uses if q.time == t}
    return found


def _descendants(equations: list[Equation], name: str) -> set[str]:
    """The names that read a name within one step."""
    found = {name}
    for equation in equations:
        if any(q.label in found and q.time == t for q in equation.uses):
            found.add(equation.variable.name)
    return found


# --- written out over given steps ---------------------------------------------------------------


def _written_out(lines: _Lines, steps: int, truncate: int | None) -> Iterator[Step]:
    d = lines.d
    for step in unroll(d.bare, steps):
        yield replace(step, section=FORWARD)
    loss_lines = [s for s in lines.loss() if s.section == LOSS and s.result]
    for k in range(1, steps + 1):
        if lines.over == "all" or k == steps:
            yield from (_at_number(s, k) for s in loss_lines)
    timed = [*(e.variable for e in reversed(d.recurrent)),
             *(v for v in d.cell.inputs if not d.is_target(v))]  # fmt: skip
    plans = []
    for v in timed:
        now, later = lines.parts_of(v)
        direct = lines._direct(v)
        always = direct if lines.over == "all" else []
        section = RESULTS if v.role == Role.INPUT else BACKWARD
        inside, cut, last = (
            lines._from_parts(d.adjoint(v), parts, v, section)
            for parts in ([*always, *now, *later], [*always, *now], [*direct, *now])
        )
        dropped = add(p.expr for p in later) if later else None
        plans.append((inside, cut, last, dropped))
    for k in range(steps, 0, -1):
        ends = truncate is not None and k % truncate == 0
        for inside, cut, last, dropped in plans:
            line = _at_number(last if k == steps else cut if ends else inside, k)
            if ends and k < steps and dropped is not None:
                words = f"step {k} ends a block: what step {k + 1} would bring is left out"
                left = at_time(dropped, k)
                line = replace(line, dropped=left, rule="truncated", why=Sentence.of(words))
            yield line
    for line in lines.results():
        if line.equation.time == 0:
            yield _at_number(line, 0)
        elif line.equation.time is None:
            yield _sum_written_out(line, steps)


def _at_number(step: Step, k: int) -> Step:
    equation = step.equation
    moved = replace(equation, expr=at_time(equation.expr, k), time=Integer(k))
    return replace(step, equation=moved, holds=None)


def _sum_written_out(step: Step, steps: int) -> Step:
    def written(expr: Any) -> Any:
        if isinstance(expr, TimeSum):
            return add(at_time(expr.operand, k) for k in range(1, steps + 1))
        return expr

    equation = step.equation
    expr = equation.expr
    terms = expr.args if expr.is_MatAdd else (expr,)
    whole = replace(equation, expr=add(map(written, terms)))
    return replace(step, equation=whole)
