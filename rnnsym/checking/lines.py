"""Every line of a derivation checked by itself: left side by differences, right side as printed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import mpmath
import numpy as np
from sympy import Integer, MatrixExpr, preorder_traversal

from ..derive.bounds import bounds
from ..derive.differentiated import Differentiated
from ..derive.losses import loss_of
from ..derive.steps import FORWARD
from ..errors import CheckError, InputError, RnnsymError
from ..language import read
from ..names import GRADIENT, T, t, unmarked
from ..nouns import (
    CLAIMED,
    ROW,
    Comparison,
    Control,
    Derivation,
    Equation,
    Quantity,
    Report,
    Step,
    Verdict,
)
from ..numeric import NumericFunction, lambdify
from ..ops.elementwise import BESIDE, PRODUCT, QUOTIENT, Apply, is_sign
from ..ops.leaves import Number, is_number
from ..ops.node import Transpose
from ..ops.products import MatMul
from ..ops.rows import RowApply
from ..ops.sums import MatAdd, Minus, TimeSum
from ..printing import to_latex, to_text
from .branches import Branch, Lookup, branches, impossible, no_values
from .claim import Claim, Domain, Judge, Plan, draw_finite, plans, whole_numbers
from .differences import DIGITS, Trajectory
from .plant import SIGN, negated_terms, planted
from .samples import Sample

#: The differences are exact to about 1e-30 and slopes hold constants of 28 digits; a wrong line is
#: off by far more. It is relative to the norm of the left side.
TOLERANCE = 1e-20
#: Two right sides are one if they part by less: both are computed with 70 digits, some are lost.
_SAME = 1e-55
_LARGEST = 1e12
#: Of how many samples of one size the right side of a line is looked at.
_VARIED = 3
REASON = "differences at 50 digits are exact to about 1e-30; what is below 1e-12 counts as that"

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
        """Compare both sides, at every step at which the line holds, on every sample."""
        return self.checker.compare(self.step)

    def check(self) -> None:
        """Raise if the two sides differ, or the line says nothing.

        Raises:
            CheckError: with the line, both numbers and where they part.
        """
        found = self.comparison()
        if not found.passed:
            raise CheckError(f"{found.what}: {found.where} (seed {self.checker.seed})")
        if found.verdict == Verdict.SAYS_NOTHING:
            raise CheckError(f"{found.what}: says nothing: {found.where}")
        if weakness := self.checker.weakness:
            raise CheckError(f"{found.what}: the check has no power ({weakness})")


#: What both sides of a line are at the steps where it holds, computed when asked for: a table
#: each, or None for no value; on the right also what tells how large the terms were that may
#: have cancelled.
Left = Iterable[Any]
Right = Iterable[tuple[int | None, Any, Callable[[], Any]]]


class LineChecker:
    """Checks the lines of a derivation on small random samples, which all lines share.

    Args:
        derivation: what is checked.
        seed: of the random numbers.
    """

    def __init__(self, derivation: Derivation, seed: int = 0) -> None:
        self.derivation = derivation
        self.seed = seed
        self.differentiated = Differentiated.of(derivation)
        self._printed: dict[Equation, Equation] = {}
        self.unreached = ""

    @cached_property
    def domain(self) -> Domain[Trajectory]:
        """Two samples of other sizes and steps, and more until every branch is reached."""
        d = self.differentiated
        numbers: set[int] = set()
        for step in self.derivation.steps:
            numbers |= whole_numbers(step.equation.expr)
        bare = replace(d.bare, sizes={})
        return Domain(
            d.cell.equations,
            plans(bare, self.seed, numbers, self.derivation.length),
            self._sampled,
            self._look,
        )

    def _sampled(self, plan: Plan) -> Trajectory | None:
        with np.errstate(all="ignore"):  # what is not finite is told by the numbers
            sample = draw_for(self.differentiated, plan, self._function)
        if sample is None:
            return None
        with mpmath.workdps(DIGITS):
            found = Trajectory(self.derivation, sample, self.differentiated)
        # Differences are exact where numbers are neither huge nor next to nothing.
        near = (v == 0 or (not isinstance(v, mpmath.mpc) and 1 / _LARGEST <= abs(v) <= _LARGEST)
                for table in found.values.values() for row in table for v in row)  # fmt: skip
        if not all(near):
            return None
        # Nor where a slope has no number, as that of 0^y.
        with mpmath.workdps(DIGITS):
            return found if all(self._finite(step, found) for step in self._own) else None

    @cached_property
    def _function(self) -> NumericFunction:
        return function_for(self.differentiated)

    @cached_property
    def _own(self) -> list[Step]:
        """The lines of the derivation itself, not those of a reader."""
        return [s for s in self.derivation.steps if s.section not in (FORWARD, CLAIMED)]

    def _finite(self, step: Step, sample: Trajectory) -> bool:
        for k in self.steps_of(step, sample):
            table = _value(partial(sample.right_side, step.equation, k))
            if table is None or not all(
                mpmath.isfinite(v) and not isinstance(v, mpmath.mpc) for row in table for v in row
            ):
                return False
        return True

    @staticmethod
    def _look(trajectory: Trajectory) -> Iterator[Lookup]:
        for k in range(1, trajectory.steps + 1):
            yield lambda q, k=k: _floats(trajectory.value(q, k))  # type: ignore[misc]

    @cached_property
    def judge(self) -> Judge[Trajectory]:
        return Judge(self.domain)

    @property
    def trajectory(self) -> Trajectory:
        return self.domain.samples[0]

    @property
    def lines(self) -> list[Line]:
        """The lines; where a state starts is agreed on, and nothing to check."""
        steps = enumerate(self.derivation.steps, 1)
        return [Line(i, step, self) for i, step in steps if step.rule != "initial state"]

    @staticmethod
    def steps_of(step: Step, trajectory: Trajectory) -> list[int | None]:
        """The steps at which a line holds."""
        if step.holds is None:
            return [None]
        first, last = (int(e.subs(T, trajectory.steps)) for e in step.holds)
        return list(range(first, last + 1))

    def printed(self, equation: Equation) -> Equation:
        """A line as it is printed and read again."""
        if equation not in self._printed:
            form = self.derivation.convention
            (again,) = read(to_latex(equation, convention=form), self.derivation, form, True)
            # What reads back equal is one line, whose values are computed once.
            self._printed[equation] = equation if again == equation else again
        return self._printed[equation]

    # --- a line as a claim

    def claim(self, step: Step, neighbours: bool = False) -> Claim[Trajectory]:
        """Both sides of a line: the left one by differences, the right one as printed.

        Args:
            step: the line.
            neighbours: plant wrong lines next to it.

        Raises:
            RnnsymError: if what is printed cannot be read again.
        """
        equation = self.printed(step.equation)
        dropped = None
        if step.dropped is not None:
            dropped = self.printed(replace(step.equation, expr=step.dropped))

        def left(trajectory: Trajectory) -> Left:
            for k in self.steps_of(step, trajectory):
                yield _value(partial(trajectory.left_side, equation, k))
            if dropped is not None:
                _, name = unmarked(step.equation.variable.name)
                yield trajectory.dropped(name, int(step.equation.time or 0))

        return Claim(
            step.written or to_text(step.equation),
            left,
            partial(self._right, step, equation, dropped),
            self._apart,
            lambda _: TOLERANCE,
            REASON,
            tuple(self._neighbours(step)) if neighbours else (),
            _equal if step.section == CLAIMED else None,
            partial(self._apart, enough=_ENOUGH),
        )

    def _neighbours(self, step: Step) -> Iterator[tuple[str, Callable[[Trajectory], Right]]]:
        wrong = [] if step.section == FORWARD else wrong_lines(step.equation)
        for kind, w in wrong:
            yield f"{kind}: {to_text(w)}", self._wrong(step, w)
        if step.section == CLAIMED:
            # A term that no number shows may not be there at all.
            for what, e in negated_terms(step.equation.expr):
                yield f"{SIGN}: {what}", self._wrong(step, replace(step.equation, expr=e))

    def _right(
        self, step: Step, equation: Equation, dropped: Equation | None, trajectory: Trajectory
    ) -> Right:
        for k in self.steps_of(step, trajectory):
            value = _value(partial(trajectory.right_side, equation, k))
            yield k, value, partial(_size_of_terms, trajectory, equation, k)
        if dropped is not None:
            yield None, trajectory.right_side(dropped, None), _nothing

    def _wrong(self, step: Step, equation: Equation) -> Callable[[Trajectory], Right]:
        """The right side of a wrong line; one that cannot be printed and read is seen by that."""

        def value(trajectory: Trajectory) -> Right:
            try:
                return self._right(step, self.printed(equation), None, trajectory)
            except RnnsymError:
                return [(None, None, _nothing)]

        return value

    def _apart(self, left: Left, right: Right, enough: float = math.inf) -> tuple[float, str]:
        """The worst step, or the first that is `enough` apart; a line that holds at no step of a
        sample is not held to it."""
        place: Callable[[bool], str]
        where: Callable[[bool], str] = _nowhere
        worst, at = 0.0, ""
        for value, (k, found, least) in zip(left, right):
            if value is None or found is None:
                error, place = math.inf, _no_value
            else:
                error, place = _parting(value, found, least, enough)
            if not error <= worst:
                worst, at, where = error, "" if k is None else f"step {k}, ", place
            if worst >= enough < math.inf:  # that it is wrong is all that is asked
                return worst, ""
        return worst, at + where(self.derivation.convention != ROW)

    def compare(self, step: Step) -> Comparison:
        """Both sides of a line, the right one as printed."""
        try:
            claim = self.claim(step)
        except RnnsymError as refusal:
            what = step.written or to_text(step.equation)
            return Comparison(what, False, where=f"cannot be read again: {refusal}")
        if step.section == CLAIMED:
            self._reach(step)
        if not any(self.steps_of(step, s) for s in self.domain.samples):
            return Comparison(
                claim.what, False, where="it holds at no step, so nothing is compared"
            )
        with mpmath.workdps(DIGITS):
            found = self.judge.compare(claim)
            if not found.passed or step.section != CLAIMED:
                return found
            if self._decided(step):
                why = "its left side decides its right side"
                return replace(found, verdict=Verdict.SAYS_NOTHING, where=why)
        return replace(found, verdict=Verdict.HOLDS)

    def _reach(self, step: Step) -> None:
        """Draw samples until every branch of a reader's own line is reached as well."""
        equations = [e for e in self.differentiated.cell.equations if e.time is not None]
        left = [b for b in branches([step.equation]) if not impossible(b, equations)]
        if not left:
            return

        def missed(sample: Trajectory) -> list[Branch]:
            return [b for b in left if not self._reaches(b, step, sample)]

        with mpmath.workdps(DIGITS):
            for sample in self.domain.samples:
                left = missed(sample)
            for plan in self.domain.stretched() if left else ():
                more = self.domain.draw(plan)
                rest = missed(more) if more is not None else left
                if more is not None and len(rest) < len(left):
                    self.domain.samples.append(more)
                    left = rest
                if not left:
                    break
        if left:
            self.unreached = f"a branch of the line was not reached: {left[0].words}"

    def _reaches(self, branch: Branch, step: Step, sample: Trajectory) -> bool:
        for k in self._steps_around(branch, step, sample):
            tables = [_value(partial(sample.right_side_of, o, k)) for o in branch.operands]
            if not all(table is not None and _real(table) for table in tables):
                continue
            if branch.met([_floats(table) for table in tables]):
                return True
        return False

    def _steps_around(self, branch: Branch, step: Step, sample: Trajectory) -> Iterable[int | None]:
        """The steps at which a branch of a line is met: inside a sum over t, those of the sum."""
        for node in preorder_traversal(step.equation.expr):
            if isinstance(node, TimeSum) and all(
                any(part == o for part in preorder_traversal(node.operand)) for o in branch.operands
            ):
                first, last = (int(e.xreplace({T: Integer(sample.steps)})) for e in node.args[1:3])
                return range(first, last + 1)
        return self.steps_of(step, sample)

    @property
    def weakness(self) -> str:
        """Which branch, of the cell or of a line, no sample reached; empty if all were."""
        return self.domain.weakness or self.unreached

    def _decided(self, step: Step) -> bool:
        """Whether the left side of a line decides its right side, whatever else stands there.

        Everything on the right but the left side itself is taken from other samples of the same
        sizes; if the right side stays what it was, the line is of the kind of a = a and says
        nothing.
        """
        equation = self.printed(step.equation)
        trajectory, *others = self._varied or [self.trajectory]
        for k in self.steps_of(step, trajectory):
            own = self._same(equation.variable.name), trajectory.step_of(equation.time, k)
            met = False

            def leaf(
                label: str, at: int | None, other: Trajectory = trajectory, own: Any = own
            ) -> Any:
                nonlocal met
                if (self._same(label), at) == own:
                    met = True
                    return trajectory.of(label, at)
                return other.of(label, at)

            right = _value(partial(trajectory.right_side, equation, k, leaf))
            if right is None or not met:
                return False
            for other in others:
                look = partial(leaf, other=other)
                moved = _value(partial(trajectory.right_side, equation, k, look))
                if moved is None or not _parting(right, moved)[0] <= TOLERANCE:
                    return False
        return True

    @cached_property
    def _varied(self) -> list[Trajectory]:
        """Samples that differ in every number and in no size."""
        plan = self.domain.plans[0]
        plans = [replace(plan, seed=plan.seed + 500 + n) for n in range(2 * _VARIED)]
        return [s for s in map(self.domain.draw, plans) if s is not None][:_VARIED]

    def _same(self, label: str) -> str:
        """∂L/∂h_t and h̄_t are one quantity."""
        mark, name = unmarked(label)
        return name if not mark else f"∂{name}" if mark in (
            GRADIENT, self.differentiated.adjoint_mark) else label  # fmt: skip

    # --- planted errors

    def controls(self) -> Iterator[Control]:
        """Wrong lines: of every kind one for every line that has a place for it."""
        for step in self.derivation.steps:
            if step.section == FORWARD or step.rule == "initial state":
                continue
            try:
                claim = self.claim(step, neighbours=True)
            except RnnsymError:
                continue  # the comparison says so
            with mpmath.workdps(DIGITS):
                yield from self.judge.controls(claim)

    def definition_controls(self) -> Iterator[Control]:
        """Where nothing is derived: wrong equations in the place of definitions."""
        for what, wrong, step in _wrong_definitions(self.derivation):
            claim = self.claim(step)
            with mpmath.workdps(DIGITS):
                yield self.judge.control(claim, what, self._wrong(step, wrong))


