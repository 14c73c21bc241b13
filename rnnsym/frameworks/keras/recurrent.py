"""Keras's recurrent cells, with all their options, as cells of the catalogue changed by verbs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from ...cells import get
from ...derive import stack
from ...derive.variants import Function, dropped_out, with_functions, without
from ...models import Place
from ...nouns import Cell
from .options import Options, activation
from .packing import LAYERS


@dataclass(frozen=True)
class Recurrent:
    """A Keras RNN cell with its options.

    Attributes:
        cell: its equations, with sizes given.
        states: its states in Keras's order, nested as Keras nests them.
        places: where each parameter is.
        masks: the dropout masks, as names of states of the cell, with their widths.
        words: the options that are not Keras's defaults.
    """

    cell: Cell
    states: tuple[str, ...] | tuple[tuple[str, ...], ...]
    places: Mapping[str, Place]
    masks: Mapping[str, int] = field(default_factory=dict)
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Kind:
    """One of Keras's cells: its catalogue cell, states, gates, and the option of each function."""

    cells: Callable[[Options], str]
    states: tuple[str, ...]
    gates: str
    functions: Mapping[str, str]


KINDS = {
    "SimpleRNN": _Kind(lambda o: "simple_rnn", ("h",), "", {"tanh": "activation"}),
    "LSTM": _Kind(lambda o: "lstm", ("h", "c"), "ifgo",
                  {"tanh": "activation", "sigmoid": "recurrent_activation"}),
    "GRU": _Kind(lambda o: "gru" if o.flag("reset_after", True) else "gru_reset_before", ("h",),
                 "zrh", {"tanh": "activation", "sigmoid": "recurrent_activation"}),
}  # fmt: skip
_DEFAULTS = {"activation": "tanh", "recurrent_activation": "sigmoid"}

#: Adds an array of a model and says its key: (name of the array, shape).
AddWeight = Callable[[str, tuple[int, ...]], str]


def recurrent(
    kind: str, o: Options, width: int, add: AddWeight, training: bool, implementation: int = 2
) -> Recurrent:
    """A cell of Keras by its class (without `Cell`) and options.

    Args:
        kind: SimpleRNN, LSTM or GRU.
        o: its configuration.
        width: of what it reads.
        add: registers its arrays.
        training: whether dropout is in the equations.
        implementation: 1 gives each gate a dropout mask of its own.
    """
    known = KINDS[kind]
    name = known.cells(o)
    units = o.size("units")
    cell = get(name, D=width, M=units)
    functions: dict[str, Function] = {}
    words = [f"{units} units"]
    for written, option in known.functions.items():
        value = o.get(option, _DEFAULTS[option])
        function, called = activation(value, o.place, option)
        if called != _DEFAULTS[option]:
            words.append(f"{option.replace('_', ' ')} {called}")
        functions[written] = function or (lambda z: z)
    changed = {w: f for w, f in functions.items()
               if o.config.get(known.functions[w], _DEFAULTS[known.functions[w]])
               != _DEFAULTS[known.functions[w]]}  # fmt: skip
    if changed:
        cell = with_functions(cell, {**functions})
    packing = LAYERS[name]
    biased = o.flag("use_bias", True)
    arrays = {array: rows for array, rows in packing.arrays if biased or array != "bias"}
    if not biased:
        words.append("no bias")
        gone = {n for array, rows in packing.arrays if array == "bias" for r in rows for n in r}
        cell = without(cell, gone)
    if name == "gru_reset_before":
        words.append("reset before the product")
    keys = {}
    for array, rows in arrays.items():
        shape = {"kernel": (width,), "recurrent_kernel": (units,)}
        lead = shape.get(array, (len(rows),) if len(rows) > 1 else ())
        keys[array] = add(array, (*lead, len(rows[0]) * units))
    places = {
        parameter: replace(place, key=keys[place.key])
        for parameter, place in packing.places
        if place.key in keys
    }
    cell, masks = _with_dropout(cell, known, o, width, units, training, implementation, words)
    o.get("unit_forget_bias")  # how the bias is initialised, and nothing after that
    return Recurrent(cell, known.states, places, masks, tuple(words))


def _with_dropout(
    cell: Cell, known: _Kind, o: Options, width: int, units: int, training: bool,
    implementation: int, words: list[str],
) -> tuple[Cell, dict[str, int]]:  # fmt: skip
    """The cell with dropout in its equations, in training, and its masks with their widths."""
    rate, recurrent_rate = o.rate("dropout"), o.rate("recurrent_dropout")
    for called, value in (("dropout", rate), ("recurrent dropout", recurrent_rate)):
        if value:
            words.append(f"{called} {value:g} in training")
    # Keras takes one mask for each gate where the recurrent state is dropped as well. A gated cell
    # drops nothing at a rate of 1; SimpleRNN everything.
    single = not known.gates or (implementation == 2 and not recurrent_rate)
    top = 1.0 if known.gates else 1.5
    masks: dict[tuple[str, str], str] = {}
    widths: dict[str, int] = {}
    for quantity, letter, mask, value, size in (
        ("x", "W", "p", rate, width), ("h", "U", "q", recurrent_rate, units),
    ):  # fmt: skip
        if not training or not 0 < value < top:
            continue
        for gate in known.gates or [""]:
            parameter = f"{letter}_{gate}" if gate else letter
            called = mask if single else f"{mask}_{gate}"
            masks[quantity, parameter] = called
            widths[called] = size
    return (dropped_out(cell, masks), widths) if masks else (cell, {})


def stacked(cells: list[Recurrent], name: str) -> Recurrent:
    """Several cells within one step, each reading what the one before it gives."""
    network = stack(*(c.cell for c in cells), name=name)
    states: list[tuple[str, ...]] = []
    places: dict[str, Place] = {}
    masks: dict[str, int] = {}
    words: list[str] = []
    for one, original, layer in zip(cells, network.originals, network.layers):
        here = {mine.name: now.name for mine, now in zip(original.variables, layer.variables)}
        states.append(tuple(here[str(s)] for s in one.states))
        places |= {here[n]: place for n, place in one.places.items()}
        masks |= {here[n]: width for n, width in one.masks.items()}
        words.append(", ".join(one.words))
    return Recurrent(network, tuple(states), places, masks, tuple(words))
