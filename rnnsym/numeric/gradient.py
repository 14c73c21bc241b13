"""The text of gradient functions: a sweep forward, a sweep back, one line an equation.

Only what is recurrent stands in a loop. What needs no state is computed for all steps at once
before it, what no state needs behind it, and so are the sums over time: steps are rows like
samples, and `x_t.T @ a_bar_t` over all rows is the sum of x_t^⊤ ā_t over steps and batch.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from sympy import Symbol

from ..derive.differentiated import Differentiated
from ..derive.losses import stable_cell
from ..derive.steps import BACKWARD, LOSS, RESULTS
from ..names import T, code_of, t, unmarked
from ..nouns import Cell, Derivation, Equation, Quantity, Role, Variable, quantities
from ..ops.leaves import is_number
from ..ops.node import at_time, replace_quantities, resized
from ..ops.sums import MatAdd, add
from .accurate import accurate
from .source import Source, Writer, argument_names


def bare_cell(derivation: Derivation) -> Cell:
    """What the function is of: the cell with its parts named, the loss left out."""
    bare = Differentiated.of(derivation).bare
    return replace(bare, name=f"{bare.name}_gradient")


def target_of(derivation: Derivation) -> Variable:
    """The target of the loss, or the given derivative by the output."""
    d = Differentiated.of(derivation)
    return d.cell[d.renamed["d"]] if "d" in d.renamed else d.immediate(d.output)


def gradient_arguments(derivation: Derivation) -> list[str]:
    """Inputs, the target (or the given derivative), initial states, parameters."""
    cell = bare_cell(derivation)
    names, count = argument_names(cell), len(cell.inputs)
    target = Names(Differentiated.of(derivation).cell).sequence(target_of(derivation).name)
    return [*names[:count], target, *names[count:]]


def gradient_source(derivation: Derivation, as_printed: bool = False) -> Source:
    """A function that gives the loss and every gradient, from the lines of a derivation.

    Args:
        derivation: of a gradient.
        as_printed: compute slopes such as 1 - h ⊙ h as they stand, where they cancel as well.
    """
    if not as_printed:
        derivation = accurate(derivation, Differentiated.of(derivation).cell)
    if derivation.length is None:
        return _Program(derivation).source()
    return _straight(derivation)


@dataclass
class _Phase:
    """A part of the program: all steps at once, or a loop over them."""

    loop: str = ""
    lines: list[tuple[Quantity | None, str]] = field(default_factory=list)
    reads: dict[Quantity, None] = field(default_factory=dict)

    @property
    def defines(self) -> set[Quantity]:
        return {q for q, _ in self.lines if q is not None}

    @property
    def needs(self) -> list[Quantity]:
        """What it reads of other phases (parameters and constants need no binding)."""
        return [q for q in self.reads if q.time is not None and q not in self.defines]


class Names:
    """Code names that never meet: a derived name gives way to one of the text."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.stems = {code_of(v.name) for v in cell.variables} | {"N", "T", "t", "np", "math"}

    def quantity(self, q: Quantity) -> str:
        """The code of a quantity; whatever its time, its stem is none of the text's."""
        stem, code = code_of(q.label), code_of(q.label, q.time)
        if q.label in self.cell or stem not in self.stems:
            return code
        return f"{stem}_{code.removeprefix(stem)}"

    def sequence(self, label: str) -> str:
        """The code of a quantity at all steps."""
        code = code_of(label)
        return code if label in self.cell else self.free(code)

    def free(self, code: str) -> str:
        """A name that the text does not use."""
        return f"{code}_" if code in self.stems else code


