"""Scripts with our tools, run cell by cell for the pages that show them."""

from __future__ import annotations

import contextlib
import io
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ..documents import Explanation, explain
from ..frameworks import keras as keras_framework
from ..nouns import Network
from .sources import site_folder

_CELL = re.compile(r"^# %%(.*)$", re.M)


@dataclass(frozen=True)
class NotebookCell:
    """A piece of the script: words, or code and what it printed."""

    words: str = ""
    code: str = ""
    printed: str = ""


@dataclass(frozen=True)
class StepRow:
    """One time step: the input, the hidden state, both outputs and their difference."""

    step: int
    x: tuple[float, ...]
    h: tuple[float, ...]
    ours: tuple[float, ...]
    keras: tuple[float, ...]
    error: float


@dataclass(frozen=True)
class NotebookRun:
    """What the script printed and computed.

    Attributes:
        cells: words, code and printed text, in order.
        net: the network.
        rows: one row for each step, in float64.
        errors: the largest difference between ours and Keras's output, by dtype.
        parameters: the number of parameters that Keras counts.
    """

    cells: tuple[NotebookCell, ...]
    net: Network
    rows: tuple[StepRow, ...]
    errors: dict[str, float]
    parameters: int


def split(script: str) -> list[NotebookCell]:
    """Cut a script at its `# %%` marks into cells of words and of code."""
    marks = list(_CELL.finditer(script))
    cells = []
    for mark, following in zip(marks, [*marks[1:], None]):
        body = script[mark.end() : following.start() if following else None].strip("\n")
        if "markdown" in mark.group(1):
            lines = [line.removeprefix("#").removeprefix(" ") for line in body.splitlines()]
            cells.append(NotebookCell(words="\n".join(lines)))
        else:
            cells.append(NotebookCell(code=body))
    return cells


@dataclass(frozen=True)
class TrainingRun:
    """What the training script printed, and the loss of every step, ours and Keras's."""

    cells: tuple[NotebookCell, ...]
    ours: tuple[float, ...]
    keras: tuple[float, ...]

    @property
    def apart(self) -> float:
        """The largest difference of the two losses, relative to Keras's."""
        return max(abs(a - b) / b for a, b in zip(self.ours, self.keras))


@cache
def run_training() -> TrainingRun:
    """Run `docs/train_rnn.py` and keep what every cell printed."""
    cells, names = run_script("train_rnn.py")
    return TrainingRun(cells, tuple(names["ours"]), tuple(names["theirs"]))


@dataclass(frozen=True)
class ExplainedRun:
    """What the script about a trained model printed, and the explanation of that model."""

    cells: tuple[NotebookCell, ...]
    explanation: Explanation


@cache
def run_explained() -> ExplainedRun:
    """Run `docs/train_lstm.py`: train a model, and explain it with the inputs of the script."""
    cells, names = run_script("train_lstm.py")
    explanation = explain(names["net"], report=names["report"], inputs=[names["x"]])
    return ExplainedRun(cells, explanation)


def run_script(name: str) -> tuple[tuple[NotebookCell, ...], dict[str, Any]]:
    """Run a script of our own in `docs/`: its cells with what they printed, and its names."""
    keras_framework.load()
    script = (site_folder() / "docs" / name).read_text(encoding="utf-8")
    names: dict[str, Any] = {"__name__": name.removesuffix(".py")}
    cells = []
    for cell in split(script):
        if cell.code:
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(cell.code, name, "exec"), names)  # noqa: S102
            cells.append(NotebookCell(code=cell.code, printed=out.getvalue().rstrip("\n")))
        else:
            cells.append(cell)
    return tuple(cells), names


@cache
def run_notebook() -> NotebookRun:
    """Run `docs/explore_rnn.py` and keep what every cell printed, and the numbers."""
    cells, names = run_script("explore_rnn.py")
    return NotebookRun(
        cells,
        names["net"],
        tuple(_rows(names)),
        {
            "float64": _largest(names["ours64"], names["theirs64"]),
            "float32": _largest(names["ours"], names["theirs"]),
        },
        int(names["model"].count_params()),
    )


def _largest(ours: Any, theirs: Any) -> float:
    return float(np.abs(np.asarray(ours, np.float64) - np.asarray(theirs, np.float64)).max())


def _rows(names: dict[str, Any]) -> list[StepRow]:
    ours, theirs, trace = names["ours64"], names["theirs64"], names["trace"]
    rows = []
    for n in range(ours.shape[1]):
        rows.append(
            StepRow(
                n + 1,
                tuple(map(float, trace["x"][0, n])),
                tuple(map(float, trace["h"][0, n])),
                tuple(map(float, ours[0, n])),
                tuple(map(float, theirs[0, n])),
                float(np.abs(ours[0, n] - theirs[0, n]).max()),
            )
        )
    return rows
