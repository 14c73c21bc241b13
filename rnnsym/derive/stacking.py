"""Joining cells: each reads what the one before it gives."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from sympy import Symbol

from ..errors import InputError
from ..names import canonical, fault_of
from ..nouns import Cell, Equation, Network, Quantity, Role, Variable
from ..ops.node import replace_quantities, resized


def stack(*cells: Cell, name: str | None = None, **sizes: int) -> Network:
    """Join cells one behind the other.

    Names (and sizes) that clash get their layer's number: `W` of two layers is `W_1` and `W_2`.

    Args:
        cells: cells or networks; each but the first has one input, as wide as the output before it.
        name: what to call the network; the names of the cells joined, if not given.
        sizes: sizes that are given, in the network's symbols, such as `D=3, M=5, K=3`.

    Returns:
        The network, a cell with all the equations.

    Raises:
        InputError: if there is no cell, a cell does not have one input, or it cannot read what the
            one before it gives.
    """
    cells = _checked(cells)
    if name is not None and (fault := fault_of(name)):
        raise InputError(f"the name of a network: {fault}")
    layers, given = _layers(cells)
    joined = layers[0] if len(cells) == 1 else None
    variables = [v for i, layer in enumerate(layers) for v in layer.variables
                 if i == 0 or v.role != Role.INPUT]  # fmt: skip
    _refuse_ambiguous(variables)
    order = list(Role)
    variables.sort(key=lambda v: order.index(v.role))
    network = Network(
        name=name or (joined.name if joined else "_".join(c.name for c in cells)[:32].strip("_")),
        equations=tuple(e for layer in layers for e in layer.equations),
        variables=tuple(variables),
        output=layers[-1].output,
        title=" and ".join(c.title or c.name for c in cells),
        text="\n".join(c.text for c in cells),
        sizes=given,
        convention=cells[0].convention,
        remarks=tuple(dict.fromkeys(r for c in cells for r in c.remarks)),
        raised=all(c.raised for c in cells),
        catalogued=all(c.catalogued for c in cells),
        layers=tuple(layers),
        originals=tuple(cells),
    )
    return network.with_sizes(**sizes) if sizes else network  # type: ignore[return-value]


def _checked(cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
    """The cells one behind the other, each refused that cannot be."""
    if not cells:
        raise InputError("stack needs at least one cell")
    for i, cell in enumerate(cells, 1):
        if not isinstance(cell, Cell):
            raise InputError(f"stack joins cells; argument {i} is {type(cell).__name__}")
        if i > 1 and len(cell.inputs) != 1:
            raise InputError(
                f"layer {i} ({cell.name}) must have one input to be stacked; it has "
                f"{len(cell.inputs)}"
            )
    cells = tuple(one for cell in cells for one in _unstacked(cell))
    if other := next((c for c in cells if c.convention != cells[0].convention), None):
        raise InputError(
            f"{cells[0].name} is written in {cells[0].convention} form and {other.name} in "
            f"{other.convention} form, so their arrays would lie in two ways; say which is meant "
            f"with {other.name}.in_convention('{cells[0].convention}')"
        )
    return cells


def _layers(cells: tuple[Cell, ...]) -> tuple[list[Cell], dict[Symbol, int]]:
    """The cells with names and sizes that do not clash, and the sizes that they give."""
    # A layer's input is the output of the layer before it, so it brings no name of its own, unless
    # the layer also reads it delayed: then the delay is a state of the network.
    own = [[v.name for v in c.variables if i == 0 or v.role != Role.INPUT or c.delayed]
           for i, c in enumerate(cells)]  # fmt: skip
    clashing = _all_clashing(own, {v.name for c in cells for v in c.variables if v.timed})
    symbols = [[str(s) for s in _own_sizes(c, i)] for i, c in enumerate(cells)]
    variables_used = {n for names in own for n in names}
    clashing_sizes = _clashing(symbols) | {s for row in symbols for s in row if s in variables_used}
    layers: list[Cell] = []
    given: dict[Symbol, int] = {}
    for i, cell in enumerate(cells):
        rename = {n: _numbered(n, i + 1) if n in clashing else n for n in own[i]}
        resize: dict[Any, Any] = {
            Symbol(s): Symbol(f"{s}_{i + 1}" if s in clashing_sizes else s) for s in symbols[i]
        }
        if i:
            _join_width(cell, layers[-1].output, resize, i + 1)
        layer = _renamed(cell, rename, resize, layers[-1].output if i else None)
        for symbol, value in cell.sizes.items():
            size = resize.get(symbol, symbol)
            if isinstance(size, Symbol):
                if given.setdefault(size, value) != value:
                    raise InputError(
                        f"layer {i + 1} ({cell.name}) has {symbol} = {value}, and the layer "
                        f"before it gives {given[size]}"
                    )
        layers.append(layer)
    return layers, given


def _unstacked(cell: Cell) -> list[Cell]:
    """The cells that a network was made of, with the sizes that it gives them."""
    if not isinstance(cell, Network) or len(cell.originals) < 2:
        return [cell]
    found = []
    for original, layer in zip(cell.originals, cell.layers):
        sizes = dict(original.sizes)
        for mine, here in zip(original.variables, layer.variables):
            for a, b in zip(mine.shape, here.shape):
                if isinstance(a, Symbol) and b in cell.sizes:
                    sizes[a] = cell.sizes[b]
        found.append(replace(original, sizes=sizes))
    return found


def _all_clashing(own: list[list[str]], timed: set[str]) -> set[str]:
    """The names that get their layer's number, until no two names are the same or ambiguous."""
    clashing = _clashing(own)
    while True:
        final: dict[str, list[str]] = {}
        for i, names in enumerate(own):
            for n in names:
                final.setdefault(_numbered(n, i + 1) if n in clashing else n, []).append(n)
        plain = {n for n in final if n in timed and n not in clashing}
        more = {n for names in final.values() if len(names) > 1 for n in names}
        more |= {
            n for new, names in final.items() for n in names
            if new.rpartition("_")[2].isdigit() and new.rpartition("_")[0] in plain
        }  # fmt: skip
        if not more - clashing:
            return clashing
        clashing |= more


