"""How closely two computations of the same formula can agree, measured.

The code is run once more with a small relative error at every single operation. By how much its
result changes says how rounding grows in it: through a chaotic recurrence, through terms that
cancel, over many steps. The tolerance follows from that, and from nothing about the machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..numeric import NumericFunction
from ..numeric.source import Source
from .operations import Noise, run_watched

#: Two computations, each with its own order of sums and its own functions: over all test cells
#: the largest error found was 2.2 units of rounding, times the growth, in float64 (of a gradient
#: through 50 steps) and 0.7 in float32. The rest is room for processors that sum in other orders.
UNITS = {"float64": 32, "float32": 16}
#: Where rounding grows more than this there is nothing left to compare.
MOST = 1e7


@dataclass(frozen=True)
class Tolerance:
    """How far two results may be apart, relative to the norm, and why."""

    value: float
    reason: str


def growth(function: NumericFunction, arguments: list[Any], seed: int = 0) -> Mapping[str, float]:
    """By how much rounding grows on its way to each result, relative to the norm of the result.

    Args:
        function: what is computed: an output, or a loss and its gradients.
        arguments: its arguments in the order of `compute`, float64.
        seed: of the noise.

    Returns:
        The growth, at least 1, by the name of the result; "" for an output or a loss.
    """
    source = Source(function.source, function.compute.__name__)
    with np.errstate(all="ignore"):
        right = _named(function.compute(*arguments))
        runs = [_named(run_watched(source, arguments, Noise(seed + n))) for n in range(2)]
    return {name: max(_relative(run[name], value) for run in runs)
            for name, value in right.items()}  # fmt: skip


def _named(result: Any) -> dict[str, Any]:
    if not isinstance(result, tuple):
        return {"": np.asarray(result)}
    loss, gradients = result
    return {"": np.asarray(loss), **{n: np.asarray(g) for n, g in gradients.items()}}


def _relative(found: Any, right: Any) -> float:
    norm = np.linalg.norm(np.ravel(right))
    if not norm:
        return 1.0
    grown = float(np.linalg.norm(np.ravel(found - right)) / norm / Noise.SIZE)
    return max(grown, 1.0) if np.isfinite(grown) else MOST


def tolerance(dtype: str, grown: float, steps: int) -> Tolerance:
    """How far two computations in a precision may be apart whose rounding grows so much."""
    epsilon = float(np.finfo(dtype).eps)
    units = UNITS[dtype]
    grown = min(grown, MOST)
    return Tolerance(
        units * epsilon * grown,
        f"{units} units of rounding in {dtype} ({epsilon:.1e}), which grows {grown:.2g} times over "
        f"{steps} steps (measured with noise at every operation)",
    )
