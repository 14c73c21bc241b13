"""`verify` of a model: built again by Keras, with its own and with random weights, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import RnnsymError
from ..frameworks.keras.graphs import build
from ..frameworks.keras.rebuild import Rebuilt
from ..language import CONVENTIONS, read
from ..models import Model, Node, leaves
from ..nouns import Cell, Comparison, Control, Report
from ..numeric import ModelFunction, ModelGradient
from ..printing import Style, tex_lines
from ..printing.models import shown_cell
from .plant import planted
from .samples import draw, error_of
from .verification import REASONS, TOLERANCE, read_back, same_function, unsized

Array = NDArray[Any]
Progress = Callable[[str], None]

#: What is said of the printed equations of a part.
TIMELESS = "what is printed without t is the same equations, read again"
PRINTED = "printed LaTeX in row and column form, read again at 50 digits against NumPy"

#: Activations whose constants TensorFlow holds in float32 even in float64.
ROUNDED = ("gelu", "leaky_relu")
_ROUNDED_TOLERANCE = 1e-7
#: Over a whole sequence rounding grows by the amplification; this many units of it are allowed.
_UNITS = 2**10
_EPSILON = float(np.finfo(np.float64).eps)
#: Above this number of parameters one planted formula of each kind is tried for each part.
_SMALL_MODEL = 20_000
_SAMPLES, _STEPS = 4, 7


def verify_model(
    model: Model,
    *,
    seed: int = 0,
    steps: int | None = None,
    gradient: bool = False,
    progress: Progress = lambda _: None,
) -> Report:
    """Compare a model with the one that Keras's constructors make of the same configuration.

    Args:
        model: what `from_keras` read.
        seed: of the random inputs and weights.
        steps: of the sequences, where the model leaves their length open.
        gradient: compare all gradients with TensorFlow's `GradientTape` as well.
        progress: is told what is done next.

    Returns:
        The report: whole sequences and single steps, with the model's own weights and with random
        ones; its verdict is "no power" where the check could not have seen a wrong formula.
    """
    check = _Check(model, seed, steps or _STEPS, progress)
    if not any(True for _ in model.equations):
        return _empty(model, seed, "it has no equations to check")
    progress("building the model again with Keras")
    check.prepare()
    progress("planting wrong formulas")
    controls, weak = check.controls()
    printed, more = printed_parts(model, seed, progress)
    controls += more
    comparisons = [*check.whole(), *check.single_steps(), *printed]
    if gradient:
        progress("gradients against GradientTape")
        comparisons += check.gradients()
    return Report(
        model.title,
        "Keras's own layers, built again from the configuration",
        tuple(comparisons),
        tuple(controls),
        seed,
        {"samples": _SAMPLES, "steps": check.steps},
        tuple(check.remarks),
        weak,
    )


def printed_parts(
    model: Model, seed: int, progress: Progress
) -> tuple[list[Comparison], list[Control]]:
    """The printed equations of every part, read again; of parts that are alike, once.

    Planted errors go through the same printer and reader.
    """
    seen: dict[Any, Comparison] = {}
    comparisons, controls = [], []
    for node in model.equations:
        assert node.cell is not None
        key = node.cell.equations
        if key not in seen:
            progress(f"reading the printed equations of {node.name} again")
            report = read_back(unsized(node.cell), seed=seed)
            worst = max(report.comparisons, key=lambda c: np.inf if c.error is None else c.error)
            seen[key] = replace(worst, passed=report.passed)
            controls += [replace(c, what=f"{c.what}, in {node.name}") for c in report.controls]
        comparisons.append(replace(seen[key], what=f"{node.name}: {PRINTED}"))
        if not node.steps:
            comparisons.append(Comparison(f"{node.name}: {TIMELESS}", _timeless(node)))
    return comparisons, controls


def _timeless(node: Node) -> bool:
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


def verify_printed(model: Model, *, seed: int = 0, progress: Progress = lambda _: None) -> Report:
    """Read the printed equations of every part of a model again; Keras is not asked."""
    comparisons, controls = printed_parts(model, seed, progress)
    if not comparisons:
        return _empty(model, seed, "it has no equations to check")
    against = "the printed LaTeX, read again"
    return Report(model.title, against, tuple(comparisons), tuple(controls), seed)


def _empty(model: Model, seed: int, reason: str) -> Report:
    return Report(model.title, "Keras", (Comparison("nothing to compare", True),), (), seed, {}, (),
                  reason)  # fmt: skip


class _Check:
    """One model, its sample, and what Keras gives for it."""

    def __init__(self, model: Model, seed: int, steps: int, progress: Progress) -> None:
        self.model = model
        self.seed = seed
        self.steps = steps
        self.progress = progress
        self.remarks: list[str] = []
        self.rng = np.random.default_rng(seed)
        rounded = [n.name for n in model.equations if _rounded(n)]
        self.tolerance = _ROUNDED_TOLERANCE if rounded else TOLERANCE["float64"]
        self.reason = REASONS["float64"]
        if rounded:
            self.reason = "TensorFlow holds the constants of gelu and of leaky slopes in float32"

    def prepare(self) -> None:
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
        for name, weights in self.weights().items():
            self.progress(f"running Keras with {name} weights")
            self.keras.set_weights(weights)
            self.expected[name] = self._keras(self.inputs)
            with np.errstate(all="ignore"):
                self.found[name] = self._ours(self.inputs, weights)

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
        return leaves(self.function(*inputs, weights=_cast(weights), dropout=dropout))

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
            x: Array = self.rng.integers(1 if min(tables, default=2) > 1 else 0,
                                         min(tables, default=2), axes)  # fmt: skip
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

    def controls(self) -> tuple[list[Control], str]:
        """Wrong formulas through the same comparison, and why the model's own check may be weak."""
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
            runs[name] = (self._keras(short), _Partial(model, short, weights, self.dropout))
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
                    errors[name] = _largest(found, expected)
                tried += 1
                own = not errors.get("its own", np.inf) <= self.tolerance
                seen_by_own += own
                error = errors["random"]
                rejected = not error <= self.tolerance
                harmless = not rejected and _harmless(node.cell, wrong)
                controls.append(Control(f"{what}, in {node.name}", rejected, _finite(error),
                                        harmless))  # fmt: skip
                if not harmless:
                    here.append(own)
            if here and not any(here):
                blind.append(node.name)
        weak = ""
        if model.values and model.weights:
            self.remarks.append(
                f"with its own weights alone {tried - seen_by_own} of {tried} planted wrong "
                "formulas would have passed; with random ones "
                f"{sum(not c.rejected for c in controls)}"
            )
            weak = self._weak(blind)
        return controls, weak

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

    def whole(self) -> Iterable[Comparison]:
        for name, expected in self.expected.items():
            found = self.found[name]
            what = f"whole sequences with {name} weights, float64, T = {self.steps}"
            error, where = _worst(found, expected)
            tolerance, reason = self.tolerance, self.reason
            if not error <= tolerance and np.isfinite(error):
                amplification = self._amplification(self.weights()[name])
                limit = _UNITS * _EPSILON * amplification
                if limit > tolerance:
                    self.remarks.append(
                        f"chaotic with {name} weights: over {self.steps} steps a change of the "
                        f"input grows {amplification:.1e} times, so whole sequences cannot agree "
                        f"better than about {_EPSILON * amplification:.0e}; single steps can"
                    )
                    tolerance = limit
                    reason = f"rounding grows {amplification:.1e} times over the sequence"
            if not np.isfinite(error) and not all(np.isfinite(y).all() for y in expected):
                self.remarks.append(f"with {name} weights the output of Keras is not finite")
            yield Comparison(what, error <= tolerance, _finite(error), tolerance, reason, where)

    def _amplification(self, weights: Mapping[str, Any]) -> float:
        """How much a small relative change of the inputs grows on its way to the output."""
        small = 1e-13  # rounding itself is a thousandth of it
        changed = [x * (1 + small * self.rng.normal(size=x.shape)) if x.dtype.kind == "f" else x
                   for x in self.inputs]  # fmt: skip
        first, second = self._ours(self.inputs, weights), self._ours(changed, weights)
        return max(error_of(a, b, plain=True)[0] for a, b in zip(second, first)) / small

    def single_steps(self) -> Iterable[Comparison]:
        """Every recurrent part by itself, each step from the same state as Keras."""
        for name, weights in self.weights().items():
            values = self._values(weights)
            for node in self.model.equations:
                assert node.cell is not None
                if node.spec is None or not node.cell.states:
                    continue
                self.progress(f"single steps of {node.name} with {name} weights")
                error, where = self._steps_of(node, values, weights)
                yield Comparison(
                    f"each step of {node.name} by itself with {name} weights",
                    error <= self.tolerance, _finite(error), self.tolerance, self.reason, where,
                )  # fmt: skip

    def _values(self, weights: Mapping[str, Any]) -> dict[str, Any]:
        return _Partial(self.model, self.inputs, weights, self.dropout).values

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

    def gradients(self) -> Iterable[Comparison]:
        model = self.model
        if any(node.stateful for node in model.nodes):
            return
        for name, weights in self.weights().items():
            self.keras.set_weights(weights)
            targets = [self.rng.normal(size=y.shape) for y in self.expected[name]]
            theirs = self.keras.gradients(self.inputs, targets, dropout=self.dropout)
            _, ours = ModelGradient(model)(
                *self.inputs, targets, weights=_cast(weights), dropout=self.dropout or None
            )
            for key, expected in theirs.items():
                error, where = error_of(ours[key], expected, plain=True)
                tolerance = 10 * self.tolerance
                yield Comparison(
                    f"∂L/∂{key} against GradientTape with {name} weights", error <= tolerance,
                    _finite(error), tolerance, self.reason, where,
                )  # fmt: skip


