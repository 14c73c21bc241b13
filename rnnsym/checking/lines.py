"""Every line of a derivation checked by itself: left side by differences, right side as printed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import mpmath
import numpy as np
from sympy import HadamardProduct, Integer, MatAdd, MatMul, MatrixExpr, Transpose

from ..algebra.nodes import Number, Scale, Spread, TimeSum, is_negative, negative
from ..derive.bounds import bounds
from ..derive.differentiated import Differentiated
from ..errors import CheckError, InputError, RnnsymError
from ..language import read
from ..names import T, t, unmarked
from ..nouns import Comparison, Control, Derivation, Equation, Quantity, Report, Step
from ..numeric import lambdify
from ..printing import to_latex, to_text
from .differences import Trajectory
from .exact import DIGITS
from .plant import planted
from .samples import Sample, default_sizes, draw

#: The differences are exact to about 1e-30 and slopes hold constants of 28 digits; a wrong line is
#: off by far more. Relative to the norm of the left side, nothing is added.
TOLERANCE = 1e-20
REASON = "differences at 50 digits are exact to about 1e-30; nothing is added for small numbers"
_SMALL = 3
_STEPS = 3
_MOST_SAMPLES = 4

FUTURE, SLOPE, TRANSPOSED, FACTOR, TIME = (
    "a missing term from the future", "a factor left out", "a transposed matrix", "a factor two",
    "a wrong time index",
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One line of a derivation, with what it is checked on.

    Attributes:
        number: its place in the derivation, from 1.
        step: the line itself.
        checker: what knows the values.
    """

    number: int
    step: Step
    checker: LineChecker

    @property
    def name(self) -> str:
        """What a test is called: section, number and left side."""
        return f"{self.step.section}-{self.number}-{self.step.equation.lhs.name}"

    def comparison(self) -> Comparison:
        """Compare both sides, at every step at which the line holds."""
        return self.checker.compare(self.step)

    def check(self) -> None:
        """Raise if the two sides differ.

        Raises:
            CheckError: with the line, both numbers and where they part.
        """
        found = self.comparison()
        if not found.passed:
            raise CheckError(f"{found.what}: {found.where} (seed {self.checker.seed})")


