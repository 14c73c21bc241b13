"""Pictures of one step and of the unrolled network, drawn from the equations, as SVG and TikZ."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sympy import Expr, Integer

from ..errors import InputError
from ..names import Look, t, tex_of, unicode_of
from ..nouns import Cell, Network
from ..ops.elementwise import is_function
from ..ops.rows import RowApply
from .environment import html_environment, tex_environment
from .views import CellView

#: Sizes of the picture, in points.
_WIDE, _HIGH, _GAP, _RISE = 72, 34, 46, 20
#: Steps of an unrolled picture.
_MOST_STEPS = 5


@dataclass(frozen=True)
class Label:
    """A symbol: TeX, and for SVG its base with what stands below and above."""

    tex: str
    base: str
    below: str = ""
    above: str = ""


@dataclass
class Box:
    """A box: where its middle is, how large it is, what stands in it."""

    key: str
    label: Label
    kind: str
    x: float = 0
    y: float = 0
    note: str = ""
    wide: float = _WIDE
    high: float = _HIGH


@dataclass(frozen=True)
class Arrow:
    """An arrow from the side of one box to that of another; `around` is the height it runs at
    where boxes stand between them."""

    start: str
    end: str
    points: tuple[float, float, float, float]
    upward: bool = False
    note: str = ""
    around: float | None = None


@dataclass
class Picture:
    """Boxes and arrows, for a template."""

    title: str
    words: str
    boxes: list[Box] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)

    @property
    def left(self) -> float:
        return min(b.x - b.wide / 2 for b in self.boxes) - 8

    @property
    def top(self) -> float:
        heights = [b.y - b.high / 2 for b in self.boxes]
        return min([*heights, *(a.around for a in self.arrows if a.around is not None)]) - 8

    @property
    def width(self) -> float:
        return max(b.x + b.wide / 2 for b in self.boxes) + 8 - self.left

    @property
    def height(self) -> float:
        heights = [b.y + b.high / 2 for b in self.boxes]
        return max([*heights, *(a.around for a in self.arrows if a.around is not None)]) + (
            8 - self.top
        )

    def box(self, key: str) -> Box:
        return next(b for b in self.boxes if b.key == key)


def label(name: str, time: Expr | None, look: Look) -> Label:
    """The symbol of a quantity."""
    text = unicode_of(name, time, look)
    match = re.match(r"([^_^]+)(?:_(?:\{([^{}]*)\}|([^\^]+)))?(?:\^\{([^{}]*)\})?$", text)
    assert match is not None, text
    base, braced, bare, above = match.groups()
    return Label(tex_of(name, time, look), base, braced or bare or "", above or "")


def one_step(cell: Cell, look: Look) -> Picture:
    """The picture of one step: what each equation reads, from left to right.

    Raises:
        InputError: for a cell of constants alone.
    """
    equations = [e for e in cell.ordered if e.time is not None]
    used = {(q.label, q.time) for e in equations for q in e.uses if q.time is not None}
    defined = {e.variable.name for e in equations}
    picture = Picture(f"{cell.title or cell.name}, one step", _words(cell))
    column: dict[str, int] = {}
    for name, time in sorted(used, key=lambda p: (p[1] == t, str(p))):
        if time != t or name not in defined:
            kind = "state" if time != t else "input"
            key = f"{name}@{time}"
            picture.boxes.append(Box(key, label(name, time, look), kind))
            column[key] = 0
    for e in equations:
        sources = [f"{q.label}@{q.time}" for q in e.uses if q.time is not None]
        key = f"{e.variable.name}@{t}"
        column[key] = 1 + max((column[s] for s in sources), default=0)
        kind = "output" if e.variable == cell.output else "named"
        symbol = label(e.variable.name, t, look)
        picture.boxes.append(Box(key, symbol, kind, note=_functions(e.expr)))
    _place(picture, column, equations)
    for e in equations:
        end = picture.box(f"{e.variable.name}@{t}")
        for q in e.uses:
            if q.time is not None:
                start = picture.box(f"{q.label}@{q.time}")
                points = (start.x + start.wide / 2, start.y, end.x - end.wide / 2, end.y)
                around = _around(picture, start, end)
                picture.arrows.append(Arrow(start.key, end.key, points, around=around))
    return picture


def _around(picture: Picture, start: Box, end: Box) -> float | None:
    """How high an arrow runs that would go through boxes: above or below them all."""
    between = [b for b in picture.boxes if start.x + 1 < b.x < end.x - 1]
    if not between:
        return None
    low = min(b.y - b.high / 2 for b in between) - 12
    high = max(b.y + b.high / 2 for b in between) + 12
    middle = (start.y + end.y) / 2
    return low if middle - low <= high - middle else high


def _place(picture: Picture, column: dict[str, int], equations: list[Any]) -> None:
    """Columns from left to right; within one, each box beside what it reads."""
    columns: dict[int, list[Box]] = {}
    for box in picture.boxes:
        columns.setdefault(column[box.key], []).append(box)
    reads = {f"{e.variable.name}@{t}": [f"{q.label}@{q.time}" for q in e.uses
                                        if q.time is not None] for e in equations}  # fmt: skip
    for x, (_, boxes) in enumerate(sorted(columns.items())):

        def middle(box: Box) -> float:
            places = [picture.box(s).y for s in reads.get(box.key, ())]
            return sum(places) / len(places) if places else 0.0

        boxes.sort(key=middle)
        high = (len(boxes) - 1) * (_HIGH + _RISE)
        for n, box in enumerate(boxes):
            box.x = x * (_WIDE + _GAP)
            # Every other column stands a little lower, so that no arrow runs through a box.
            box.y = n * (_HIGH + _RISE) - high / 2 + (x % 2) * (_HIGH + _RISE) / 4


def _functions(expr: Any) -> str:
    """The functions of an equation, for the small print of its box."""
    found: dict[str, None] = {}
    stack = [expr]
    while stack:
        node = stack.pop()
        if isinstance(node, RowApply) or is_function(node):
            found.setdefault("σ" if node.name_ == "sigmoid" else node.name_)
        stack.extend(reversed(getattr(node, "args", ())))
    names = list(found)
    while len(", ".join(names)) > 14 and len(names) > 1:
        names = [*names[:-2], "…"] if names[-1] == "…" else [*names[:-1], "…"]
    return ", ".join(names)


def _words(cell: Cell) -> str:
    parts = []
    for e in cell.ordered:
        read = ", ".join(unicode_of(q.label, q.time) for q in e.uses) or "nothing"
        parts.append(f"{unicode_of(e.variable.name, e.time)} reads {read}")
    return "; ".join(parts) + "."


def unrolled(cell: Cell, steps: int, look: Look) -> Picture:
    """The picture of several steps: a box for each layer and step, states from left to right."""
    steps = min(steps, _MOST_STEPS)
    layers = list(cell.layers) if isinstance(cell, Network) else [cell]
    picture = Picture(
        f"{cell.title or cell.name}, {steps} steps",
        "The same box at every step, with the same parameters; "
        "states go from left to right, what is read from below to above.",
    )
    wide = max(_WIDE, 12 * max(len(layer.name) for layer in layers) * 0.6)
    across, up = wide + 2 * _GAP, _HIGH + 3 * _RISE
    for step in range(1, steps + 1):
        x, time = step * across, Integer(step)
        inputs = list(cell.inputs)
        for k, v in enumerate(inputs):
            shift = (k - (len(inputs) - 1) / 2) * (_WIDE + 6)
            picture.boxes.append(Box(f"{v.name}@{step}", label(v.name, time, look), "input",
                                     x + shift, 0))  # fmt: skip
        for n, layer in enumerate(layers, 1):
            name = layer.name.replace("_", " ")
            key = f"layer {n}@{step}"
            picture.boxes.append(Box(key, Label(rf"\text{{{_plain(name)}}}", name), "layer",
                                     x, -n * up, wide=wide))  # fmt: skip
            below = [f"{v.name}@{step}" for v in inputs] if n == 1 else [f"layer {n - 1}@{step}"]
            for source in below:
                picture.arrows.append(_up(picture, source, key))
            for v in layer.states:
                if step == 1:
                    start = f"{v.name}@0"
                    if not any(b.key == start for b in picture.boxes):
                        shift = (layer.states.index(v) - (len(layer.states) - 1) / 2) * 30
                        first = label(v.name, Integer(0), look)
                        picture.boxes.append(
                            Box(start, first, "state", x - across, shift - n * up, "", 44, 24)
                        )
                    picture.arrows.append(_across(picture, start, key, ""))
            if step > 1 and layer.states:
                names = ", ".join(unicode_of(v.name) for v in layer.states)
                before = f"layer {n}@{step - 1}"
                picture.arrows.append(_across(picture, before, key, names))
        out = f"output@{step}"
        picture.boxes.append(Box(out, label(cell.output.name, time, look), "output",
                                 x, -(len(layers) + 1) * up))  # fmt: skip
        picture.arrows.append(_up(picture, f"layer {len(layers)}@{step}", out))
    return picture


def _up(picture: Picture, start: str, end: str) -> Arrow:
    a, b = picture.box(start), picture.box(end)
    return Arrow(start, end, (a.x, a.y - a.high / 2, b.x, b.y + b.high / 2), upward=True)


def _across(picture: Picture, start: str, end: str, note: str) -> Arrow:
    a, b = picture.box(start), picture.box(end)
    return Arrow(start, end, (a.x + a.wide / 2, a.y, b.x - b.wide / 2, b.y), note=note)


def _plain(words: str) -> str:
    return re.sub(r"[^A-Za-z0-9 .,()-]", " ", words)


def pictures(view: CellView) -> list[Picture]:
    """One step, the unrolled steps, or both, as the parts of the document ask.

    Raises:
        InputError: if neither is asked for.
    """
    what, look = view.request.what, view.style.look
    found = []
    if "forward" in what:
        found.append(one_step(view.cell, look))
    if "unrolled" in what:
        found.append(unrolled(view.cell, view.steps, look))
    if not found:
        raise InputError("a picture is of forward (one step), of unrolled, or of both")
    return found


def _only(views: Sequence[CellView]) -> CellView:
    if len(views) != 1:
        raise InputError("a picture is of one cell: join cells with +, or name a part of a model")
    return views[0]


def stacked(found: Iterable[Picture]) -> list[tuple[Picture, float]]:
    """Pictures one below the other, each with how far down it stands."""
    placed, down = [], 0.0
    for picture in found:
        placed.append((picture, down))
        down += picture.height + 36
    return placed


def svg(views: Sequence[CellView]) -> str:
    """An SVG that takes the colour of the text around it and says in words what it shows."""
    placed = stacked(pictures(_only(views)))
    return html_environment().get_template("diagram.svg.j2").render(
        placed=placed,
        width=max(p.width for p, _ in placed),
        height=placed[-1][1] + placed[-1][0].height + 24,
        title=views[0].title,
    )  # fmt: skip


def tikz(views: Sequence[CellView]) -> str:
    """A `tikzpicture` for `\\input`; it needs tikz with arrows.meta, and amsmath."""
    placed = stacked(pictures(_only(views)))
    return tex_environment().get_template("diagram.tikz.j2").render(placed=placed)