class _Partial:
    """A model computed once, of which single parts are computed again with other equations."""

    def __init__(
        self, model: Model, inputs: list[Array], weights: Mapping[str, Any],
        dropout: Mapping[str, Array],
    ) -> None:  # fmt: skip
        self.model = model
        function = ModelFunction(model)
        run, self.values, self.arrays = function.prepared(
            tuple(inputs), None, None, _cast(weights), dropout or None
        )
        with np.errstate(all="ignore"):
            run.forward(self.values, self.arrays, False, {})
        self.run = run

    def with_cell(self, node: Node, cell: Cell) -> list[Array]:
        """What the model gives if one part has other equations."""
        wrong = replace(node, cell=cell)
        nodes = list(self.model.nodes)
        at = nodes.index(node)
        model = replace(self.model, nodes=(wrong, *nodes[at + 1 :]))
        values = dict(self.values)
        with np.errstate(all="ignore"):
            self.run.beginning_at(model).forward(values, self.arrays, False, {})
        return [values[name] for name in leaves(self.model.outputs)]


def _one_step(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """The configuration of a recurrent layer that gives its last output, one step at a time."""
    config = {k: v for k, v in item["config"].items() if k not in ("batch_shape",)}
    config |= {"return_sequences": False, "return_state": False, "stateful": False,
               "unroll": False, "go_backwards": False}  # fmt: skip
    return {**item, "config": config}


def _keys_of(node: Node) -> list[str]:
    return list(dict.fromkeys(place.key for place in node.places.values()))


def random_weights(model: Model, rng: np.random.Generator) -> dict[str, Array]:
    """Weights scaled by 1/√fan_in, biases that are not zero, variances that are positive."""
    values = {}
    for weight in model.weights:
        matrix = len(weight.shape) > 1 and weight.array != "bias"
        scale = 1 / np.sqrt(weight.shape[0]) if matrix else 0.5
        values[weight.key] = rng.normal(size=weight.shape) * scale
        if weight.array == "embeddings":
            values[weight.key] = rng.normal(size=weight.shape)
        if weight.array == "moving_variance":
            values[weight.key] = rng.uniform(0.5, 1.5, weight.shape)
    return values


def _rounded(node: Node) -> bool:
    assert node.cell is not None
    return any(name in str(node.cell) for name in ROUNDED)


def _open(value: Any) -> bool:
    return bool(value.axes) and value.axes[0] is None


def _cast(weights: Mapping[str, Any]) -> dict[str, Array]:
    return {k: np.asarray(v, np.float64) for k, v in weights.items()}


def _worst(found: list[Array], expected: list[Array]) -> tuple[float, str]:
    if len(found) != len(expected):
        return np.inf, f"{len(found)} arrays against {len(expected)}"
    rows = [error_of(a, b) for a, b in zip(found, expected)]
    place = int(np.argmax([r[0] for r in rows]))
    error, where = rows[place]
    return error, f"output {place + 1}, {where}" if len(rows) > 1 else where


def _largest(found: list[Array], expected: list[Array]) -> float:
    with np.errstate(all="ignore"):
        return _worst(found, expected)[0]


def _finite(error: float) -> float | None:
    return float(error) if np.isfinite(error) else None


def _harmless(cell: Cell, wrong: Cell) -> bool:
    """Whether a planted formula is the same function: other numbers cannot tell them apart."""
    bare = unsized(cell)
    sizes = {str(d): n for d, n in zip(cell.dims, (3, 4, 5, 2, 6, 7))}
    return same_function(bare, unsized(wrong), draw(bare, 11, sizes, steps=4))


__all__ = ["random_weights", "verify_model", "verify_printed"]
