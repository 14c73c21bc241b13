"""Keras's layers as nodes with equations: one function for each class.

Nothing of a configuration is executed or looked up by name in Keras: a layer is one of the classes
here (and in `graphs.py`), known by its exact module and class, or it is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from sympy import Symbol

from ...cells import get
from ...derive.variants import applied, masked, without
from ...language import parse
from ...models import Axes, Node, Place
from ...nouns import Cell
from .builder import (
    CONTAINERS,
    LAYER_MODULES,
    MOST_CELLS,
    UNTOLD,
    Builder,
    Call,
    Tensor,
    covers,
    unique_names,
)
from .options import (
    ACTIVATION_LAYERS,
    LARGEST,
    OLD_MASKS,
    Options,
    activation,
    number,
    refuse,
    shown,
)
from .recurrent import KINDS as RECURRENT
from .recurrent import Recurrent, recurrent, stacked

# --- layers of rows: each vector by itself


def sized(cell: Cell, **sizes: int) -> Cell:
    """A cell with those of the sizes that it has."""
    return cell.with_sizes(**{n: v for n, v in sizes.items() if Symbol(n) in cell.dims})


@covers("Dense", keeps_mask=True)
def _dense(b: Builder, call: Call, o: Options) -> Tensor:
    x, units = call.x, o.size("units")
    function, words = activation(o.get("activation"), o.place)
    cell = get("dense", D=x.width, K=units)
    keys = {"V": b.weight(call.spec, "kernel", (x.width, units), 0)}
    if o.flag("use_bias", True):
        keys["c"] = b.weight(call.spec, "bias", (units,), 1)
    else:
        cell = without(cell, ["c"])
    if function is not None:
        cell = applied(cell, function)
    b.say(call.spec, ", ".join([f"{units} units", words] if function else [f"{units} units"]))
    return b.rows(call, cell, [x], units, places={n: Place(k) for n, k in keys.items()})


def _pointwise(b: Builder, call: Call, o: Options) -> Tensor:
    axis, rank = o.config.get("axis", -1), len(call.x.axes)
    if call.spec.kind == "Softmax" and rank > 1 and axis in range(1, rank) and call.mask is None:
        o.get("axis")
        b.say(call.spec, f"over axis {axis}")
        return b.operation(call, "softmax over", [call.x], call.x.axes, axis=axis)
    function, words = ACTIVATION_LAYERS[call.spec.kind](o)
    if call.spec.kind == "Softmax" and call.mask is not None:
        raise call.refuse("a softmax under a mask is not covered")
    b.say(call.spec, words)
    if function is None:
        return call.x
    cell = sized(parse("y_t = tanh(x_t)"), D=call.x.width)
    cell = replace(cell, equations=tuple(
        replace(e, expr=function(cell.inputs[0].here)) for e in cell.equations))  # fmt: skip
    return b.rows(call, cell, [call.x], call.x.width)


for _kind in ACTIVATION_LAYERS:
    covers(_kind, keeps_mask=True)(_pointwise)


@covers("LayerNormalization", keeps_mask=True)
def _layer_normalization(b: Builder, call: Call, o: Options) -> Tensor:
    x = call.x
    axis = o.get("axis", -1)
    if axis not in (-1, [-1], len(x.axes), [len(x.axes)]):
        raise call.refuse(f"normalisation along axis {shown(axis)} is not covered; the last one is")
    if o.get("rms_scaling"):
        raise call.refuse("rms_scaling is not covered")
    text = f"layer_norm(x_t, {number(o.number('epsilon', 0.001)).text})"
    keys: dict[str, str] = {}
    if o.flag("scale", True):
        keys["gamma"] = b.weight(call.spec, "gamma", (x.width,), len(keys))
        text += " ⊙ γ"
    if o.flag("center", True):
        keys["beta"] = b.weight(call.spec, "beta", (x.width,), len(keys))
        text += " + β"
    cell = sized(parse(f"y_t = {text}"), D=x.width)
    return b.rows(call, cell, [x], x.width, places={n: Place(k) for n, k in keys.items()})


@covers("BatchNormalization", keeps_mask=True)
def _batch_normalization(b: Builder, call: Call, o: Options) -> Tensor:
    x = call.x
    axis = o.get("axis", -1)
    if axis not in (-1, len(x.axes)):
        raise call.refuse(f"normalisation along axis {shown(axis)} is not covered; the last one is")
    if b.training and o.trainable:
        raise call.refuse("batch normalisation in training is not covered")
    text = f"(x_t - μ) / sqrt(ν + {number(o.number('epsilon', 0.001)).text})"
    keys: dict[str, str] = {}
    if o.flag("scale", True):
        keys["gamma"] = b.weight(call.spec, "gamma", (x.width,), len(keys))
        text = f"({text}) ⊙ γ"
    if o.flag("center", True):
        keys["beta"] = b.weight(call.spec, "beta", (x.width,), len(keys))
        text += " + β"
    for name, array in (("mu", "moving_mean"), ("nu", "moving_variance")):
        keys[name] = b.weight(call.spec, array, (x.width,), len(keys), trainable=False)
    cell = sized(parse(f"y_t = {text}"), D=x.width)
    b.say(call.spec, "with its moving mean and variance")
    return b.rows(call, cell, [x], x.width, places={n: Place(k) for n, k in keys.items()})


@covers("Dropout", keeps_mask=True)
def _dropout(b: Builder, call: Call, o: Options) -> Tensor:
    rate, x = o.rate("rate"), call.x
    b.say(call.spec, f"rate {rate:g}: nothing at inference")
    if not b.training or rate == 0:
        o.get("noise_shape")
        return call.x
    mask = b.value(f"{call.spec.ident}_p", x.axes)
    b.dropout.append(b.shapes[mask.name])
    cell = sized(parse("y_t = x_t ⊙ p_t"), D=x.width)
    return b.rows(call, cell, [x, mask], x.width, note="the dropout mask, 0 or 1 / (1 - rate)")


@covers("SpatialDropout1D", "GaussianDropout", "GaussianNoise", "AlphaDropout", keeps_mask=True)
def _noise(b: Builder, call: Call, o: Options) -> Tensor:
    if b.training:
        raise call.refuse("in training this layer is not covered")
    for name in ("rate", "stddev", "noise_shape", "data_format"):
        o.get(name)
    b.say(call.spec, "nothing at inference")
    return call.x


@covers("Identity", "ActivityRegularization", keeps_mask=True)
def _identity(b: Builder, call: Call, o: Options) -> Tensor:
    for name in ("l1", "l2"):
        o.get(name)
    return call.x


# --- tokens and masks


@covers("Embedding", keeps_mask=None)
def _embedding(b: Builder, call: Call, o: Options) -> Tensor:
    x = call.x
    rows, width = o.size("input_dim"), o.size("output_dim")
    o.get("input_length")
    key = b.weight(call.spec, "embeddings", (rows, width), 0)
    b.tokens.add(x.name)
    out = b.operation(call, "lookup", [x], (*x.axes, width), places={"E": Place(key)},
                      note="a row of the table E for each whole number")  # fmt: skip
    if o.flag("mask_zero"):
        out.mask = b.operation(call, "differs", [x], x.axes, "mask", f"{call.spec.ident}_mask",
                               value=0.0)  # fmt: skip
    b.say(call.spec, f"{rows} rows" + (", 0 is masked" if o.flag("mask_zero") else ""))
    return out


@covers("Masking", keeps_mask=None)
def _masking(b: Builder, call: Call, o: Options) -> Tensor:
    x, value = call.x, o.number("mask_value", 0.0)
    if o.dtype() == "float64":
        value = float(np.float32(value))  # Keras compares with a float32 constant
    word = "x_t" if value == 0 else f"x_t - {number(value).text}"
    word = word if value >= 0 else f"x_t + {number(-value).text}"
    if len(x.axes) != 2:
        raise call.refuse(f"it reads sequences, not {len(x.axes) + 1} axes")
    cell = sized(parse(f"m_t: scalar\nm_t = step(sum(|{word}|)); y_t = m_t x_t"), D=x.width)
    out = b.rows(call, cell, [x], x.width)
    differs = b.operation(call, "differs", [x], x.axes, "mask", f"{call.spec.ident}_differs",
                          value=float(value))  # fmt: skip
    out.mask = b.operation(call, "any", [differs], x.axes[:1], "mask", f"{call.spec.ident}_mask",
                           axis=-1)  # fmt: skip
    b.say(call.spec, f"steps that are all {value:g} are masked")
    return out


# --- shapes


@covers("Flatten")
def _flatten(b: Builder, call: Call, o: Options) -> Tensor:
    if o.get("data_format", "channels_last") not in ("channels_last", None):
        raise call.refuse("data_format other than channels_last is not covered")
    return b.operation(call, "reshape", [call.x], (_product(call.x.axes),), shape=(-1,))


@covers("Reshape")
def _reshape(b: Builder, call: Call, o: Options) -> Tensor:
    wanted = o.get("target_shape")
    if not isinstance(wanted, list) or not wanted or len(wanted) > 8 or not all(
        isinstance(a, int) and not isinstance(a, bool) and (a == -1 or 1 <= a <= LARGEST)
        for a in wanted
    ) or wanted.count(-1) > 1:  # fmt: skip
        raise call.refuse(f"target_shape {shown(wanted)} is no shape")
    total, axes = _product(call.x.axes), tuple(wanted)
    known = _product(tuple(a for a in axes if a != -1)) or 1
    if total is not None and (total % known if -1 in axes else total != known):
        raise call.refuse(f"{total} numbers do not fit target_shape {shown(wanted)}")
    rest = None if total is None else total // known
    return b.operation(call, "reshape", [call.x], tuple(rest if a == -1 else a for a in axes),
                       shape=axes)  # fmt: skip


def _product(axes: Axes) -> int | None:
    total = 1
    for axis in axes:
        if axis is None:
            return None
        total *= axis
    return total


@covers("RepeatVector")
def _repeat(b: Builder, call: Call, o: Options) -> Tensor:
    steps = o.size("n")
    if len(call.x.axes) != 1:
        raise call.refuse("it reads vectors")
    return b.operation(call, "repeat", [call.x], (steps, *call.x.axes), steps=steps)


@covers("Permute")
def _permute(b: Builder, call: Call, o: Options) -> Tensor:
    dims, x = o.get("dims"), call.x
    if not isinstance(dims, list) or sorted(map(str, dims)) != [
        str(i + 1) for i in range(len(x.axes))
    ]:
        raise call.refuse(f"dims {shown(dims)} is no order of the {len(x.axes)} axes")
    return b.operation(call, "permute", [x], tuple(x.axes[d - 1] for d in dims), order=tuple(dims))


@covers("PReLU", keeps_mask=True)
def _prelu(b: Builder, call: Call, o: Options) -> Tensor:
    x, shared = call.x, o.get("shared_axes")
    shared = shared if isinstance(shared, list) else [] if shared is None else [shared]
    if len(x.axes) > 2 or (len(x.axes) == 2 and shared != [1]) or (len(x.axes) < 2 and shared):
        raise call.refuse(
            "slopes that differ from step to step are not covered; shared_axes=[1] is"
        )
    shape = (1,) * (len(x.axes) - 1) + (x.width,)
    key = b.weight(call.spec, "alpha", shape, 0)
    cell = sized(parse("y_t = relu(x_t) - α ⊙ relu(-x_t)"), D=x.width)
    b.say(call.spec, "a slope of its own for each unit")
    return b.rows(call, cell, [x], x.width, places={"alpha": Place(key)})


@covers("Dot", keeps_mask=None)
def _dot(b: Builder, call: Call, o: Options) -> Tensor:
    if len(call.inputs) != 2:
        raise call.refuse(f"it takes 2 inputs, not {len(call.inputs)}")
    if o.flag("normalize"):
        raise call.refuse("a normalised product is not covered")
    _check_masks(call, o)
    one, two = call.inputs
    axes = o.get("axes")
    pair = axes if isinstance(axes, list) else [axes, axes]
    if len(pair) != 2 or not all(isinstance(a, int) and not isinstance(a, bool) for a in pair):
        raise call.refuse(f"axes {shown(axes)} name no axis of each input")
    at = [a if a > 0 else len(x.axes) + 1 + a for a, x in zip(pair, call.inputs)]
    if not all(1 <= a <= len(x.axes) <= 2 for a, x in zip(at, call.inputs)):
        raise call.refuse(f"axes {shown(axes)} of these inputs are not covered")
    lengths = [x.axes[a - 1] for a, x in zip(at, call.inputs)]
    if None not in lengths and lengths[0] != lengths[1]:
        raise call.refuse(f"{lengths[0]} numbers are multiplied with {lengths[1]}")
    rest = [*(n for i, n in enumerate(one.axes, 1) if i != at[0]),
            *(n for i, n in enumerate(two.axes, 1) if i != at[1])]  # fmt: skip
    return b.operation(call, "dot", [one, two], tuple(rest) or (1,), along=tuple(at))


@covers("GlobalAveragePooling1D", "GlobalMaxPooling1D")
def _pooling(b: Builder, call: Call, o: Options) -> Tensor:
    if o.get("data_format", "channels_last") != "channels_last":
        raise call.refuse("data_format other than channels_last is not covered")
    keep, x = o.flag("keepdims"), call.x
    if len(x.axes) != 2:
        raise call.refuse("it reads sequences")
    axes: Axes = (1, x.axes[1]) if keep else x.axes[1:]
    mean = call.spec.kind == "GlobalAveragePooling1D"
    reads = [x, call.mask] if mean and call.mask is not None else [x]
    note = "over the steps that are not masked" if len(reads) > 1 else ""
    return b.operation(call, "mean" if mean else "max", reads, axes, note=note, keep=keep)


# --- several inputs


#: Of the inputs that one layer joins.
MOST_JOINED = 56


def _letters(count: int) -> list[str]:
    """Names for what is joined."""
    letters = "abdefgk"
    return [*letters, *(f"{x}_{y}" for x in letters for y in letters)][:count]


def _check_masks(call: Call, o: Options) -> None:
    """Keras 2 counts a step where every input has it, Keras 3 where one of them has.

    Where all inputs carry one mask, both say the same; a product looks at masks in Keras 3 alone.
    """
    if not o.flag(OLD_MASKS):
        return
    masks = {x.mask.name if x.mask is not None else "" for x in call.inputs}
    if masks - {""} and (len(masks) > 1 or call.spec.kind == "Multiply"):
        raise call.refuse("inputs with masks that Keras 2 joins otherwise are not covered")


def _same_axes(call: Call) -> None:
    if not 2 <= len(call.inputs) <= MOST_JOINED:
        raise call.refuse(f"it joins several inputs, not {len(call.inputs)}")
    if len({x.axes for x in call.inputs}) > 1:
        raise call.refuse("inputs of different shapes are not covered")


def _untold(masks: list[Tensor | None]) -> Tensor | None:
    """A mask that nothing tells of, if one is among them: what is joined with it is not told."""
    return next((m for m in masks if m is not None and m.kind == UNTOLD), None)


def _merge_mask(b: Builder, call: Call) -> Tensor | None:
    masks = [x.mask for x in call.inputs]
    if (untold := _untold(masks)) is not None:
        return untold
    if any(m is None for m in masks):
        return None
    found = masks[0]
    for m in masks[1:]:
        assert found is not None and m is not None
        found = b.operation(call, "or", [found, m], found.axes, "mask", f"{call.spec.ident}_mask")
    return found


#: Layers that compute with several inputs, entry by entry.
MERGES = ("Add", "Subtract", "Multiply", "Average")


@covers(*MERGES, keeps_mask=None)
def _arithmetic(b: Builder, call: Call, o: Options) -> Tensor:
    _check_masks(call, o)
    _same_axes(call)
    kind, names = call.spec.kind, _letters(len(call.inputs))
    if kind == "Subtract" and len(names) != 2:
        raise call.refuse(f"it takes 2 inputs, not {len(names)}")
    width, terms, reads = call.inputs[0].width, [], list(call.inputs)
    if kind == "Multiply" and any(x.mask is not None for x in call.inputs):
        b.multiplied = call.spec.place
    head, body, masks = "", "", []
    for name, x in zip(names, call.inputs):
        if kind == "Multiply" and x.mask is not None:
            if len(x.axes) != 2:
                raise call.refuse("under a mask it covers sequences")
            # Keras takes a masked step for ones.
            masks.append(f"m_{name}")
            head += f"{masks[-1]}_t: scalar\n"
            terms.append(f"({masks[-1]}_t {name}_t + (1 - {masks[-1]}_t))")
            reads.append(x.mask)
        else:
            terms.append(f"{name}_t")
    sign = {"Subtract": " - ", "Multiply": " ⊙ "}.get(kind, " + ")
    text = sign.join(terms)
    if kind == "Average":
        text = f"({text}) / {len(names)}"
    if masks and len(masks) == len(names):  # and where all are masked, the product for zero
        head += "n_t: scalar\n"
        body = f"n_t = {' '.join(f'(1 - {m}_t)' for m in masks)}\n"
        text = f"(1 - n_t) ({text})"
    cell = sized(parse(f"{head}{body}y_t = {text}"), D=width)
    cell, reads = _in_order(cell, [*names, *masks], reads)
    out = b.rows(call, cell, reads, width)
    out.mask = _merge_mask(b, call)
    return out


def _in_order(cell: Cell, names: list[str], reads: list[Tensor]) -> tuple[Cell, list[Tensor]]:
    """What is read, in the order of the cell's inputs."""
    table = dict(zip(names, reads))
    return cell, [table[v.name] for v in cell.inputs]


