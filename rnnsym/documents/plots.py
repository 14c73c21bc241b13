"""Plots as SVG: points, ticks and labels in a picture's coordinates, drawn by one template."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..checking import Flow
from ..names import unicode_of
from .environment import html_environment

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 64, 110, 34, 44
_DASHES = ("none", "7 4", "2 4", "10 3 2 3")
#: Numbers outside are shown at the edge: a double has hardly any beyond.
_LEAST, _MOST = 1e-300, 1e300


def chart(rows: Mapping[str, Any], title: str, below: str, words: str) -> str:
    """A picture of lines over 1, 2, …, on a logarithmic scale.

    Args:
        rows: the numbers of each line, by its label.
        title: stands above the picture.
        below: what the horizontal axis counts.
        words: what the picture shows, for those who do not see it.
    """
    powers = {n: np.log10(np.clip(np.asarray(v), _LEAST, _MOST)) for n, v in rows.items()}
    everything = np.concatenate(list(powers.values()))
    low, high = math.floor(everything.min()), math.ceil(everything.max())
    high = max(high, low + 1)
    steps = max(len(v) for v in powers.values())

    def x(k: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (k - 1) / max(steps - 1, 1)

    def y(power: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - power) / (high - low)

    lines = [
        {
            "points": " ".join(f"{x(k):.1f},{y(v):.1f}" for k, v in enumerate(row, 1)),
            "label": name, "dash": _DASHES[i % len(_DASHES)], "y": TOP + 16 * i + 4,
        }
        for i, (name, row) in enumerate(powers.items())
    ]  # fmt: skip
    every = max(1, math.ceil((high - low) / 6))
    ticks = sorted({1, *(round(1 + (steps - 1) * i / 5) for i in range(1, 6))})
    return html_environment().get_template("plot.svg.j2").render(
        width=WIDTH, height=HEIGHT, left=LEFT, right=WIDTH - RIGHT, top=TOP,
        bottom=HEIGHT - BOTTOM, lines=lines, title=title, below=below, words=words,
        rows=[{"y": round(y(p), 1), "power": p} for p in range(low, high + 1, every)],
        columns=[{"x": round(x(k), 1), "step": k} for k in ticks],
    )  # fmt: skip


def flow_svg(flow: Flow) -> str:
    """A picture of a gradient flow."""
    labels = {
        name: "all states" if name == "state" and len(flow.norms) > 1
        else unicode_of(flow.cell.states[0].name if name == "state" else name)
        for name in flow.norms
    }  # fmt: skip
    first, last = (float(flow.norms["state"][i]) for i in (0, -1))
    title = flow.cell.title or flow.cell.name.replace("_", " ")
    sizes = ", ".join(f"{k} = {v}" for k, v in flow.sizes.items())
    return chart(
        {labels[n]: v for n, v in flow.norms.items()},
        f"norm of the product of Jacobians: {title}", "distance in time steps",
        f"The norm of the derivative of the state by the state k steps before: {first:.2g} at "
        f"distance 1, {last:.2g} at distance {len(flow.distances)}; seed {flow.seed}, {sizes}",
    )  # fmt: skip


#: More units or steps than these are not drawn one by one.
_MOST_UNITS, _MOST_STEPS = 24, 120
#: The least and the largest side of a square, and the gap between strips.
_LEAST_CELL, _LARGEST_CELL, _GAP = 6, 14, 26


def gates_svg(rows: Mapping[str, Any], title: str) -> str:
    """Quantities over time as strips: a row for each unit, a column for each step.

    Red is above zero and blue below; the stronger, the larger, up to the largest of that quantity.

    Args:
        rows: (T, M) arrays by what they are called.
        title: stands above the picture.
    """
    strips: list[dict[str, Any]] = []
    y, widest, cut = 40.0, 1, False
    steps = min(max((len(a) for a in rows.values()), default=1), _MOST_STEPS)
    cell = max(_LEAST_CELL, min(_LARGEST_CELL, 500 // steps))
    for name, given in rows.items():
        array = np.asarray(given, np.float64)
        shown = array[:_MOST_STEPS, :_MOST_UNITS]
        cut |= shown.shape != array.shape
        most = float(np.abs(shown).max())
        height, width = cell * shown.shape[1], cell * len(shown)
        cells = [
            {"x": 70 + t * cell, "y": round(y + unit * cell, 1),
             "fill": "#d1495b" if value > 0 else "#3a7ca5", "opacity": round(abs(value) / most, 2)}
            for t, step in enumerate(shown)
            for unit, value in enumerate(step)
            if most > 0 and abs(value) >= 0.005 * most
        ]  # fmt: skip
        strips.append({"name": name, "y": y, "height": height, "width": width, "cells": cells,
                       "most": f"{most:.3g}", "middle": y + height / 2 + 4})  # fmt: skip
        widest = max(widest, width)
        y += height + _GAP
    words = f"The first {_MOST_STEPS} steps and {_MOST_UNITS} units. " if cut else ""
    template = html_environment().get_template("gates.svg.j2")
    return template.render(
        width=70 + widest + 120, height=round(y + 10), strips=strips, title=title, cell=cell,
        words=f"{words}Each strip is a quantity, each row a unit, each column a step.",
    )  # fmt: skip
