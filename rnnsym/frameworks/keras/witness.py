"""A cell as Keras runs it: which layer it is, its weights, and its numbers."""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from sympy import Integer, Symbol, preorder_traversal

from ...cells import find
from ...errors import InputError
from ...names import t
from ...nouns import Cell, Network, Quantity, Role, Variable, quantities
from ...ops.diagonals import Diag, Diagonal
from ...ops.elementwise import Apply, is_function
from ...ops.functions import ELEMENTWISE
from ...ops.inner import Inner
from ...ops.joins import Concat
from ...ops.leaves import Eye, Number
from ...ops.node import Node, Transpose
from ...ops.products import MatMul
from ...ops.rows import RowApply
from ...ops.sums import MatAdd, Minus
from .packing import LAYERS, Layer

Array = NDArray[Any]


@dataclass(frozen=True)
class Part:
    """A layer of a network as Keras will run it: a layer of its own, or a made RNN cell."""

    cell: Cell
    layer: Layer | None
    names: Mapping[str, str]

    @property
    def words(self) -> str:
        if self.layer is not None:
            return self.layer.words
        return "keras.layers.RNN over a cell made from the same equations"


def load() -> Any:
    """Import Keras on its TensorFlow backend, the only one with real float64.

    Raises:
        InputError: if TensorFlow is not installed or Keras runs on another backend.
    """
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    try:
        import keras
    except ImportError:
        raise InputError(
            "Keras is not installed; install rnnsym with the extra [keras]: "
            "pip install 'rnnsym[keras]'"
        ) from None
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise InputError(
            f"Keras runs on {backend}, which computes float64 as float32; set "
            "KERAS_BACKEND=tensorflow"
        )
    return keras


def parts(cell: Cell) -> list[Part]:
    """The layers of a cell or network, each with the Keras layer that it is, if there is one."""
    originals = cell.originals if isinstance(cell, Network) else (cell,)
    layers = cell.layers if isinstance(cell, Network) else (cell,)
    result = []
    for original, layer in zip(originals, layers):
        nested = isinstance(original, Network) and len(original.layers) > 1
        match = None if nested else find(layer)
        if match is not None and match[0].name in LAYERS:
            known, renaming = match
            back = {theirs: ours for ours, theirs in renaming.items()}
            layer_ = LAYERS[known.name]
            names = {theirs: back[theirs] for theirs in layer_.parameters}
            result.append(Part(layer, layer_, names))
        else:
            result.append(Part(layer, None, {}))
    return result