@covers("Concatenate", keeps_mask=None)
def _concatenate(b: Builder, call: Call, o: Options) -> Tensor:
    _check_masks(call, o)
    axis, ranks = o.get("axis", -1), {len(x.axes) for x in call.inputs}
    if not 2 <= len(call.inputs) <= MOST_JOINED or len(ranks) != 1:
        raise call.refuse("it joins two or more inputs with the same number of axes")
    rank = ranks.pop()
    if isinstance(axis, bool) or not isinstance(axis, int) or not -rank <= axis <= rank or not axis:
        raise call.refuse(f"there is no axis {shown(axis)} to join along")
    axis = axis - 1 if axis > 0 else axis % rank
    others = {x.axes[:axis] + x.axes[axis + 1 :] for x in call.inputs}
    if len(others) > 1:
        raise call.refuse("inputs of different shapes cannot be joined")
    sizes = [x.axes[axis] for x in call.inputs]
    joined = None if None in sizes else sum(s or 0 for s in sizes)
    if axis == rank - 1:
        names = _letters(len(call.inputs))
        cell = parse(f"y_t = [{', '.join(f'{n}_t' for n in names)}]")
        widths = {str(cell[n].shape[1]): x.width for n, x in zip(names, call.inputs)}
        reads = [call.inputs[names.index(v.name)] for v in cell.inputs]
        out = b.rows(call, sized(cell, **widths), reads, joined or 0)
    else:
        axes = (*call.inputs[0].axes[:axis], joined, *call.inputs[0].axes[axis + 1 :])
        out = b.operation(call, "join", list(call.inputs), axes, axis=axis + 1)
    out.mask = _joined_mask(b, call, axis, rank)
    return out


