"""`verify`: three forms of a function against Keras, the printed LaTeX against both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sympy import Integer, Symbol

from ..derive import backpropagate, count, matrices, unroll
from ..derive.costs import forward_of
from ..derive.differentiated import Differentiated
from ..derive.kinds import derivations_of
from ..derive.naming import named
from ..errors import InputError, RnnsymError
from ..frameworks import keras as keras_framework
from ..language import CONVENTIONS, read
from ..names import t
from ..nouns import (
    ROW,
    Cell,
    Comparison,
    Control,
    Derivation,
    Equation,
    Network,
    Quantity,
    Report,
    Verdict,
)
from ..numeric import GradientFunction, NumericFunction, lambdify
from ..numeric.layout import as_shown
from ..numeric.source import Source
from ..printing import Style, tex_lines
from .branches import Lookup, no_values
from .claim import Claim, Domain, Judge, Plan, draw_finite, plans, whole_numbers
from .exact import apart, evaluate
from .lines import target_like, verify_lines, wrong_lines
from .operations import multiply_adds
from .plant import planted
from .rounding import Tolerance, growth, tolerance
from .samples import Sample, default_sizes, error_of

Array = NDArray[Any]
Progress = Callable[[str], None]

DTYPES = ("float64", "float32")
#: Explicit matrices and 50 digits are for sizes that a person would print.
_SMALL_STEPS = 4
_STEPS = 7
#: The most that two values at 50 digits may be apart to be equal.
_EQUAL = 1e-40


def silent(_: str) -> None:
    """A progress that nobody is told of."""


def verify_cell(
    subject: Cell, *, seed: int, steps: int | None, gradient: bool, progress: Progress
) -> Report:
    """A cell against Keras; see `verify`."""
    if steps is not None and steps < 1:
        raise InputError(f"steps must be a positive whole number, not {steps}")
    progress("importing Keras")
    keras_framework.load()
    check = _Check(subject, seed, steps or _STEPS)
    progress("running Keras in float64 and float32")
    witness = check.witness(check.domain.samples[0], "float64")
    progress("planting wrong formulas")
    controls = [*check.code_controls(), *check.latex_controls()]
    progress("comparing")
    comparisons = [*check.forms(), *check.counts(), *check.latex()]
    weak = check.domain.weakness
    if gradient:
        more, wrong_ = _gradients(subject, seed, progress)
        lines, wrong_lines_, weak_lines = derived_lines(subject, seed, progress)
        comparisons += [*more, *_counts(subject, seed), *lines]
        controls += [*wrong_, *wrong_lines_]
        weak = weak or weak_lines
    independent = all(part.layer is not None for part in witness.parts)
    return Report(
        subject.name,
        "; ".join(dict.fromkeys(p.words for p in witness.parts)),
        tuple(comparisons),
        tuple(controls),
        seed,
        check.domain.samples[0].sizes,
        (*subject.remarks, *check.remarks, *_remarks(subject, witness)),
        weak,
        Verdict.VERIFIED if independent else Verdict.CONSISTENT,
    )


def unsized(cell: Cell) -> Cell:
    """The cell with no size given."""
    return replace(cell, sizes={})


def _numbers(cell: Cell) -> set[int]:
    """The whole numbers in a cell's formulas, which no size may be mistaken for."""
    return set().union(*(whole_numbers(e.expr) for e in cell.equations))