class LineChecker:
    """Checks the lines of a derivation on small random sizes.

    Args:
        derivation: what is checked.
        seed: of the random numbers.
    """

    def __init__(self, derivation: Derivation, seed: int = 0) -> None:
        self.derivation = derivation
        self.seed = seed

    @cached_property
    def trajectories(self) -> list[Trajectory]:
        """What lines are checked on: one sample, and more where one does not tell right from
        wrong (where a maximum takes the same branch at every step, say)."""
        return [self._sampled(self.seed)]

    def _sampled(self, seed: int) -> Trajectory:
        with mpmath.workdps(DIGITS):
            return Trajectory(self.derivation, draw_for(self.derivation, seed))

    @cached_property
    def _spares(self) -> list[Trajectory]:
        return [self._sampled(self.seed + n) for n in range(1, _MOST_SAMPLES)]

    @property
    def trajectory(self) -> Trajectory:
        return self.trajectories[0]

    @property
    def lines(self) -> list[Line]:
        """The lines; where a state starts is agreed on, and nothing to check."""
        steps = enumerate(self.derivation.steps, 1)
        return [Line(i, step, self) for i, step in steps if step.rule != "initial state"]

    def steps_of(self, step: Step) -> list[int | None]:
        """The steps at which a line holds."""
        if step.holds is None:
            return [None]
        first, last = (int(e.subs(T, self.trajectory.steps)) for e in step.holds)
        return list(range(first, last + 1))

    def printed(self, equation: Equation) -> Equation:
        """A line as it is printed and read again."""
        (again,) = read(to_latex(equation), self.derivation, "row", True)
        return again

    def compare(self, step: Step) -> Comparison:
        """Both sides of a line, the right one as printed."""
        what = to_text(step.equation)
        try:
            equation = self.printed(step.equation)
        except RnnsymError as refusal:
            return Comparison(what, False, where=f"cannot be read again: {refusal}")
        with mpmath.workdps(DIGITS):
            worst, where = 0.0, ""
            for trajectory in self.trajectories:
                for k in self.steps_of(step):
                    error, place = difference(trajectory, equation, k)
                    if not error <= worst:
                        worst, where = error, place
            if step.dropped is not None:
                again = self.printed(replace(step.equation, expr=step.dropped))
                _, name = unmarked(step.equation.variable.name)
                left = self.trajectory.dropped(name, int(step.equation.time or 0))
                apart, place = _parting(left, self.trajectory.right_side(again, None))
                if not apart <= worst:
                    worst, where = apart, f"what is dropped, {place}"
        return Comparison(what, worst <= TOLERANCE, worst, TOLERANCE, REASON, where)

    # --- planted errors

    def controls(self) -> Iterator[Control]:
        """Wrong lines: of every kind one for every line that has a place for it."""
        for step in self.derivation.steps:
            if step.section == "forward":
                continue
            for kind, wrong in wrong_lines(step.equation):
                yield self._control(kind, step, wrong)

    def _control(self, kind: str, step: Step, wrong: Equation) -> Control:
        what = f"{kind}: {to_text(wrong)}"
        error = self._error_of(wrong, step)
        rejected = not error <= TOLERANCE
        return Control(what, rejected, error, harmless=not rejected)

    def _error_of(self, wrong: Equation, step: Step) -> float:
        """How wrong a planted line is seen to be; if on no sample so far, more samples join."""
        try:
            equation = self.printed(wrong)
        except RnnsymError:
            return float("inf")
        steps = self.steps_of(step)
        with mpmath.workdps(DIGITS):
            for trajectory in (*self.trajectories, *self._unused()):
                errors = [difference(trajectory, equation, k)[0] for k in steps]
                worst = max(errors, default=0.0)
                if not worst <= TOLERANCE:
                    if trajectory not in self.trajectories:
                        self.trajectories.append(trajectory)
                    return worst
        return worst

    def _unused(self) -> Iterator[Trajectory]:
        for trajectory in self._spares:
            if trajectory not in self.trajectories:
                yield trajectory


def difference(trajectory: Trajectory, equation: Equation, k: int | None) -> tuple[float, str]:
    """How far the two sides of a line are apart at a step, relative to the left one."""
    try:
        right = trajectory.right_side(equation, k)
        left = trajectory.left_side(equation, k)
        least = _size_of_terms(trajectory, equation, k)
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return float("inf"), "one side has no value at this step"
    apart, place = _parting(left, right, least)
    return apart, place if k is None else f"step {k}, {place}"


#: Where the terms of a sum cancel, what is left is known only as well as they are.
_CANCELLED = mpmath.mpf(10) ** -10


def _size_of_terms(trajectory: Trajectory, equation: Equation, k: int | None) -> Any:
    expr = equation.expr
    if not isinstance(expr, MatAdd):
        return mpmath.mpf(0)
    sizes = []
    for term in expr.args:
        table = trajectory.right_side(replace(equation, expr=term), k)
        sizes.append(mpmath.sqrt(mpmath.fsum(abs(v) ** 2 for row in table for v in row)))
    return _CANCELLED * max(sizes)


def _parting(left: Any, right: Any, least: Any = 0) -> tuple[float, str]:
    """The error relative to the norm of the left side, and where the difference is largest."""
    if (len(left), len(left[0])) != (len(right), len(right[0])):
        return float("inf"), f"{len(left)} × {len(left[0])} against {len(right)} × {len(right[0])}"
    square, rest, worst, place = mpmath.mpf(0), mpmath.mpf(0), mpmath.mpf(-1), (0, 0)
    for i, (r, s) in enumerate(zip(left, right)):
        for j, (a, b) in enumerate(zip(r, s)):
            gap = abs(a - b)
            square += abs(a) ** 2
            rest += gap**2
            if not gap <= worst:
                worst, place = gap, (i, j)
    i, j = place
    where = (
        f"entry {i + 1}, {j + 1}: by differences {mpmath.nstr(left[i][j], 12)}, "
        f"by the line {mpmath.nstr(right[i][j], 12)}"
    )
    size = max(mpmath.sqrt(square), least)
    if size == 0:
        return (0.0 if rest == 0 else float("inf")), where
    error = float(mpmath.sqrt(rest) / size)
    return (error if math.isfinite(error) else float("inf")), where


