"""A model on paper: for each part what it reads, its equations, and what it gives."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from sympy import Integer

from ..derive.variants import still
from ..models import Model, Node
from ..names import T, t, tex_of, unicode_of
from ..nouns import Cell, Equation
from ..numeric.operations import OPERATIONS
from .latex import OWN, element_lines, tex_lines
from .style import Style
from .text import element_texts, equation_text


def equations_of(node: Node) -> tuple[Equation, ...]:
    """The equations of a node, as they are printed: without t where there are no steps."""
    return shown_cell(node).equations


def shown_cell(node: Node) -> Cell:
    """The cell of a node, outside of time where it does not run over steps."""
    assert node.cell is not None
    return node.cell if node.steps else still(node.cell)


def value_tex(name: str) -> str:
    """A value between nodes: its name, upright."""
    return rf"\mathrm{{{name.replace('_', chr(92) + '_')}}}"


def links_tex(node: Node, style: Style | None = None) -> Iterator[str]:
    """What a node reads and gives, as equations between its symbols and values of the model."""
    for left, value, index in _links(node, style):
        lower = "" if index is None else f"_{{{_index(index)}}}"
        yield f"{left[0]} = {value_tex(value)}{lower}"


def links_text(node: Node) -> Iterator[str]:
    """The same in plain text."""
    for left, value, index in _links(node):
        lower = "" if index is None else f"_{{{_index(index)}}}"
        yield f"{left[1]} = {value}{lower}".replace("_{t}", "_t").replace("_{T}", "_T")


def _index(index: object) -> str:
    return str(index).replace(" ", "").replace("T-t+1", "T+1-t").replace("-t+T+1", "T+1-t")


def _links(node: Node, style: Style | None = None) -> Iterator[tuple[tuple[str, str], str, object]]:
    cell = node.cell
    assert cell is not None
    look = (style or Style()).look
    now = t if node.steps else None
    for variable, value in zip(cell.inputs, node.reads):
        name = variable.name
        yield (tex_of(name, now, look), unicode_of(name, now)), value, _read_at(node)
    for state, value in node.initial.items():
        zero = Integer(0)
        yield (tex_of(state, zero, look), unicode_of(state, zero)), value, None


def _read_at(node: Node) -> object:
    if not node.steps:
        return None
    return T + 1 - t if node.backwards else t


def _gives(node: Node, style: Style | None = None) -> Iterator[tuple[tuple[str, str], str, str]]:
    look = (style or Style()).look
    for (name, which), value in zip(node.takes, node.gives):
        index = None if not node.steps else t if which == "all" else T
        lower = "t" if node.steps and which == "all" else ""
        yield (tex_of(name, index, look), unicode_of(name, index)), value, lower


def gives_tex(node: Node, style: Style | None = None) -> Iterator[str]:
    """What a node gives, by the names that the next nodes read."""
    for (tex, _), value, lower in _gives(node, style):
        yield f"{value_tex(value)}{f'_{{{lower}}}' if lower else ''} = {tex}"


def gives_text(node: Node) -> Iterator[str]:
    """The same in plain text."""
    for (_, text), value, lower in _gives(node):
        yield f"{value}{f'_{lower}' if lower else ''} = {text}"


def operation_tex(node: Node) -> str:
    """The formula of an operation."""
    read = [value_tex(name) for name in node.reads]
    options = {**node.options, "all": ", ".join(read)}
    if "value" in options:
        options["value"] = f"{options['value']:g}"
    if "shape" in options:
        options["shape"] = "N, " + ", ".join(str(a) for a in options["shape"])
    entry = OPERATIONS[node.operation]
    template = entry.tex_masked if entry.tex_masked and len(read) > 1 else entry.tex
    return template.format(
        y=", ".join(map(value_tex, node.gives)),
        x=read[0],
        x2=read[1] if len(read) > 1 else "",
        **options,
    )


def operation_text(node: Node) -> str:
    """An operation in words."""
    if template := OPERATIONS[node.operation].text:
        words = {"y": ", ".join(node.gives), "all": ", ".join(node.reads)}
        return template.format(x=node.reads[0], **words, **node.options)
    options = ", ".join(f"{k}={v}" for k, v in node.options.items() if v is not False)
    return f"{node.gives[0]} = {node.operation}({', '.join([*node.reads, options]).rstrip(', ')})"


def model_text(model: Model, style: Style = OWN, elements: bool = False) -> Iterator[str]:
    """The whole model in plain text, line by line; a bare cell is its equations alone."""
    for node in model.nodes:
        if not model.bare:
            yield f"# {_head(node)}"
        if node.cell is None:
            yield operation_text(node)
            continue
        yield from () if model.bare else links_text(node)
        cell = shown_cell(node)
        yield from element_texts(cell, style) if elements else (
            equation_text(e, style) for e in cell.equations)  # fmt: skip
        yield from () if model.bare else gives_text(node)


def model_lines(model: Model, style: Style = OWN, elements: bool = False) -> Iterator[str]:
    """The whole model as lines of one `aligned` block; a bare cell is its equations alone."""
    for node in model.nodes:
        if not model.bare:
            yield rf"&\text{{{_head(node)}}}".replace("_", r"\_")
        reads, equations, gives = part_lines(node, style, elements)
        yield from equations if model.bare else (*reads, *equations, *gives)


def part_lines(
    node: Node, style: Style = OWN, elements: bool = False
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """What a part reads, its equations, and what it gives, as lines of an `aligned` block."""
    if node.cell is None:
        return (), (_at_equals(operation_tex(node)),), ()
    cell = shown_cell(node)
    equations = element_lines(cell, style) if elements else map(
        partial(tex_lines, style=style), cell.equations)  # fmt: skip
    links, gives = links_tex(node, style), gives_tex(node, style)
    return tuple(map(_at_equals, links)), tuple(equations), tuple(map(_at_equals, gives))


def _head(node: Node) -> str:
    return f"{node.name} ({node.kind}{', backwards' if node.backwards else ''})"


def _at_equals(line: str) -> str:
    return line.replace(" = ", " &= ", 1)