class Samples:
    """What a cell is compared on: its domain, and what the cell's own code says of each sample."""

    def __init__(self, cell: Cell, plans: Iterable[Plan]) -> None:
        self.cell = cell
        self.rows = named(replace(unsized(cell), convention=ROW))
        self.function = lambdify(unsized(cell))
        self._tracer = lambdify(self.rows)
        self._grown: dict[int, float] = {}
        self.domain: Domain[Sample] = Domain(
            self.rows.equations, plans, self._drawn, lambda s: [self._lookup(s)]
        )

    def _drawn(self, plan: Plan) -> Sample | None:
        """A sample with finite numbers: some cells have a log or a root of their input."""
        return draw_finite(unsized(self.cell), plan, 2, self.function)

    def _lookup(self, sample: Sample) -> Lookup:
        with np.errstate(all="ignore"):
            trace = sample.call(self._tracer, trace=True)
        shapes = {v.name: v for v in self.rows.variables}
        inputs = dict(zip((v.name for v in self.rows.inputs), sample.inputs))

        def lookup(q: Quantity) -> Array:
            v = shapes[q.label]
            if q.time is None:
                value = sample.weights[q.label] if q.label in sample.weights else trace[q.label]
                return np.atleast_2d(value)
            rows = np.asarray(trace[q.label] if q.label in trace else inputs[q.label])
            if q.time == t - 1:
                start = sample.states.get(q.label, np.zeros_like(rows[:, 0]))
                rows = np.concatenate([start[:, None], rows[:, :-1]], axis=1)
            return rows[..., None, :] if v.shape[0] == 1 else rows

        return lookup

    def tolerance(self, sample: Sample, dtype: str = "float64") -> Tolerance:
        """How far computations of the cell may be apart on a sample."""
        if id(sample) not in self._grown:
            s = sample.as_shown(self.function.cell)
            arguments = self.function.prepare(s.inputs, s.states, s.weights)
            self._grown[id(sample)] = growth(self.function, arguments, sample.seed)[""]
        return tolerance(dtype, self._grown[id(sample)], sample.steps)

    def equal(self, wrong: Cell) -> Callable[[Sample], bool]:
        """Whether a planted cell is the same function: at 50 digits, on a sample."""
        right, other = unsized(self.cell), unsized(wrong)

        def agree(sample: Sample) -> bool:
            one = evaluate(right, right.equations, sample, exact=True)
            two = evaluate(other, other.equations, _completed(sample, other), exact=True)
            return apart(two, one) <= _EQUAL

        return agree

    def claim(
        self, what: str, left: Callable[[Sample], Any], right: Callable[[Sample], Any],
        dtype: str = "float64", reason: str = "",
    ) -> Claim[Sample]:  # fmt: skip
        """Two ways to the output at every step."""
        words = reason or self.tolerance(self.domain.samples[0], dtype).reason
        return Claim(what, left, right, lambda a, b: _error_in(dtype, a, b),
                     lambda s: self.tolerance(s, dtype).value, words)  # fmt: skip


def _error_in(dtype: str, expected: Any, found: Any) -> tuple[float, str]:
    if np.asarray(found).dtype != dtype:
        return float("inf"), f"came out as {np.asarray(found).dtype}"
    return error_of(found, expected)


class _Check:
    """A cell against Keras: the samples, Keras's numbers for them, and every comparison."""

    def __init__(self, cell: Cell, seed: int, steps: int) -> None:
        self.cell = cell
        self.bare = unsized(cell)
        _, small = plans(self.bare, seed, {*_numbers(cell), steps}, _SMALL_STEPS)
        first = Plan(seed, default_sizes(cell), steps)
        self.samples = Samples(cell, [first, small])
        self.domain = self.samples.domain
        self.judge = Judge(self.domain)
        self.remarks: list[str] = []
        self._models: dict[Any, keras_framework.Model] = {}
        self._outputs: dict[tuple[int, str], Array] = {}
        if not self.domain.samples:
            raise no_values(cell.name, cell.equations)

    def witness(self, sample: Sample, dtype: str) -> keras_framework.Model:
        """Keras's model of the cell for the sizes and steps of a sample."""
        key = (tuple(sample.sizes.items()), sample.steps, dtype)
        if key not in self._models:
            model = keras_framework.Model(self.bare, sample.sizes, sample.steps, dtype)
            self._models[key] = model
        return self._models[key]

    def keras(self, sample: Sample, dtype: str = "float64") -> Array:
        """What Keras gives for a sample."""
        if (id(sample), dtype) not in self._outputs:
            model, cast = self.witness(sample, dtype), sample.cast(dtype)
            model.set_weights(cast.weights)
            self._outputs[id(sample), dtype] = model(cast.inputs, cast.states)
        return self._outputs[id(sample), dtype]

    @property
    def small(self) -> list[Sample]:
        """The samples that a person would print."""
        return [s for s in self.domain.samples if s.steps == _SMALL_STEPS]

    @property
    def _steps(self) -> str:
        return " and ".join(str(n) for n in dict.fromkeys(s.steps for s in self.domain.samples))

    def forms(self) -> Iterable[Comparison]:
        """The forms of the function against Keras, in both precisions."""
        made: dict[Any, NumericFunction] = {}

        def unrolled(sample: Sample) -> NumericFunction:
            if sample.steps not in made:
                made[sample.steps] = lambdify(unroll(self.bare, sample.steps))
            return made[sample.steps]

        def explicit(sample: Sample) -> NumericFunction:
            key = (sample.steps, *sample.sizes.values())
            if key not in made:
                form = matrices(unroll(self.bare, sample.steps), **sample.sizes)
                made[key] = lambdify(form)
            return made[key]

        for name, make, samples in (
            ("loop", lambda _: self.samples.function, self.domain.samples),
            ("unrolled", unrolled, self.domain.samples),
            ("explicit matrices", explicit, self.small),
        ):
            for dtype in DTYPES:
                steps = self._steps if samples is self.domain.samples else _SMALL_STEPS
                what = f"{name} against Keras, {dtype}, N = 2, T = {steps}"
                claim = self.samples.claim(
                    what,
                    lambda s, dtype=dtype: self.keras(s, dtype),  # type: ignore[misc]
                    lambda s, make=make, dtype=dtype: s.cast(dtype).call(make(s)),  # type: ignore[misc]
                    dtype,
                )
                try:
                    with np.errstate(all="ignore"):
                        yield self.judge.compare(claim, samples)
                except InputError as error:
                    if make is not explicit:
                        yield Comparison(f"{name}: {error}", False)
                        continue
                    # Matrices too large to be written out are not compared, and not wrong.
                    self.remarks.append(f"not compared: {name}: {error}")
                    break

    def counts(self) -> Iterable[Comparison]:
        model = self.witness(self.domain.samples[0], "float64")
        formula = self.cell.parameter_count
        return compared_counts(f"{formula} = ", int(formula.xreplace(model.sizes)), model)

    def latex(self) -> Iterable[Comparison]:
        forms = _all_forms(self.bare, _SMALL_STEPS)
        return _latex(self.samples, forms, self.small, self.keras, "Keras")

    def code_controls(self) -> Iterator[Control]:
        """Wrong formulas through the generated code: each must differ from Keras."""
        claim = self.samples.claim("", self.keras, lambda s: s.call(self.samples.function))
        for _, what, wrong in planted(self.bare):
            function = lambdify(wrong)

            def value(s: Sample, function: Any = function, wrong: Cell = wrong) -> Any:
                with np.errstate(all="ignore"):
                    return _completed(s, wrong).call(function)

            equal = self.samples.equal(wrong)
            yield self.judge.control(claim, f"{what}, in the code", value, equal)

    def latex_controls(self) -> Iterable[Control]:
        return _latex_controls(self.samples, self.keras)


