"""The one way of `verify`: a model, or a cell seen as one, by itself and against a witness.

Whatever is verified goes through `Whole.report`: wrong formulas are planted first; what is printed
of every part is read again; the whole is compared with a witness, if there is one; with a gradient,
its gradients, every line of every derivation of the parts, and their costs. `Whole` itself has no
witness; `cells.CellWhole` and `models.ModelWhole` ask Keras.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from sympy import Integer, Symbol

from ..derive import count
from ..derive.costs import forward_of
from ..derive.differentiated import Differentiated
from ..derive.kinds import derivations_of
from ..derive.parts import part_of
from ..errors import RnnsymError
from ..language import CONVENTIONS, read
from ..models import Model, Node
from ..nouns import Cell, Comparison, Control, Derivation, Report, Verdict
from ..numeric import NumericFunction, lambdify
from ..numeric.source import Source
from ..printing import Style, tex_lines
from ..printing.models import shown_cell
from .branches import no_values
from .claim import Plan
from .lines import verify_lines
from .operations import multiply_adds
from .readback import read_back
from .sampled import Samples, unsized
from .samples import default_sizes

Progress = Callable[[str], None]

#: What is said of the printed equations of a part.
TIMELESS = "what is printed without t is the same equations, read again"
PRINTED = "printed LaTeX in row and column form, read again at 50 digits against NumPy"


def silent(_: str) -> None:
    """A progress that nobody is told of."""


class Whole:
    """What is verified, without a witness: what is printed of it, and what is derived.

    Attributes:
        model: the model, or a cell seen as one.
        seed: of the random numbers.
        remarks: what a reader should know.
        sizes: those of the first sample.
        weak: why the check can tell nothing, if so.
        derived: with a gradient, every derivation of the parts, with its report.
        agreement: the verdict if all agree.
    """

    against = "the printed LaTeX, read again"
    agreement = Verdict.CONSISTENT

    def __init__(self, model: Model, seed: int, progress: Progress = silent) -> None:
        self.model = model
        self.seed = seed
        self.progress = progress
        self.remarks: list[str] = []
        self.sizes: Mapping[str, int] = {}
        self.weak = ""
        self.derived: list[tuple[Derivation, Report]] = []

    @property
    def title(self) -> str:
        """What the report is of."""
        model = self.model
        if model.bare:
            return model.name
        return f"{model.title}, {model.coverage}" if model.boxes else model.title

    def _named(self, node: Node) -> str:
        """What stands before a comparison of a part."""
        return "" if self.model.bare else f"{node.name}: "

    # --- what a witness says

    def prepare(self) -> None:
        """Draw the samples, and ask the witness."""

    def controls(self) -> Iterable[Control]:
        """Wrong formulas through the code, which the witness has to reject."""
        return ()

    def compared(self) -> Iterable[Comparison]:
        """The code against the witness."""
        return ()

    def gradients(self) -> tuple[Iterable[Comparison], Iterable[Control]]:
        """The code of the gradient against the witness."""
        return (), ()

    # --- what each part says by itself

    def printed(self, node: Node) -> tuple[list[Comparison], list[Control]]:
        """The printed equations of a part, read again; planted errors go the same way."""
        assert node.cell is not None
        if not self.model.bare:
            self.progress(f"reading the printed equations of {node.name} again")
        report = read_back(unsized(node.cell), seed=self.seed)
        self.weak = self.weak or (report.weak and f"{self._named(node)}{report.weak}")
        if self.model.bare:
            self.sizes, self.remarks = report.sizes, list(report.remarks)
            return list(report.comparisons), list(report.controls)
        worst = max(report.comparisons, key=lambda c: np.inf if c.error is None else c.error)
        return [replace(worst, what=PRINTED, passed=report.passed)], list(report.controls)

    def lines(self, node: Node) -> tuple[list[Comparison], list[Control]]:
        """Every line of every derivation of a part, each by itself, and its costs."""
        self.progress("checking every line of the derivations by differences")
        cell = node.cell if self.model.bare else unsized(part_of(node))
        assert cell is not None
        comparisons: list[Comparison] = []
        controls: list[Control] = []
        for derivation in derivations_of(cell):
            report = verify_lines(derivation, seed=self.seed)
            self.derived.append((derivation, report))
            self.weak = self.weak or (report.weak and f"{self._named(node)}{report.weak}")
            for c in report.comparisons:
                comparisons.append(replace(c, what=f"line by itself: {c.what}"))
            controls += report.controls
        return [*compared_costs(cell, self.seed), *comparisons], controls

    def _parts(
        self, of: Callable[[Node], tuple[list[Comparison], list[Control]]]
    ) -> tuple[list[Comparison], list[Control]]:
        """What is said of every part; of parts that are alike, once."""
        seen: dict[Any, list[Comparison]] = {}
        comparisons: list[Comparison] = []
        controls: list[Control] = []
        for node in self.model.equations:
            assert node.cell is not None
            key = (node.cell.equations, node.takes)
            if key not in seen:
                seen[key], wrong = of(node)
                behind = "" if self.model.bare else f", in {node.name}"
                controls += [replace(c, what=f"{c.what}{behind}") for c in wrong]
            name = self._named(node)
            comparisons += [replace(c, what=f"{name}{c.what}") for c in seen[key]]
        return comparisons, controls

    def _timeless(self) -> Iterator[Comparison]:
        for node in self.model.equations:
            if not node.steps:
                yield Comparison(f"{node.name}: {TIMELESS}", _reads_back(node))

    # --- the report

    def report(self, gradient: bool) -> Report:
        """Everything that is said of it."""
        if not any(True for _ in self.model.equations):
            nothing = (Comparison("nothing to compare", True),)
            return Report(self.title, self.against, nothing, (), self.seed,
                          weak="it has no equations to check")  # fmt: skip
        self.prepare()
        self.progress("planting wrong formulas")
        controls = list(self.controls())
        printed, wrong = self._parts(self.printed)
        self.progress("comparing")
        comparisons = [*self.compared(), *printed, *self._timeless()]
        controls += wrong
        if gradient:
            for found, wrong_ in (self.gradients(), self._parts(self.lines)):
                comparisons += found
                controls += wrong_
        return Report(
            self.title, self.against, tuple(comparisons), tuple(controls), self.seed, self.sizes,
            tuple(self.remarks), self.weak, self.agreement,
        )  # fmt: skip


def verify_printed(
    model: Model, *, seed: int = 0, gradient: bool = False, progress: Progress = silent
) -> Report:
    """Read the printed equations of every part of a model again; Keras is not asked."""
    return Whole(model, seed, progress).report(gradient)


def compared_counts(formula: str, ours: int, witness: Any) -> Iterator[Comparison]:
    """The number of parameters and the shapes of the weights against those of a framework."""
    theirs = witness.parameter_count
    yield Comparison(f"parameter count: {formula}{ours}, Keras counts {theirs}", ours == theirs)
    rows = witness.weight_shapes
    wrong = [f"{name} {a} against {b}" for name, a, b in rows if a != b]
    what = f"shapes of the {len(rows)} weights against get_weights()"
    yield Comparison(what, not wrong, where="; ".join(wrong))


def compared_costs(subject: Cell, seed: int) -> Iterator[Comparison]:
    """The multiply-adds of the formulas against those that the generated code does."""
    samples = Samples(subject, [Plan(seed + 4, default_sizes(subject), 5)])
    if not samples.domain.samples:
        raise no_values(subject.name, subject.equations)
    sample = samples.domain.samples[0]
    shown = sample.as_shown(subject)
    sizes = {**sample.sizes, "N": len(sample.inputs[0]), "T": sample.steps}
    costs = count(subject)
    values = costs.at(**sizes)
    function = samples.function
    arguments = function.prepare(shown.inputs, shown.states, shown.weights)
    with np.errstate(all="ignore"):
        output = function.compute(*arguments)
    forward = multiply_adds(_source_of(function), arguments)
    yield Comparison(
        f"multiply-adds forward: {costs.forward} = {values['forward']}, the code does {forward}",
        values["forward"] == forward,
    )
    gradient = lambdify(unsized(subject), gradient=True)
    arguments = gradient.prepare((*shown.inputs, output), shown.states, shown.weights)
    named_forward = forward_of(Differentiated(subject).bare).xreplace(
        {Symbol(k): Integer(v) for k, v in sizes.items()}
    )
    both = multiply_adds(_source_of(gradient), arguments)
    yield Comparison(
        f"multiply-adds backward: {costs.backward} = {values['backward']}, the code does "
        f"{both - named_forward}",
        values["backward"] == both - named_forward,
    )


def _source_of(function: NumericFunction) -> Source:
    return Source(function.source, function.compute.__name__)


def _reads_back(node: Node) -> bool:
    """Whether the equations that are printed without t read back to the very trees checked."""
    cell = shown_cell(node)
    for convention in CONVENTIONS:
        lines = [tex_lines(e, Style(convention)) for e in cell.equations]
        try:
            found = read(" \\\\\n".join(lines), cell, convention, latex=True)
        except RnnsymError:
            return False
        if [(e.lhs, e.expr) for e in found] != [(e.lhs, e.expr) for e in cell.equations]:
            return False
    return True