class _Program:
    def __init__(self, derivation: Derivation) -> None:
        self.d = Differentiated.of(derivation)
        self.derivation = derivation
        self.bare = bare_cell(derivation)
        self.target = target_of(derivation)
        self.names = Names(self.d.cell)
        self.writer = Writer(self.bare, False, self.names.quantity)
        # A sequence of these has one more entry, for what stands before the first step.
        self.longer = {v.name for v in (*self.bare.states, *self.bare.delayed)}
        self.inputs = {v.name for v in self.bare.inputs}

    # --- what the derivation says

    def kinds(self) -> dict[str, str]:
        """Whether an equation needs no state (before), is recurrent (loop), or is read by none."""
        equations = self.d.recurrent
        states = {v.name for v in self.bare.states}
        below, above = set(states), set(states)
        for e in equations:
            if any(q.label in below for q in e.uses):
                below.add(e.variable.name)
        for e in reversed(equations):
            if e.variable.name in above:
                above |= {q.label for q in e.uses}
        return {
            name: "loop" if name in states or (name in below and name in above)
            else "after" if name in below else "before"
            for name in (e.variable.name for e in equations)
        }  # fmt: skip

    def adjoint_lines(self) -> dict[str, tuple[Variable, Any, Any]]:
        """By name: its adjoint, what it gets in its own step, and what from the next one."""
        rows: dict[str, tuple[Variable, Any, Any]] = {}
        ends: dict[str, Any] = {}
        for step in self.derivation:
            equation = step.equation
            _, name = unmarked(equation.variable.name)
            if step.section not in (BACKWARD, RESULTS) or equation.time is None:
                continue
            if equation.time == T:
                ends[name] = _at_any_step(equation.expr)
            elif equation.time == t:
                terms = [e for e in _terms(equation.expr) if not _is_zero(e)]
                later = [e for e in terms if any(q.time == t + 1 for q in quantities(e))]
                now = [e for e in terms if e not in later]
                rows[name] = (equation.variable, add(now) if now else None,
                              add(later) if later else None)  # fmt: skip
        output = self.d.output.name
        if self.derivation.over == "last" and output in ends:
            variable, _, later = rows[output]
            rows[output] = (variable, ends[output], later)
        return rows

    # --- phases

    def source(self) -> Source:
        kinds = self.kinds()
        rows = self.adjoint_lines()
        before, forward, middle = _Phase(), _Phase("range(T)"), _Phase()
        # A loss of the last step reads the output as a sequence, so it stands behind it.
        lost = _Phase() if self.derivation.over == "last" else middle
        back, end = _Phase("reversed(range(T))"), _Phase()
        phase = {"before": before, "loop": forward, "after": middle}
        with self.writer.rows():
            for e in self.d.recurrent:
                if kinds[e.variable.name] == "before":
                    self.put(before, e)
        for e in self.d.recurrent:
            if kinds[e.variable.name] == "loop":
                self.put(phase["loop"], e)
        with self.writer.rows():
            for e in self.d.recurrent:
                if kinds[e.variable.name] == "after":
                    self.put(middle, e)
            self.put_loss(lost)
        futures: list[tuple[str, Any]] = []
        for e in reversed(self.d.recurrent):
            name = e.variable.name
            variable, now, later = rows[name]
            if now is None and later is None:
                continue
            where = {"before": end, "loop": back, "after": lost}[kinds[name]]
            if where is back:
                self.put(back, Equation(variable, now) if now is not None else None,
                         variable, self.future(name) if later is not None else "")  # fmt: skip
                if later is not None:
                    futures.append((name, at_time(later, t - 1)))
            else:
                with self.writer.rows():
                    self.put(where, Equation(variable, now))
        for name, expr in futures:
            self.note(back, expr)
            text = self.writer.value(Equation(self.bare[name], expr))
            back.lines.append((None, f"{self.future(name)} = {text}"))
        returned = self.put_results(end, rows, {name for name, _ in futures})
        after = [middle] if lost is middle else [middle, lost]
        phases = [before, forward, *after, back, end]
        return self.text(phases, [name for name, _ in futures], returned)

    def future(self, name: str) -> str:
        return self.names.free(f"{code_of(name)}_next")

    def note(self, phase: _Phase, expr: Any) -> None:
        for q in quantities(expr):
            phase.reads.setdefault(q)

    def put(
        self, phase: _Phase, equation: Equation | None, variable: Variable | None = None,
        future: str = "",
    ) -> None:  # fmt: skip
        """Add the line of an equation; of an adjoint also what the next step left for it."""
        if equation is None:
            assert variable is not None
            phase.lines.append((variable.here, future))
            return
        self.note(phase, equation.expr)
        text = self.writer.value(equation)
        if future:
            text += f" + {future}"
        phase.lines.append((equation.lhs, text))

    def put_loss(self, middle: _Phase) -> None:
        """The loss and its derivative by the output, over all steps or of the last one."""
        d, output = self.d, self.d.output
        given = d.immediate(output)
        last = self.derivation.over == "last"
        at = (lambda e: at_time(e, T)) if last else (lambda e: e)
        lines: list[Equation] = []
        if self.derivation.loss != "general":
            steps = [s.equation for s in self.derivation.steps if s.section == LOSS]
            final = [e for e in steps if e.variable.name == given.name][-1]
            lines += loss_lines(d, [e for e in steps if e.variable.name != given.name], final)
        where = middle
        for e in lines:
            moved = replace(e, expr=at(e.expr), time=T if last else t)
            self.put(where, moved)
        time = T if last else t
        if self.derivation.loss == "general":
            y, g = (self.names.quantity(v.at(time)) for v in (output, given))
            self.note(middle, output.at(time))
            self.note(middle, given.at(time))
            middle.lines.append((None, f"loss = ({y} * {g}).sum()"))
        else:
            code = self.names.quantity(d.cell["ell"].at(time))
            middle.lines.append((None, f"loss = {code}.sum()"))
        if last:
            sequence, one = self.names.sequence(given.name), self.names.quantity(given.at(T))
            shape = self.writer.shape_code(output, "T")
            middle.lines.append((None, f"{sequence} = np.zeros({shape}, {self.first}.dtype)"))
            middle.lines.append((None, f"{sequence}[-1] = {one}"))
            middle.lines.append((given.here, self.as_rows(sequence)))

    @property
    def first(self) -> str:
        return code_of(self.bare.inputs[0].name)

    def put_results(self, end: _Phase, rows: Any, futures: set[str]) -> list[tuple[str, str]]:
        """Gradients of inputs, initial states and parameters; what is returned, by argument."""
        w = self.writer
        returned: list[tuple[str, str]] = []
        for v in self.bare.inputs:
            variable, now, later = rows[v.name]
            sequence = self.names.sequence(variable.name)
            shape = w.shape_code(v, "T")
            with w.rows():
                if now is not None:
                    self.put(end, Equation(variable, now))
                    end.lines.append((None, f"{sequence} = {self.as_steps(variable)}"))
                else:
                    end.lines.append((None, f"{sequence} = np.zeros({shape}, {self.first}.dtype)"))
                if later is not None:
                    shifted = at_time(later, t - 1)
                    self.note(end, shifted)
                    future = self.future(v.name)
                    end.lines.append((None, f"{future} = {w.value(Equation(v, shifted))}"))
                    steps = f"{future}.reshape({sequence}.shape)"
                    end.lines.append((None, f"{sequence}[:-1] += {steps}[1:]"))
            returned.append((v.name, f"{sequence}.swapaxes(0, 1)"))
        for v in self.bare.states:
            code = self.names.quantity(v.at(0))
            value = self.future(v.name) if v.name in futures else f"np.zeros_like({code})"
            returned.append((code, value))
        for step in self.derivation:
            equation = step.equation
            if step.section != RESULTS or equation.time is not None:
                continue
            _, name = unmarked(equation.variable.name)
            v = self.bare[name]
            code = self.names.quantity(equation.lhs)
            if _is_zero(equation.expr):
                text = f"np.zeros_like({self.names.quantity(v.here)})"
            else:
                self.note(end, equation.expr)
                with w.rows():
                    text = w.reduced(equation.expr, v)
            end.lines.append((None, f"{code} = {text}"))
            if v.role == Role.PARAMETER:
                returned.append((v.name, code))
        return returned

    # --- text

    def index(self, q: Quantity) -> str:
        """Where a quantity of step t stands in its sequence, inside a loop."""
        if q.label not in self.longer:
            return "[t]"
        return "[t + 1]" if q.time == t else "[t]"

    def as_rows(self, sequence: str) -> str:
        return f"{sequence}.reshape(T * {self.writer.samples}, *{sequence}.shape[2:])"

    def as_steps(self, variable: Variable) -> str:
        code = self.names.quantity(variable.here)
        return f"{code}.reshape(T, {self.writer.samples}, *{code}.shape[1:])"

    def bind(self, q: Quantity, loop: bool) -> str:
        sequence = self.names.sequence(q.label)
        if q.time == T and q.label == self.target.name:
            return f"{self.names.quantity(q)} = {sequence}"
        if q.time == T:
            return f"{self.names.quantity(q)} = {sequence}[-1]"
        if loop:
            return f"{self.names.quantity(q)} = {sequence}{self.index(q)}"
        part = sequence
        if q.label in self.longer:
            part = f"{sequence}[1:]" if q.time == t else f"{sequence}[:-1]"
        rows = f"{part}.reshape(T * {self.writer.samples}, *{sequence}.shape[2:])"
        return f"{self.names.quantity(q)} = {rows}"

    def text(
        self, phases: list[_Phase], futures: list[str], returned: list[tuple[str, str]]
    ) -> Source:
        w = self.writer
        kept = {q.label for phase in phases for q in phase.needs}
        body = self.opening(kept)
        for v in self.bare.states:
            if v.name in kept or any(v.here in p.defines for p in phases):
                body.append(
                    f"{self.names.sequence(v.name)} = np.empty({w.shape_code(v, 'T + 1')}, "
                    f"{self.first}.dtype)"
                )
                body.append(f"{self.names.sequence(v.name)}[0] = {self.names.quantity(v.at(0))}")
        for phase in phases:
            if not phase.lines:
                continue
            body += ["", f"# {_TITLES.get(phase.loop, 'all steps at once')}"]
            inner: list[str] = [self.bind(q, bool(phase.loop)) for q in phase.needs]
            for q, line in phase.lines:
                if q is None:
                    inner.append(line)
                    continue
                code = self.names.quantity(q)
                keep = q.label in kept or q.label in self.longer
                if phase.loop and keep:
                    sequence = self.names.sequence(q.label)
                    if q.label not in self.longer:
                        shape = w.shape_code(self.variable(q), "T")
                        body.append(f"{sequence} = np.empty({shape}, {self.first}.dtype)")
                    inner.append(f"{code} = {sequence}{self.index(q)} = {line}")
                else:
                    inner.append(f"{code} = {line}")
                    if keep and q.time == t and not self.is_sequence_already(q):
                        inner.append(
                            f"{self.names.sequence(q.label)} = {code}.reshape(T, {w.samples}, "
                            f"*{code}.shape[1:])"
                        )
            if phase.loop:
                if "reversed" in phase.loop:
                    starts = [(n, self.names.quantity(self.bare[n].at(0))) for n in futures]
                    body += [f"{self.future(n)} = np.zeros_like({start})" for n, start in starts]
                body += [f"for t in {phase.loop}:", *(f"    {line}" for line in inner)]
            else:
                body += inner
        pairs = ", ".join(f'"{name}": {text}' for name, text in returned)
        body += ["", f"return loss, {{{pairs}}}"]
        return w.source(body, gradient_arguments(self.derivation))

    def is_sequence_already(self, q: Quantity) -> bool:
        given = self.d.immediate(self.d.output).name
        return q.label == given and (
            self.derivation.over == "last" or self.derivation.loss == "general"
        )

    def variable(self, q: Quantity) -> Variable:
        mark, name = unmarked(q.label)
        return self.d.cell[name] if mark else self.d.cell[q.label]

    def opening(self, kept: set[str]) -> list[str]:
        """Sequences with time in front; a delayed input has zeros before its first step."""
        body = []
        timed = [*self.bare.inputs]
        if self.derivation.over == "all":
            timed.append(self.target)
        for v in timed:
            if v.name not in kept:
                continue
            code = self.names.sequence(v.name)
            body.append(f"{code} = np.ascontiguousarray({code}.swapaxes(0, 1))")
            if v.name in self.longer:
                body.append(f"{code} = np.concatenate([np.zeros_like({code}[:1]), {code}])")
        constants = [e for e in self.bare.ordered if e.time is None]
        return [*body, *(self.writer.equation(e) for e in constants)]


