"""`verify`: three forms of a function against Keras, the printed LaTeX against both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sympy import Integer, Symbol

from ..derive import backpropagate, count, jacobian, matrices, rtrl, unroll
from ..derive.costs import forward_of
from ..derive.differentiated import Differentiated
from ..errors import InputError, RnnsymError
from ..frameworks import keras as keras_framework
from ..language import CONVENTIONS, read
from ..models import Model
from ..names import t
from ..nouns import Cell, Comparison, Control, Derivation, Equation, Network, Report
from ..numeric import GradientFunction, NumericFunction, lambdify
from ..numeric.source import Source
from ..printing import Style, tex_lines
from .exact import evaluate
from .lines import target_like, verify_lines, wrong_lines
from .operations import multiply_adds
from .plant import planted
from .samples import Sample, default_sizes, draw, error_of

Progress = Callable[[str], None]

#: Relative to the norm of the output, for weights scaled by 1/√fan_in.
TOLERANCE = {"float64": 1e-12, "float32": 1e-6}
REASONS = {
    "float64": "float64 has 16 digits; orders of summation differ and cost up to 3 of them",
    "float32": "float32 has 7 digits; TensorFlow fuses and reorders operations",
    "latex": "the formula at 50 digits against float64 numbers",
}
#: Explicit matrices and 50 digits are for sizes that a person would print.
_SMALL = 5
_SMALL_STEPS = 4


def _silent(_: str) -> None:
    pass


def verify(
    subject: Cell | Model,
    against: str = "keras",
    *,
    seed: int = 0,
    steps: int | None = None,
    gradient: bool = False,
    progress: Progress = _silent,
) -> Report:
    """Compare a cell or network with a framework's own layer, on random non-zero weights.

    The loop, the unrolled and the explicit-matrix function, in float64 and float32, are compared
    with Keras; so are the parameter count and the shapes of the weights. The LaTeX that is printed
    is read again and evaluated at 50 digits. Planted wrong formulas must be rejected in the same
    run. A cell that is no layer of Keras is run as a `keras.layers.RNN` cell made from the same
    equations, and the report says that this checks the loop and not the equations.

    Args:
        subject: the cell or network; sizes that it does not give are small and all different. A
            model that `from_keras` read is compared with the one that Keras's constructors make
            of its configuration, with its own and with random weights, whole and step by step.
        against: "keras", or "latex" for the printed formula alone (no TensorFlow).
        seed: of the random numbers.
        steps: the number of time steps.
        gradient: check the backward pass as well: every line of the derivation by itself
            (`verify_lines`), and against Keras all gradients by TensorFlow's `GradientTape`.
        progress: is told what is done next.

    Returns:
        The report; `bool(report)` is the verdict.

    Raises:
        InputError: for an unknown framework, or if Keras is not installed.
    """
    if isinstance(subject, Model):
        from .models import verify_model

        if against != "keras":
            raise InputError(f"a model is verified against keras, not {against}")
        return verify_model(subject, seed=seed, steps=steps, gradient=gradient, progress=progress)
    if not isinstance(subject, Cell):
        raise InputError(f"verify takes a cell or network, not {type(subject).__name__}")
    if against == "latex":
        report = read_back(subject, seed=seed)
        if not gradient:
            return report
        lines, wrong_ = _lines(subject, seed, progress)
        counts = tuple(_counts(subject, seed))
        return replace(
            report,
            comparisons=report.comparisons + counts + lines,
            controls=report.controls + wrong_,
        )
    if against != "keras":
        raise InputError(f"unknown framework '{against}'; there are keras, latex")
    if steps is not None and steps < 1:
        raise InputError(f"steps must be a positive whole number, not {steps}")
    progress("importing Keras")
    keras_framework.load()
    sample = _sample(subject, seed, default_sizes(subject), steps or 7)
    small_sizes = default_sizes(subject, _SMALL)
    small = sample
    if small_sizes != sample.sizes or sample.steps > _SMALL_STEPS:
        small = _sample(unsized(subject), seed + 1, small_sizes, _SMALL_STEPS)
    progress("running Keras in float64 and float32")
    witness = _Witness(subject, sample)
    small_witness = witness if small is sample else _Witness(unsized(subject), small)
    progress("planting wrong formulas")
    controls = [*_controls(subject, sample, witness.output["float64"]),
                *_latex_controls(subject, small, small_witness.output["float64"])]  # fmt: skip
    progress("comparing")
    comparisons = [
        *_forms(subject, sample, witness, explicit=small is sample),
        *_forms(unsized(subject), small, small_witness, explicit=True, only_explicit=True),
        *witness.counts(),
        *_latex(
            subject,
            _all_forms(unsized(subject), small.steps),
            small,
            small_witness.output["float64"],
            "Keras",
        ),
    ]
    if gradient:
        more, wrong = _gradients(subject, seed, progress)
        lines, wrong_lines_ = _lines(subject, seed, progress)
        comparisons += [*more, *_counts(subject, seed), *lines]
        controls += [*wrong, *wrong_lines_]
    return Report(
        subject.name,
        "; ".join(dict.fromkeys(p.words for p in witness.parts)),
        tuple(comparisons),
        tuple(controls),
        seed,
        sample.sizes,
        tuple(_remarks(subject, witness)),
    )


def _lines(
    subject: Cell, seed: int, progress: Progress
) -> tuple[tuple[Comparison, ...], tuple[Control, ...]]:
    """Every line of every derivation of a cell, each by itself."""
    progress("checking every line of the derivations by differences")
    derivations = [backpropagate(subject)]
    if subject.states:
        derivations.append(jacobian(subject))
    if subject.parameters:
        derivations.append(rtrl(subject))
    reports = [verify_lines(d, seed=seed) for d in derivations]
    comparisons = tuple(
        replace(c, what=f"line by itself: {c.what}") for r in reports for c in r.comparisons
    )
    return comparisons, tuple(c for r in reports for c in r.controls)


def _counts(subject: Cell, seed: int) -> Iterable[Comparison]:
    """The multiply-adds of the formulas against those that the generated code does."""
    sample = _sample(subject, seed + 4, default_sizes(subject), 5)
    sizes = {**sample.sizes, "N": len(sample.inputs[0]), "T": sample.steps}
    costs = count(subject)
    values = costs.at(**sizes)
    function = lambdify(subject)
    arguments = function.prepare(sample.inputs, sample.states, sample.weights)
    output = function.compute(*arguments)
    forward = multiply_adds(_source_of(function), arguments)
    yield Comparison(
        f"multiply-adds forward: {costs.forward} = {values['forward']}, the code does {forward}",
        values["forward"] == forward,
    )
    gradient = lambdify(subject, gradient=True)
    arguments = gradient.prepare((*sample.inputs, output), sample.states, sample.weights)
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
)  # fmt: skip


def _gradients(
    subject: Cell, seed: int, progress: Progress
) -> tuple[list[Comparison], list[Control]]:
    """All gradients against TensorFlow's `GradientTape`, in float64; wrong ones first."""
    comparisons: list[Comparison] = []
    controls: list[Control] = []
    models: dict[int, tuple[Sample, keras_framework.Model]] = {}
    for loss, over, steps in _LOSSES:
        try:
            derivation = backpropagate(subject, loss=loss, over=over)
        except InputError:
            continue  # a loss of row vectors, and the output is none
        progress(f"gradients against GradientTape: {loss}, T = {steps}")
        if steps not in models:
            sample = _sample(subject, seed + 2, default_sizes(subject), steps)
            model = keras_framework.Model(subject, sample.sizes, steps, "float64")
            model.set_weights(sample.weights)
            models[steps] = (sample, model)
        sample, model = models[steps]
        output = sample.call(lambdify(subject))
        output = output if over == "all" else output[:, -1]
        target = target_like(output, loss, np.random.default_rng(seed + 3))
        value, expected = model.gradients(sample.inputs, sample.states, target, loss, over)
        if not controls:
            controls += _gradient_controls(derivation, sample, target, expected)
        where = f"{loss.replace('_', ' ')} over {over}, T = {steps}, against GradientTape, float64"
        function = lambdify(derivation)
        assert isinstance(function, GradientFunction)
        ours, gradients = function(
            *sample.inputs, target, initial_state=sample.states, **sample.weights
        )
        comparisons.append(
            _compared(f"loss: {where}", np.reshape(ours, (1, 1, 1)), np.reshape(value, (1, 1, 1)),
                      "float64")
        )  # fmt: skip
        comparisons += [_gradient_of(name, found, expected[name], where)
                        for name, found in gradients.items()]  # fmt: skip
    return comparisons, controls