class Model:
    """A Keras model of a cell or network in one dtype, made by ordinary constructors.

    Attributes:
        model: the `keras.Model` from inputs and initial states to the output at every step.
        layers: the Keras layer of each part.
    """

    def __init__(self, cell: Cell, sizes: Mapping[str, int], steps: int, dtype: str) -> None:
        self.keras = load()
        self.cell = cell
        self.sizes = {Symbol(n): Integer(v) for n, v in sizes.items()}
        self.dtype = dtype
        self.parts = parts(cell)
        self.layers: list[Any] = []
        # How each layer is packed, and the names of our parameters in it.
        self._packings: list[tuple[Layer, Mapping[str, str]]] = []
        keras = self.keras
        inputs = [
            keras.Input((steps, self.flat(v)), dtype=dtype, name=f"input_{v.name}")
            for v in cell.inputs
        ]
        states = {
            v.name: keras.Input((self.flat(v),), dtype=dtype, name=f"state_{v.name}")
            for v in cell.states
        }
        if len(inputs) > 1:
            tensor = keras.layers.Concatenate(dtype=dtype)(inputs)
        else:
            tensor = inputs[0]
        for part in self.parts:
            if part.layer is None:
                _check_covered(part.cell)
            tensor = self._apply(part, tensor, states)
        self.model = keras.Model([*inputs, *states.values()], tensor)

    def flat(self, variable: Variable) -> int:
        """The number of entries of a quantity, by which Keras keeps it in one axis."""
        rows, cols = (int(size.xreplace(self.sizes)) for size in variable.shape)
        return rows * cols

    def shape(self, variable: Variable) -> tuple[int, int]:
        rows, cols = (int(size.xreplace(self.sizes)) for size in variable.shape)
        return rows, cols

    def _apply(self, part: Part, tensor: Any, states: Mapping[str, Any]) -> Any:
        keras = self.keras
        own = [v for v in part.cell.variables if v.role == Role.STATE]
        if part.layer is None:
            layer = keras.layers.RNN(
                _cell_layer(keras, part.cell, self), return_sequences=True, dtype=self.dtype
            )
            own_names = tuple(v.name for v in part.cell.parameters)
            arrays = tuple((name, ((name,),)) for name in own_names)
            self._packings.append((Layer("RNN", arrays), {n: n for n in own_names}))
            delayed = [v for v in part.cell.delayed if v.role == Role.INPUT]
            zeros = [keras.ops.zeros_like(tensor[:, 0, : self.flat(v)]) for v in delayed]
            initial = [*(states[v.name] for v in own), *zeros]
            out = layer(tensor, initial_state=initial) if initial else layer(tensor)
            self.layers.append(layer)
            return out
        units = self.flat(part.cell.output)
        factory = getattr(keras.layers, part.layer.name)
        self._packings.append((part.layer, part.names))
        if part.layer.recurrent:
            options = dict(part.layer.options)
            layer = factory(units, return_sequences=True, dtype=self.dtype, **options)
            out = layer(tensor, initial_state=[states[v.name] for v in own])
        else:
            layer = factory(units, dtype=self.dtype)
            out = layer(tensor)
        self.layers.append(layer)
        return out

    @property
    def weight_shapes(self) -> list[tuple[str, tuple[int, ...], tuple[int, ...]]]:
        """For every weight: its name, our shape, and the shape of Keras's array."""
        rows: list[tuple[str, tuple[int, ...], tuple[int, ...]]] = []
        for layer, (packing, names) in zip(self.layers, self._packings):
            arrays = layer.get_weights()
            if len(arrays) != len(packing.arrays):
                rows.append((layer.name, (len(packing.arrays),), (len(arrays),)))
                continue
            found = packing.unpack(dict(zip((name for name, _ in packing.arrays), arrays)))
            for name, array in found.items():
                ours = self.shape(self.cell[names[name]])
                # A bias is a row vector here and has one axis in Keras.
                theirs = (1, *array.shape) if array.ndim == 1 else array.shape
                rows.append((names[name], ours, tuple(theirs)))
        return rows

    @property
    def parameter_count(self) -> int:
        return int(self.model.count_params())

    def set_weights(self, weights: Mapping[str, Any]) -> None:
        for layer, (packing, names) in zip(self.layers, self._packings):
            values = {theirs: weights[ours] for theirs, ours in names.items() if ours in weights}
            packed = packing.pack(values)
            layer.set_weights(
                [a.astype(self.dtype).reshape(k.shape) for a, k in zip(packed, layer.get_weights())]
            )

    def __call__(self, inputs: tuple[Array, ...], states: Mapping[str, Array]) -> Array:
        """The output at every step, in the shape that our functions give."""
        count, steps = inputs[0].shape[:2]
        arrays: list[Array] = [x.reshape(count, steps, -1) for x in inputs]
        arrays += [states[v.name].reshape(count, -1) for v in self.cell.states]
        tensors = [self.keras.ops.convert_to_tensor(a, self.dtype) for a in arrays]
        out = np.asarray(self.model(tensors if len(tensors) > 1 else tensors[0]))
        rows, cols = self.shape(self.cell.output)
        return out if rows == 1 else out.reshape(count, steps, rows, cols)

    def gradients(
        self, inputs: tuple[Array, ...], states: Mapping[str, Array], target: Array,
        loss: str = "general", over: str = "all",
    ) -> tuple[float, dict[str, Array]]:  # fmt: skip
        """The loss and its gradients by TensorFlow's `GradientTape`.

        Args:
            inputs: (N, T, …) arrays; `states` the initial states by name.
            target: the target, or ∂ℓ_t/∂y_t for the loss "general", like the output.
            loss: which loss, in TensorFlow's own functions; `over` "all" steps or the "last".

        Returns:
            The loss, and the gradients by the names that our functions give them: inputs, initial
            states (`h_0`), parameters.
        """
        import tensorflow as tf

        count, steps = inputs[0].shape[:2]
        flat: list[Array] = [x.reshape(count, steps, -1) for x in inputs]
        flat += [states[v.name].reshape(count, -1) for v in self.cell.states]
        tensors = [tf.constant(a, self.dtype) for a in flat]
        variables = [v for layer in self.layers for v in layer.trainable_variables]
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            out = self.model(tensors if len(tensors) > 1 else tensors[0])
            y = out if over == "all" else out[:, -1]
            value = _loss(tf, loss, y, tf.constant(target.reshape(y.shape), self.dtype))
        sources = [*tensors, *(v.value for v in variables)]
        found = tape.gradient(value, sources, unconnected_gradients="zero")
        arrays = [np.asarray(tf.convert_to_tensor(g)) for g in found]
        names = [v.name for v in self.cell.inputs] + [f"{v.name}_0" for v in self.cell.states]
        like = [*inputs, *(states[v.name] for v in self.cell.states)]
        result = {n: a.reshape(x.shape) for n, a, x in zip(names, arrays, like)}
        rest = iter(arrays[len(names) :])
        for packing, called in self._packings:
            found_here = packing.unpack({name: next(rest) for name, _ in packing.arrays})
            for name, array in found_here.items():
                result[called[name]] = array.reshape(self.shape(self.cell[called[name]]))
        return float(value), result