def loss_lines(d: Differentiated, steps: list[Equation], final: Equation) -> list[Equation]:
    """What computes the loss of a step and its derivative by the output, in order.

    Args:
        d: the cell with the loss.
        steps: the lines of the loss: what it defines, and the derivatives on the way.
        final: the line of the derivative by the output.
    """
    ell = d.cell["ell"]
    stable = stable_loss(d)
    own = next(e for e in d.loss_equations if e.variable.name == ell.name)
    loss = Equation(ell, stable) if stable is not None else own
    names = {q.label for e in (loss, final) for q in e.uses}
    needed = _needed([e for e in steps if e.variable.name != ell.name], names)
    return [loss, *needed, final] if stable is not None else [*needed, loss, final]


def _needed(steps: list[Equation], names: set[str]) -> list[Equation]:
    """The lines that give these names, and what those read; the names grow by them."""
    found = []
    for e in reversed(steps):
        if e.variable.name in names:
            found.append(e)
            names |= {q.label for q in e.uses}
    return found[::-1]


def stable_loss(d: Differentiated) -> Any:
    """The loss of a step as code computes it, in one formula; None for one of several lines."""
    if not d.loss.stable and len(d.loss.text.splitlines()) > 1:
        return None
    stable = stable_cell(d.loss, d.output.scalar).equations[0]
    table = {"y": d.output, "d": d.cell[d.renamed["d"]]}
    widths = {Symbol("K"): d.output.shape[1]}
    return replace_quantities(resized(stable.expr, widths), lambda q: table[q.label].at(q.time))


