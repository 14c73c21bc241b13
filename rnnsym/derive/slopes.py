"""Slopes of elementwise functions as expressions, from the table's texts."""

from __future__ import annotations

import inspect
import re
from functools import cache
from typing import Any

from sympy import MatrixExpr

from ..errors import InputError
from ..language import parse
from ..ops.elementwise import Apply
from ..ops.functions import ELEMENTWISE, LONGEST_SLOPE, prime
from ..ops.leaves import Number
from ..ops.node import replace_quantities


def slope(apply: Apply, argument: int, value: MatrixExpr) -> MatrixExpr | None:
    """The derivative of an elementwise function in one of its arguments, entry by entry.

    Args:
        apply: the function as it is applied.
        argument: which argument.
        value: an expression of the function's value, such as the name that was given to it.

    Returns:
        A matrix expression; None where the slope is zero everywhere.

    Raises:
        InputError: for a function whose slope is not in the table.
    """
    name = apply.name_
    entry = ELEMENTWISE[name]
    if argument >= len(entry.slopes):
        raise InputError(f"the slope of {name} is not known, so it cannot be differentiated")
    text = entry.slopes[argument]
    if text == "0":
        return None
    if len(text) > LONGEST_SLOPE:
        return Apply(prime(name, argument), *apply.operands)
    return written_out(name, argument, apply.operands, value)


def written_out(
    name: str, argument: int, operands: tuple[MatrixExpr, ...], value: MatrixExpr
) -> MatrixExpr:
    """The slope's text with the operands in place of the arguments."""
    entry = ELEMENTWISE[name]
    given: dict[str, Any] = dict(zip(entry.arguments, (*operands, *_defaults(name, len(operands)))))
    given["y"] = value
    return replace_quantities(_template(entry.slopes[argument]), lambda q: given[q.label])


def _defaults(name: str, count: int) -> list[MatrixExpr]:
    parameters = list(inspect.signature(ELEMENTWISE[name].scalar).parameters.values())
    return [Number(str(float(p.default))) for p in parameters[count:]]


@cache
def _template(text: str) -> MatrixExpr:
    used = sorted(set(re.findall(r"\b(?:alpha|[abyz])\b", text)))
    declared = f"{', '.join(used)}: R × C\nslope_t: R × C\n"
    return parse(f"{declared}slope_t = {text}").equations[0].expr