def _joined_mask(b: Builder, call: Call, axis: int, rank: int) -> Tensor | None:
    masks = [x.mask for x in call.inputs]
    if all(m is None for m in masks):
        return None
    if (untold := _untold(masks)) is not None:
        return untold
    if rank != 2:
        raise call.refuse("under a mask it covers sequences")
    full = [m or b.mask_of(call, x) for m, x in zip(masks, call.inputs)]
    if axis == rank - 1:
        found = full[0]
        for m in full[1:]:
            found = b.operation(call, "or", [found, m], m.axes, "mask", f"{call.spec.ident}_mask")
        return found
    return b.operation(call, "join", full, (None,), "mask", f"{call.spec.ident}_mask", axis=1)


# --- recurrent layers


def _cell_items(o: Options) -> tuple[list[Any], bool]:
    """The cells of an `RNN` layer, and whether they are within `StackedRNNCells`."""
    item = o.get("cell")
    if isinstance(item, Mapping) and item.get("class_name") == "StackedRNNCells":
        inner = Options(item.get("config"), f"{o.place}, its cells")
        cells = inner.get("cells")
        inner.dtype()
        inner.done()
        if item.get("module") not in LAYER_MODULES or not isinstance(cells, list) or not cells:
            raise refuse(o.place, "its cells are no list of cells")
        if len(cells) > MOST_CELLS:
            raise refuse(o.place, f"it has {len(cells)} cells, more than {MOST_CELLS}")
        return cells, True
    return [item], False


