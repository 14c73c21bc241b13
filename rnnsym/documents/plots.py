"""What a template needs to draw a plot: points, ticks and labels in the picture's coordinates."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..checking import Flow
from ..names import unicode_of

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 64, 96, 34, 44
_DASHES = ("none", "7 4", "2 4", "10 3 2 3")
#: Below this, numbers are shown at the lower edge: a double has no smaller ones to speak of.
_LEAST = 1e-300


def plot_of(flow: Flow) -> dict[str, Any]:
    """Lines, ticks and words of a gradient flow, for the template."""
    rows = {name: np.log10(np.clip(v, _LEAST, 1e300)) for name, v in flow.norms.items()}
    everything = np.concatenate(list(rows.values()))
    low, high = math.floor(min(everything.min(), 0)), math.ceil(max(everything.max(), 0))
    high = max(high, low + 1)
    steps = len(flow.distances)

    def x(k: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (k - 1) / max(steps - 1, 1)

    def y(power: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - power) / (high - low)

    lines = []
    taken: list[float] = []
    for i, (name, row) in enumerate(rows.items()):
        points = " ".join(f"{x(k):.1f},{y(v):.1f}" for k, v in zip(flow.distances, row))
        label = "all states" if name == "state" and len(rows) > 1 else unicode_of(
            flow.cell.states[0].name if name == "state" else name)  # fmt: skip
        height = y(row[-1])
        while any(abs(height - other) < 14 for other in taken):
            height += 14
        taken.append(height)
        lines.append({"points": points, "label": label, "dash": _DASHES[i % len(_DASHES)],
                      "x": x(steps) + 6, "y": round(height + 4, 1)})  # fmt: skip
    every = max(1, math.ceil((high - low) / 6))
    powers = range(low, high + 1, every)
    ks = sorted({1, *(round(1 + (steps - 1) * i / 5) for i in range(1, 6))})
    first, last = (float(flow.norms["state"][i]) for i in (0, -1))
    title = flow.cell.title or flow.cell.name.replace("_", " ")
    return {
        "width": WIDTH, "height": HEIGHT, "left": LEFT, "right": WIDTH - RIGHT, "top": TOP,
        "bottom": HEIGHT - BOTTOM, "lines": lines, "title": title,
        "rows": [{"y": round(y(p), 1), "power": p} for p in powers],
        "columns": [{"x": round(x(k), 1), "step": k} for k in ks],
        "words": (
            f"The norm of the derivative of the state by the state k steps before: {first:.2g} at "
            f"distance 1, {last:.2g} at distance {steps}; seed {flow.seed}, "
            + ", ".join(f"{k} = {v}" for k, v in flow.sizes.items())
        ),
    }  # fmt: skip