def _gradient_of(name: str, found: Any, expected: Any, where: str) -> Comparison:
    if np.size(found) == np.size(expected):  # a bias has one axis in Keras
        found = np.reshape(found, np.shape(expected))
    what = f"∂L/∂{name}: {where}"
    error, place = error_of(found, expected, plain=True)
    tolerance = TOLERANCE["float64"]
    return Comparison(what, error <= tolerance, error, tolerance, REASONS["float64"], place)


def _gradient_controls(
    derivation: Derivation, sample: Sample, target: Any, expected: Mapping[str, Any]
) -> Iterable[Control]:
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
                _, gradients = function(
                    *sample.inputs, target, initial_state=sample.states, **sample.weights
                )
                errors = [
                    error_of(np.reshape(g, np.shape(expected[n])), expected[n], plain=True)[0]
                    for n, g in gradients.items()
                ]
            except (KeyError, NameError, ValueError):
                continue  # a line that cannot run is no wrong number
            rejected = not max(errors) <= TOLERANCE["float64"]
            if not rejected:
                continue  # tried again at another line: this one changes nothing here
            seen.add(kind)
            yield Control(f"{kind}, in the gradient's code: {wrong}", True, max(errors))


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
    sample = _sample(bare, seed, default_sizes(subject, _SMALL), steps)
    expected = sample.call(lambdify(bare))
    return Report(
        subject.name,
        "the printed LaTeX, read again",
        tuple(_latex(subject, forms, sample, expected, "NumPy")),
        tuple(_latex_controls(subject, sample, expected)),
        seed,
        sample.sizes,
    )


