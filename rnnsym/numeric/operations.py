"""The operations on sequences that stand between the cells of a model: one entry each.

An entry says what is computed, the adjoint of what it reads from the adjoint of what it gives, and
the formula that is printed. Adding one is adding a function with its adjoint here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

Array = NDArray[Any]


@dataclass(frozen=True)
class Operation:
    """An operation on arrays (N, …).

    Attributes:
        forward: from the arrays read (and the options) to the array given.
        backward: from the adjoint of what is given, and the arrays read, to the adjoint of the
            first array read; None where nothing flows back.
        tex: the formula, a template in `y` (what is given), `x`, `x2` (what is read) and options;
            `tex_masked` where a mask is read as well.
        text: the same in plain text, where the name and the options do not say it.
        reading: how the printed right side is read again, where its form is a new one: a pattern in
            which NAME stands for what is read, and what it says, computed otherwise than `forward`
            from the match and the arrays. Without one such a formula is said not to be read again.
    """

    forward: Callable[..., Array]
    tex: str
    backward: Callable[..., Any] | None = None
    backward_weight: Callable[..., Array] | None = None
    tex_masked: str = ""
    text: str = ""
    reading: tuple[str, Callable[..., Any]] | None = None


OPERATIONS: dict[str, Operation] = {}


def operation(
    name: str, tex: str, backward: Any = None, backward_weight: Any = None, tex_masked: str = "",
    text: str = "", reading: tuple[str, Callable[..., Any]] | None = None,
) -> Any:  # fmt: skip
    """Register an operation; see `Operation`."""

    def add(forward: Callable[..., Array]) -> Callable[..., Array]:
        OPERATIONS[name] = Operation(
            forward, tex, backward, backward_weight, tex_masked, text, reading
        )
        return forward

    return add


@operation("reverse", "{y}_t = {x}_{{T+1-t}}", lambda g, x: g[:, ::-1])
def _reverse(x: Array) -> Array:
    return x[:, ::-1]


def _repeat_back(g: Array, x: Array, steps: int) -> Array:
    return g.sum(axis=1)


@operation("repeat", r"{y}_t = {x}, \quad t = 1, \dots, {steps}", _repeat_back)
def _repeat(x: Array, steps: int) -> Array:
    return np.repeat(x[:, None], steps, axis=1)


@operation("reshape", r"{y} = \operatorname{{reshape}}({x}, {shape})",
        lambda g, x, shape: g.reshape(x.shape))  # fmt: skip
def _reshape(x: Array, shape: tuple[int, ...]) -> Array:
    return x.reshape(len(x), *shape)


def _mean_back(g: Array, x: Array, m: Array | None = None, keep: bool = False) -> Array:
    g = g if keep else g[:, None]
    if m is None:
        return np.broadcast_to(g / x.shape[1], x.shape)
    weight = m[..., None].astype(x.dtype)
    with np.errstate(invalid="ignore", divide="ignore"):  # all masked: NaN, as in Keras
        return g * weight / weight.sum(axis=1, keepdims=True)


@operation("mean", r"{y} = \frac{{1}}{{T}} \sum_{{t=1}}^{{T}} {x}_t", _mean_back,
        tex_masked=r"{y} = \sum_t {x2}_t\, {x}_t \Big/ \sum_t {x2}_t")  # fmt: skip
def _mean(x: Array, m: Array | None = None, keep: bool = False) -> Array:
    if m is None:
        return x.mean(axis=1, keepdims=keep)
    weight = m[..., None].astype(x.dtype)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (x * weight).sum(axis=1, keepdims=keep) / weight.sum(axis=1, keepdims=keep)


def _max_back(g: Array, x: Array, keep: bool = False) -> Array:
    g = g if keep else g[:, None]
    # TensorFlow shares the adjoint among all steps that reach the maximum.
    best = (x == x.max(axis=1, keepdims=True)).astype(x.dtype)
    return g * best / best.sum(axis=1, keepdims=True)


@operation("max", r"{y} = \max_{{t = 1, \dots, T}} {x}_t", _max_back)
def _max(x: Array, keep: bool = False) -> Array:
    return x.max(axis=1, keepdims=keep)


def _slice_back(g: Array, x: Array, index: tuple[Any, ...], words: str) -> Array:
    result = np.zeros_like(x)
    result[_index(index)] = g
    return result


def _index(index: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(slice(*part) if isinstance(part, tuple) else part for part in index)


@operation("slice", r"{y} = {x}[{words}]", _slice_back, text="{y} = {x}[{words}]")
def _slice(x: Array, index: tuple[Any, ...], words: str) -> Array:
    return x[_index(index)]


@operation("permute", r"{y} = {x} \text{{ with its axes in the order }} {order}",
        lambda g, x, order: g.transpose(0, *(np.argsort(order) + 1)))  # fmt: skip
def _permute(x: Array, order: tuple[int, ...]) -> Array:
    return x.transpose(0, *order)


def _rows_first(x: Array, axis: int) -> Array:
    """An array (N, rest, summed), whichever axis is summed over."""
    x = np.moveaxis(x, axis, -1)
    return x[:, None] if x.ndim == 2 else x


def _dot_back(g: Array, x: Array, other: Array, along: tuple[int, int]) -> list[Array]:
    a, b = _rows_first(x, along[0]), _rows_first(other, along[1])
    g = g.reshape(len(g), a.shape[1], b.shape[1])
    found = []
    for part, given, axis in ((g @ b, x, along[0]), (g.mT @ a, other, along[1])):
        part = part[:, 0] if given.ndim == 2 else part
        found.append(np.moveaxis(part, -1, axis))
    return found


@operation("dot", r"{y} = \langle {x}, {x2} \rangle \text{{ over the axes }} {along}", _dot_back)
def _dot(x: Array, other: Array, along: tuple[int, int]) -> Array:
    a, b = _rows_first(x, along[0]), _rows_first(other, along[1])
    found = a @ b.mT
    rest = [n for arr, ax in ((x, along[0]), (other, along[1]))
            for i, n in enumerate(arr.shape) if i and i != ax]  # fmt: skip
    return found.reshape(len(x), *(rest or [1]))


def _softmax_back(g: Array, x: Array, axis: int) -> Array:
    y = _softmax_over(x, axis)
    return y * (g - (g * y).sum(axis=axis, keepdims=True))


@operation("softmax over", r"{y} = \operatorname{{softmax}}({x}) \text{{ over axis }} {axis}",
           _softmax_back)  # fmt: skip
def _softmax_over(x: Array, axis: int) -> Array:
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def _lookup_back(g: Array, x: Array, table: Array) -> None:
    return None  # whole numbers have no derivative


def _lookup_back_weight(g: Array, x: Array, table: Array) -> Array:
    result = np.zeros_like(table)
    np.add.at(result, x.astype(np.int64), g)
    return result


@operation("lookup", r"{y}_t = E_{{{x}_t}}", _lookup_back, _lookup_back_weight)
def _lookup(x: Array, table: Array) -> Array:
    if x.min() < 0 or x.max() >= len(table):
        worst = x.min() if x.min() < 0 else x.max()
        raise InputError(f"there is no row {worst} in a table of {len(table)}")
    return table[x.astype(np.int64)]


@operation("fold", r"{y} = \text{{the steps of }} {x} \text{{ as samples}}",
        lambda g, x: g.reshape(x.shape))  # fmt: skip
def _fold(x: Array) -> Array:
    return x.reshape(x.shape[0] * x.shape[1], *x.shape[2:])


def _unfold_back(g: Array, x: Array, like: Array) -> Array:
    return g.reshape(x.shape)


@operation("unfold", r"{y} = \text{{the samples of }} {x} \text{{ as steps again}}", _unfold_back)
def _unfold(x: Array, like: Array) -> Array:
    return x.reshape(like.shape[0], like.shape[1], *x.shape[1:])


# --- masks: true or false for each step


@operation("differs", r"{y}_t = [\, {x}_t \neq {value} \,]")
def _differs(x: Array, value: float) -> Array:
    if x.dtype.kind != "f":
        return np.asarray(np.not_equal(x, value))
    return np.asarray(np.not_equal(x, x.dtype.type(np.float32(value))))


@operation("any", r"{y}_t = \bigvee_k {x}_{{t,k}}")
def _any(x: Array, axis: int, keep: bool = False) -> Array:
    return np.asarray(x.any(axis=axis, keepdims=keep))


@operation("or", r"{y}_t = {x}_t \vee {x2}_t")
def _or(x: Array, other: Array) -> Array:
    return np.logical_or(x.astype(bool), other.astype(bool))


@operation("and", r"{y}_t = {x}_t \wedge {x2}_t")
def _and(x: Array, other: Array) -> Array:
    return np.logical_and(x.astype(bool), other.astype(bool))


@operation("not", r"{y}_t = \neg {x}_t")
def _not(x: Array) -> Array:
    return np.logical_not(x.astype(bool))


@operation("widen", r"{y} = {x}")
def _widen(x: Array, axis: int) -> Array:
    return np.expand_dims(x, axis)


@operation("narrow", r"{y} = {x}")
def _narrow(x: Array, axis: int) -> Array:
    return np.squeeze(x, axis)


@operation("false", r"{y} = 0")
def _false(x: Array) -> Array:
    return np.zeros(x.shape, bool)


@operation("true", r"{y} = 1")
def _true(x: Array) -> Array:
    return np.ones(x.shape, bool)


@operation("step mask", r"{y}_t = 1")
def _step_mask(x: Array) -> Array:
    return np.ones(x.shape[:2], bool)


# --- of several arrays


def _join_back(g: Array, *xs: Array, axis: int) -> list[Array]:
    stops = np.cumsum([x.shape[axis] for x in xs])[:-1]
    return np.split(g, stops, axis=axis)


@operation("join", r"{y} = \text{{{all} one behind the other}}", _join_back)
def _join(*xs: Array, axis: int) -> Array:
    return np.concatenate(xs, axis=axis)


# --- what is not covered


@operation("box", r"{y} = \text{{{kind}}}({all}) \text{{, which is not covered}}",
        text="{y} = {kind}({all}), which is not covered")  # fmt: skip
def _box(*xs: Array, kind: str) -> Array:
    raise InputError(f"nothing tells what {kind} gives: it is not covered")
