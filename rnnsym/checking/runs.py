"""A model computed on a sample by our code, also with other parts, or with noise in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..models import Model, Node, leaves
from ..names import t
from ..nouns import Cell, Comparison, Quantity
from ..numeric import ModelFunction, NumericFunction
from ..numeric.source import Source
from .branches import Lookup
from .operations import run_watched
from .rounding import Noise, Tolerance
from .samples import error_of

Array = NDArray[Any]


def lookup_of(partial: Partial, node: Node, function: NumericFunction) -> Lookup:
    """The values of everything in a part of a model, from what it reads."""
    runner = partial.run.runners[node.name]
    parameters = partial.run._parameters(node, partial.arrays)
    inputs, states, weights = runner.arrays(partial.values, parameters)
    with np.errstate(all="ignore"):
        trace = function(*inputs, initial_state=states or None, trace=True, **weights)
    given = dict(zip((v.name for v in runner.cell.inputs), inputs))

    def lookup(q: Quantity) -> Array:
        if q.time is None:
            return np.atleast_2d(weights[q.label] if q.label in weights else trace[q.label])
        rows = np.asarray(trace[q.label] if q.label in trace else given[q.label])
        if q.time == t - 1:
            first = states.get(q.label, np.zeros_like(rows[:, 0]))
            rows = np.concatenate([first[:, None], rows[:, :-1]], axis=1)
        return rows[..., None, :]

    return lookup


class Partial:
    """A model computed once, of which single parts are computed again with other equations."""

    def __init__(
        self, model: Model, inputs: list[Array], weights: Mapping[str, Any],
        dropout: Mapping[str, Array],
    ) -> None:  # fmt: skip
        self.model = model
        function = ModelFunction(model)
        run, self.values, self.arrays = function.prepared(
            tuple(inputs), None, None, cast(weights), dropout or None
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


def cast(weights: Mapping[str, Any]) -> dict[str, Array]:
    """Weights in float64."""
    return {k: np.asarray(v, np.float64) for k, v in weights.items()}


def worst_of(found: list[Array], expected: list[Array]) -> tuple[float, str]:
    """The largest error among several outputs, and where."""
    if len(found) != len(expected):
        return np.inf, f"{len(found)} arrays against {len(expected)}"
    rows = [error_of(a, b) for a, b in zip(found, expected)]
    place = int(np.argmax([r[0] for r in rows]))
    error, where = rows[place]
    return error, f"output {place + 1}, {where}" if len(rows) > 1 else where


def where_finite(
    what: str, found: list[Array], expected: list[Array], limit: Tolerance
) -> Comparison:
    """Both are finite at the same places, and agree there."""
    same = len(found) == len(expected) and all(
        np.array_equal(np.isfinite(a), np.isfinite(b)) for a, b in zip(found, expected)
    )
    if not same:
        where = "one side is finite where the other is not"
        return Comparison(what, False, None, limit.value, limit.reason, where)
    pairs = [[np.where(np.isfinite(b), x, 0) for x in (a, b)] for a, b in zip(found, expected)]
    error, where = worst_of([a for a, _ in pairs], [b for _, b in pairs])
    return Comparison(f"{what}, where it is finite", error <= limit.value, finite(error),
                      limit.value, limit.reason, where)  # fmt: skip


def largest_of(found: list[Array], expected: list[Array]) -> float:
    """The largest error among several outputs."""
    with np.errstate(all="ignore"):
        return worst_of(found, expected)[0]


def finite(error: float) -> float | None:
    """An error, or None for one that is not finite."""
    return float(error) if np.isfinite(error) else None


def with_noise(function: NumericFunction, seed: int) -> Callable[..., Any]:
    """The code of a function, a relative error at every operation."""
    source = Source(function.source, function.compute.__name__)
    noise = Noise(seed)

    def compute(*arguments: Any) -> Any:
        with np.errstate(all="ignore"):  # what is not finite is said in the report
            found = run_watched(source, arguments, noise)
        if isinstance(found, tuple):
            return float(found[0]), {n: np.asarray(g) for n, g in found[1].items()}
        return np.asarray(found)

    return compute