def _implementation(o: Options, default: int) -> int:
    value = o.get("implementation", default)
    if isinstance(value, bool) or value not in (None, 0, 1, 2):
        raise refuse(o.place, f"implementation {shown(value)} is not 1 or 2")
    return value or default


def _equations_of(b: Builder, call: Call, o: Options) -> Recurrent:
    """The cell of a recurrent layer, with its arrays registered."""
    spec, width = call.spec, call.x.width

    def adding(
        store: str, key: str, trainable: bool = True
    ) -> Callable[[str, tuple[int, ...]], str]:
        order = ["kernel", "recurrent_kernel", "bias"]
        return lambda array, shape: b.weight(
            spec, array, shape, order.index(array), store, key, trainable
        )

    if spec.kind != "RNN":
        implementation = b.implementations.get(spec.title, 2)
        implementation = _implementation(o, implementation)
        return recurrent(spec.kind, o, width, adding(f"{spec.store}/cell", spec.ident), b.training,
                         implementation)  # fmt: skip
    items, within = _cell_items(o)
    found, names = [], unique_names([str(i.get("class_name")) if isinstance(i, Mapping) else "cell"
                                for i in items])  # fmt: skip
    for item, name in zip(items, names):
        kind = item.get("class_name") if isinstance(item, Mapping) else None
        place = f"{o.place}, its cell {name}"
        if (
            not isinstance(kind, str)
            or kind not in [f"{k}Cell" for k in RECURRENT]
            or item.get("module") not in LAYER_MODULES
        ):
            raise refuse(place, f"cell {shown(kind)} is not covered")
        if item.get("registered_name") not in (None, kind):
            raise refuse(place, "a custom cell is refused")
        inner = Options(item.get("config"), place)
        b.dtypes.add(inner.dtype())
        store = f"{spec.store}/cell" + (f"/cells/{name}" if within else "")
        key = f"{spec.ident}.{name}" if within else spec.ident
        implementation = _implementation(inner, 2)
        add = adding(store, key, inner.trainable)
        one = recurrent(kind.removesuffix("Cell"), inner, width, add, b.training, implementation)
        inner.done()
        found.append(one)
        width = b.weights[next(iter(one.places.values())).key].shape[-1] // len(
            RECURRENT[kind.removesuffix("Cell")].gates or "1"
        )
    if not within:
        return found[0]
    return stacked(found, spec.ident)