_TITLES = {"range(T)": "the sweep forward", "reversed(range(T))": "the sweep back"}


def _terms(expr: Any) -> list[Any]:
    return list(expr.args) if isinstance(expr, MatAdd) else [expr]


def _is_zero(expr: Any) -> bool:
    return is_number(expr, 0)


def _at_any_step(expr: Any) -> Any:
    return replace_quantities(
        expr, lambda q: q if q.time is None else q.at(q.time.xreplace({T: t}))
    )


# --- straight code ------------------------------------------------------------------------------


def _straight(derivation: Derivation) -> Source:
    """One line for each line of a derivation that is written out over its steps."""
    d = Differentiated.of(derivation)
    bare, target = bare_cell(derivation), target_of(derivation)
    names = Names(d.cell)
    w = Writer(bare, False, names.quantity)
    length = derivation.length or 0
    given = d.immediate(d.output)
    general, last = derivation.loss == "general", derivation.over == "last"
    body: list[str] = [w.equation(e) for e in bare.ordered if e.time is None]
    for v in bare.delayed:
        body.append(f"{names.quantity(v.at(0))} = np.zeros_like({code_of(v.name)}[:, 0])")
    lost: list[str] = []
    for k in range(1, length + 1):
        for v in bare.inputs:
            body.append(f"{names.quantity(v.at(k))} = {code_of(v.name)}[:, {k - 1}]")
        if not last or k == length:
            part = "" if last else f"[:, {k - 1}]"
            body.append(f"{names.quantity(target.at(k))} = {names.sequence(target.name)}{part}")
    stable = None if general else stable_loss(d)
    losses = [s.equation for s in derivation if s.section == LOSS]
    needed = {given.name} if stable is not None or general else {given.name, d.cell["ell"].name}
    _needed(losses, needed)
    for step in derivation:
        equation = step.equation
        if step.rule in ("initial state", "delayed input", "constant"):
            continue
        if step.section == LOSS and equation.variable.name not in needed:
            continue
        if equation.time is None:
            zero = _is_zero(equation.expr)
            v = bare[unmarked(equation.variable.name)[1]]
            text = f"np.zeros_like({names.quantity(v.here)})"
            text = text if zero else w.reduced(equation.expr, v)
            body.append(f"{names.quantity(equation.lhs)} = {text}")
        else:
            body.append(f"{names.quantity(equation.lhs)} = {w.value(equation)}")
    for k in range(length, length + 1) if last else range(1, length + 1):
        if general:
            y, g = names.quantity(d.output.at(k)), names.quantity(given.at(k))
            lost.append(f"({y} * {g}).sum()")
        else:
            lost.append(names.quantity(d.cell["ell"].at(k)))
            if stable is not None:
                body.append(f"{lost[-1]} = {w.printer.doprint(at_time(stable, k))}")
            lost[-1] += ".sum()"
    returned = []
    for v in bare.inputs:
        steps = [names.quantity(d.adjoint(v).at(k)) for k in range(1, length + 1)]
        returned.append(f'"{v.name}": np.stack([{", ".join(steps)}], axis=1)')
    for v in bare.states:
        code = names.quantity(v.at(0))
        returned.append(f'"{code}": {names.quantity(Quantity(f"grad:{v.name}", *v.shape, 0))}')
    for v in bare.parameters:
        returned.append(f'"{v.name}": {names.quantity(d.adjoint(v).here)}')
    body += [f"loss = {' + '.join(lost)}", f"return loss, {{{', '.join(returned)}}}"]
    return w.source(body, gradient_arguments(derivation))


__all__ = ["bare_cell", "gradient_arguments", "gradient_source", "target_of"]