def _clashing(rows: list[list[str]]) -> set[str]:
    return {n for n, times in Counter(n for row in rows for n in set(row)).items() if times > 1}


def _numbered(name: str, layer: int) -> str:
    base, *parts = name.split("_")
    numbered = canonical(base, [*parts, str(layer)])
    if fault := fault_of(numbered):
        raise InputError(f"'{name}' of layer {layer} cannot be numbered: {fault}")
    return numbered


def _own_sizes(cell: Cell, layer: int) -> list[Symbol]:
    """The sizes of a layer that are not those of what it reads."""
    if layer == 0:
        return list(cell.dims)
    read = cell.inputs[0].shape
    return [s for s in cell.dims if s not in read]


def _join_width(cell: Cell, output: Variable, resize: dict[Any, Any], layer: int) -> None:
    rows, width = cell.inputs[0].shape
    if output.shape[0] != rows and not isinstance(rows, Symbol):
        reads = "a row vector" if rows == 1 else f"{rows} rows"
        raise InputError(
            f"layer {layer} ({cell.name}) reads {reads} and the layer before it gives "
            f"{output.name} of shape {output.shape[0]} × {output.shape[1]}"
        )
    if isinstance(rows, Symbol):
        resize[rows] = output.shape[0]
    if isinstance(width, Symbol):
        resize[width] = output.shape[1]
    elif width != output.shape[1]:
        raise InputError(
            f"layer {layer} ({cell.name}) reads a width of {width} and the layer before it gives "
            f"{output.shape[1]}"
        )


def _renamed(
    cell: Cell, rename: dict[str, str], resize: dict[Any, Any], source: Variable | None
) -> Cell:
    """A cell in other names and sizes, its input replaced by the output before it.

    A delayed input starts at zero, whatever the state behind it starts at, so it becomes a state of
    its own that copies the output.
    """
    copied = source is not None and bool(cell.delayed)
    shapes = {v.name: tuple(d.xreplace(resize) for d in v.shape) for v in cell.variables}

    def variable(v: Variable) -> Variable:
        if source is not None and v.role == Role.INPUT:
            if not copied:
                return replace(source, role=Role.INPUT)
            return replace(v, name=rename[v.name], shape=source.shape, role=Role.STATE)
        return replace(v, name=rename[v.name], shape=shapes[v.name])

    table = {v.name: variable(v) for v in cell.variables}

    def quantity(q: Quantity) -> Quantity:
        return table[q.label].at(q.time)

    equations = tuple(
        Equation(
            table[e.variable.name],
            replace_quantities(resized(e.expr, resize), quantity),
            e.time,
        )
        for e in cell.equations
    )
    if source is not None and copied:
        equations = (Equation(table[cell.inputs[0].name], source.here), *equations)
    return replace(
        cell,
        equations=equations,
        variables=tuple(table.values()),
        output=table[cell.output.name],
        sizes={},
    )


def _refuse_ambiguous(variables: list[Variable]) -> None:
    timed = {v.name for v in variables if v.timed}
    for v in variables:
        base, _, step = v.name.rpartition("_")
        if step.isdigit() and base in timed:
            raise InputError(f"'{v.name}' is how '{base}_t' is written at step {step}; rename one")