def draw_for(derivation: Derivation, seed: int) -> Sample:
    """A small sample with one more input: the target of the loss, or the given derivative."""
    d = Differentiated.of(derivation)
    bare = replace(d.bare, sizes={})
    sizes = default_sizes(d.bare, _SMALL)
    steps = derivation.length or _STEPS
    rng = np.random.default_rng(seed + 5)
    sample = draw(bare, seed, sizes, samples=1, steps=steps)
    with np.errstate(all="ignore"):
        output = sample.call(lambdify(bare))
        if not np.isfinite(output).all():
            sample = draw(bare, seed, sizes, samples=1, steps=steps, positive=True)
            output = sample.call(lambdify(bare))
    return replace(sample, inputs=(*sample.inputs, target_like(output, d.loss_name, rng)))


@dataclass(frozen=True)
class _Norms:
    """The norms that bounds are made of, at a step."""

    trajectory: Trajectory
    step: int | None

    def __call__(self, kind: str, expr: Any) -> float:
        array = _floats(self.trajectory.right_side_of(expr, self.step))
        return float(np.linalg.norm(array, 2) if kind == "norm" else np.abs(array).max())


def _floats(table: Any) -> Any:
    return np.array([[float(v) for v in row] for row in table])


def check_bounds(derivation: Derivation, seed: int = 0) -> None:
    """Hold the bounds of Jacobians to numbers, at every step of random samples.

    Raises:
        CheckError: if a left side is larger than its right side.
    """
    checker = LineChecker(derivation, seed)
    trajectory = checker.trajectory
    for bound in bounds(derivation):
        equation = bound.line.equation
        with mpmath.workdps(DIGITS):
            for k in checker.steps_of(bound.line):
                left = _floats(trajectory.left_side(equation, k))
                size, limit = float(np.linalg.norm(left, 2)), bound.value(_Norms(trajectory, k))
                if not size <= limit * (1 + 1e-12):
                    raise CheckError(
                        f"the bound of {to_text(equation)} does not hold at step {k}: "
                        f"{size:.6g} > {limit:.6g} (seed {seed})"
                    )


def target_like(output: Any, loss: str, rng: Any) -> Any:
    """A random target for a loss, or a random derivative by the output."""
    if loss in ("general", "squared_error"):
        return rng.normal(size=output.shape)
    target = rng.uniform(0.1, 0.9, output.shape)
    return target / target.sum(axis=-1, keepdims=True) if "softmax" in loss else target


# --- wrong lines ----------------------------------------------------------------------------------


def wrong_lines(equation: Equation) -> Iterator[tuple[str, Equation]]:
    """Wrong versions of a line, the first place of each kind of error."""
    seen: set[str] = set()
    if _is_zero(equation.expr):
        return
    if equation.lhs.label.endswith(":L") or equation.expr == equation.lhs:
        return
    for kind, expr in [*_doubled(equation.expr), *_wrong(equation.expr)]:
        if kind not in seen:
            seen.add(kind)
            yield kind, replace(equation, expr=expr)


def _is_zero(expr: Any) -> bool:
    while isinstance(expr, Spread):
        expr = expr.args[0]
    return isinstance(expr, Number) and expr.value == 0


def _doubled(expr: Any) -> Iterator[tuple[str, Any]]:
    bare = expr.args[1] if is_negative(expr) else expr
    double = Scale(Number("2"), bare)
    yield FACTOR, negative(double) if is_negative(expr) else double


def _adjoint(expr: Any) -> bool:
    return isinstance(expr, Quantity) and ":" in expr.label


def _late(expr: Any) -> bool:
    if isinstance(expr, Quantity):
        return expr.time == t + 1
    return any(_late(a) for a in expr.args if isinstance(a, MatrixExpr))


