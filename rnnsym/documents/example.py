"""A worked example: the equations with real numbers, line by line, as one would do it by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import mpmath
import numpy as np
from sympy import Integer, Symbol

from ..checking.exact import DIGITS, Evaluation
from ..checking.printed import read_explicit
from ..checking.samples import Sample, draw
from ..derive import backpropagate
from ..derive.naming import named
from ..derive.steps import BACKWARD, RESULTS
from ..errors import CheckError, InputError, RnnsymError
from ..language import read
from ..names import GRADIENT, IMMEDIATE, unmarked
from ..nouns import Cell, Derivation, Equation, Quantity, Role, Variable
from ..numeric import lambdify
from ..numeric.arrays import array_of
from ..numeric.layout import as_shown
from ..pieces import break_lines, join
from ..printing.explicit import (
    MatrixPlain,
    MatrixTex,
    matrix_pieces,
    numbered,
    plain_matrix,
    sized_cell,
)
from ..printing.formula import Plain, Tex
from ..printing.latex import PAGE, aligned_line, bmatrix
from ..printing.style import Style

#: What goes in has one decimal, what comes out of a line four.
_GIVEN, _DECIMALS = 1, 4
_MOST_STEPS = 2
#: What the left side of a line is called while its numbers are read.
_RESULT = "explicitresult"


@dataclass(frozen=True)
class Pass:
    """One way through the cell in numbers, forward or back.

    Attributes:
        given: lines that say what goes in.
        steps: for each step (0 for what is of no step) its lines.
        plain_given, plain_steps: the same in plain text.
        error: how far the last result is from the one without rounding; of gradients, the largest.
    """

    given: tuple[str, ...]
    steps: tuple[tuple[int, tuple[str, ...]], ...]
    plain_given: tuple[str, ...]
    plain_steps: tuple[tuple[int, tuple[str, ...]], ...]
    error: float


@dataclass(frozen=True)
class Example:
    """A worked example.

    Attributes:
        sizes: (symbol, number).
        given: lines that say what goes in.
        steps: for each step (0 for what is computed once) its lines.
        plain_given, plain_steps: the same in plain text.
        error: how far the last output is from the one without rounding.
        seed: of the numbers.
        backward: the gradients of these steps in numbers, or None where a derivation is refused.
    """

    sizes: tuple[tuple[str, int], ...]
    given: tuple[str, ...]
    steps: tuple[tuple[int, tuple[str, ...]], ...]
    plain_given: tuple[str, ...]
    plain_steps: tuple[tuple[int, tuple[str, ...]], ...]
    error: float
    seed: int | None
    backward: Pass | None = None

    @property
    def origin(self) -> str:
        """Where the numbers come from, in words."""
        return f"seed {self.seed}" if self.seed is not None else "given, to four decimals"


def given_numbers(cell: Cell, inputs: Sequence[Any], weights: Mapping[str, Any]) -> Sample:
    """Somebody's own numbers for a worked example, checked; the first sample of several.

    Args:
        cell: whose they are, in its own names and convention.
        inputs: an array (T, D) or (N, T, D) for each input.
        weights: the parameters by name, as the cell shows them.

    Returns:
        The sample in row form, rounded to the decimals that are printed.

    Raises:
        InputError: for numbers that do not fit the cell.
    """
    bare = replace(cell, sizes={})
    arrays = []
    for x in inputs:
        array = array_of(x)
        if array is None:
            raise InputError(f"{cell.name}: an input is no array of numbers")
        array = array.astype(np.float64)
        arrays.append(array[None] if array.ndim == 2 else array[:1])
    plain = {k: np.asarray(a, np.float64) for k, v in weights.items()
             if (a := array_of(v)) is not None}  # fmt: skip
    if len(plain) != len(weights):
        raise InputError(f"{cell.name}: the weights are arrays of numbers")
    ready = lambdify(bare).prepare(arrays, None, plain)
    here = dict(zip((*bare.inputs, *bare.states, *bare.parameters), ready))
    values = {v.name: np.round(as_shown(bare, v, a), _DECIMALS) for v, a in here.items()}
    sizes: dict[str, int] = {}
    for v in (*bare.parameters, *bare.states, *bare.inputs):
        shape = np.shape(values[v.name])[-2:] if v.shape[0] != 1 else np.shape(values[v.name])[-1:]
        sizes |= {str(s): int(n) for s, n in zip(v.shape[-len(shape):], shape)
                  if isinstance(s, Symbol)}  # fmt: skip
    return Sample(
        tuple(values[v.name] for v in bare.inputs),
        {v.name: values[v.name] for v in bare.states},
        {v.name: values[v.name].reshape(-1) if v.shape[0] == 1 and not v.scalar
         else values[v.name] for v in bare.parameters},
        sizes, 0, arrays[0].shape[1],
    )  # fmt: skip


def worked_example(
    cell: Cell, steps: int, style: Style, seed: int = 0, given: Sample | None = None
) -> Example:
    """A cell with numbers: every printed line is read again, and gives the printed result.

    Args:
        cell: the cell, in the names that are printed.
        steps: how many steps are worked out; not more than two.
        style: how it is printed.
        seed: of the numbers.
        given: somebody's own numbers in place of random ones, in the names that are printed.

    Raises:
        InputError: if its matrices are too large, or its numbers cannot be computed.
        CheckError: if a printed line does not give its printed result.
    """
    steps = min(steps, _MOST_STEPS)
    if given is not None:
        steps = min(steps, given.steps)
        whole = sized_cell(named(replace(cell, sizes={}).with_sizes(**given.sizes)), steps)
        with mpmath.workdps(DIGITS):
            try:
                return _worked(whole, given, steps, style, None)
            except _NoNumber:
                raise InputError(f"{cell.name} gives no real numbers at what is given") from None
    whole = sized_cell(named(cell), steps)
    for positive in (False, True):
        sample = _sample(whole, seed, steps, positive)
        with mpmath.workdps(DIGITS):
            try:
                return _worked(whole, sample, steps, style, seed)
            except _NoNumber:
                continue
    raise InputError(f"{cell.name} gives no real numbers at simple inputs: it has no example")


class _NoNumber(Exception):
    """A value that is no finite real number."""


def _sample(cell: Cell, seed: int, steps: int, positive: bool) -> Sample:
    sizes = {str(s): n for s, n in cell.sizes.items()}
    bare = replace(cell, sizes={})
    sample = draw(bare, seed, sizes, samples=1, steps=steps, positive=positive)

    def simple(value: Any) -> Any:
        rounded = np.round(np.asarray(value), _GIVEN)
        rounded = np.where(rounded == 0, 10.0**-_GIVEN, rounded)  # no zero hides a term
        return rounded if np.ndim(value) else float(rounded)

    return replace(
        sample,
        inputs=tuple(map(simple, sample.inputs)),
        states={k: simple(v) for k, v in sample.states.items()},
        weights={k: simple(v) for k, v in sample.weights.items()},
    )


def _worked(cell: Cell, sample: Sample, steps: int, style: Style, seed: int | None) -> Example:
    run = Evaluation(cell, sample, 0)
    run.sizes = {s: Integer(n) for s, n in cell.sizes.items()}
    precise = Evaluation(cell, sample, 0)
    precise.sizes = run.sizes
    texts = _Texts(cell, run, style)
    given = [texts.given(v, None) for v in cell.parameters]
    given += [texts.given(v, 0) for v in (*cell.states, *cell.delayed)]
    found: dict[int, list[tuple[str, str]]] = {}
    for equation in numbered(cell, steps):
        step = 0 if equation.time is None else int(equation.time)
        lines = found.setdefault(step, [])
        if step and not lines:
            lines += [texts.given(v, step) for v in cell.inputs]
        precise.compute(equation)
        run.compute(equation)
        key = (equation.variable.name, None if equation.time is None else step)
        run.values[key] = [[_rounded(v) for v in row] for row in run.values[key]]
        lines.append(texts.line(equation, key))
    last = (cell.output.name, steps)
    pairs = [(a, b) for r, s in zip(run.values[last], precise.values[last]) for a, b in zip(r, s)]
    error = max(float(abs(a - b)) for a, b in pairs)
    sizes = tuple((str(s), int(n)) for s, n in cell.sizes.items())
    ahead = _passed(given, found, error)
    back = _backward(cell, steps, texts, precise, seed or 0)
    return Example(sizes, ahead.given, ahead.steps, ahead.plain_given, ahead.plain_steps, error,
                   seed, back)  # fmt: skip


def _passed(
    given: list[tuple[str, str]], found: Mapping[int, list[tuple[str, str]]], error: float
) -> Pass:
    both = [
        (
            tuple(pair[k] for pair in given),
            tuple((n, tuple(pair[k] for pair in lines)) for n, lines in found.items()),
        )
        for k in (0, 1)
    ]
    return Pass(*both[0], *both[1], error)


def _backward(cell: Cell, steps: int, texts: _Texts, precise: Evaluation, seed: int) -> Pass | None:
    """The gradients of the same steps, for given derivatives of the losses by the outputs."""
    try:
        derived = backpropagate(cell, steps=steps)
    except InputError:
        return None
    derivation = replace(derived, cell=replace(derived.cell, sizes={}))
    lines = [s.equation for s in derived if s.section in (BACKWARD, RESULTS)]
    run = texts.run
    rng = np.random.default_rng(seed + 1)
    given = []
    losses = {(q.label, q.time): q for line in lines for q in line.uses
              if unmarked(q.label)[0] == IMMEDIATE}  # fmt: skip
    for (label, when), q in sorted(losses.items(), key=lambda pair: str(pair[0])):
        time = int(str(when))
        rows, cols = (int(size.xreplace(run.sizes)) for size in q.shape)
        numbers = np.round(rng.normal(size=(rows, cols)), _GIVEN)
        numbers = np.where(numbers == 0, 10.0**-_GIVEN, numbers)
        for evaluation in (run, precise):
            evaluation.values[label, time] = [[mpmath.mpf(str(v)) for v in r] for r in numbers]
        given.append(texts.given(Variable(label, Role.ADJOINT, q.shape), time))
    found: dict[int, list[tuple[str, str]]] = {}
    error = 0.0
    for line in lines:
        key = (line.variable.name, None if line.time is None else int(line.time))
        precise.compute(line)
        run.compute(line)
        run.values[key] = [[_rounded(v) for v in row] for row in run.values[key]]
        found.setdefault(key[1] or 0, []).append(texts.line(line, key, derivation))
        if unmarked(line.variable.name)[0] == GRADIENT:
            pairs = zip(run.values[key], precise.values[key])
            error = max(error, *(float(abs(a - b)) for r, s in pairs for a, b in zip(r, s)))
    return _passed(given, dict(sorted(found.items(), reverse=True)), error)


def _rounded(value: Any) -> Any:
    if isinstance(value, mpmath.mpc):
        raise _NoNumber
    if not mpmath.isfinite(value) or abs(value) > 1e6:
        raise _NoNumber
    return mpmath.mpf(int(mpmath.nint(value * 10**_DECIMALS))) / 10**_DECIMALS


def _text(value: Any) -> str:
    text = f"{float(value):.{_DECIMALS}f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


class _Texts:
    """The printed lines, each checked before it is handed out."""

    def __init__(self, cell: Cell, run: Evaluation, style: Style) -> None:
        self.cell = cell
        self.run = run
        self.style = style
        self.spelling = MatrixTex(style, self.entries)

    def entries(self, q: Quantity) -> list[list[str]]:
        time = None if q.time is None else int(q.time)
        table = [[_text(v) for v in row] for row in self.run.values[q.label, time]]
        return [list(r) for r in zip(*table)] if self.style.column else table

    def value(self, q: Quantity) -> tuple[str, str]:
        rows = self.entries(q)
        if (len(rows), len(rows[0])) == (1, 1):
            return rows[0][0], rows[0][0]
        return _one_line(bmatrix(rows)), plain_matrix(rows)

    def given(self, variable: Variable, step: int | None) -> tuple[str, str]:
        """What goes in: LaTeX and plain text."""
        q = variable.at(None if step is None else Integer(step))
        tex, text = self.value(q)
        names = (spelling.quantity(q).text for spelling in (Tex(self.style), Plain(self.style)))
        head, plain_head = names
        key = (variable.name, step)
        self.check_value(tex, key, latex=True)
        self.check_value(text, key, latex=False)
        return f"{head} &= {tex}", f"{plain_head} = {text}"

    def line(
        self, equation: Equation, key: tuple[str, int | None], table: Derivation | None = None
    ) -> tuple[str, str]:
        """name = formula = formula in numbers ≈ value, in LaTeX and in plain text.

        A line of a derivation is read with its `table` of symbols.
        """
        known = self.cell if table is None else replace(self.cell, sizes={})
        head, symbols = matrix_pieces(equation, known, Tex(self.style))
        _, numbers = matrix_pieces(equation, self.cell, self.spelling)
        room = PAGE - head.width - 3
        lines = break_lines(symbols, room, room - 3)
        second = break_lines(numbers, room, room - 3)
        value, plain_value = self.value(equation.lhs)
        self.check(head.text, " ".join(second), key, equation, table, latex=True)
        self.check_value(value, key, latex=True)
        self.check_value(plain_value, key, latex=False)
        self.check_symbols(f"{head.text} = {' '.join(lines)}", equation, table, latex=True)
        rest = "".join(f" \\\\\n&\\quad {line}" for line in second[1:])
        first = aligned_line(head.text, lines)
        left, named_ = matrix_pieces(equation, known, Plain(self.style))
        _, plain_numbers = matrix_pieces(equation, self.cell, MatrixPlain(self.style, self.entries))
        self.check(left.text, join(plain_numbers), key, equation, table, latex=False)
        self.check_symbols(f"{left.text} = {join(named_)}", equation, table, latex=False)
        text = f"{left.text} = {join(named_)} = {join(plain_numbers)} ≈ {plain_value}"
        return f"{first} \\\\\n&= {second[0]}{rest} \\\\\n&\\approx {value}", text

    def check_value(self, text: str, key: Any, latex: bool) -> None:
        """Hold printed numbers to the numbers."""
        found = read_numbers(text, latex)
        found = [list(r) for r in zip(*found)] if self.style.column else found
        table = self.run.values[key]
        if [len(r) for r in found] != [len(r) for r in table] or any(
            abs(a - b) > 1e-9 for r, s in zip(found, table) for a, b in zip(r, s)
        ):
            raise CheckError(f"an example prints {text} for another result")

    def check_symbols(
        self, text: str, equation: Equation, table: Derivation | None, latex: bool
    ) -> None:
        """Hold a line in symbols to its equation."""
        known = table or replace(self.cell, sizes={})
        (again,) = read(text, known, self.style.convention, latex)
        if (again.lhs, again.expr) != (equation.lhs, equation.expr):
            raise CheckError(f"a line of the example is read as another one: {text}")

    def check(
        self, head: str, numbers: str, key: Any, equation: Equation, table: Derivation | None,
        latex: bool,
    ) -> None:  # fmt: skip
        """Hold a line in numbers to its result: half of the last decimal apart at most."""
        # On the right there are numbers alone, so a stand-in takes the place of the left side.
        variable = Variable(_RESULT, Role.CONSTANT, equation.variable.shape)
        cell = replace(self.cell, variables=(*self.cell.variables, variable))
        stand_in = rf"\mathrm{{{_RESULT}}}" if latex else _RESULT
        try:
            text = f"{stand_in} = {numbers}"
            found = read_explicit(text, cell, self.style, latex, derivation=table)
        except RnnsymError as refusal:
            raise CheckError(f"a line of the example cannot be read again: {refusal}") from None
        (again,) = found.equations
        run = Evaluation.__new__(Evaluation)
        run.cell, run.sizes, run.values = found.cell, self.run.sizes, {}
        for name in found.literals:
            run.values[name, None] = found.values(name, run, self.style.column)
        run.compute(again)
        half = mpmath.mpf(10) ** -_DECIMALS * (0.5 + 1e-9)
        pairs = zip(run.values[_RESULT, None], self.run.values[key])
        if not all(abs(a - b) <= half for r, s in pairs for a, b in zip(r, s)):
            raise CheckError(f"a line of the example gives another result: {head}")


def read_numbers(text: str, latex: bool) -> list[list[float]]:
    """The numbers of a printed matrix, or of a number."""
    inner = text
    if latex:
        inner = text.replace(r"\begin{bmatrix}", "").replace(r"\end{bmatrix}", "")
    rows = inner.strip("[] ").split(r"\\" if latex else ";")
    return [[float(v) for v in row.split("&" if latex else ",")] for row in rows]


def _one_line(tex: str) -> str:
    return tex.replace("\n", " ")