def unsized(cell: Cell) -> Cell:
    """The cell with no size given."""
    return replace(cell, sizes={})


def _sample(cell: Cell, seed: int, sizes: Mapping[str, int], steps: int) -> Sample:
    """A sample on which the function is finite: some cells have a log or a root of their input."""
    function = lambdify(cell)
    sample = draw(cell, seed, sizes, steps=steps)
    with np.errstate(all="ignore"):
        if not np.isfinite(sample.call(function)).all():
            sample = draw(cell, seed, sizes, steps=steps, positive=True)
    return sample


class _Witness:
    """Keras's numbers for a sample, in both dtypes, and the model that gave them."""

    def __init__(self, cell: Cell, sample: Sample) -> None:
        self.cell = cell
        self.sample = sample
        self.output: dict[str, NDArray[Any]] = {}
        self.models: dict[str, keras_framework.Model] = {}
        for dtype in ("float64", "float32"):
            model = keras_framework.Model(cell, sample.sizes, sample.steps, dtype)
            cast = sample.cast(dtype)
            model.set_weights(cast.weights)
            self.output[dtype] = model(cast.inputs, cast.states)
            self.models[dtype] = model

    @property
    def parts(self) -> list[keras_framework.Part]:
        return self.models["float64"].parts

    def counts(self) -> Iterable[Comparison]:
        model = self.models["float64"]
        formula = self.cell.parameter_count
        ours = int(formula.xreplace(model.sizes))
        theirs = model.parameter_count
        yield Comparison(
            f"parameter count: {formula} = {ours}, Keras counts {theirs}", ours == theirs
        )
        rows = model.weight_shapes
        wrong = [f"{name} {a} against {b}" for name, a, b in rows if a != b]
        yield Comparison(
            f"shapes of the {len(rows)} weights against get_weights()",
            not wrong,
            where="; ".join(wrong),
        )


