"""Slices and arithmetic that people write between layers: `x[:, -1, :]`, `* 2 + 1`.

Keras records each of them as an operation. Arithmetic becomes equations of each vector by itself, a
slice an operation on the sequence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...language import parse
from ...models import Axes
from .builder import Builder, Call, Tensor
from .layers import sized
from .options import finite, number, refuse, shown

#: Keras's class of an operation, and the equation of two operands.
_SIGNS = {"Add": "{} + {}", "Subtract": "{} - {}", "Multiply": "{} ⊙ {}", "TrueDivide": "{} / {}",
          "Divide": "{} / {}", "Negative": "-{}", "Power": "{}^{}", "Square": "{}^2"}  # fmt: skip
SLICE = "GetItem"
KINDS = frozenset([*_SIGNS, SLICE])
_LARGEST = 1e9


def arithmetic(
    b: Builder, call: Call, kind: str, name: str, args: list[Any], kwargs: Mapping[str, Any]
) -> Tensor:
    """What an operation between layers gives.

    Args:
        b: the builder.
        call: of the model that the operation stands in.
        kind: its class.
        name: what it is called.
        args, kwargs: what it is called with; tensors are tensors.

    Raises:
        InputError: for an operand or a slice that is not covered.
    """
    place = call.spec.place
    kwargs = {k: v for k, v in kwargs.items() if v is not None}
    if kind == SLICE:
        index = kwargs.pop("key", args[1] if len(args) > 1 else None)
        if kwargs or not isinstance(args[0], Tensor):
            raise refuse(place, f"operation {shown(name)} is not covered")
        return _sliced(b, call, name, args[0], index)
    operands = [*args, *(kwargs.pop(k) for k in ("x1", "x2", "x", "y") if k in kwargs)]
    if kwargs or len(operands) != _SIGNS[kind].count("{}"):
        raise refuse(place, f"operation {shown(name)} is called with what is not covered")
    return _row(b, call, kind, name, operands)


def _row(b: Builder, call: Call, kind: str, name: str, operands: list[Any]) -> Tensor:
    place = call.spec.place
    words: list[str] = []
    reads: list[Tensor] = []
    for operand in operands:
        if isinstance(operand, Tensor):
            if operand in reads:
                words.append(f"{'ab'[reads.index(operand)]}_t")
                continue
            words.append(f"{'ab'[len(reads)]}_t")
            reads.append(operand)
        else:
            words.append(_number(operand, place, name))
    if not reads or len({x.axes for x in reads}) > 1:
        raise refuse(place, f"operation {shown(name)} of arrays of different shapes is not covered")
    if any(x.kind != "float" or not x.axes or x.axes[-1] is None for x in reads):
        raise refuse(place, f"operation {shown(name)} reads what has no known width")
    if kind == "Power" and isinstance(operands[1], Tensor):
        raise refuse(place, f"operation {shown(name)}: a power that is no number is not covered")
    width = reads[0].width
    cell = sized(parse(f"y_t = {_SIGNS[kind].format(*words)}"), D=width)
    return b.rows(call, cell, reads, width, called=b.name(name))


def _number(value: Any, place: str, name: str) -> str:
    plain = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not plain or not finite(value) or (value and not 1e-12 <= abs(value) <= _LARGEST):
        raise refuse(place, f"operation {shown(name)} with {shown(value)} is not covered")
    text = number(abs(value)).text
    return f"(-{text})" if value < 0 else text


def _sliced(b: Builder, call: Call, name: str, x: Tensor, index: Any) -> Tensor:
    """A part of an array; the samples stay whole."""
    place = call.spec.place
    parts = [_part(p, place, name) for p in (index if isinstance(index, list) else [index])]
    rank = 1 + len(x.axes)
    if parts.count(...) > 1 or len(parts) - parts.count(...) > rank:
        raise refuse(place, f"operation {shown(name)} has more indices than its array has axes")
    whole = (None, None, None)
    at = parts.index(...) if ... in parts else len(parts)
    rest = [p for p in parts if p is not ...]
    parts = [*rest[:at], *[whole] * (rank - len(rest)), *rest[at:]]
    if parts[0] != whole:
        raise refuse(place, f"operation {shown(name)} takes some of the samples: not covered")
    axes: list[int | None] = []
    for part, axis in zip(parts[1:], x.axes):
        if isinstance(part, tuple):
            axes.append(_length(part, axis))
        elif axis is not None and not -axis <= part < axis:
            raise refuse(place, f"operation {shown(name)} takes {part} of {axis}")
    if 0 in axes:
        raise refuse(place, f"operation {shown(name)} leaves nothing")
    found: Axes = tuple(axes)
    return b.operation(call, "slice", [x], found, x.kind, b.name(name), index=tuple(parts),
                       words=", ".join(map(_words, parts)))  # fmt: skip


def _part(part: Any, place: str, name: str) -> Any:
    """A number, a slice as (start, stop, step), or an ellipsis."""
    if isinstance(part, int) and not isinstance(part, bool):
        return part
    if isinstance(part, Mapping):
        config = part.get("config")
        if part.get("class_name") == "__ellipsis__":
            return ...
        if part.get("class_name") == "__slice__" and isinstance(config, Mapping):
            found = tuple(config.get(k) for k in ("start", "stop", "step"))
            if all(v is None or (isinstance(v, int) and not isinstance(v, bool)) for v in found):
                if found[2] != 0:
                    return found
    raise refuse(place, f"operation {shown(name)} with index {shown(part)} is not covered")


def _length(part: tuple[Any, Any, Any], axis: int | None) -> int | None:
    if part == (None, None, None):
        return axis
    return None if axis is None else len(range(axis)[slice(*part)])


def _words(part: Any) -> str:
    if isinstance(part, int):
        return str(part)
    start, stop, step = ("" if v is None else str(v) for v in part)
    return f"{start}:{stop}" + (f":{step}" if step else "")