def _wrong(expr: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(expr, Quantity):
        if expr.time == t and not _adjoint(expr):
            yield TIME, expr.at(t - 1)
        elif expr.time == t - 1 or (expr.time == t + 1 and _adjoint(expr)):
            yield TIME, expr.at(t)
        elif isinstance(expr.time, Integer) and expr.time > 0 and not _adjoint(expr):
            yield TIME, expr.at(expr.time - 1)
        return
    if not isinstance(expr, MatrixExpr):
        return
    args = list(expr.args)
    if isinstance(expr, MatAdd):
        for i, term in enumerate(args):
            if _late(term):
                rest = args[:i] + args[i + 1 :]
                yield FUTURE, rest[0] if len(rest) == 1 else MatAdd(*rest)
    if isinstance(expr, HadamardProduct):
        for i, factor in enumerate(args):
            if not _adjoint(factor):
                rest = args[:i] + args[i + 1 :]
                yield SLOPE, rest[0] if len(rest) == 1 else HadamardProduct(*rest)
    if isinstance(expr, MatMul) and not is_negative(expr):
        for i, factor in enumerate(args):
            square = factor.shape[0] == factor.shape[1] != 1
            if square and isinstance(factor, (Transpose, Quantity)):
                other = factor.args[0] if isinstance(factor, Transpose) else Transpose(factor)
                yield TRANSPOSED, MatMul(*args[:i], other, *args[i + 1 :])
    if isinstance(expr, TimeSum):
        for kind, wrong in _wrong(expr.operand):
            yield kind, TimeSum(wrong, *args[1:])
        return
    for i, argument in enumerate(args):
        for kind, wrong in _wrong(argument):
            yield kind, expr.func(*args[:i], wrong, *args[i + 1 :])


# --- reports --------------------------------------------------------------------------------------


def verify_lines(
    derivation: Derivation, *, seed: int = 0, progress: Callable[[str], None] | None = None
) -> Report:
    """Check every line of a derivation by itself.

    The left side of each line is obtained by differences at 50 digits, from the cell's equations
    alone; so is everything on its right side, which is read again from the printed LaTeX. A wrong
    line therefore fails by itself, and no other line with it. Wrong lines that are planted must be
    rejected in the same run.

    Args:
        derivation: of `backpropagate`, `jacobian` or `rtrl`.
        seed: of the random numbers.
        progress: is told what is done next.

    Returns:
        The report, one comparison for each line.

    Raises:
        InputError: for a derivation that holds explicit matrices.
    """
    if not isinstance(derivation, Derivation) or derivation.form == "matrices":
        raise InputError("verify_lines takes a derivation between named matrices")
    checker = LineChecker(derivation, seed)
    if progress:
        progress("planting wrong lines")
    controls = list(checker.controls())
    if not controls:
        controls = [_forward_control(checker, wrong) for wrong in _wrong_definitions(derivation)]
    comparisons = []
    for i, line in enumerate(checker.lines, 1):
        if progress:
            progress(f"line {i} of {len(derivation)}")
        comparisons.append(line.comparison())
    sizes = {str(k): int(v) for k, v in checker.trajectory.sizes.items()}
    return Report(
        derivation.cell.name, "differences at 50 digits", tuple(comparisons), tuple(controls), seed,
        sizes,
    )  # fmt: skip


def _wrong_definitions(derivation: Derivation) -> Iterator[tuple[str, Equation, Step]]:
    for _, what, wrong in planted(derivation.cell):
        by_name = {e.variable.name: e for e in wrong.equations}
        for step in derivation.steps:
            other = by_name.get(step.equation.variable.name)
            if other is not None and other != step.equation and step.equation.time == t:
                yield what, other, step


def _forward_control(checker: LineChecker, planted_: tuple[str, Equation, Step]) -> Control:
    what, wrong, step = planted_
    error = checker._error_of(wrong, step)
    return Control(what, not error <= TOLERANCE, error)


__all__ = ["Line", "LineChecker", "draw_for", "target_like", "verify_lines", "wrong_lines"]