def compared_counts(formula: str, ours: int, witness: Any) -> Iterable[Comparison]:
    """The number of parameters and the shapes of the weights against those of a framework."""
    theirs = witness.parameter_count
    yield Comparison(f"parameter count: {formula}{ours}, Keras counts {theirs}", ours == theirs)
    rows = witness.weight_shapes
    wrong = [f"{name} {a} against {b}" for name, a, b in rows if a != b]
    what = f"shapes of the {len(rows)} weights against get_weights()"
    yield Comparison(what, not wrong, where="; ".join(wrong))


def derived_lines(
    subject: Cell, seed: int, progress: Progress
) -> tuple[tuple[Comparison, ...], tuple[Control, ...], str]:
    """Every line of every derivation of a cell, each by itself; and a branch not reached."""
    progress("checking every line of the derivations by differences")
    reports = [verify_lines(d, seed=seed) for d in derivations_of(subject)]
    comparisons = tuple(
        replace(c, what=f"line by itself: {c.what}") for r in reports for c in r.comparisons
    )
    weak = next((r.weak for r in reports if r.weak), "")
    return comparisons, tuple(c for r in reports for c in r.controls), weak


def _counts(subject: Cell, seed: int) -> Iterable[Comparison]:
    """The multiply-adds of the formulas against those that the generated code does."""
    samples = Samples(subject, [Plan(seed + 4, default_sizes(subject), 5)])
    sample = samples.domain.samples[0]
    shown = sample.as_shown(subject)
    sizes = {**sample.sizes, "N": len(sample.inputs[0]), "T": sample.steps}
    costs = count(subject)
    values = costs.at(**sizes)
    function = samples.function
    arguments = function.prepare(shown.inputs, shown.states, shown.weights)
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


#: Losses, the steps that they are taken over, and the number of steps, that are compared with
#: TensorFlow. The first also has planted errors.
_LOSSES = (
    ("general", "all", 7), ("general", "all", 50), ("squared_error", "all", 7),
    ("softmax_cross_entropy", "last", 7), ("binary_cross_entropy", "all", 7),
    ("cross_entropy", "all", 7), ("binary_cross_entropy_of_probabilities", "all", 7),
    ("negative_log_likelihood", "all", 7),
)  # fmt: skip


