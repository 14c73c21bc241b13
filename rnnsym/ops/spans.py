"""Which values an expression can have at all: intervals that hold every entry."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, reduce
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from .functions import ELEMENTWISE

Array = NDArray[Any]
Span = tuple[float, float]
EVERYWHERE: Span = (-np.inf, np.inf)
POSITIVE: Span = (0.0, np.inf)
#: Where functions are looked at: dense near zero, and far out.
_GRID = np.unique(np.concatenate(
    [np.linspace(-12, 12, 2401), *(s * np.logspace(1, 4, 61) for s in (1, -1))]
))  # fmt: skip


def total(spans: Iterable[Span]) -> Span:
    """The values of a sum."""
    spans = list(spans)
    return sum(s[0] for s in spans), sum(s[1] for s in spans)


def product(spans: Iterable[Span]) -> Span:
    """The values of a product."""
    return reduce(_times, spans)


def inverse(span: Span) -> Span:
    """The values of 1 / x; known where x keeps away from 0."""
    low, high = span
    if not (low > 0 or high < 0):
        return EVERYWHERE
    return (1 / high if high else np.inf, 1 / low if low else np.inf)


def hull(spans: Iterable[Span]) -> Span:
    """The values of several expressions together."""
    spans = list(spans)
    return min(s[0] for s in spans), max(s[1] for s in spans)


def _times(a: Span, b: Span) -> Span:
    products = [0.0 if 0 in (x, y) else x * y for x in a for y in b]
    return min(products), max(products)


def of_function(name: str, spans: list[Span]) -> Span:
    """The values of a function of the table over a box of arguments."""
    return image(_function(name, len(spans)), spans)


@cache
def _function(name: str, arguments: int) -> Callable[..., Array]:
    entry = ELEMENTWISE[name]
    symbols = [sp.Symbol(a, real=True) for a in entry.arguments[:arguments]]
    formula = entry.scalar(*symbols)
    if formula.has(sp.erf, sp.erfc):
        return lambda *z: np.full(np.broadcast(*z).shape, np.nan)  # NumPy has none: not known
    return sp.lambdify(symbols, formula, "numpy")


def image(function: Callable[..., Array], spans: list[Span]) -> Span:
    """The values of a function over a box, as far as a fine grid shows them."""
    near, far = (_extremes(function, spans, scale) for scale in (1.0, _FAR))
    if near is None or far is None:
        return EVERYWHERE
    # What goes on growing far out, grows without bound.
    slack = 1e-9 * max(1.0, *(abs(v) for v in near if np.isfinite(v)), 0.0)
    low = -np.inf if far[0] < near[0] - slack else near[0]
    high = np.inf if far[1] > near[1] + slack else near[1]
    return low, high


#: How much farther out a function is looked at, to see whether it still grows there.
_FAR = 1e6


def _extremes(function: Callable[..., Array], spans: list[Span], scale: float) -> Span | None:
    axes = []
    for low, high in spans:
        points = np.concatenate([_GRID, _GRID * scale])
        ends = [v for v in (low, high) if np.isfinite(v)]
        axes.append(np.unique([*points[(points >= low) & (points <= high)], *ends]))
    if len(axes) > 1:
        axes = [a[:: max(1, len(a) // 200)] for a in axes]
        axes = [np.unique([*a, a[-1]]) for a in axes]
    if not all(len(a) for a in axes):
        return None
    with np.errstate(all="ignore"):
        values = np.broadcast_to(function(*np.meshgrid(*axes)), [len(a) for a in axes][::-1])
    finite = values[~np.isnan(values)]
    if not finite.size or finite.size < values.size // 3:
        return None
    return float(finite.min()), float(finite.max())