@dataclass
class _Run:
    """A recurrent layer at work in one direction."""

    sequence: Tensor
    last: Tensor
    finals: list[Any] = field(default_factory=list)


_RUN_OPTIONS = ("return_sequences", "return_state", "go_backwards", "stateful", "unroll",
                "zero_output_for_mask", "time_major", "input_length", "input_dim")  # fmt: skip


def _run(b: Builder, call: Call, o: Options, zero: bool, called: str) -> tuple[_Run, Any]:
    """Add the equations of a recurrent layer: what it gives, and its initial states as ports."""
    if len(call.x.axes) != 2:
        raise call.refuse(f"it reads sequences (samples, steps, features), not "
                          f"{len(call.x.axes) + 1} axes")  # fmt: skip
    if o.get("time_major"):
        raise call.refuse("time_major is not covered")
    made = _equations_of(b, call, o)
    backwards, stateful = o.flag("go_backwards"), o.flag("stateful")
    if stateful and (b.folded or call.spec.ident in b.kept):
        raise call.refuse("a stateful layer that is used more than once in a call is not covered")
    b.kept.add(call.spec.ident)
    unroll = o.flag("unroll")
    for name in _RUN_OPTIONS:
        o.get(name)
    cell = replace(made.cell, name=b._cell_name(called))
    x, reads = call.x, [call.x]
    flipped_zero = (
        zero and unroll and backwards and o.flag("return_sequences") and call.mask is not None
    )
    if call.mask is not None:
        cell = masked(cell, zero and not flipped_zero)
        reads.append(call.mask)
    flat = [n for group in made.states for n in ((group,) if isinstance(group, str) else group)]
    initial: dict[str, str] = {}
    if call.states is not None:
        if len(call.states) != len(flat):
            raise call.refuse(f"it has {len(flat)} initial states, not {len(call.states)}")
        for state, tensor in zip(flat, call.states):
            if tensor.axes != (_width(cell, state),):
                raise call.refuse(f"its initial state {state} must be {_width(cell, state)} wide")
            initial[state] = tensor.name
    ports: Any = ()
    if call.states is None and (b.ports or stateful):
        table = {s: b.value(f"{called}_{s}0", (_width(cell, s),)).name for s in flat}
        initial |= table
        ports = tuple(table[g] if isinstance(g, str) else tuple(table[s] for s in g)
                      for g in made.states)  # fmt: skip
    for name, width in made.masks.items():
        value = b.value(f"{called}_{name}", (width,))
        b.dropout.append(b.shapes[value.name])
        initial[name] = value.name
    sequence = b.value(called, (x.axes[0], _width(cell, cell.output.name)))
    last = b.value(f"{called}_last", sequence.axes[1:])
    takes = [(cell.output.name, "all"), (cell.output.name, "last")]
    gives = [sequence.name, last.name]
    finals: dict[str, Tensor] = {}
    for state in flat:
        finals[state] = b.value(f"{called}_{state}T", (_width(cell, state),))
        takes.append((state, "last"))
        gives.append(finals[state].name)
    b.nodes.append(
        Node(b.node_name(called), call.spec.layer, call.spec.kind, tuple(r.name for r in reads),
             tuple(gives), cell, True, backwards, tuple(takes), initial, made.places, stateful,
             spec=call.spec.item)
    )  # fmt: skip
    if flipped_zero:
        # Keras, unrolled and backwards, multiplies by the mask in the order of the input.
        assert call.mask is not None
        zeroed = sized(parse("m_t: scalar\ny_t = m_t h_t"), D=sequence.width)
        zeroed, order = _in_order(zeroed, ["h", "m"], [sequence, call.mask])
        sequence = b.rows(call, zeroed, order, sequence.width, f"{called}_zeroed")
    words = [*made.words]
    words += [w for w, on in (("backwards", backwards), ("stateful", stateful)) if on]
    words.append("every step" if o.flag("return_sequences") else "the last step")
    b.say(call.spec, ", ".join(words))
    nested = [finals[g] if isinstance(g, str) else [finals[s] for s in g] for g in made.states]
    return _Run(sequence, last, nested), ports