@dataclass(frozen=True)
class _Gradients:
    """A gradient function against TensorFlow's, on the samples of a cell."""

    samples: Samples
    models: dict[Any, keras_framework.Model]
    loss: str
    over: str
    seed: int

    def model(self, sample: Sample) -> keras_framework.Model:
        key = (tuple(sample.sizes.items()), sample.steps)
        if key not in self.models:
            self.models[key] = keras_framework.Model(
                unsized(self.samples.cell), sample.sizes, sample.steps, "float64"
            )
        self.models[key].set_weights(sample.weights)
        return self.models[key]

    def target(self, sample: Sample) -> Array:
        output = sample.call(self.samples.function)
        output = output if self.over == "all" else output[:, -1]
        return target_like(output, self.loss, np.random.default_rng(self.seed))

    def expected(self, sample: Sample) -> tuple[float, Mapping[str, Array]]:
        """The loss and all gradients by `GradientTape`."""
        target = self.target(sample)
        return self.model(sample).gradients(sample.inputs, sample.states, target, self.loss,
                                            self.over)  # fmt: skip

    def growth(self, function: GradientFunction, sample: Sample) -> Mapping[str, float]:
        """How rounding grows in the code of each gradient, and where slopes are as printed.

        Frameworks take 1 - h ⊙ h from h as paper does, which cancels where h is near 1.
        """
        shown = sample.as_shown(function.cell)
        target = as_shown(function.cell, function.cell.output, self.target(sample))
        arguments = function.prepare((*shown.inputs, target), shown.states, shown.weights)
        one = growth(function, arguments, sample.seed)
        two = growth(GradientFunction(function.derivation, True), arguments, sample.seed)
        return {name: max(grown, two[name]) for name, grown in one.items()}


@np.errstate(all="ignore")  # what is not finite is told by the numbers
def _gradients(
    subject: Cell, seed: int, progress: Progress
) -> tuple[list[Comparison], list[Control]]:
    """All gradients against TensorFlow's `GradientTape`, in float64; wrong ones first."""
    comparisons: list[Comparison] = []
    controls: list[Control] = []
    models: dict[Any, keras_framework.Model] = {}
    drawn: dict[int, Samples] = {}
    for loss, over, steps in _LOSSES:
        try:
            derivation = backpropagate(unsized(subject), loss=loss, over=over)
        except InputError:
            continue  # a loss of row vectors, or of probabilities, and the output is none
        progress(f"gradients against GradientTape: {loss}, T = {steps}")
        if steps not in drawn:
            drawn[steps] = Samples(subject, [Plan(seed + 2, default_sizes(subject), steps)])
        check = _Gradients(drawn[steps], models, loss, over, seed + 3)
        function = lambdify(derivation)
        assert isinstance(function, GradientFunction)
        where = f"{loss.replace('_', ' ')} over {over}, T = {steps}, against GradientTape, float64"
        rows: dict[str, list[Comparison]] = {}
        for sample in drawn[steps].domain.samples:
            expected = check.expected(sample)
            grown = check.growth(function, sample)
            value, gradients = sample.gradients(function, check.target(sample))
            found: dict[str, tuple[Any, Any, str]] = {f"loss: {where}": (value, expected[0], "")}
            found |= {f"∂L/∂{n}: {where}": (g, expected[1][n], n) for n, g in gradients.items()}
            if not controls:
                limits = {n: tolerance("float64", g, steps).value for n, g in grown.items()}
                controls += _gradient_controls(derivation, sample, check.target(sample),
                                               expected[1], limits)  # fmt: skip
            for what, (ours, theirs, name) in found.items():
                limit = tolerance("float64", grown[name], steps)
                rows.setdefault(what, []).append(_near(what, ours, theirs, limit))
        comparisons += [max(r, key=_badness) for r in rows.values()]
    return comparisons, controls


def _badness(c: Comparison) -> float:
    assert c.error is not None and c.tolerance is not None
    return c.error / c.tolerance


def _near(what: str, found: Any, expected: Any, limit: Tolerance) -> Comparison:
    found, expected = np.atleast_1d(found), np.atleast_1d(expected)
    if found.size == expected.size:  # a bias has one axis in Keras
        found = found.reshape(expected.shape)
    error, place = error_of(found, expected, plain=True)
    return Comparison(what, error <= limit.value, error, limit.value, limit.reason, place)


