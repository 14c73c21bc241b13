"""Jupyter notebooks: of a cell, and of a script in the percent format."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from ..errors import InputError
from ..nouns import Cell, Network
from ..printing import Style
from ..printing.text import cell_text
from .environment import Safe, markdown_environment
from .views import CellView


def notebook(views: Sequence[CellView]) -> str:
    """A notebook of cells: what the Markdown document says, and code that runs beside it.

    Its code needs NumPy alone; where rnnsym and Keras are installed, it compares with Keras.
    """
    from .rendering import FORMATS
    from .scripts import script

    cells: list[dict[str, Any]] = []
    text = re.sub(r"#+ The same as code\n+(?=```)", "", FORMATS["md"](views, False))
    # What stands in a block of code is a cell of code.
    for n, piece in enumerate(re.split(r"```python\n(.*?)```\n", text, flags=re.S)):
        if n % 2 == 0 and piece.strip():
            cells.append(_markdown(piece.strip()))
    code = re.sub(r'\A""".*?"""\n', "", script(views), flags=re.S)
    functions, mark, rest = code.partition("# What goes into each function")
    checks, _, _ = f"{mark}{rest}".partition('\n\nif __name__ == "__main__":')
    expressions = [e for e in (_expression(v.original) for v in views) if e]
    compare = markdown_environment().get_template("compare.py.j2")
    cells += [
        _markdown("## The same as code\n\nGenerated from the equations; it needs NumPy alone."),
        _code(functions.strip()),
        _markdown("The numbers were computed at 50 digits from the printed equations:"),
        _code(f"{checks.strip()}\n\n\ncheck()"),
    ]
    if expressions:
        cells += [
            _markdown("## Beside Keras\n\nThe same equations, where rnnsym is installed with it."),
            _code(compare.render(expressions=expressions).strip()),
        ]
    return _notebook(cells)


def _expression(cell: Cell) -> Safe | None:
    """Python that makes the cell; None where its text would be read as another cell."""
    sizes = "".join(f", {symbol}={n}" for symbol, n in cell.sizes.items())
    if isinstance(cell, Network):
        parts = [_expression(c) for c in cell.originals]
        return Safe(f"rnnsym.stack({', '.join(map(str, parts))}{sizes})") if all(parts) else None
    try:
        text = cell_text(cell, Style(cell.convention))
    except InputError:
        return None
    return Safe(f"rnnsym.Cell.parse({text!r}, name={cell.name!r}{sizes})")


def from_script(text: str) -> str:
    """A notebook of a script whose parts begin with `# %%`."""
    cells = []
    for part in re.split(r"^# %%", text, flags=re.M)[1:]:
        head, _, body = part.partition("\n")
        if "[markdown]" in head:
            lines = [line.removeprefix("#").removeprefix(" ") for line in body.strip().splitlines()]
            cells.append(_markdown("\n".join(lines)))
        else:
            cells.append(_code(body.strip()))
    return _notebook(cells)


def _markdown(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": text.splitlines(keepends=True)}


def _code(text: str) -> dict[str, Any]:
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [],
            "source": text.splitlines(keepends=True)}  # fmt: skip


def _notebook(cells: list[dict[str, Any]]) -> str:
    for n, cell in enumerate(cells):
        cell["id"] = f"cell-{n}"
    whole = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"