def _value(way: Callable[[], Any]) -> Any:
    """A table, or None where there is none: another step, a division by zero."""
    try:
        return way()
    except (KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None


#: A planted line that is so far off at a step is wrong there: terms that cancelled could only bring
#: it about if they were 1e26 times as large as what is left, and no sample has such numbers.
_ENOUGH = 1e-4
#: Where the terms of a sum cancel, what is left is known only as well as they are.
_CANCELLED = mpmath.mpf(10) ** -10


def _terms(expr: Any) -> list[Any]:
    """The terms that may cancel: of a sum, also where it is divided or one factor of a product."""
    if isinstance(expr, MatAdd):
        return list(expr.args)
    if is_sign(expr, QUOTIENT):
        above, below = expr.operands
        return [Apply(QUOTIENT, term, below) for term in _terms(above)]
    if is_sign(expr, PRODUCT):
        for i, factor in enumerate(expr.operands):
            if len(terms := _terms(factor)) > 1:
                rest = (expr.operands[:i], expr.operands[i + 1 :])
                return [Apply(PRODUCT, *rest[0], term, *rest[1]) for term in terms]
    return [expr]


def _nothing() -> Any:
    return mpmath.mpf(0)


def _size_of_terms(trajectory: Trajectory, equation: Equation, k: int | None) -> Any:
    terms = _terms(equation.expr)
    ways = [partial(trajectory.right_side, replace(equation, expr=e), k) for e in terms]
    added = _added_up(equation.expr)
    ways = ways if len(terms) > 1 else []
    ways += [partial(trajectory.right_side_of, added, k)] * (added is not None)
    tables = [_value(way) or [] for way in ways]
    sizes = [mpmath.sqrt(mpmath.fsum(abs(v) ** 2 for row in t for v in row)) for t in tables]
    return _CANCELLED * max(sizes, default=mpmath.mpf(0))


def _added_up(expr: Any) -> Any:
    """What a sum or mean along a row adds up, where that is all of an expression; else None."""
    while isinstance(expr, (Minus, Transpose)):
        expr = expr.args[0]
    return expr.operand if isinstance(expr, RowApply) and expr.entry.reduces else None


#: A left side that is smaller counts as large as this: where a slope is zero, a change of 1e-35
#: leaves about as much, which is no error of the line. No sample has numbers between this and zero.
_NOTHING = mpmath.mpf(10) ** -12


def _nowhere(flip: bool) -> str:
    return ""


def _no_value(flip: bool) -> str:
    return "one side has no value at this step"


def _parting(
    left: Any, right: Any, least: Callable[[], Any] = _nothing, enough: float = math.inf
) -> tuple[float, Callable[[bool], str]]:
    """The error relative to the norm of the left side, and what tells where it is largest.

    Places are told in row form, or as a reader of columns counts them. How large the left side is
    at `least` is asked for where that decides.
    """
    if (len(left), len(left[0])) != (len(right), len(right[0])):

        def shapes(flip: bool) -> str:
            sides = [(len(a[0]), len(a)) if flip else (len(a), len(a[0])) for a in (left, right)]
            return " against ".join(f"{a} × {b}" for a, b in sides)

        return math.inf, shapes
    square, rest, worst, place = mpmath.mpf(0), mpmath.mpf(0), mpmath.mpf(-1), (0, 0)
    for i, (r, s) in enumerate(zip(left, right)):
        for j, (a, b) in enumerate(zip(r, s)):
            gap = abs(a - b)
            square += abs(a) ** 2
            rest += gap**2
            if not gap <= worst:
                worst, place = gap, (i, j)

    def where(flip: bool) -> str:
        i, j = place
        row, column = (j, i) if flip else (i, j)
        return (
            f"entry {row + 1}, {column + 1}: by differences {mpmath.nstr(left[i][j], 12)}, "
            f"by the line {mpmath.nstr(right[i][j], 12)}"
        )

    norm, gap = max(mpmath.sqrt(square), _NOTHING), mpmath.sqrt(rest)
    error = float(gap / norm)
    if TOLERANCE < error < enough:
        error = float(gap / max(norm, least()))
    return (error if math.isfinite(error) else math.inf), where


def function_for(d: Differentiated) -> NumericFunction:
    """What samples of a derivation's cell are drawn with."""
    return lambdify(replace(d.bare, sizes={}, convention=ROW))  # type: ignore[no-any-return]


def draw_for(
    d: Differentiated, plan: Plan, function: NumericFunction | None = None
) -> Sample | None:
    """A small sample with one more input: the target of the loss, or the given derivative.

    None where the cell has no finite numbers at what was drawn. The `function` is that of the cell
    in row form without sizes, if it is there already.
    """
    function = function or function_for(d)
    rng = np.random.default_rng(plan.seed + 5)
    sample = draw_finite(function.cell, plan, 1, function)
    if sample is None:
        return None
    target = target_like(sample.call(function), d.loss_name, rng)
    return replace(sample, inputs=(*sample.inputs, target))


@dataclass(frozen=True)
class _Norms:
    """The norms that bounds are made of, at a step."""

    trajectory: Trajectory
    step: int | None

    def __call__(self, kind: str, expr: Any) -> float:
        array = _floats(self.trajectory.right_side_of(expr, self.step))
        return float(np.linalg.norm(array, 2) if kind == "norm" else np.abs(array).max())


def _real(table: Any) -> bool:
    return not any(isinstance(v, mpmath.mpc) for row in table for v in row)


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
            for k in checker.steps_of(bound.line, trajectory):
                left = _floats(trajectory.left_side(equation, k))
                size, limit = float(np.linalg.norm(left, 2)), bound.value(_Norms(trajectory, k))
                if not size <= limit * (1 + 1e-12):
                    raise CheckError(
                        f"the bound of {to_text(equation)} does not hold at step {k}: "
                        f"{size:.6g} > {limit:.6g} (seed {seed})"
                    )


def target_like(output: Any, loss: str, rng: Any) -> Any:
    """A random target for a loss, or a random derivative by the output."""
    if not loss_of(loss).unit:
        return rng.normal(size=output.shape)
    target = rng.uniform(0.1, 0.9, output.shape)
    return target / target.sum(axis=-1, keepdims=True) if loss_of(loss).distribution else target


# --- wrong lines ----------------------------------------------------------------------------------


def wrong_lines(equation: Equation) -> Iterator[tuple[str, Equation]]:
    """Wrong versions of a line, the first place of each kind of error."""
    seen: set[str] = set()
    if is_number(equation.expr, 0):
        return
    if equation.lhs.label.endswith(":L") or equation.expr == equation.lhs:
        return
    for kind, expr in [*_doubled(equation.expr), *_wrong(equation.expr)]:
        if kind not in seen:
            seen.add(kind)
            yield kind, replace(equation, expr=expr)


def _equal(right: Right, other: Right) -> bool:
    """Whether two right sides are one to nearly all the digits that there are."""
    return all(
        a is not None and b is not None and _parting(a, b)[0] <= _SAME
        for (_, a, _), (_, b, _) in zip(right, other)
    )


def _doubled(expr: Any) -> Iterator[tuple[str, Any]]:
    bare = expr.args[0] if isinstance(expr, Minus) else expr
    double = Apply(BESIDE, Number("2"), bare)
    yield FACTOR, Minus(double) if isinstance(expr, Minus) else double


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
    if is_sign(expr, PRODUCT) and not expr.beside:
        factors = list(expr.operands)
        for i, factor in enumerate(factors):
            if not _adjoint(factor):
                rest = factors[:i] + factors[i + 1 :]
                yield SLOPE, rest[0] if len(rest) == 1 else Apply(PRODUCT, *rest)
    if isinstance(expr, MatMul):
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
    if not checker.domain.samples:
        raise no_values(derivation.cell.name, derivation.cell.equations)
    if progress:
        progress("planting wrong lines")
    controls = list(checker.controls()) or list(checker.definition_controls())
    comparisons = []
    for i, line in enumerate(checker.lines, 1):
        if progress:
            progress(f"line {i} of {len(derivation)}")
        comparisons.append(line.comparison())
    claimed = any(s.section == CLAIMED for s in derivation)
    return Report(
        derivation.cell.name,
        "differences at 50 digits",
        tuple(comparisons),
        tuple(controls),
        seed,
        {str(k): int(v) for k, v in checker.trajectory.sizes.items()},
        derivation.cell.remarks,
        checker.weakness,
        Verdict.HOLDS if claimed else Verdict.CONSISTENT,
    )


def _wrong_definitions(derivation: Derivation) -> Iterator[tuple[str, Equation, Step]]:
    for _, what, wrong in planted(derivation.cell):
        by_name = {e.variable.name: e for e in wrong.equations}
        for step in derivation.steps:
            other = by_name.get(step.equation.variable.name)
            if other is not None and other != step.equation and step.equation.time == t:
                yield what, other, step


__all__ = ["Line", "LineChecker", "draw_for", "target_like", "verify_lines", "wrong_lines"]
