"""Gradient flow in numbers: the product of Jacobians against the distance in time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sympy import Integer, Symbol

from ..derive.parts import has_states, of_parts, part_of
from ..errors import InputError
from ..front import verb
from ..models import Model, Node
from ..nouns import ROW, Cell, Variable
from ..numeric import lambdify
from ..numeric.layout import all_as_shown
from ..numeric.tangent import tangent_function
from .samples import default_sizes, draw

#: Units where a cell does not say how many it has.
_UNITS = 16


@dataclass(frozen=True)
class Flow:
    """The norm of ∂s_k/∂s_0 against the distance k, for one random sequence.

    Attributes:
        cell: of what.
        distances: 1, 2, …
        norms: spectral norms, by name: "state" for all states together, and for a cell with several
            states each by itself (∂c_k/∂c_0).
        seed: of the input, the initial states and, where none were given, the weights.
        sizes: the sizes.
    """

    cell: Cell
    distances: NDArray[Any]
    norms: Mapping[str, NDArray[Any]]
    seed: int
    sizes: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "cell": self.cell.name,
            "seed": self.seed,
            "sizes": dict(self.sizes),
            "distances": [int(k) for k in self.distances],
            "norms": {name: [float(v) for v in row] for name, row in self.norms.items()},
        }

    def _repr_html_(self) -> str:
        return str(verb("to_svg")(self))


def _own_weights(model: Model, node: Node, options: dict[str, Any]) -> tuple[Cell, dict[str, Any]]:
    """The numbers of a part of a model: its own, or those that were given by key."""
    arrays = {**model.values, **(options.get("weights") or {})}
    known = {w.key: w.shape for w in model.weights}
    for key, array in arrays.items():
        if key not in known:
            raise InputError(f"{model.title} has no weight '{key}'; it has {', '.join(known)}")
        if known[key] != np.shape(array):
            raise InputError(f"{model.title}: the weight {key} must be of shape {known[key]}, not "
                             f"{np.shape(array)}")  # fmt: skip
    if any(place.key not in arrays for place in node.places.values()):
        return part_of(node), {**options, "weights": None}
    return part_of(node), {**options, "weights": model.parameters(node, arrays)}


@of_parts(has_states, given=_own_weights)
def flow(
    subject: Cell,
    steps: int = 100,
    *,
    weights: Mapping[str, Any] | None = None,
    seed: int = 0,
    scale: float = 1.0,
) -> Flow:
    """Measure how a change of the state dies out or grows with the distance in time.

    Args:
        subject: the cell or network, with a state; of a model, each part that has one.
        steps: the longest distance.
        weights: the parameters by name; without them random ones, scaled by 1/√fan_in, or the own
            ones of a model, whose weights go by their keys.
        seed: of the random input, initial states and weights.
        scale: a factor on random weights (matrices alone).

    Returns:
        The norms of the product of Jacobians.

    Raises:
        InputError: for a cell without a state, a wrong number of steps, or weights that do not fit.
    """
    if not subject.states:
        raise InputError(f"{subject.name} has no state, so no gradient flows from step to step")
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= 10_000:
        raise InputError(f"steps must be a whole number from 1 to 10,000, not {steps!r}")
    if not (np.isfinite(scale) and scale > 0):
        raise InputError(f"scale must be a positive number, not {scale}")
    shown = subject
    subject = subject.in_convention(ROW)
    if weights is not None:
        weights = _rows_of(shown, weights)
    sizes = _sizes(subject, weights)
    sample = draw(subject, seed, sizes, samples=1, steps=steps)
    own = dict(sample.weights)
    if weights is not None:
        given = {k: np.asarray(v, np.float64) for k, v in weights.items()}
        lambdify(subject).prepare(sample.inputs, sample.states, given)  # refuses what does not fit
        own = {k: v.reshape(1, -1) if v.ndim == 1 else v for k, v in given.items()}
    elif scale != 1.0:
        own = {k: v * scale if np.ndim(v) == 2 and len(v) > 1 else v for k, v in own.items()}
    values = {Symbol(n): Integer(v) for n, v in sizes.items()}
    widths = {v.name: _width(v, values) for v in subject.states}
    total = sum(widths.values())
    starts: dict[str, NDArray[Any]] = {}
    offset = 0
    for v in subject.states:
        table = np.zeros((total, widths[v.name]))
        table[offset : offset + widths[v.name]] = np.eye(widths[v.name])
        rows, cols = (int(s.xreplace(values)) for s in v.shape)
        starts[v.name] = table if rows == 1 else table.reshape(total, rows, cols)
        offset += widths[v.name]
    function = tangent_function(replace(subject, sizes={}))

    def wide(a: Any) -> Any:
        return np.repeat(a, total, axis=0)

    with np.errstate(over="ignore", invalid="ignore"):
        moved = function(
            [wide(x) for x in sample.inputs],
            {k: wide(v) for k, v in sample.states.items()}, starts, own,
        )  # fmt: skip
    flat = {n: a.reshape(steps, total, -1) for n, a in moved.items()}
    whole = np.concatenate([flat[v.name] for v in subject.states], axis=2)
    norms = {"state": _norms(whole)}
    if len(subject.states) > 1:
        offset = 0
        for v in subject.states:
            block = flat[v.name][:, offset : offset + widths[v.name]]
            norms[v.name] = _norms(block)
            offset += widths[v.name]
    return Flow(shown, np.arange(1, steps + 1), norms, seed, sizes)


def _rows_of(cell: Cell, weights: Mapping[str, Any]) -> dict[str, Any]:
    """Weights that lie as a cell shows them, in row form."""
    found = all_as_shown(cell, {n: np.asarray(w, np.float64) for n, w in weights.items()})
    for v in cell.parameters:
        if (
            cell.convention != ROW
            and v.shape[0] == 1
            and np.shape(found.get(v.name, 0))[1:] == (1,)
        ):
            found[v.name] = found[v.name].reshape(-1)
    return found


def _norms(matrices: NDArray[Any]) -> NDArray[Any]:
    result = np.full(len(matrices), np.inf)
    for i, matrix in enumerate(matrices):
        if np.isfinite(matrix).all():
            result[i] = np.linalg.norm(matrix, 2)
    return result


def _width(v: Variable, values: Mapping[Any, Any]) -> int:
    return int((v.shape[0] * v.shape[1]).xreplace(values))


def _sizes(subject: Cell, weights: Mapping[str, Any] | None) -> dict[str, int]:
    """Sizes: those of the weights, the given ones, and enough units to see the usual behaviour."""
    sizes = default_sizes(subject)
    given = {str(s) for s in subject.sizes}
    for v in subject.states:
        for s in v.shape:
            if str(s) in sizes and str(s) not in given:
                sizes[str(s)] = _UNITS if v.shape[0] == 1 else sizes[str(s)]
    if weights is not None:
        for v in subject.parameters:
            if v.name in weights:
                array = np.atleast_2d(np.asarray(weights[v.name]))
                sizes |= {str(s): n for s, n in zip(v.shape, array.shape) if str(s) in sizes}
    return sizes