def _width(cell: Cell, name: str) -> int:
    return int(cell[name].shape[1].xreplace(dict(cell.sizes)))


@covers("SimpleRNN", "LSTM", "GRU", "RNN", keeps_mask=None)
def _recurrent(b: Builder, call: Call, o: Options) -> list[Any]:
    zero = o.flag("zero_output_for_mask")
    o.get("use_cudnn")
    run, ports = _run(b, call, o, zero, call.spec.ident)
    if b.ports:
        b.states = ports
    sequences = o.flag("return_sequences")
    out = run.sequence if sequences else run.last
    before = call.mask or call.inputs[0].mask
    out.mask = before if sequences else None
    return [out, *run.finals] if o.flag("return_state") else [out]


_MERGES = {"sum": "y_t = a_t + b_t", "mul": "y_t = a_t ⊙ b_t", "ave": "y_t = (a_t + b_t) / 2",
           "concat": "y_t = [a_t, b_t]"}  # fmt: skip


@covers("Bidirectional", keeps_mask=None)
def _bidirectional(b: Builder, call: Call, o: Options) -> list[Any]:
    spec, mode = call.spec, o.get("merge_mode", "concat")
    if mode is not None and (not isinstance(mode, str) or mode not in _MERGES):
        raise call.refuse(f"merge_mode {shown(mode)} is not one of {', '.join(_MERGES)}, None")
    runs, ports, options = [], [], []
    items = {"forward": o.get("layer"), "backward": o.get("backward_layer")}
    if items["backward"] is None and isinstance(items["forward"], Mapping):
        config = items["forward"].get("config")
        if isinstance(config, Mapping):
            items["backward"] = {**items["forward"], "config": {**config, "go_backwards": True}}
    half = len(call.states) // 2 if call.states is not None else 0
    for i, (side, item) in enumerate(items.items()):
        if not isinstance(item, Mapping) or item.get("class_name") not in (*RECURRENT, "RNN"):
            kind = item.get("class_name") if isinstance(item, Mapping) else item
            raise call.refuse(f"its {side} layer {shown(kind)} is not covered")
        key = (id(spec.item), side)
        if key not in b.sides:
            b.sides[key] = replace(
                b.spec(
                    item,
                    f"{spec.place}, {side}",
                    f"{spec.store}/{side}_layer",
                    order=(*spec.order, i),
                ),
                ident=b._ident(f"{spec.ident}_{side}"),
                owner=spec.layer,
            )
        inner = b.sides[key]
        states = call.states[i * half : (i + 1) * half] if call.states is not None else None
        sub = Call(inner, call.inputs, states, call.mask)
        opts = inner.options
        b.dtypes.add(opts.dtype())
        opts.get("use_cudnn")
        # Keras's Bidirectional sets this whatever the layers say.
        zero = opts.flag("return_sequences")
        run, port = _run(b, sub, opts, zero, inner.ident)
        opts.done()
        runs.append(run)
        ports.append(port)
        options.append(opts)
    for name in ("return_sequences", "return_state", "stateful"):
        if options[0].flag(name) != options[1].flag(name):
            raise call.refuse(f"its two layers differ in {name}")
    if options[0].flag("go_backwards") == options[1].flag("go_backwards"):
        raise call.refuse("its two layers run in the same direction")
    if b.ports:
        b.states = tuple(p for side in ports for p in side)
    for inner in (b.sides[id(spec.item), s] for s in items):
        b.said.pop(inner.ident, None)
    sequences, state = options[0].flag("return_sequences"), options[0].flag("return_state")
    ahead = runs[0].sequence if sequences else runs[0].last
    back = runs[1].sequence if sequences else runs[1].last
    if sequences:
        back = b.operation(call, "reverse", [back], back.axes, called=f"{spec.ident}_flipped",
                           note="the backward half in the order of the input")  # fmt: skip
    before = call.mask or call.inputs[0].mask
    finals = [f for run in runs for f in run.finals]
    if mode is None:
        pair = [replace(ahead), replace(back)]
        for out in pair:
            out.mask = before if sequences else None
        return [*pair, *finals] if state else pair
    cell = parse(_MERGES[mode])
    widths = {str(cell[n].shape[1]): r.width for n, r in (("a", ahead), ("b", back))}
    if mode != "concat" and ahead.width != back.width:
        raise call.refuse(f"its two layers have different widths, and are merged by {mode}")
    total = ahead.width + back.width if mode == "concat" else ahead.width
    out = b.rows(call, sized(cell, **widths), [ahead, back], total)
    out.mask = before if sequences else None
    b.say(spec, f"{mode}; {items['forward']['class_name']}")
    return [out, *finals] if state else [out]


