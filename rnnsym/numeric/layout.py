"""How arrays lie: as the cell's table shows its quantities.

Expressions are kept in row form. In a cell that is written in columns every matrix is shown as the
transpose of the one in its expressions, and so it lies in arrays; a vector is a vector either way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sympy import Expr

from ..names import unmarked
from ..nouns import ROW, Cell, Variable


def turns(cell: Cell, variable: Variable) -> bool:
    """Whether arrays of a quantity are the transposes of those of its expressions."""
    return cell.convention != ROW and variable.shape[0] != 1


def as_shown(cell: Cell, variable: Variable, array: Any) -> Any:
    """An array of the row form as the cell shows it, and the other way round.

    Args:
        cell: whose convention counts.
        variable: of what; a batch and steps may stand before its axes.
        array: the array of one or many samples.
    """
    turned = turns(cell, variable) and np.ndim(array) > 1
    return np.swapaxes(array, -1, -2) if turned else array


def all_as_shown(cell: Cell, arrays: Mapping[str, Any]) -> dict[str, Any]:
    """The same for arrays by name; a name at step 0 (`h_0`) or of no variable is looked up."""
    found = {}
    for name, array in arrays.items():
        known = name if name in cell else unmarked(name)[1].removesuffix("_0")
        found[name] = as_shown(cell, cell[known], array) if known in cell else array
    return found


def axes(cell: Cell, variable: Variable) -> tuple[Expr, ...]:
    """The sizes of one sample's array: a row vector has one axis, a matrix those that are shown."""
    if variable.shape[0] == 1:
        return variable.shape[1:]
    return cell.shown_shape(variable)
