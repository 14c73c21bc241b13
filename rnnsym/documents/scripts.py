"""A stand-alone script: the functions, fixed numbers, and a check that needs NumPy alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..checking.exact import evaluate
from ..checking.samples import default_sizes, draw
from ..derive.kinds import DERIVATIONS
from ..errors import InputError
from ..numeric import lambdify
from ..numeric.layout import as_shown
from .environment import Safe, python_environment
from .views import CellView

_SMALL, _STEPS = 4, 3


def script(views: Sequence[CellView]) -> str:
    """The text of a Python module that checks itself when it is run.

    Raises:
        InputError: if two cells have one name, or one has no input.
    """
    names = [v.cell.name for v in views]
    if twice := next((n for n in names if names.count(n) > 1), None):
        raise InputError(f"two cells are called '{twice}': a script has one function of a name")
    parts = [_part(v) for v in views]
    imports = sorted({line for p in parts for line in p["source"].splitlines()
                      if line.startswith(("import ", "from "))})  # fmt: skip
    for part in parts:
        part["source"] = Safe("\n".join(
            line for line in part["source"].splitlines() if line not in imports
        ).strip())  # fmt: skip
    return python_environment().get_template("script.py.j2").render(parts=parts, imports=imports)


def _part(view: CellView) -> dict[str, Any]:
    cell = view.cell
    if not cell.inputs:
        raise InputError(f"{cell.name} has no input, and so no function")
    bare = view.printing.bare
    function = lambdify(bare)
    source = function.source
    gradient = any(k.of_loss and k.name in view.request.what for k in DERIVATIONS.values())
    if gradient:
        source += "\n\n" + lambdify(bare, gradient=True).source
    sample = draw(bare, 0, default_sizes(cell, _SMALL), steps=_STEPS)
    expected = as_shown(bare, bare.output, evaluate(bare, bare.equations, sample))
    shown = sample.as_shown(bare)
    arguments = function.prepare(shown.inputs, shown.states, shown.weights)
    return {
        "name": function.compute.__name__,
        "title": view.title,
        "equations": [Safe(line) for line in view.printing.text_block("forward").lines],
        "source": source.rstrip(),
        "arguments": [_array(a) for a in arguments],
        "expected": _array(expected),
    }


def _array(value: Any) -> Safe:
    array = np.asarray(value, np.float64)
    if not np.isfinite(array).all():
        raise InputError("the cell gives no finite numbers at random inputs: it has no script")
    text = np.array2string(
        array, separator=", ", threshold=10**6, floatmode="unique", max_line_width=96,
        prefix=" " * 8,
    )  # fmt: skip
    return Safe(f"np.array({text})" if array.ndim else repr(float(array)))