def _gradient_controls(
    derivation: Derivation, sample: Sample, target: Any, expected: Mapping[str, Any],
    limits: Mapping[str, float],
) -> Iterable[Control]:  # fmt: skip
    """Wrong lines through the generated code: one of each kind must differ from TensorFlow."""
    seen: set[str] = set()
    for i, step in enumerate(derivation.steps):
        if step.section not in ("backward", "gradients"):
            continue
        for kind, wrong in wrong_lines(step.equation):
            if kind in seen or wrong.time not in (t, None):
                continue
            steps = list(derivation.steps)
            steps[i] = replace(step, equation=wrong)
            try:
                function = lambdify(replace(derivation, steps=tuple(steps)))
                assert isinstance(function, GradientFunction)
                _, gradients = sample.gradients(function, target)
                errors = {
                    n: error_of(np.reshape(g, np.shape(expected[n])), expected[n], plain=True)[0]
                    for n, g in gradients.items()
                }
            except (KeyError, NameError, ValueError):
                continue  # a line that cannot run is no wrong number
            if all(errors[n] <= limits[n] for n in errors):
                continue  # tried again at another line: this one changes nothing here
            seen.add(kind)
            yield Control(f"{kind}, in the gradient's code: {wrong}", True, max(errors.values()))


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
    forms = forms or _all_forms(bare, _SMALL_STEPS)
    steps = max(form.steps for form in forms) or _SMALL_STEPS
    _, small = plans(bare, seed, _numbers(bare), steps)
    samples = Samples(bare, [small])
    if not samples.domain.samples:
        raise no_values(subject.name, subject.equations)

    def ours(sample: Sample) -> Array:
        return sample.call(samples.function)

    return Report(
        subject.name,
        "the printed LaTeX, read again",
        tuple(_latex(samples, forms, samples.domain.samples, ours, "NumPy")),
        tuple(_latex_controls(samples, ours)),
        seed,
        samples.domain.samples[0].sizes,
        subject.remarks,
        samples.domain.weakness,
    )


def read_back_with_lines(subject: Cell, *, seed: int, progress: Progress) -> Report:
    """The printed LaTeX read again, the costs counted, and every line of every derivation."""
    report = read_back(subject, seed=seed)
    lines, wrong, weak = derived_lines(subject, seed, progress)
    counts = tuple(_counts(subject, seed))
    return replace(
        report,
        comparisons=report.comparisons + counts + lines,
        controls=report.controls + wrong,
        weak=report.weak or weak,
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


def _all_forms(cell: Cell, steps: int) -> tuple[Printed, ...]:
    return tuple(form for c in CONVENTIONS for form in printed_forms(cell, steps, c))


def _latex(
    samples: Samples, forms: Iterable[Printed], on: list[Sample],
    expected: Callable[[Sample], Array], whose: str,
) -> Iterable[Comparison]:  # fmt: skip
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


def _latex_controls(samples: Samples, expected: Callable[[Sample], Array]) -> Iterable[Control]:
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
            return evaluate(wrong, equations, _completed(s, wrong))

        control = judge.control(claim, f"{what}, in the LaTeX", value, samples.equal(wrong))
        if not control.harmless:  # else another place for this kind of error may tell more
            kinds.add(kind)
        yield control


def _completed(sample: Sample, wrong: Cell) -> Sample:
    """A sample for a wrong cell, which may have more states: they start at zero."""
    states = dict(sample.states)
    for variable in wrong.states:
        if variable.name not in states:
            rows, cols = (
                int(size.xreplace({s: sample.sizes[str(s)] for s in size.free_symbols}))
                for size in variable.shape
            )
            shape = (cols,) if rows == 1 else (rows, cols)
            states[variable.name] = np.zeros((len(sample.inputs[0]), *shape))
    return replace(sample, states=states)


def same_function(cell: Cell, wrong: Cell, seed: int = 0) -> bool:
    """Whether a planted cell is the same function as the right one, shown at 50 digits.

    It has to agree on several samples that reach every branch: a sign inside a cosine changes
    nothing, and that is no lack of power.
    """
    samples = Samples(cell, plans(unsized(cell), seed + 11, _numbers(cell)))
    equal = samples.equal(wrong)
    agree = all(equal(s) for s in (*samples.domain.samples, *samples.domain.spares))
    return agree and not samples.domain.weakness


def _remarks(cell: Cell, witness: keras_framework.Model) -> Iterable[str]:
    for part in witness.parts:
        if part.layer is not None:
            renamed = ", ".join(f"{ours} is {theirs}" for theirs, ours in part.names.items()
                                if ours != theirs)  # fmt: skip
            also = f" ({renamed})" if renamed and not isinstance(cell, Network) else ""
            yield f"{part.cell.name} is {part.words}{also}"
        else:
            yield (
                f"{part.cell.name} is no layer of Keras that is known here: it ran as an RNN cell "
                "made from the same equations, which checks the loop and the generated code, and "
                "not the equations"
            )
