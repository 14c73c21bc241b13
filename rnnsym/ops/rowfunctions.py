"""The functions of a whole row: one entry each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from .functions import operator


@dataclass(frozen=True)
class RowFunction:
    """A function of a whole row (the last axis): a reduction, or a map from rows to rows.

    Attributes:
        reduces: whether it gives one number for each row.
        defaults: further arguments with their values, such as an epsilon.
        numpy: NumPy text in `z` and the further arguments; the row is the last axis.
        row: the same for a list of scalars, with a caller for elementwise functions.
        element: its element j as a text of elements: z is the row, n its length, k, l are summed.
        span: the least interval that holds every element whatever the row.
        margin: of a piecewise one, what tells by its sign which formula an element follows.
    """

    name: str
    tex: str
    numpy: str
    row: Callable[..., list[Any]]
    element: str
    reduces: bool = False
    defaults: tuple[tuple[str, str], ...] = ()
    aliases: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    span: tuple[float, float] = (-math.inf, math.inf)
    margin: Callable[[Any], Any] | None = None


ROWS: dict[str, RowFunction] = {}


def _row(function: RowFunction) -> None:
    ROWS[function.name] = function


def _total(values: Iterable[Any]) -> Any:
    first, *rest = values
    return sum(rest, first)


def _mean(z: list[Any]) -> Any:
    return _total(z) / len(z)


def _softmax(z: list[Any], call: Callable[..., Any]) -> list[Any]:
    powers = [call("exp", v) for v in z]
    total = _total(powers)
    return [p / total for p in powers]


def _log_softmax(z: list[Any], call: Callable[..., Any]) -> list[Any]:
    powers = [call("exp", v) for v in z]
    total = call("log", _total(powers))
    return [v - total for v in z]


def _layer_norm(z: list[Any], call: Callable[..., Any], epsilon: Any) -> list[Any]:
    mean = _mean(z)
    deviation = call("sqrt", _mean([(v - mean) ** 2 for v in z]) + epsilon)
    return [(v - mean) / deviation for v in z]


def _support(z: list[Any], call: Callable[..., Any]) -> list[Any]:
    """1 for the elements of a sparsemax that are not 0: without a sort, 1 + k z_k > Σ_{i≤k} z_i."""
    return [call("step", 1 - _total(call("max", a - b, 0) for a in z)) for b in z]


def _sparsemax(z: list[Any], call: Callable[..., Any]) -> list[Any]:
    kept = _support(z, call)
    threshold = (_total(s * v for s, v in zip(kept, z)) - 1) / _total(kept)
    return [call("max", v - threshold, 0) for v in z]


def _keras_weights(z: list[Any], call: Callable[..., Any]) -> list[Any]:
    kept = _support(z, call)

    def not_after(i: int, j: int) -> Any:
        """Whether i comes no later than j in descending order; the first of equals first."""
        return call("step", z[i] - z[j]) if i > j else 1 - call("step", z[j] - z[i])

    places = range(len(z))
    count = _total(kept)
    return [_total(kept[j] * not_after(i, j) for j in places) / count for i in places]


def _keras_sparsemax(z: list[Any], call: Callable[..., Any]) -> list[Any]:
    weights = _keras_weights(z, call)
    threshold = _total(w * v for w, v in zip(weights, z)) - 1 / _total(_support(z, call))
    return [call("max", v - threshold, 0) for v in z]


_row(
    RowFunction(
        "sum",
        operator("sum"),
        "z.sum(axis=-1, keepdims=True)",
        lambda z, call: [_total(z)],
        "∑_{k=1}^{n} z_k",
        reduces=True,
    )
)
_row(
    RowFunction(
        "mean",
        operator("mean"),
        "z.mean(axis=-1, keepdims=True)",
        lambda z, call: [_mean(z)],
        "(∑_{k=1}^{n} z_k) / n",
        reduces=True,
    )
)
_row(
    RowFunction(
        "softmax",
        operator("softmax"),
        "exp_z / exp_z.sum(axis=-1, keepdims=True)",
        _softmax,
        "exp(z_j) / (∑_{k=1}^{n} exp(z_k))",
        aliases=("Softmax",),
        needs=("exp_z = np.exp(z - z.max(axis=-1, keepdims=True))",),
        span=(0.0, 1.0),
    )
)
_row(
    RowFunction(
        "log_softmax",
        operator("LogSoftmax"),
        "low - np.log(np.exp(low).sum(axis=-1, keepdims=True))",
        _log_softmax,
        "z_j - log(∑_{k=1}^{n} exp(z_k))",
        aliases=("LogSoftmax",),
        needs=("low = z - z.max(axis=-1, keepdims=True)",),
        span=(-math.inf, 0.0),
    )
)
_row(
    RowFunction(
        "layer_norm",
        operator("LayerNorm"),
        "centred / np.hypot(np.sqrt((centred**2).mean(axis=-1, keepdims=True)), least)",
        _layer_norm,
        "(z_j - (∑_{k=1}^{n} z_k) / n)"
        " / sqrt((∑_{k=1}^{n} (z_k - (∑_{l=1}^{n} z_l) / n)^2) / n + epsilon)",
        # Keras's default; the paper (Ba, Kiros, Hinton 2016, eq. 4) has no epsilon.
        defaults=(("epsilon", "0.001"),),
        aliases=("layernorm", "LayerNorm", "LN", "layer_normalization"),
        # In units of the largest element: no square is too large or too small.
        needs=(
            "unit = np.abs(z).max(axis=-1, keepdims=True)",
            "unit = np.where(unit > 0, unit, 1).astype(z.dtype)",
            "centred = z / unit - (z / unit).mean(axis=-1, keepdims=True)",
            "least = np.sqrt(np.asarray(epsilon, z.dtype)) / unit",
        ),
    )
)


def _kept_margin(z: Any) -> Any:
    """1 - Σ max(z_l - z_k, 0), which is positive where a sparsemax keeps the element k."""
    above = z[..., None, :] - z[..., :, None]
    return 1 - (abs(above) + above).sum(axis=-1) / 2


#: The sorted row below its largest element, and how many elements are not 0, of both forms.
_SORTED = (
    "top = z.max(axis=-1, keepdims=True)",
    "low = np.sort(z - top, axis=-1)[..., ::-1]",
    "place = np.arange(1, z.shape[-1] + 1, dtype=z.dtype)",
    "kept = low * place > low.cumsum(axis=-1) - 1",
    "count = kept.sum(axis=-1, keepdims=True, dtype=z.dtype)",
)
#: Whether an element is kept, without a sort: 1 + k z_k > Σ_{i≤k} z_i.
_KEPT = "step(1 - (∑_{l=1}^{n} max(z_l - z_k, 0)))"
_row(
    # A. Martins, R. Astudillo, "From softmax to sparsemax", ICML 2016, algorithm 1.
    RowFunction(
        "sparsemax",
        operator("sparsemax"),
        "np.maximum(z - top - (low.sum(axis=-1, keepdims=True, where=kept) - 1) / count, 0)",
        _sparsemax,
        f"max(z_j - ((∑_{{k=1}}^{{n}} {_KEPT} z_k) - 1) / (∑_{{k=1}}^{{n}} {_KEPT}), 0)",
        needs=_SORTED,
        span=(0.0, 1.0),
        margin=_kept_margin,
    )
)
_row(
    # What Keras calls sparsemax: it adds up the cumulated sums s_1 … s_k where the paper takes s_k.
    RowFunction(
        "keras_sparsemax",
        operator("KerasSparsemax"),
        "np.maximum(z - (sums.sum(axis=-1, keepdims=True, where=kept) - 1) / count, 0)",
        _keras_sparsemax,
        f"max(z_j - ((∑_{{k=1}}^{{n}} {_KEPT} (∑_{{l=1}}^{{n}} (1 - step(z_k - z_l)) z_l)) - 1)"
        f" / (∑_{{k=1}}^{{n}} {_KEPT}), 0)",
        needs=(*_SORTED, "sums = (low + top).cumsum(axis=-1)"),
        span=(0.0, math.inf),
        margin=_kept_margin,
    )
)
_row(
    RowFunction(
        "keras_sparsemax_weights",
        operator("KerasSparsemaxWeights"),
        "np.maximum(count - rank.astype(z.dtype), 0) / count",
        _keras_weights,
        f"(∑_{{k=1}}^{{n}} {_KEPT} (1 - step(z_k - z_j))) / (∑_{{k=1}}^{{n}} {_KEPT})",
        margin=_kept_margin,
        needs=(*_SORTED, "rank = (-z).argsort(axis=-1, kind='stable').argsort(axis=-1)"),
    )
)
