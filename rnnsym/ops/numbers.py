"""Functions of the table as numbers of many digits."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import mpmath
import sympy as sp

from .functions import ELEMENTWISE


def held(value: Any) -> Any:
    """A number of many digits; ±∞ for one that float64 cannot hold.

    mpmath has no largest number: exp(exp(exp(z))) would take all memory there is.
    """
    parts = getattr(value, "_mpf_", None)  # sign, mantissa, exponent, bits of the mantissa
    if parts is None or parts[2] + parts[3] <= 1024:
        return value
    return -mpmath.inf if parts[0] else mpmath.inf


def _power(base: Any, exponent: Any) -> Any:
    try:
        return held(base) ** held(exponent)
    except ZeroDivisionError:
        return mpmath.inf


def _quotient(a: Any, b: Any) -> Any:
    """A quotient; a number by 0 is ±∞, as for NumPy."""
    if b == 0:
        real = isinstance(a, mpmath.mpf)
        return mpmath.nan if not real or a == 0 else mpmath.sign(a) * mpmath.inf
    return a / b


_OPERATIONS = {"/": _quotient, "^": _power}


@cache
def numeric(name: str, arguments: int) -> Callable[..., Any]:
    """The elementwise function (or "/", "^") as an mpmath function, from its SymPy expression."""
    if name in _OPERATIONS:
        return _OPERATIONS[name]
    entry = ELEMENTWISE[name]
    symbols = [sp.Symbol(a, real=True) for a in entry.arguments[:arguments]]
    # These expressions are the ones above, never a text of a user's.
    function = sp.lambdify(symbols, entry.scalar(*symbols), "mpmath")

    def of(*values: Any) -> Any:
        try:
            return function(*map(held, values))
        except (TypeError, ZeroDivisionError):
            return mpmath.nan  # a branch chosen by a number that is not real, or no value at all

    return of
