"""The printed LaTeX read again, and evaluated at 50 digits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from ..derive import unroll
from ..errors import RnnsymError
from ..language import CONVENTIONS, read
from ..nouns import ROW, Cell, Comparison, Control, Equation, Report
from ..printing import Style, tex_lines
from .branches import no_values
from .claim import Judge, plans
from .exact import evaluate
from .plant import planted
from .sampled import Samples, completed, numbers_in, unsized
from .samples import Sample

Array = NDArray[Any]

#: 50 digits are for numbers of steps that a person would print.
SMALL_STEPS = 4


def read_back(subject: Cell, *, seed: int = 0, forms: tuple[Printed, ...] | None = None) -> Report:
    """Read the printed LaTeX again, evaluate it at 50 digits and compare with the NumPy function.

    Planted errors go through the same printer and reader and must be rejected. This needs no
    framework, and every exported document carries it.

    Args:
        subject: the cell or network that was printed.
        seed: of the random numbers.
        forms: what was printed; without it, the equations of a step and the unrolled ones in both
            conventions.

    Returns:
        The report.
    """
    bare = unsized(subject)
    forms = forms or all_forms(bare, SMALL_STEPS)
    steps = max(form.steps for form in forms) or SMALL_STEPS
    _, small = plans(bare, seed, numbers_in(bare), steps)
    samples = Samples(bare, [small])
    if not samples.domain.samples:
        raise no_values(subject.name, subject.equations)

    def ours(sample: Sample) -> Array:
        return sample.call(samples.function)

    return Report(
        subject.name,
        "the printed LaTeX, read again",
        tuple(compared_latex(samples, forms, samples.domain.samples, ours, "NumPy")),
        tuple(latex_controls(samples, ours)),
        seed,
        samples.domain.samples[0].sizes,
        subject.remarks,
        samples.domain.weakness,
    )


@dataclass(frozen=True)
class Printed:
    """A printed form of a cell: its LaTeX as it stands in documents, one string an equation.

    `steps` is the number of unrolled steps, or 0 for the equations of a step.
    """

    what: str
    lines: tuple[str, ...]
    convention: str
    steps: int = 0

    def reread(self, cell: Cell) -> tuple[Equation, ...]:
        """Read the strings again with the cell's symbol table."""
        return read(" \\\\\n".join(self.lines), cell, self.convention, latex=True)


def printed_forms(cell: Cell, steps: int, convention: str) -> tuple[Printed, ...]:
    """The equations of a step and of the unrolled steps, as LaTeX."""
    unrolled = [s.equation for s in unroll(cell, steps) if s.rule in ("constant", "recurrence")]
    forms = (("equations", cell.equations, 0), (f"{steps} unrolled steps", unrolled, steps))
    return tuple(
        Printed(
            f"{what} in {convention} form",
            tuple(tex_lines(e, Style(convention)) for e in equations),
            convention,
            length,
        )
        for what, equations, length in forms
    )


def all_forms(cell: Cell, steps: int) -> tuple[Printed, ...]:
    """The same in every convention."""
    return tuple(form for c in CONVENTIONS for form in printed_forms(cell, steps, c))


def compared_latex(
    samples: Samples, forms: Iterable[Printed], on: list[Sample],
    expected: Callable[[Sample], Array], whose: str,
) -> Iterable[Comparison]:  # fmt: skip
    """What is printed, read again, against the numbers that are expected on some samples."""
    judge = Judge(samples.domain)
    for form in forms:
        what = f"printed LaTeX, {form.what}, 50 digits against {whose}"
        try:
            equations = form.reread(samples.cell)
        except RnnsymError as refusal:
            yield Comparison(what, False, where=f"cannot be read again: {refusal}")
            continue

        def value(s: Sample, equations: tuple[Equation, ...] = equations) -> Array:
            return evaluate(unsized(samples.cell), equations, s)

        claim = samples.claim(what, expected, value)
        reason = f"the formula at 50 digits against float64 numbers: {claim.reason}"
        yield judge.compare(replace(claim, reason=reason), on)


def latex_controls(samples: Samples, expected: Callable[[Sample], Array]) -> Iterable[Control]:
    """One wrong formula of each kind through the printer, the reader and 50 digits."""
    judge = Judge(samples.domain)
    claim = samples.claim("", expected, expected)
    kinds: set[str] = set()
    for kind, what, wrong in planted(unsized(samples.cell)):
        if kind in kinds:
            continue
        printed = Printed("", tuple(tex_lines(e, Style(ROW)) for e in wrong.equations), ROW)
        equations = printed.reread(wrong)

        def value(s: Sample, wrong: Cell = wrong, equations: Any = equations) -> Array:
            return evaluate(wrong, equations, completed(s, wrong))

        control = judge.control(claim, f"{what}, in the LaTeX", value, samples.equal(wrong))
        if not control.harmless:  # else another place for this kind of error may tell more
            kinds.add(kind)
        yield control