def _loss(tf: Any, name: str, y: Any, target: Any) -> Any:
    if name == "general":
        return tf.reduce_sum(y * target)
    if name == "squared_error":
        return tf.reduce_sum((y - target) ** 2) / 2
    if name == "cross_entropy":
        return -tf.reduce_sum(target * tf.math.log(y))
    if name == "binary_cross_entropy_of_probabilities":
        return -tf.reduce_sum(target * tf.math.log(y) + (1 - target) * tf.math.log(1 - y))
    if name == "negative_log_likelihood":
        return -tf.reduce_sum(target * y)
    if name == "softmax_cross_entropy":
        return tf.reduce_sum(tf.nn.softmax_cross_entropy_with_logits(target, y))
    if name == "binary_cross_entropy":
        return tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(target, y))
    raise InputError(f"TensorFlow is not known to have the loss '{name}'")


def _cell_layer(keras: Any, cell: Cell, model: Model) -> Any:
    """A Keras RNN cell that computes our equations with `keras.ops`, one sample a row."""
    states = [v for v in cell.variables if v.role == Role.STATE]
    delayed = [v for v in cell.delayed if v.role == Role.INPUT]
    kept = [*states, *delayed]

    class EquationCell(keras.layers.Layer):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__(dtype=model.dtype)
            self.state_size = [model.flat(v) for v in kept] or [1]
            self.output_size = model.flat(cell.output)

        def build(self, _: Any) -> None:
            self.table = {
                v.name: self.add_weight(
                    name=v.name,
                    shape=model.shape(v)[1:] if v.shape[0] == 1 and not v.scalar
                    else model.shape(v),
                )
                for v in cell.parameters
            }  # fmt: skip
            self.built = True

        def call(self, x: Any, carried: Any) -> Any:
            ops = keras.ops
            carried = list(carried) if isinstance(carried, (list, tuple)) else [carried]
            values: dict[Quantity, Any] = {}
            for v in cell.parameters:
                values[v.here] = ops.reshape(self.table[v.name], (1, *model.shape(v)))
            start = 0
            for v in cell.inputs:
                width = model.flat(v)
                part = x[:, start : start + width]
                values[v.here] = ops.reshape(part, (-1, *model.shape(v)))
                start += width
            for v, value in zip(kept, carried):
                values[v.at(t - 1)] = ops.reshape(value, (-1, *model.shape(v)))
            for equation in cell.ordered:
                value = _compute(ops, keras, equation.expr, values, model)
                if equation.time is not None and not any(
                    q.time is not None for q in quantities(equation.expr)
                ):
                    value = ops.broadcast_to(value, (ops.shape(x)[0], *value.shape[1:]))
                values[equation.lhs] = value
            flat = [ops.reshape(values[v.here], (-1, model.flat(v))) for v in kept]
            out = ops.reshape(values[cell.output.here], (-1, model.flat(cell.output)))
            return out, flat or carried

    return EquationCell()


