"""`verify` of a model: built again by Keras, with its own and with random weights, step by step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sympy import Integer, preorder_traversal

from ..derive.naming import named
from ..errors import InputError, RnnsymError
from ..frameworks.keras.graphs import build
from ..frameworks.keras.live import Live
from ..frameworks.keras.rebuild import Rebuilt
from ..models import Model, Node, leaves
from ..nouns import Cell, Comparison, Control, Report, Verdict
from ..numeric import ModelFunction, ModelGradient
from ..numeric.function import function_of
from ..ops.elementwise import is_function
from .branches import Coverage
from .claim import STRETCHES
from .plant import planted
from .rounding import MOST, Noise, Tolerance, tolerance
from .runs import (
    Partial,
    cast,
    finite,
    largest_of,
    lookup_of,
    random_weights,
    where_finite,
    with_noise,
    worst_of,
)
from .sampled import same_function
from .samples import error_of
from .whole import Progress, Whole, compared_counts

Array = NDArray[Any]

#: Activations whose constants TensorFlow holds in float32 even in float64.
ROUNDED = ("gelu", "gelu_tanh", "leaky_relu")
_ROUNDED_TOLERANCE = 1e-7
#: A tolerance beyond this compares nothing.
_TOO_COARSE = 1e-2
#: Lengths of sequences that are tried where a layer that is not covered does not take the first.
_LENGTHS = (8, 16, 32, 64)
#: Above this growth of rounding a model is called chaotic.
_CHAOTIC = 1e4
#: By how much rounding grows within one step, from one state: sums of a few hundred terms.
_ONE_STEP = 64.0
#: Above this number of parameters one planted formula of each kind is tried for each part.
_SMALL_MODEL = 20_000
_SAMPLES, _STEPS = 4, 7
#: With how many further random weights a planted formula has to agree before it counts as missed.
_SPARES = 4


def of_model(
    model: Model, seed: int, steps: int | None, gradient: bool, progress: Progress
) -> Report:
    """Hold a model to the one that Keras's constructors make of the same configuration.

    Whole sequences and single steps are compared, with the model's own weights and with random
    ones, and with the live model where it was read from one; of a model with layers that are not
    covered, the model without them.

    Args:
        model: what `from_keras` read.
        seed: of the random inputs and weights.
        steps: of the sequences, where the model leaves their length open.
        gradient: compare all gradients with TensorFlow's `GradientTape` as well.
        progress: is told what is done next.
    """
    if model.boxes:
        return _around_boxes(model, seed, steps or _STEPS, gradient, progress)
    return ModelWhole(model, seed, steps or _STEPS, progress).report(gradient)


def _around_boxes(
    model: Model, seed: int, steps: int, gradient: bool, progress: Progress
) -> Report:
    """A model with layers that are not covered: what is checked is the model without them."""
    assert model.without is not None
    rest, values = model.without(model)
    mine = {node.name: node for node in model.equations}
    missing = sorted(set(mine) ^ {node.name for node in rest.equations})
    if missing:
        raise InputError(
            f"{model.title}: nothing of {missing[0]} can be compared: it is read by what is not "
            "covered alone, and not as numbers"
        )
    rest = replace(rest, nodes=tuple(
        node if node.cell is None else replace(node, cell=mine[node.name].cell)
        for node in rest.nodes))  # fmt: skip
    check = ModelWhole(rest, seed, steps, progress)
    try:
        report = check.report(gradient)
    except RnnsymError:
        raise
    except Exception as error:  # a file may say of a box what no layer can read
        words = " ".join(str(error).split())[:200]
        raise InputError(
            f"{model.title}: Keras cannot run the layers around its boxes: {words}"
        ) from None
    names = ", ".join(f"{layer.name} ({layer.kind})" for layer in model.boxes)
    remarks = [
        f"{model.coverage}: nothing is said of {names}, and nothing of the model as a whole; what "
        "such a layer gives was random numbers, and what it reads was compared. A layer by itself "
        "is read by rnnsym.from_keras(model.layers[i])"
    ]
    asked: list[Comparison] = []
    if model.around is not None:
        progress("asking the live model, and for what its boxes give")
        try:
            asked = list(_asked(model, values, check))
        except InputError as refusal:
            remarks.append(f"the live model was not asked: {refusal}")
    return replace(
        report, subject=f"{model.title}, {model.coverage}",
        against=f"{report.against}, without {names}"
        + (", and the live model with what they give" if asked else ""),
        comparisons=(*report.comparisons, *asked), remarks=(*remarks, *report.remarks),
    )  # fmt: skip


def _asked(model: Model, values: tuple[str, ...], rest: ModelWhole) -> Iterator[Comparison]:
    """The live model itself against our equations, with what its boxes give taken from it.

    Compared are its outputs and everything that its boxes read, so that no layer before a box is
    left out.
    """
    around: Any = model.around
    dtype = str(model.live.compute_dtype)
    boxed = {name for node in model.nodes if node.operation == "box" for name in node.gives}
    given = {v.name for v in model.inputs}
    outputs = leaves(model.outputs)
    float_ = [n for n in dict.fromkeys([*outputs, *around.reads])
              if n not in boxed | given and model.shapes[n].kind == "float"]  # fmt: skip
    if not float_:
        raise InputError("its boxes read its inputs and give everything that it gives")
    keys = [(w.key, old.key) for w, old in zip(rest.model.weights, model.weights)]
    for name, weights in rest.weights().items():
        cast = {full: np.asarray(weights[key], dtype) for key, full in keys}
        inputs, steps, told, given_back = _answered(model, rest, dtype, cast)
        theirs = dict(zip(outputs, given_back)) | {n: told[n] for n in around.reads}
        found: dict[str, Any] = {
            v.name: x if v.kind == "float" else x.astype(np.int64 if v.kind == "integer" else bool)
            for v, x in zip(model.inputs, inputs)
        }
        found |= {n: told[n] for n in around.gives}
        function = ModelFunction(model)
        with np.errstate(all="ignore"):
            function._run(model).forward(found, cast, False, {})
        error, where = worst_of([np.asarray(found[n]) for n in float_], [theirs[n] for n in float_])
        limit = rest.limit(rest.grown[name], dtype)
        what = (f"the live model with {name} weights: its outputs and what its boxes read, with "
                f"what they give, {dtype}, T = {steps}")  # fmt: skip
        yield Comparison(what, error <= limit.value, finite(error), limit.value, limit.reason,
                         where)  # fmt: skip


def _answered(
    model: Model, rest: ModelWhole, dtype: str, weights: Mapping[str, Any]
) -> tuple[list[Array], int, dict[str, Any], list[Any]]:
    """What a live model says, for a length of sequences that its boxes take.

    Returns:
        The inputs, the number of steps, the tensors around its boxes by name, and its outputs.
    """
    around: Any = model.around
    count = model.live.inputs[0].shape[0]
    lengths = list(dict.fromkeys([rest.steps, *_LENGTHS]))
    for steps in lengths:
        drawn = ModelWhole(model, rest.seed, steps, rest.progress)
        inputs = [drawn._input(v) for v in model.inputs]
        inputs = [x.astype(dtype) if x.dtype.kind == "f" else x for x in inputs]
        if count is not None:  # made for so many samples and no others
            inputs = [np.resize(x, (count, *x.shape[1:])) for x in inputs]
        try:
            told, outputs = around.ask(inputs, {**around.gives, **around.reads}, weights)
        except InputError:
            if steps == lengths[-1]:
                raise
            continue
        return inputs, steps, told, outputs
    raise AssertionError


class ModelWhole(Whole):
    """One model, its sample, and what Keras gives for it."""

    agreement = Verdict.VERIFIED

    def __init__(self, model: Model, seed: int, steps: int, progress: Progress) -> None:
        super().__init__(model, seed, progress)
        self.steps = steps
        asked = ", and the live model itself" if model.live is not None else ""
        self.against = f"Keras's own layers, built again from the configuration{asked}"
        if model.origin:
            self.remarks.append(
                f"the file is of {model.origin}: its configuration was translated to that of "
                "Keras 3, which was asked; the translation is not compared with anything here"
            )
        #: Larger inputs and weights, where a branch is not reached by those of about one.
        self.stretched: list[tuple[list[Array], Mapping[str, Array]]] = []
        #: Comparisons with further random weights, where those were needed.
        self.more: list[Comparison] = []
        self._alone: dict[str, Any] = {}
        self._spares: list[tuple[list[Array], Partial, float]] = []
        self.rng = np.random.default_rng(seed)
        self.rounded = any(_rounded(n) for n in model.equations)

    def limit(self, grown: float, dtype: str = "float64") -> Tolerance:
        """How far two computations may be apart in which rounding grows so much."""
        found = tolerance(dtype, grown, self.steps)
        if found.value > _TOO_COARSE or grown >= MOST:
            why = f"rounding grows {grown:.1e} times: only single steps can agree, and are compared"
            return Tolerance(2.0, why)
        if self.rounded and found.value < _ROUNDED_TOLERANCE:
            why = "TensorFlow holds the constants of gelu and of leaky slopes in float32"
            return Tolerance(_ROUNDED_TOLERANCE, why)
        return found

    def prepare(self) -> None:
        self.progress("building the model again with Keras")
        model = self.model
        self.inputs = [self._input(v) for v in model.inputs]
        long = [x.shape[1] for x in self.inputs if x.ndim > 2]
        self.steps = max(long, default=self.steps)
        self.random = random_weights(model, self.rng)
        self.dropout = {v.name: self._mask(v.axes) for v in model.dropout}
        self.keras = Rebuilt(model, "float64", _SAMPLES)
        self.function = ModelFunction(model)
        self.expected: dict[str, list[Array]] = {}
        self.found: dict[str, list[Array]] = {}
        self.grown: dict[str, float] = {}
        for name, weights in self.weights().items():
            self.progress(f"running Keras with {name} weights")
            self.keras.set_weights(weights)
            self.expected[name] = self._keras(self.inputs)
            with np.errstate(all="ignore"):
                self.found[name] = self._ours(self.inputs, weights)
                self.grown[name] = self._growth(weights, self.inputs)
        self.sizes = {"samples": _SAMPLES, "steps": self.steps}
        self.unreached = self._not_finite() or self._unreached()

    def _not_finite(self) -> str:
        """With which weights Keras itself gives no finite numbers: nothing can agree there."""
        for name, outputs in list(self.expected.items()):
            if all(np.isfinite(y).all() for y in outputs):
                continue
            self.remarks.append(f"with {name} weights the output of Keras is not finite")
            if name == "random":
                return "with random weights the output of Keras is not finite"
        return ""

    def weights(self) -> dict[str, Mapping[str, Any]]:
        found: dict[str, Mapping[str, Any]] = {"random": self.random}
        if self.model.values and self.model.weights:
            found = {"its own": self.model.values, **found}
        return found

    def _keras(self, inputs: list[Array]) -> list[Array]:
        for layer in [self.keras.layer, *self.keras.layer._flatten_layers()]:
            if getattr(layer, "stateful", False) and hasattr(layer, "reset_state"):
                layer.reset_state()
        return self.keras(*inputs, dropout=self.dropout)

    def _ours(self, inputs: list[Array], weights: Mapping[str, Any]) -> list[Array]:
        self.function.reset_states()
        dropout = self.dropout or None
        with np.errstate(all="ignore"):  # what is not finite is said in the report
            return leaves(self.function(*inputs, weights=cast(weights), dropout=dropout))

    def _mask(self, axes: Any) -> Array:
        """A dropout mask, the same for both sides; the rate does not matter to the formula."""
        shape = (_SAMPLES, *(self.steps if a is None else a for a in axes))
        return (self.rng.random(shape) > 0.3) / 0.7

    def _input(self, value: Any) -> Array:
        axes = (_SAMPLES, *(self.steps if a is None else a for a in value.axes))
        if value.kind == "mask":
            return self._some_masked(np.ones(axes, bool), False)
        if value.kind == "integer":
            tables = [w.shape[0] for w in self.model.weights if w.array == "embeddings"]
            # A box may look a zero up, or mask it.
            least = 1 if min(tables, default=2) > 1 and not self.model.boxes else 0
            x: Array = self.rng.integers(least, min(tables, default=2), axes)
        else:
            x = self.rng.normal(size=axes)
        for node in self.model.nodes:
            if node.operation == "differs" and node.reads == (value.name,):
                x = self._some_masked(x, node.options["value"])
        return x

    def _some_masked(self, x: Array, value: Any) -> Array:
        """Some steps masked: a wrong step of the mask must show, at the ends as well."""
        steps = x.shape[1]
        if steps > 1:
            x[0, -1] = value
            x[1, 0] = value
            x[2, self.rng.integers(0, steps - 1)] = value
            x[3, steps // 2 :] = value
        return x

    # --- planted formulas

    def controls(self) -> list[Control]:
        """Wrong formulas through the same comparison; the model's own weights may see none."""
        model = self.model
        small = model.parameter_count <= _SMALL_MODEL
        short = self.inputs
        if not self.dropout:  # whose masks have as many steps as the inputs
            short = [x[:, :4] if _open(v) else x for v, x in zip(model.inputs, self.inputs)]
        controls: list[Control] = []
        blind: list[str] = []
        seen_by_own = tried = 0
        runs = {}
        for name, weights in self.weights().items():
            self.keras.set_weights(weights)
            runs[name] = (self._keras(short), Partial(model, short, weights, self.dropout))
        for node in model.equations:
            assert node.cell is not None
            kinds: set[str] = set()
            here = []
            for kind, what, wrong in planted(node.cell):
                if not small and kind in kinds:
                    continue
                kinds.add(kind)
                errors = {}
                for name, (expected, partial) in runs.items():
                    found = partial.with_cell(node, wrong)
                    errors[name] = largest_of(found, expected)
                tried += 1
                limits = {n: self.limit(self.grown[n]).value for n in errors}
                own = "its own" not in errors or not errors["its own"] <= limits["its own"]
                seen_by_own += own
                error = errors["random"]
                rejected = not error <= limits["random"]
                harmless = not rejected and same_function(node.cell, wrong)
                if not rejected and not harmless:
                    # A relu that is closed hides much: other weights may open it.
                    rejected = any(
                        not largest_of(partial.with_cell(node, wrong), expected) <= limit
                        for expected, partial, limit in self.spares(short)
                    ) or self._seen_alone(node, wrong)
                words = f"{what}, in {node.name}"
                controls.append(Control(words, rejected, finite(error), harmless))
                if not harmless:
                    here.append(own)
            if here and not any(here):
                blind.append(node.name)
        self.weak = self.unreached
        if model.values and model.weights:
            self.remarks.append(
                f"with its own weights alone {tried - seen_by_own} of {tried} planted wrong "
                "formulas would have passed; with random ones "
                f"{sum(not c.rejected for c in controls)}"
            )
            self.weak = self._weak(blind) or self.weak
        return controls

    def spares(self, inputs: list[Array]) -> Iterator[tuple[list[Array], Partial, float]]:
        """Keras's outputs and ours with further random weights, made when they are asked for."""
        for n in range(_SPARES):
            if n == len(self._spares):
                weights = random_weights(self.model, np.random.default_rng(self.seed + 100 + n))
                self.keras.set_weights(weights)
                expected = self._keras(inputs)
                with np.errstate(all="ignore"):
                    limit = self.limit(self._growth(weights, inputs))
                    error, where = worst_of(self._ours(inputs, weights), expected)
                self.more.append(Comparison(
                    f"whole sequences with further random weights ({n + 1}), float64",
                    error <= limit.value, finite(error), limit.value, limit.reason, where,
                ))  # fmt: skip
                partial = Partial(self.model, inputs, weights, self.dropout)
                self._spares.append((expected, partial, limit.value))
            yield self._spares[n]

    def _seen_alone(self, node: Node, wrong: Cell) -> bool:
        """Whether a wrong formula shows in the layer by itself, on sequences that do change.

        What a model gives one of its layers may be the same at every step.
        """
        if node.spec is None or not node.cell or not node.cell.states:
            return False
        if node.name not in self._alone:
            self._alone[node.name] = self._by_itself(node)
        found = self._alone[node.name]
        if found is None:
            return False
        part, partial, expected, limit = found
        return not largest_of(partial.with_cell(part, wrong), expected) <= limit

    def _by_itself(self, node: Node) -> tuple[Node, Partial, list[Array], float] | None:
        """A recurrent layer by itself with random weights, compared with Keras's own."""
        assert node.cell is not None
        sizes = {symbol: Integer(n) for symbol, n in node.cell.sizes.items()}
        width = int(node.cell.inputs[0].shape[1].xreplace(sizes))
        config = {**_one_step(node.spec)["config"], "return_sequences": True}
        alone, _ = build({**node.spec, "config": config}, [((None, width), "float")])
        (part,) = [n for n in alone.nodes if n.cell is not None and n.cell.states]
        if part.cell is None or part.cell.equations != node.cell.equations:
            return None  # under a mask, or in training
        rng = np.random.default_rng(self.seed + 200)
        weights, x = random_weights(alone, rng), rng.normal(size=(_SAMPLES, _STEPS, width))
        keras = Rebuilt(alone, "float64")
        keras.set_weights(weights)
        expected = keras(x)
        partial = Partial(alone, [x], weights, {})
        ours = [np.asarray(partial.values[name]) for name in leaves(alone.outputs)]
        error, where = worst_of(ours, expected)
        other = ModelWhole(alone, self.seed, _STEPS, self.progress)
        other.dropout, other.function = {}, ModelFunction(alone)
        limit = self.limit(other._growth(weights, [x]))
        self.more.append(Comparison(
            f"{node.name} by itself on random sequences, float64, T = {_STEPS}",
            error <= limit.value, finite(error), limit.value, limit.reason, where,
        ))  # fmt: skip
        return part, partial, expected, limit.value

    def _weak(self, blind: list[str]) -> str:
        """Why a check with the model's own weights sees nothing; empty if it sees something."""
        if all(not np.any(a) for a in self.model.values.values()):
            return "all its weights are zero"
        for node in self.model.equations:
            if node.places and all(
                not np.any(self.model.values[p.key]) for p in node.places.values()
            ):
                return f"all weights of {node.name} are zero"
        outputs = self.expected["its own"]
        if not all(np.isfinite(y).all() for y in outputs):
            return "with its own weights the output is not finite"
        if blind:
            return (
                f"its own weights give the same output for wrong formulas in {blind[0]}: it is "
                "saturated there, or what comes behind it ignores it"
            )
        return ""

    # --- comparisons

    def compared(self) -> Iterator[Comparison]:
        yield from self.whole()
        yield from self.more
        yield from self.single_steps()
        yield from self.live()
        yield from compared_counts("", self.model.parameter_count, self.keras)

    def whole(self) -> Iterable[Comparison]:
        for name, expected in self.expected.items():
            found = self.found[name]
            what = f"whole sequences with {name} weights, float64, T = {self.steps}"
            error, where = worst_of(found, expected)
            limit = self.limit(self.grown[name])
            if self.grown[name] > _CHAOTIC:
                self.remarks.append(
                    f"chaotic with {name} weights: over {self.steps} steps rounding grows "
                    f"{self.grown[name]:.1e} times, so whole sequences cannot agree better than "
                    f"about {limit.value:.0e}; single steps can"
                )
            if not all(np.isfinite(y).all() for y in expected):
                yield where_finite(what, found, expected, limit)
                continue
            yield Comparison(what, error <= limit.value, finite(error), limit.value,
                             limit.reason, where)  # fmt: skip
        for inputs, weights in self.stretched:
            self.keras.set_weights(weights)
            with np.errstate(all="ignore"):
                found = self._ours(inputs, weights)
                limit = self.limit(self._growth(weights, inputs))
            error, where = worst_of(found, self._keras(inputs))
            larger = "inputs" if weights is self.random else "weights"
            what = f"larger {larger}, for the branches that they reach, float64, T = {self.steps}"
            yield Comparison(what, error <= limit.value, finite(error), limit.value,
                             limit.reason, where)  # fmt: skip

    def _growth(self, weights: Mapping[str, Any], inputs: list[Array]) -> float:
        """By how much rounding grows in our code on its way to the output."""
        noisy = ModelFunction(self.model)
        run, values, arrays = noisy.prepared(
            tuple(inputs), None, None, cast(weights), self.dropout or None
        )
        for runner in run.runners.values():
            runner.function.compute = with_noise(runner.function, self.seed)
        with np.errstate(all="ignore"):
            run.forward(values, arrays, False, {})
        found = [np.asarray(values[name]) for name in leaves(self.model.outputs)]
        right = self._ours(inputs, weights)
        grown = max(largest_of([a], [b]) for a, b in zip(found, right)) / Noise.SIZE
        return max(grown, 1.0) if np.isfinite(grown) else MOST

    def _unreached(self) -> str:
        """Which branch of a part no inputs reached; small ones are tried, and large ones.

        Behind a layer that is bounded, large inputs reach nothing, and large weights do.
        """
        covered = {}
        for node in self.model.equations:
            assert node.cell is not None
            part = named(replace(node.cell, sizes={}))
            coverage = Coverage(part.equations)
            if coverage.missing:
                covered[node.name] = (node, coverage, function_of(part))
        arrays = {w.key: w.array for w in self.model.weights}
        for stretch, wide in [*((s, 1.0) for s in STRETCHES), *((1.0, s) for s in STRETCHES[1:])]:
            if not any(c.missing for _, c, _ in covered.values()):
                return ""
            inputs = [x * stretch if x.dtype.kind == "f" else x for x in self.inputs]
            weights: Mapping[str, Array] = self.random
            if wide != 1.0:
                weights = {k: a if arrays[k] == "moving_variance" else a * wide
                           for k, a in self.random.items()}  # fmt: skip
            with np.errstate(all="ignore"):
                partial = Partial(self.model, inputs, weights, self.dropout)
            more = [
                c.see(lookup_of(partial, node, f)) for node, c, f in covered.values() if c.missing
            ]
            if any(more) and (stretch, wide) != (1.0, 1.0):
                self.stretched.append((inputs, weights))
        return next((f"{n}: {c.words}" for n, (_, c, _) in covered.items() if c.missing), "")

    def live(self) -> Iterable[Comparison]:
        """The live layer or model itself, in its own precision, with its own and random weights."""
        if self.model.live is None:
            return
        if self.model.training or any(self.model.masked):
            self.remarks.append("the live model was asked without dropout and without masks, and "
                                "so not for these equations")  # fmt: skip
            return
        witness = Live(self.model)
        dtype = witness.dtype
        asked = [(name, weights, self.inputs) for name, weights in self.weights().items()]
        asked += [("random", weights, inputs) for inputs, weights in self.stretched]
        for name, weights, given in asked:
            self.progress(f"asking the live model with {name} weights")
            cast = {k: np.asarray(a, dtype) for k, a in weights.items()}
            inputs = [x.astype(dtype) if x.dtype.kind == "f" else x for x in given]
            if witness.samples is not None:
                inputs = [np.resize(x, (witness.samples, *x.shape[1:])) for x in inputs]
            theirs = witness(inputs, cast)
            self.function.reset_states()
            with np.errstate(all="ignore"):
                ours = leaves(self.function(*inputs, weights=cast))
            error, where = worst_of(ours, theirs)
            limit = self.limit(self._growth(weights, given), dtype)
            what = f"the live model itself with {name} weights, {dtype}, T = {self.steps}"
            if not all(np.isfinite(y).all() for y in theirs):
                yield where_finite(what, ours, theirs, limit)
                continue
            yield Comparison(
                what, error <= limit.value, finite(error), limit.value, limit.reason, where,
            )  # fmt: skip

    def single_steps(self) -> Iterable[Comparison]:
        """Every recurrent part by itself, each step from the same state as Keras."""
        for name, weights in self.weights().items():
            values = self._values(weights)
            for node in self.model.equations:
                assert node.cell is not None
                if node.spec is None or not node.cell.states:
                    continue
                if not np.isfinite(np.asarray(values[node.reads[0]], np.float64)).all():
                    continue  # said where the whole is compared
                self.progress(f"single steps of {node.name} with {name} weights")
                error, where = self._steps_of(node, values, weights)
                limit = self.limit(_ONE_STEP)
                yield Comparison(
                    f"each step of {node.name} by itself with {name} weights",
                    error <= limit.value, finite(error), limit.value, limit.reason, where,
                )  # fmt: skip

    def _values(self, weights: Mapping[str, Any]) -> dict[str, Any]:
        return Partial(self.model, self.inputs, weights, self.dropout).values

    def _steps_of(
        self, node: Node, values: Mapping[str, Any], weights: Mapping[str, Any]
    ) -> tuple[float, str]:
        x = np.asarray(values[node.reads[0]], np.float64)
        x = x[:, ::-1] if node.backwards else x
        alone, _ = build(_one_step(node.spec), [((None, x.shape[2]), "float")])
        (part,) = [n for n in alone.nodes if n.cell is not None and n.cell.states]
        keys = dict(zip([w.key for w in alone.weights], _keys_of(node)))
        own = {mine: np.asarray(weights[key], np.float64) for mine, key in keys.items()}
        with np.errstate(all="ignore"):
            _, traces = ModelFunction(alone)(x, weights=own, trace=True)
        trace = traces[part.name]
        flat = list(part.initial)
        before = [np.concatenate([np.zeros_like(trace[s][:, :1]), trace[s][:, :-1]], axis=1)
                  for s in flat]  # fmt: skip

        def fold(a: Array) -> Array:
            return a.reshape(-1, *a.shape[2:])

        keras = Rebuilt(alone, "float64")
        keras.set_weights(own)
        theirs = keras(fold(x)[:, None], initial_state=[fold(s) for s in before])
        assert part.cell is not None
        found = trace[part.cell.output.name]
        error, where = error_of(found, theirs[0].reshape(found.shape))
        return error, f"{node.name}, {where}"

    def gradients(self) -> tuple[Iterable[Comparison], Iterable[Control]]:
        self.progress("gradients against GradientTape")
        return list(self._gradients()), ()

    def _gradients(self) -> Iterator[Comparison]:
        model = self.model
        if any(node.stateful for node in model.nodes):
            return
        for name, weights in self.weights().items():
            if not all(np.isfinite(y).all() for y in self.expected[name]):
                continue  # said where the whole is compared
            self.keras.set_weights(weights)
            targets = [self.rng.normal(size=y.shape) for y in self.expected[name]]
            theirs = self.keras.gradients(self.inputs, targets, dropout=self.dropout)
            given = {"weights": cast(weights), "dropout": self.dropout or None}
            _, ours = ModelGradient(model)(*self.inputs, targets, **given)
            noisy = ModelGradient(model)
            for runner in noisy._run(model).runners.values():
                for function in (runner.function, runner.gradient):
                    function.compute = with_noise(function, self.seed)
            _, disturbed = noisy(*self.inputs, targets, **given)
            for key, expected in theirs.items():
                error, where = error_of(ours[key], expected, plain=True)
                grown = error_of(disturbed[key], ours[key], plain=True)[0] / Noise.SIZE
                limit = self.limit(max(grown, 1.0) if np.isfinite(grown) else MOST)
                yield Comparison(
                    f"∂L/∂{key} against GradientTape with {name} weights", error <= limit.value,
                    finite(error), limit.value, limit.reason, where,
                )  # fmt: skip


def _one_step(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """The configuration of a recurrent layer that gives its last output, one step at a time."""
    config = {k: v for k, v in item["config"].items() if k not in ("batch_shape",)}
    config |= {"return_sequences": False, "return_state": False, "stateful": False,
               "unroll": False, "go_backwards": False}  # fmt: skip
    return {**item, "config": config}


def _keys_of(node: Node) -> list[str]:
    return list(dict.fromkeys(place.key for place in node.places.values()))


def _rounded(node: Node) -> bool:
    assert node.cell is not None
    return any(
        is_function(e) and e.name_.rstrip("'") in ROUNDED
        for equation in node.cell.equations
        for e in preorder_traversal(equation.expr)
    )


def _open(value: Any) -> bool:
    return bool(value.axes) and value.axes[0] is None


__all__ = ["ModelWhole", "of_model"]
