"""A function that carries a change of the states forward with the states themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sympy import Integer

from ..derive.differentiated import Differentiated
from ..names import code_of, t
from ..nouns import Cell, Equation, Role
from .compiling import compiled
from .gradient import Names
from .source import Source, Writer, argument_names


def tangent_source(cell: Cell) -> Source:
    """Code of the tangent of a cell: inputs, states, their changes and parameters go in."""
    d = Differentiated(cell, still=frozenset([Role.INPUT, Role.PARAMETER]))
    bare = replace(d.bare, name=f"{d.bare.name}_tangent")
    names = Names(d.cell)
    w = Writer(bare, False, names.quantity)
    states = bare.states
    moved = {v.name: d.tangent(v) for v in states}
    arguments = argument_names(bare)
    arguments += [names.quantity(moved[v.name].at(Integer(0))) for v in states]
    body = [w.equation(e) for e in bare.ordered if e.time is None]
    for v in states:
        for one in (v, moved[v.name]):
            body.append(f"{names.quantity(one.at(t - 1))} = {names.quantity(one.at(Integer(0)))}")
    for v in bare.delayed:
        body.append(f"{names.quantity(v.at(t - 1))} = np.zeros_like({code_of(v.name)}[:, 0])")
    body.append("changes = []")
    body.append("for t in range(T):")
    loop = [f"{names.quantity(v.here)} = {code_of(v.name)}[:, t]" for v in bare.inputs]
    for e in d.recurrent:
        loop.append(w.equation(e))
        linear = d.changes[e.variable.name].expr
        if linear is not None:
            loop.append(w.equation(Equation(d.tangent(e.variable), linear)))
        elif e.variable.name in d.moving:
            now = names.quantity(d.tangent(e.variable).here)
            loop.append(f"{now} = np.zeros_like({names.quantity(e.lhs)})")
    loop.append(
        f"changes.append(({', '.join(names.quantity(moved[v.name].here) for v in states)},))"
    )
    for v in states:
        for one in (v, moved[v.name]):
            loop.append(f"{names.quantity(one.at(t - 1))} = {names.quantity(one.here)}")
    for v in bare.delayed:
        loop.append(f"{names.quantity(v.at(t - 1))} = {names.quantity(v.here)}")
    body += [f"    {line}" for line in loop]
    body.append("return [np.stack(steps) for steps in zip(*changes)]")
    return w.source(body, arguments)


def tangent_function(cell: Cell) -> Callable[..., dict[str, Any]]:
    """The function of `tangent_source`: changes of the states at every step, by name."""
    source = tangent_source(cell)
    function = compiled(source)

    def run(
        inputs: Sequence[Any], states: Mapping[str, Any], changes: Mapping[str, Any],
        weights: Mapping[str, Any],
    ) -> dict[str, Any]:  # fmt: skip
        found = function(
            *inputs, *(states[v.name] for v in cell.states),
            *(weights[v.name] for v in cell.parameters),
            *(changes[v.name] for v in cell.states),
        )  # fmt: skip
        return {v.name: a for v, a in zip(cell.states, found)}

    return run