#: What `_compute` knows; any other operation says how it is computed.
_KNOWN = (
    Number,
    Minus,
    MatMul,
    MatAdd,
    Transpose,
    Apply,
    Concat,
    RowApply,
    Eye,
    Inner,
    Diagonal,
    Diag,
)


def _check_covered(cell: Cell) -> None:
    """Refuse a cell with an operation that Keras cannot compute, before Keras is asked."""
    for equation in cell.equations:
        for node in preorder_traversal(equation.expr):
            if isinstance(node, Node) and not isinstance(node, _KNOWN):
                if type(node).array is Node.array:
                    raise InputError(
                        f"Keras has no {node.call or type(node).__name__}, which the equation of "
                        f"{equation.variable} has; against the printed LaTeX it can be checked"
                    )


def _compute(ops: Any, keras: Any, expr: Any, values: Mapping[Quantity, Any], model: Model) -> Any:
    """The value of an expression as a batch of matrices (N or 1, rows, columns)."""

    def go(node: Any) -> Any:
        match node:
            case Quantity():
                return values[node]
            case Number():
                number = float(node.value)
                return ops.reshape(ops.convert_to_tensor(number, model.dtype), (1, 1, 1))
            case Minus():
                return -go(node.args[0])
            case MatMul():
                result = go(node.args[0])
                for factor in node.args[1:]:
                    result = ops.matmul(result, go(factor))
                return result
            case MatAdd():
                return sum((go(a) for a in node.args[1:]), go(node.args[0]))
            case Apply() if not is_function(node):
                sign = {"⊙": operator.mul, "/": operator.truediv, "^": ops.power}[node.name_]
                return reduce(sign, map(go, node.operands))
            case Transpose():
                return ops.transpose(go(node.args[0]), (0, 2, 1))
            case Apply():
                return _function(ops, keras, node.name_)(*map(go, node.operands))
            case Concat():
                parts_ = [go(a) for a in node.operands]
                # A parameter is one matrix for all samples.
                whole = next((p for p in parts_ if p.shape[0] != 1), parts_[0])
                lead = ops.shape(whole)[0]
                parts_ = [ops.broadcast_to(p, (lead, *p.shape[1:])) for p in parts_]
                return ops.concatenate(parts_, axis=2)
            case RowApply():
                return _row_function(
                    ops, node.name_, go(node.operand), [go(a) for a in node.options]
                )
            case Eye():
                size = int(node.args[0].xreplace(model.sizes))
                return ops.eye(size, dtype=model.dtype)[None]
            case Inner():
                product = go(node.args[0]) * go(node.args[1])
                return ops.sum(product, axis=(1, 2), keepdims=True)
            case Diagonal():
                return ops.diagonal(go(node.args[1]), axis1=1, axis2=2)[:, None, :]
            case Diag():
                value = go(node.args[0])
                size = value.shape[2]
                return ops.transpose(value, (0, 2, 1)) * ops.eye(size, dtype=model.dtype)[None]
        return node.array(ops, *map(go, node.operands))

    return go(expr)


