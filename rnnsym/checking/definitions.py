"""Definitions, counts and shapes as they are printed, read again and held to what they are of."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import mpmath
import numpy as np
from sympy import Expr, Integer, Symbol

from ..algebra.functions import ELEMENTWISE, ROWS, numeric
from ..errors import CheckError, RnnsymError
from ..language.elements import Known, Table, read_scalar, with_constants
from ..printing.definitions import definition
from ..printing.latex import aligned_line
from .exact import DIGITS, Formulas, call

#: Long constants are printed with nine digits; other formulas have no constants to lose.
TOLERANCE = 1e-7
_SPOTS = 12
_LENGTH = 4


def checked_definition(name: str, seed: int = 0) -> tuple[str, float]:
    """The TeX of a function's definition, and its error when read again.

    Raises:
        CheckError: if it cannot be read again, or defines another function.
    """
    left, lines = definition(name)
    error = definition_error(name, "\n".join(lines), seed)
    if not error <= TOLERANCE:
        raise CheckError(f"the definition of {name} is off by {error:.1e} when read again")
    return aligned_line(left, lines), error


def definition_error(name: str, right: str, seed: int = 0) -> float:
    """How far a printed right side is from the function, at random numbers.

    Raises:
        CheckError: if it cannot be read again.
    """
    rng = np.random.default_rng(seed)
    arguments = ("z",) if name in ROWS else ELEMENTWISE[name].arguments
    extra = [n for n, _ in ROWS[name].defaults] if name in ROWS else []
    names = {a: Known(False, int(name in ROWS)) for a in arguments}
    names |= {n: Known(False, 0) for n in extra}
    table = with_constants(Table(names, frozenset(["n"] if name in ROWS else [])))
    try:
        formula = read_scalar(right, table, True, ["j"] if name in ROWS else [])
    except RnnsymError as refusal:
        raise CheckError(f"the definition of {name} cannot be read again: {refusal}") from None
    worst = 0.0
    with mpmath.workdps(DIGITS):
        for spot in range(_SPOTS):
            draws = {a: 2 * rng.normal(size=_LENGTH) for a in arguments}
            values = {a: [mpmath.mpf(float(v)) for v in draws[a]] for a in arguments}
            if name not in ROWS:
                # The last spots are large: a branch of its own.
                row = [5 * values[a][0] if spot % 3 == 0 else values[a][0] for a in arguments]
                required = ELEMENTWISE[name].required
                if name in ("log", "sqrt", "log1p"):
                    row = [abs(v) for v in row]
                expected = [numeric(name, required)(*row[:required])]
                found = [_value(formula, {a: [[v]] for a, v in zip(arguments, row)}, {})]
            else:
                (row,) = (values[a] for a in arguments)
                options = [mpmath.mpf(d) for _, d in ROWS[name].defaults]
                expected = ROWS[name].row(row, call, *options)
                known = {"z": [row], **{n: [[o]] for n, o in zip(extra, options)}}
                found = [_value(formula, known, {Symbol("j"): j + 1}) for j in range(len(expected))]
            for a, b in zip(found, expected):
                off = abs(a - b) / max(mpmath.mpf(1), abs(b))
                worst = max(worst, float(off) if mpmath.isfinite(off) else float("inf"))
    return worst


def _value(formula: Any, known: dict[str, Any], places: dict[Symbol, int]) -> Any:
    run: Any = SimpleNamespace(
        sizes={Symbol("n"): Integer(_LENGTH)}, values={(n, None): v for n, v in known.items()}
    )
    return Formulas(run, None, False).value(formula, places)


def size_error(tex: str, expected: Expr, symbols: Iterable[str], seed: int = 0) -> float:
    """How far a printed formula in sizes is from the expression, at random whole numbers.

    Raises:
        CheckError: if it cannot be read again.
    """
    known = sorted({str(s) for s in symbols} | {str(s) for s in expected.free_symbols})
    try:
        names = {name: Known(False, 0) for name in known}
        formula = read_scalar(tex, Table(names), True)
    except RnnsymError as refusal:
        raise CheckError(f"'{tex}' cannot be read again: {refusal}") from None
    rng = np.random.default_rng(seed)
    worst = 0.0
    with mpmath.workdps(DIGITS):
        for _ in range(3):
            sizes = {Symbol(n): Integer(int(v)) for n, v in
                     zip(known, rng.integers(2, 1000, len(known)))}  # fmt: skip
            values = {(str(n), None): [[mpmath.mpf(int(v))]] for n, v in sizes.items()}
            run: Any = SimpleNamespace(sizes={}, values=values)
            found = Formulas(run, None, False).value(formula, {})
            right = mpmath.mpf(int(expected.xreplace(sizes)))
            worst = max(worst, float(abs(found - right) / max(mpmath.mpf(1), abs(right))))
    return worst


def check_size(tex: str, expected: Expr, symbols: Iterable[str] = ()) -> str:
    """A printed formula in sizes, held to the expression.

    Raises:
        CheckError: if it says another number.
    """
    if not size_error(tex, expected, symbols) <= 1e-40:
        raise CheckError(f"'{tex}' is not {expected}")
    return tex