def _forms(
    cell: Cell,
    sample: Sample,
    witness: _Witness,
    *,
    explicit: bool,
    only_explicit: bool = False,
) -> Iterable[Comparison]:
    """The forms of the function against Keras, in both dtypes."""
    if only_explicit and witness.sample is not sample:
        raise ValueError("the witness has seen another sample")
    unrolled = unroll(cell, sample.steps)
    forms: list[tuple[str, Cell | Derivation]] = []
    if not only_explicit:
        forms += [("loop", cell), ("unrolled", unrolled)]
    if explicit and (only_explicit or not forms):
        try:
            forms.append(("explicit matrices", matrices(unrolled, **sample.sizes)))
        except InputError as error:
            yield Comparison(f"explicit matrices: {error}", False)
    for name, form in forms:
        function = lambdify(form)
        for dtype in ("float64", "float32"):
            found = sample.cast(dtype).call(function)
            what = f"{name} against Keras, {dtype}, N = 2, T = {sample.steps}"
            yield _compared(what, found, witness.output[dtype], dtype)


def _compared(what: str, found: Any, expected: Any, dtype: str) -> Comparison:
    error, where = error_of(found, expected)
    if np.asarray(found).dtype != dtype:
        return Comparison(what, False, where=f"came out as {np.asarray(found).dtype}")
    tolerance = TOLERANCE[dtype]
    return Comparison(what, error <= tolerance, error, tolerance, REASONS[dtype], where)


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
    cell: Cell, forms: Iterable[Printed], sample: Sample, expected: Any, whose: str
) -> Iterable[Comparison]:
    for printed in forms:
        what = f"printed LaTeX, {printed.what}, 50 digits against {whose}"
        try:
            equations = printed.reread(cell)
        except RnnsymError as refusal:
            yield Comparison(what, False, where=f"cannot be read again: {refusal}")
            continue
        error, where = error_of(evaluate(cell, equations, sample), expected)
        tolerance = TOLERANCE["float64"]
        yield Comparison(what, error <= tolerance, error, tolerance, REASONS["latex"], where)


def _controls(cell: Cell, sample: Sample, expected: Any) -> Iterable[Control]:
    """Wrong formulas through the generated code: each must differ from Keras."""
    for _, what, wrong in planted(cell):
        full = _completed(sample, wrong)
        with np.errstate(all="ignore"):
            found = full.call(lambdify(wrong))
        yield _control(f"{what}, in the code", found, expected, cell, wrong, sample)


def _latex_controls(cell: Cell, sample: Sample, expected: Any) -> Iterable[Control]:
    """One wrong formula of each kind through the printer, the reader and 50 digits."""
    kinds: set[str] = set()
    for kind, what, wrong in planted(unsized(cell)):
        if kind in kinds:
            continue
        printed = Printed("", tuple(tex_lines(e) for e in wrong.equations), "row")
        full = _completed(sample, wrong)
        found = evaluate(wrong, printed.reread(wrong), full)
        control = _control(f"{what}, in the LaTeX", found, expected, cell, wrong, sample)
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


def _control(
    what: str, found: Any, expected: Any, cell: Cell, wrong: Cell, sample: Sample
) -> Control:
    error, _ = error_of(found, expected)
    rejected = not error <= TOLERANCE["float64"]
    harmless = not rejected and same_function(cell, wrong, sample)
    return Control(what, rejected, error, harmless)


def same_function(cell: Cell, wrong: Cell, sample: Sample) -> bool:
    """Whether other numbers at 50 digits cannot tell a planted formula from the right one either.

    A sign inside a cosine changes nothing, and that is no lack of power.
    """
    bare = unsized(cell)
    for seed in (sample.seed + 1001, sample.seed + 1002):
        small = draw(bare, seed, default_sizes(bare, _SMALL), steps=_SMALL_STEPS)
        right = evaluate(bare, bare.equations, small)
        other = evaluate(unsized(wrong), wrong.equations, _completed(small, wrong))
        if not error_of(other, right)[0] <= TOLERANCE["float64"]:
            return False
    return True


def _remarks(cell: Cell, witness: _Witness) -> Iterable[str]:
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