#: Layers that treat each vector by itself whatever the axes before it.
_LAST_AXIS = ("Dense", *ACTIVATION_LAYERS, "LayerNormalization", "BatchNormalization", "Dropout",
              "Embedding", "Identity", "GaussianNoise", "GaussianDropout")  # fmt: skip


@covers("TimeDistributed", keeps_mask=True)
def _time_distributed(b: Builder, call: Call, o: Options) -> Tensor:
    spec, x = call.spec, call.x
    if len(x.axes) < 2:
        raise call.refuse("it reads sequences")
    key = (id(spec.item), "layer")
    if key not in b.sides:
        inner = b.spec(o.get("layer"), f"{spec.place}, layer", f"{spec.store}/layer",
                       f"{spec.ident}_", spec.order)  # fmt: skip
        b.sides[key] = inner
    o.get("layer")
    inner = b.sides[key]
    if inner.kind in CONTAINERS and call.mask is not None:
        raise call.refuse("a model under a mask is not covered here")
    if inner.kind in _LAST_AXIS and inner.kind != "Softmax":
        found = b.call(Call(inner, [replace(x, mask=None)]))
        b.say(spec, f"{inner.kind} at every step")
        return replace(found[0])
    if call.mask is not None and inner.kind not in ("Flatten", "Reshape", "RepeatVector"):
        raise call.refuse(f"{inner.kind} at every step under a mask is not covered")
    folded = b.operation(call, "fold", [x], x.axes[1:], called=f"{spec.ident}_folded", kind=x.kind)
    b.folded += 1
    found = b.call(Call(inner, [folded]))
    b.folded -= 1
    if len(found) != 1:
        raise call.refuse("a layer with states at every step is not covered")
    b.say(spec, f"{inner.kind} at every step")
    return b.operation(call, "unfold", [found[0], x], (x.axes[0], *found[0].axes))
