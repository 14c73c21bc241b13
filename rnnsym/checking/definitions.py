"""Definitions, counts and shapes as they are printed, read again and held to what they are of."""

from __future__ import annotations

from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import mpmath
import numpy as np
from sympy import Expr, Integer, Symbol

from ..errors import CheckError, RnnsymError
from ..language.elements import Known, Table, read_scalar, with_constants
from ..ops.functions import ELEMENTWISE
from ..ops.numbers import numeric
from ..ops.rowfunctions import ROWS
from ..printing.definitions import definition
from ..printing.latex import aligned_line
from ..scalars import Call, Entry
from .exact import DIGITS, Formulas, call

#: Long constants are printed with nine digits; other formulas have no constants to lose.
TOLERANCE = 1e-7
_SPOTS = 12
_LENGTH = 4


def checked_definition(name: str, arguments: int = 1, seed: int = 0) -> tuple[str, float]:
    """The TeX of a function's definition, and its error when read again.

    Raises:
        CheckError: if it cannot be read again, or defines another function.
    """
    left, lines = definition(name, arguments)
    _check_left(name, left, arguments)
    error = definition_error(name, "\n".join(lines), arguments, seed)
    if not error <= TOLERANCE:
        raise CheckError(f"the definition of {name} is off by {error:.1e} when read again")
    return aligned_line(left, lines), error


def _check_left(name: str, left: str, arguments: int) -> None:
    """Hold the left side to the function and its arguments."""
    bare = left.removesuffix("_{j}") if name in ROWS else left
    names: tuple[str, ...] = ("z",)
    if name in ELEMENTWISE:
        entry = ELEMENTWISE[name]
        names = entry.arguments[: max(arguments, entry.required)]
    found = read_scalar(bare, Table({n: Known(False, 0) for n in names}), True)
    if found != Call(name, tuple(map(Entry, names))):
        raise CheckError(f"the definition of {name} begins with '{left}'")


def definition_error(name: str, right: str, arguments: int = 1, seed: int = 0) -> float:
    """How far a printed right side is from the function, at random numbers.

    Raises:
        CheckError: if it cannot be read again.
    """
    rng = np.random.default_rng(seed)
    letters = ("z",) if name in ROWS else ELEMENTWISE[name].arguments
    extra = [n for n, _ in ROWS[name].defaults] if name in ROWS else []
    names = {a: Known(False, int(name in ROWS)) for a in letters}
    names |= {n: Known(False, 0) for n in extra}
    table = with_constants(Table(names, frozenset(["n"] if name in ROWS else [])))
    try:
        formula = read_scalar(right, table, True, ["j"] if name in ROWS else [])
    except RnnsymError as refusal:
        raise CheckError(f"the definition of {name} cannot be read again: {refusal}") from None
    worst = 0.0
    with mpmath.workdps(DIGITS):
        for spot in range(_SPOTS):
            draws = {a: 2 * rng.normal(size=_LENGTH) for a in letters}
            values = {a: [mpmath.mpf(float(v)) for v in draws[a]] for a in letters}
            if name not in ROWS:
                # The last spots are large: a branch of its own.
                row = [5 * values[a][0] if spot % 3 == 0 else values[a][0] for a in letters]
                required = max(arguments, ELEMENTWISE[name].required)
                # A parameter is positive, as a slope or a scale is.
                row = row[:1] + [abs(v) for v in row[1:]] if required == 1 or (
                    ELEMENTWISE[name].required == 1) else row  # fmt: skip
                if name in ("log", "sqrt", "log1p"):
                    row = [abs(v) for v in row]
                expected = [numeric(name, required)(*row[:required])]
                found = [_value(formula, {a: [[v]] for a, v in zip(letters, row)}, {})]
            else:
                (row,) = (values[a] for a in letters)
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
        sizes={Symbol("n"): Integer(_LENGTH)},
        values={(n, None): v for n, v in known.items()},
        sides=lambda name: (False, len(known[name][0]) > 1),
    )
    return Formulas(run, None, False).value(formula, places)


@lru_cache(maxsize=4096)
def size_error(
    tex: str, expected: Expr, symbols: tuple[str, ...] = (), seed: int = 0, latex: bool = True
) -> float:
    """How far a printed formula in sizes is from the expression, at random whole numbers.

    Raises:
        CheckError: if it cannot be read again.
    """
    known = sorted({str(s) for s in symbols} | {str(s) for s in expected.free_symbols})
    try:
        names = {name: Known(False, 0) for name in known}
        formula = read_scalar(tex, Table(names), latex)
    except RnnsymError as refusal:
        raise CheckError(f"'{tex}' cannot be read again: {refusal}") from None
    rng = np.random.default_rng(seed)
    worst = 0.0
    with mpmath.workdps(DIGITS):
        for _ in range(3):
            sizes = {Symbol(n): Integer(int(v)) for n, v in
                     zip(known, rng.integers(2, 1000, len(known)))}  # fmt: skip
            values = {(str(n), None): [[mpmath.mpf(int(v))]] for n, v in sizes.items()}
            run: Any = SimpleNamespace(sizes={}, values=values, sides=lambda _: (False, False))
            found = Formulas(run, None, False).value(formula, {})
            right = mpmath.mpf(int(expected.xreplace(sizes)))
            worst = max(worst, float(abs(found - right) / max(mpmath.mpf(1), abs(right))))
    return worst


def check_size(tex: str, expected: Expr, symbols: tuple[str, ...] = (), latex: bool = True) -> str:
    """A printed formula in sizes, held to the expression.

    Raises:
        CheckError: if it says another number.
    """
    if not size_error(tex, expected, symbols, latex=latex) <= 1e-40:
        raise CheckError(f"'{tex}' is not {expected}")
    return tex