def _function(ops: Any, keras: Any, name: str) -> Any:
    """Keras's own function of that name."""
    special = {
        "max": ops.maximum,
        "min": ops.minimum,
        "step": lambda z: ops.cast(z > 0, z.dtype),
        "erfc": lambda z: 1 - ops.erf(z),
        "softsign": keras.activations.softsign,
        # Keras's own take their slope as a Python number only; here it may be learned.
        "leaky_relu": lambda z, a=0.2: ops.where(z > 0, z, a * z),
        "elu": lambda z, a=1.0: ops.where(z > 0, z, a * ops.expm1(ops.minimum(z, 0))),
        "celu": lambda z, a=1.0: ops.where(z > 0, z, a * ops.expm1(ops.minimum(z, 0) / a)),
        # TensorFlow's own rounds its constants to float32 even in float64 (off by 3e-10).
        "gelu": lambda z: z / 2 * (1 + ops.erf(z / 2**0.5)),
        "gelu_tanh": lambda z: z / 2 * (1 + ops.tanh((2 / np.pi) ** 0.5 * (z + 0.044715 * z**3))),
    }
    if name in special:
        return special[name]
    for module in (ops, keras.activations):
        if hasattr(module, name):
            return getattr(module, name)
    return _from_formula(ops, ELEMENTWISE[name])


def _from_formula(ops: Any, entry: Any) -> Callable[..., Any]:
    """A function that Keras does not have, from its formula in operations of Keras's."""

    def function(*values: Any) -> Any:
        symbols = [sp.Symbol(a, real=True) for a in entry.arguments[: len(values)]]
        given = dict(zip(symbols, values))

        def go(expr: Any) -> Any:
            if expr in given:
                return given[expr]
            if expr.is_number:
                return float(expr)
            parts = list(map(go, expr.args)) if not isinstance(expr, sp.Piecewise) else []
            match expr:
                case sp.Add():
                    return sum(parts[1:], parts[0])
                case sp.Mul():
                    return reduce(operator.mul, parts)
                case sp.Pow():
                    return ops.power(*parts)
                case sp.Piecewise():
                    *rest, (last, _) = expr.args
                    found = go(last)
                    for value, condition in reversed(rest):
                        found = ops.where(go(condition), go(value), found)
                    return found
                case sp.StrictGreaterThan() | sp.GreaterThan():
                    return parts[0] > parts[1]
                case sp.StrictLessThan() | sp.LessThan():
                    return parts[0] < parts[1]
            name = {"Abs": "abs", "Max": "maximum", "Min": "minimum", "atan": "arctan"}.get(
                expr.func.__name__, expr.func.__name__
            )
            if not hasattr(ops, name):
                raise InputError(f"Keras has no function '{name}', of which {entry.name} is made")
            return getattr(ops, name)(*parts)

        return go(entry.scalar(*symbols))

    return function


def _sparsemax(ops: Any, z: Any) -> Any:
    """The paper's sparsemax by bisection of its threshold, so that no sort is written twice."""
    high = ops.stop_gradient(ops.max(z, axis=-1, keepdims=True))
    low = high - 1
    for _ in range(60):
        middle = (low + high) / 2
        over = ops.sum(ops.maximum(z - middle, 0), axis=-1, keepdims=True) > 1
        low, high = ops.where(over, middle, low), ops.where(over, high, middle)
    kept = ops.cast(z > (low + high) / 2, z.dtype)
    total = ops.sum(kept * z, axis=-1, keepdims=True)
    return ops.maximum(z - (total - 1) / ops.sum(kept, axis=-1, keepdims=True), 0)


def _row_function(ops: Any, name: str, z: Any, options: list[Any]) -> Any:
    if name == "layer_norm":
        epsilon = options[0] if options else 0.001
        centred = z - ops.mean(z, axis=-1, keepdims=True)
        return centred / ops.sqrt(ops.mean(centred**2, axis=-1, keepdims=True) + epsilon)
    if name in ("softmax", "log_softmax"):
        return getattr(ops, name)(z, axis=-1)
    if name == "keras_sparsemax":
        return ops.sparsemax(z, axis=-1)
    if name == "sparsemax":
        return _sparsemax(ops, z)
    if name == "keras_sparsemax_weights":
        raise InputError(f"Keras has no function '{name}'")
    return getattr(ops, name)(z, axis=-1, keepdims=True)
