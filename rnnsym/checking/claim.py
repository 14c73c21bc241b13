"""A claim, and the judge who says what is to be thought of it.

a claim     two ways to a value, what they may be apart, and wrong claims next to it
a domain    the samples on which claims about the same equations are compared, drawn once
the judge   rejects the wrong neighbours first, then compares, on all of the domain
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar

import numpy as np

from ..nouns import Cell, Comparison, Control, Equation, Quantity
from ..numeric import NumericFunction
from ..ops.leaves import Number
from .branches import Coverage, Lookup
from .samples import Sample, draw

S = TypeVar("S")

#: How far samples may be stretched until a branch is reached: numbers of about one, then larger.
STRETCHES = (1.0, 2.0, 3.5, 6.0, 10.0, 20.0)
#: Samples on which a planted error that was missed has to agree before it is taken for no error.
SPARES = 4
#: How many choices of signs are tried where random numbers are not finite.
_SIGNS = 12
_FLOATS = ("float64", "float32")


@dataclass(frozen=True)
class Plan:
    """What a sample is drawn from.

    Attributes:
        seed: of its numbers.
        sizes: every size by its symbol, no two alike.
        steps: the number of steps, unlike every size where it is free.
        stretch: a factor on its inputs, biases and initial states.
    """

    seed: int
    sizes: Mapping[str, int]
    steps: int
    stretch: float = 1.0


def plans(
    cell: Cell, seed: int, numbers: Iterable[int] = (), steps: int | None = None
) -> tuple[Plan, Plan]:
    """Plans of two samples with sizes unlike each other, and unlike every number in the formulas.

    Args:
        cell: whose sizes are chosen; those that it gives are kept.
        seed: of the first sample.
        numbers: the whole numbers in the formulas, which no size and no T may be taken for.
        steps: the number of steps, where it is fixed.
    """
    taken = {*numbers, *cell.sizes.values()} | ({steps} if steps is not None else set())
    taken |= {int(s) for v in cell.variables for s in v.shape if s.is_Integer}
    # What grows with the square of the units is checked with few of them.
    of_states = [s for v in cell.states for s in v.shape if s in cell.dims]
    free = [s for s in dict.fromkeys([*of_states, *cell.dims]) if s not in cell.sizes]
    room = (n for n in range(2, 10_000) if n not in taken)
    least, second, *more = (next(room) for _ in range(len(free) + 2))
    given = {str(s): n for s, n in cell.sizes.items()}
    rows = ((second, [least, *reversed(more)]), (least, [second, *more]))
    one, two = (
        Plan(seed + i, given | {str(s): n for s, n in zip(free, sizes)}, steps or length)
        for i, (length, sizes) in enumerate(rows)
    )
    return one, two


def draw_finite(cell: Cell, plan: Plan, samples: int, function: NumericFunction) -> Sample | None:
    """A sample of a plan on which a cell's function is finite, or None.

    Some cells have a log or a root of what goes in: then numbers of one sign are tried for each
    array, and at last positive ones everywhere.
    """
    tries: list[int | None] = [None, *range(_SIGNS), _SIGNS]
    for n in tries:
        signs = None if n is None or n == _SIGNS else plan.seed + 31 * n
        sample = draw(cell, plan.seed, plan.sizes, samples, plan.steps, n is not None,
                      plan.stretch, signs)  # fmt: skip
        with np.errstate(all="ignore"):  # also as float32, which holds less
            if all(np.isfinite(sample.cast(d).call(function)).all() for d in _FLOATS):
                return sample
    return None


class Domain(Generic[S]):
    """The samples on which claims about some equations are compared.

    Those of the plans are always drawn. Where they leave out a branch of a piecewise function,
    stretched ones join until every branch is reached on both sides, or the limit is.

    Args:
        equations: those whose branches have to be reached, their nested parts named.
        plans: what is drawn in any case.
        draw: makes a sample of a plan; None where its numbers are not finite.
        look: the values of a sample, in parts that are evaluated at once.
    """

    def __init__(
        self,
        equations: Iterable[Equation],
        plans: Iterable[Plan],
        draw: Callable[[Plan], S | None],
        look: Callable[[S], Iterable[Lookup]],
    ) -> None:
        self.plans = list(plans)
        self.draw = draw
        self.look = look
        self.coverage = Coverage(equations)

    @cached_property
    def samples(self) -> list[S]:
        """The samples, the first one that of the first plan."""
        found = [s for p in self.plans if (s := self.draw(p)) is not None]
        for sample in found:
            self._see(sample)
        for plan in self.stretched():
            if not self.coverage.missing:
                break
            more = self.draw(plan)
            if more is not None and self._see(more):
                found.append(more)
        return found

    def _see(self, sample: S) -> bool:
        seen = [self.coverage.see(lookup) for lookup in self.look(sample)]
        return any(seen)

    def stretched(self) -> Iterator[Plan]:
        """Plans of larger numbers, for branches that lie far out."""
        for n, stretch in enumerate(STRETCHES):
            for i, plan in enumerate(self.plans):
                yield Plan(plan.seed + 100 * (n + 1) + i, plan.sizes, plan.steps, stretch)

    @cached_property
    def spares(self) -> list[S]:
        """Further samples, on which what was missed has to agree before it is called equal."""
        several = [Plan(p.seed + 1000 + n, p.sizes, p.steps, s)
                   for n in range(SPARES) for p, s in [(self.plans[n % len(self.plans)],
                                                        STRETCHES[n % 2])]]  # fmt: skip
        return [s for p in several if (s := self.draw(p)) is not None]

    @property
    def weakness(self) -> str:
        """Which branch no sample reached; empty if all were reached."""
        _ = self.samples
        return self.coverage.words


@dataclass(frozen=True)
class Claim(Generic[S]):
    """Two ways to a value that share no code above the primitives, and should agree.

    Attributes:
        what: the claim, in words.
        left, right: the two ways: a sample to its values, one or several.
        apart: how far two values are apart, relative to the left one, and where.
        tolerance: the most that is allowed, for a sample; `reason` says why.
        neighbours: wrong claims next to this one: what was done, and the wrong right side.
        equal: whether two right sides are one to many more digits than the claim compares.
        parted: as `apart`, for a wrong right side: it may stop where it has seen enough.
    """

    what: str
    left: Callable[[S], Any]
    right: Callable[[S], Any]
    apart: Callable[[Any, Any], tuple[float, str]]
    tolerance: Callable[[S], float]
    reason: str = ""
    neighbours: tuple[tuple[str, Callable[[S], Any]], ...] = field(default=(), repr=False)
    equal: Callable[[Any, Any], bool] | None = None
    parted: Callable[[Any, Any], tuple[float, str]] | None = None


class Judge(Generic[S]):
    """Gives every comparison and every control of claims on one domain."""

    def __init__(self, domain: Domain[S]) -> None:
        self.domain = domain

    def compare(self, claim: Claim[S], samples: Iterable[S] | None = None) -> Comparison:
        """Both ways on every sample, or on those of them that fit; the worst one is told."""
        worst, where, allowed = -1.0, "", 0.0
        for sample in self.domain.samples if samples is None else samples:
            limit = claim.tolerance(sample)
            error, place = claim.apart(claim.left(sample), claim.right(sample))
            error = error if not math.isnan(error) else math.inf
            # The worst is the one nearest to its own limit, or farthest beyond it.
            if worst < 0 or error * allowed > worst * limit:
                worst, where, allowed = error, place, limit
        passed = 0 <= worst <= allowed
        return Comparison(claim.what, passed, max(worst, 0.0), allowed, claim.reason, where)

    def controls(self, claim: Claim[S]) -> Iterator[Control]:
        """Every wrong neighbour: rejected, or shown to be no other claim at all."""
        for what, wrong in claim.neighbours:

            def same(s: S, wrong: Callable[[S], Any] = wrong) -> bool:
                return claim.equal is None or claim.equal(claim.right(s), wrong(s))

            yield self.control(claim, what, wrong, same)

    def control(
        self,
        claim: Claim[S],
        what: str,
        wrong: Callable[[S], Any],
        equal: Callable[[S], bool] | None = None,
    ) -> Control:
        """One wrong neighbour.

        It is harmless only if it is equal on further samples as well, and every branch was reached:
        two formulas that are analytic between their kinks and agree at random numbers, to many
        digits, are equal.

        Args:
            claim: what it is next to.
            what: what was done.
            wrong: the wrong right side.
            equal: whether both are equal on a sample to many digits, where the claim itself
                compares fewer.
        """
        least, parted = 0.0, claim.parted or claim.apart
        for sample in self.domain.samples:
            error, _ = parted(claim.left(sample), wrong(sample))
            if not error <= claim.tolerance(sample):
                return Control(what, True, error)
            least = max(least, error)
        for sample in self.domain.spares:
            error, _ = parted(claim.left(sample), wrong(sample))
            if not error <= claim.tolerance(sample):
                return Control(what, True, error)
            if equal is not None and not equal(sample):
                return Control(what, False, least)
        shown = bool(self.domain.spares) and not self.domain.weakness
        return Control(what, False, least, harmless=shown)


def whole_numbers(expr: Any) -> set[int]:
    """The whole numbers that are written in an expression, for sizes to be unlike."""
    if isinstance(expr, Number):
        return {int(expr.value)} if expr.value.is_integer else set()
    if isinstance(expr, Quantity):
        return set()
    return set().union(*(whole_numbers(a) for a in getattr(expr, "args", ())))
