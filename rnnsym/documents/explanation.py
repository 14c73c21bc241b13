"""A reader's own model, explained: summary, equations with its sizes, which block is which gate.

Everything that comes from the model's file is escaped by the target's environment; only formulas
that were printed by us, and read again, are not.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sympy import Integer

from ..checking.definitions import check_size
from ..checking.sequences import check_between
from ..checking.whole import PRINTED
from ..errors import InputError
from ..models import Layer, Model, Node, leaves
from ..names import tex_of, unicode_of
from ..nouns import Report, Verdict
from ..numeric import ModelFunction
from ..printing import Style, count_text
from ..printing.latex import count_parts
from ..printing.models import equations_of, operation_text, part_lines
from ..printing.text import equation_text
from .environment import (
    Safe,
    html_environment,
    markdown_environment,
    site_sources,
    tex_environment,
)
from .plots import gates_svg
from .views import symbol_texts

Array = NDArray[Any]
Progress = Callable[[str], None]

#: The formats of an explanation: its template.
EXPLANATIONS = {"tex": "explain.tex.j2", "md": "explain.md.j2", "html": "explain.html.j2"}
#: Samples that are computed at once for a trace.
_AT_ONCE = 64


@dataclass(frozen=True)
class Part:
    """A part of the model as it is printed.

    Attributes:
        node: the part.
        reads, equations, gives: lines of LaTeX, each with its `&=`.
        sizes: (symbol, number).
        error: of the printed equations when they were read again; None for what is in words.
    """

    node: Node
    reads: tuple[str, ...]
    equations: tuple[str, ...]
    gives: tuple[str, ...]
    sizes: tuple[tuple[str, int], ...]
    error: float | None

    @property
    def lines(self) -> tuple[Safe, ...]:
        return tuple(Safe(line) for line in (*self.reads, *self.equations, *self.gives))


@dataclass(frozen=True)
class Block:
    """A block of an array: what it is called in the equations, and what is in it."""

    layer: str
    key: str
    words: str
    symbol: str
    tex: Safe
    meaning: str
    shape: tuple[int, ...]
    statistics: Mapping[str, float]


@dataclass(frozen=True)
class Explanation:
    """What is said about a model.

    Attributes:
        model: the model.
        source: where it was read from, in words.
        report: the verdict; of the printed formulas alone, where Keras was not asked.
        verified: whether Keras was asked.
        between: of the formulas between cells, by part: the error when read again, None where they
            are in words.
        traces: for an input, every named quantity at every step, by part and name.
        outputs: for an input, what the model gives.
    """

    model: Model
    source: str
    report: Report
    verified: bool
    between: Mapping[str, float | None] = field(default_factory=dict)
    traces: Mapping[str, Mapping[str, Array]] = field(default_factory=dict)
    outputs: tuple[Array, ...] = ()

    @property
    def verdict(self) -> Verdict:
        return self.report.verdict

    @property
    def parts(self) -> tuple[Part, ...]:
        return tuple(_part(node, self.report, self.between) for node in self.model.nodes)

    @property
    def layers(self) -> Iterator[tuple[Layer, str, int]]:
        """Each layer with the formula of its number of parameters, and the number."""
        for layer in self.model.layers:
            yield layer, _formula(self.model, layer), _count(self.model, layer)

    @property
    def blocks(self) -> tuple[Block, ...]:
        return tuple(_blocks(self.model))

    @property
    def figures(self) -> dict[str, Safe]:
        """A picture of the gates over time for each recurrent part, as SVG."""
        found = {}
        for node in self.model.equations:
            trace = self.traces.get(node.name)
            if trace is None or not node.cell or not node.cell.states:
                continue
            rows = {unicode_of(n): a[0] for n, a in trace.items() if a.ndim == 3}
            found[node.name] = Safe(gates_svg(rows, f"{node.name} over time, the first sample"))
        return found

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        model = self.model
        return {
            "model": model.title,
            "source": self.source,
            "verdict": self.verdict.slug,
            "explained": model.coverage,
            "parameters": model.parameter_count,
            "dtype": model.dtype,
            "layers": [
                {"name": layer.name, "title": layer.title, "class": layer.kind,
                 "shape": None if layer.axes is None else list(layer.axes),
                 "covered": not layer.box, "options": layer.words, "formula": formula,
                 "parameters": number}
                for layer, formula, number in self.layers
            ],
            "parts": [
                {"name": p.node.name, "class": p.node.kind, "layer": p.node.layer,
                 "backwards": p.node.backwards, "reads": list(p.node.reads),
                 "gives": list(p.node.gives), "sizes": dict(p.sizes), "error": p.error,
                 "latex": list(p.equations), "equations": _plain(p.node)}
                for p in self.parts
            ],
            "blocks": [
                {"array": b.key, "block": b.words, "symbol": b.symbol, "meaning": b.meaning,
                 "shape": list(b.shape), **b.statistics}
                for b in self.blocks
            ],
            "report": self.report.to_dict(),
        }  # fmt: skip


def _plain(node: Node) -> list[str]:
    if node.cell is None:
        return [operation_text(node)]
    return [equation_text(e) for e in equations_of(node)]


def explain(
    model: Model,
    *,
    report: Report,
    source: str = "",
    verified: bool = True,
    inputs: Sequence[Array] | None = None,
    progress: Progress = lambda _: None,
) -> Explanation:
    """Say what a model computes.

    Args:
        model: what `from_keras` read.
        report: what was checked: `verify(model)`, or `verify_printed(model)` without Keras.
        source: where the model comes from, in words.
        verified: whether `report` compares with Keras.
        inputs: arrays to compute a trace for, one for each input of the model.
        progress: is told how far a long input is.

    Raises:
        InputError: if the inputs do not fit.
        CheckError: if a printed formula between the cells does not say what is computed.
    """
    between = check_between(model)
    if inputs is None:
        return Explanation(model, source, report, verified, between)
    function = ModelFunction(model)
    count = len(inputs[0])
    pieces: list[Any] = []
    results: list[list[Array]] = []
    for start in range(0, max(count, 1), _AT_ONCE):
        progress(f"tracing sample {start + 1} of {count}")
        chosen = [x[start : start + _AT_ONCE] for x in inputs]
        result, traces = function(*chosen, trace=True)
        results.append(leaves(result))
        pieces.append(traces)
    joined = {
        node: {n: _joined([p[node][n] for p in pieces], node, n, model) for n in names}
        for node, names in pieces[0].items()
    }
    outputs = tuple(np.concatenate(row) for row in zip(*results))
    return Explanation(model, source, report, verified, between, joined, outputs)


def _joined(arrays: list[Array], node: str, name: str, model: Model) -> Array:
    cell = model.node(node).cell
    assert cell is not None
    return np.concatenate(arrays) if cell[name].timed else arrays[0]


def trace_arrays(explanation: Explanation) -> dict[str, Array]:
    """What `trace.npz` holds: `part.quantity` for every named quantity, and the outputs."""
    found = {
        f"{node}.{name}": array
        for node, names in explanation.traces.items()
        for name, array in names.items()
    }
    names = leaves(explanation.model.outputs)
    return found | {f"output.{n}": y for n, y in zip(names, explanation.outputs)}


def _part(node: Node, report: Report, between: Mapping[str, float | None]) -> Part:
    lines = part_lines(node)
    if node.cell is None:
        return Part(node, *lines, (), between.get(node.name))
    errors = [c.error for c in report.comparisons if c.what == f"{node.name}: {PRINTED}"]
    sizes = tuple((str(symbol), int(value)) for symbol, value in node.cell.sizes.items())
    return Part(node, *lines, sizes, errors[0] if errors else None)


def _nodes_once(model: Model, layer: Layer) -> Iterator[Node]:
    """The parts of a layer, those with the same arrays once."""
    seen: set[Any] = set()
    for node in model.of_layer(layer.name):
        keys = tuple(sorted(p.key for p in node.places.values()))
        if keys and keys not in seen:
            seen.add(keys)
            yield node


def _formula(model: Model, layer: Layer) -> str:
    terms = []
    for node in _nodes_once(model, layer):
        if node.cell is not None:
            whole = sum(count_parts(node.cell), Integer(0))
            terms.append(check_size(count_text(node.cell), whole, latex=False))
        else:
            keys = [p.key for p in node.places.values()]
            shapes = [w.shape for w in model.weights if w.key in keys]
            terms += [" · ".join(map(str, shape)) for shape in shapes]
    if len(terms) > 1 and len(set(terms)) == 1:
        return f"{len(terms)} ({terms[0]})"
    return " + ".join(terms)


def _count(model: Model, layer: Layer) -> int:
    if layer.box:
        return layer.count
    return sum(w.size for w in model.weights if w.layer == layer.name)


def _blocks(model: Model) -> Iterator[Block]:
    seen: set[tuple[str, str]] = set()
    arrays = {w.key: w for w in model.weights}
    for node in model.nodes:
        for name, place in node.places.items():
            if (place.key, name) in seen:
                continue
            seen.add((place.key, name))
            weight = arrays[place.key]
            values = model.values.get(place.key)
            shape: tuple[int, ...] = weight.shape
            statistics: dict[str, float] = {}
            if values is not None:
                part = np.asarray(values)[place.index(weight.shape)]
                shape, statistics = part.shape, _statistics(part)
            width = "M" if node.cell is not None and "M" in map(str, node.cell.dims) else None
            number = weight.shape[-1] // place.columns
            words = place.words(weight.array, len(weight.shape), width or number)
            meaning = node.cell[name].meaning if node.cell is not None else "the table"
            tex, text = tex_of(name), unicode_of(name)
            if node.cell is not None:
                tex, text = symbol_texts(node.cell[name], node.cell, Style())
            yield Block(weight.layer, place.key, words, text, Safe(tex), meaning, shape,
                        statistics)  # fmt: skip


def _statistics(array: Array) -> dict[str, float]:
    wide = np.asarray(array, np.float64)
    return {
        "min": float(wide.min()),
        "max": float(wide.max()),
        "mean": float(wide.mean()),
        "std": float(wide.std()),
        "zeros": float((wide == 0).mean()),
    }


def render(explanation: Explanation, to: str) -> str:
    """The explanation as a document: "tex", "md" or "html" (one file with nothing beside it).

    Raises:
        InputError: for an unknown format.
    """
    if to not in EXPLANATIONS:
        raise InputError(f"unknown format '{to}'; there are {', '.join(EXPLANATIONS)}")
    environment = {"tex": tex_environment, "md": markdown_environment, "html": html_environment}
    context: dict[str, Any] = {
        "e": explanation,
        "model": explanation.model,
        "report": explanation.report,
        "telling": [c for c in explanation.report.controls if not c.harmless],
        "layers": [
            (layer, formula, number, layer.shape) for layer, formula, number in explanation.layers
        ],
    }
    if to == "html":
        context |= _katex()
        context["figures"] = explanation.figures
    return environment[to]().get_template(EXPLANATIONS[to]).render(**context)


#: The fonts of KaTeX that our formulas use.
_FONTS = ("Main-Regular", "Math-Italic", "Size1-Regular", "Size2-Regular", "Size3-Regular",
          "Size4-Regular", "AMS-Regular", "Main-Bold")  # fmt: skip


def _katex() -> dict[str, Any]:
    """KaTeX's script and style with its fonts inside, from the files that the site has too."""
    folder: Path = site_sources() / "docs" / "assets" / "katex"
    css = (folder / "katex.min.css").read_text(encoding="utf-8")

    def face(match: re.Match[str]) -> str:
        name = re.search(r"KaTeX_([\w-]+)\.woff2", match.group())
        if name is None or name.group(1) not in _FONTS:
            return ""
        data = base64.b64encode((folder / "fonts" / f"KaTeX_{name.group(1)}.woff2").read_bytes())
        source = f"src:url(data:font/woff2;base64,{data.decode()}) format('woff2')"
        return re.sub(r"src:[^}]*", source, match.group())

    css = re.sub(r"@font-face\{[^}]*\}", face, css)
    script = (folder / "katex.min.js").read_text(encoding="utf-8")
    return {"katex_css": css, "katex_js": script}
