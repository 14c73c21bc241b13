"""Definitions of functions in TeX, from the one expression that each has."""

from __future__ import annotations

from sympy import Rational, Symbol

from ..derive.elements import row_element, scalar_of
from ..names import tex_of
from ..ops.functions import ELEMENTWISE
from ..ops.rowfunctions import ROWS
from ..pieces import break_lines
from .elements import ElementTex
from .latex import PAGE

_ROOM = PAGE - 16
#: Functions whose TeX says what they are.
KNOWN = frozenset(
    ["tanh", "exp", "log", "sqrt", "sin", "cos", "abs", "max", "min", "sinh", "cosh", "arctan",
     "erf", "erfc", "sign", "sum", "mean", "expm1", "log1p"]
)  # fmt: skip


def definition(name: str, arguments: int = 1) -> tuple[str, list[str]]:
    """The left side of a function's definition, and the right one in lines that fit a page.

    `arguments` of them are written; the others have their defaults.

    A constant of thirty digits is shown with nine.
    """
    tex = ElementTex()
    if name in ROWS:
        row = ROWS[name]
        left = rf"{row.tex}(z)_{{j}}"
        return left, break_lines(tex.pieces(row_element(name)), _ROOM, _ROOM)
    entry = ELEMENTWISE[name]
    names = entry.arguments[: max(arguments, entry.required)]
    formula = entry.scalar(*(Symbol(a, real=True) for a in names))
    long = {r: r.evalf(9) for r in formula.atoms(Rational) if r.q > 10**6}
    written = ", ".join(tex_of(a) for a in names)
    pieces = tex.pieces(scalar_of(formula.xreplace(long)))
    left = rf"\sqrt{{{written}}}" if name == "sqrt" else f"{entry.tex}({written})"
    return left, break_lines(pieces, _ROOM, _ROOM)
