"""A model as a NumPy function, and its gradient: node by node, forwards and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sympy import Integer

from ..derive import backpropagate
from ..derive.losses import check_over, loss_of
from ..derive.parts import part_of
from ..derive.variants import giving
from ..errors import InputError
from ..models import Model, Node, Value, filled, leaves
from ..names import code_of
from .arrays import array_of
from .function import GradientFunction, NumericFunction, function_of, own
from .operations import OPERATIONS

Array = NDArray[Any]
Progress = Callable[[str], None]
_FLOATS = ("float32", "float64")


#: The adjoints of what a node reads, of its initial states and of its parameters.
_Adjoints = tuple[list[Any], dict[str, Any], dict[str, Any]]


def _placed(g: Array, whole: Array, kept: Any) -> Array:
    """An adjoint of some steps as one of all."""
    found = np.zeros(whole.shape, g.dtype)
    found[kept] = g
    return found


class _Runner:
    """One node with equations, as generated functions."""

    def __init__(self, node: Node) -> None:
        assert node.cell is not None
        self.node = node
        self.names = list(dict.fromkeys(name for name, _ in node.takes))
        self.cell = giving(node.cell, self.names)
        # Without a state every vector is for itself, whatever the axes before it.
        self.pointwise = not node.cell.states
        self._of_loss: dict[tuple[str, str, str], GradientFunction] = {}

    @cached_property
    def function(self) -> NumericFunction:
        # The trace is of the node's own equations, for people to look at.
        assert self.node.cell is not None
        return function_of(self.cell, self.node.cell)

    @cached_property
    def gradient(self) -> GradientFunction:
        return GradientFunction(backpropagate(self.cell))

    def arrays(self, given: Mapping[str, Any], weights: Mapping[str, Any]) -> tuple[Any, ...]:
        """Inputs, initial states and parameters of the cell, from arrays by the model's names."""
        node, cell = self.node, self.cell
        read = [given[name] for name in node.reads]
        # Whole numbers and masks count as the numbers that they are.
        floats = [a.dtype for a in (*read, *weights.values()) if a.dtype.kind == "f"]
        dtype = floats[0] if floats else np.dtype("float64")
        inputs = []
        rank = max(x.ndim for x in read)
        for variable, x in zip(cell.inputs, read):
            x = x.astype(dtype, copy=False)
            if variable.shape == (1, 1) and x.ndim < rank:
                x = x[..., None]  # a mask: one number for each step
            if self.pointwise:
                x = x.reshape(-1, 1, x.shape[-1])
            elif node.backwards:
                x = x[:, ::-1]
            inputs.append(x)
        states = {}
        for variable in cell.states:
            value = given.get(node.initial.get(variable.name, ""))
            if value is None:
                value = np.zeros((len(inputs[0]), self.width(variable.name)), dtype)
            states[variable.name] = value.astype(dtype, copy=False)
        return inputs, states, weights

    def width(self, name: str) -> int:
        sizes = {symbol: Integer(value) for symbol, value in self.cell.sizes.items()}
        return int(self.cell[name].shape[1].xreplace(sizes))

    def ordered(self, function: NumericFunction, inputs: Any, states: Any, weights: Any) -> Any:
        table = {code_of(v.name): x for v, x in zip(self.cell.inputs, inputs)}
        table |= {code_of(n, Integer(0)): x for n, x in states.items()}
        table |= {code_of(n): x for n, x in weights.items()}
        return [table[name] for name in function.arguments]

    def forward(self, given: Mapping[str, Any], weights: Mapping[str, Any], trace: bool) -> Any:
        inputs, states, weights = self.arrays(given, weights)
        function = self.function
        arguments = self.ordered(function, inputs, states, weights)
        traced = function._trace(*arguments) if trace and function._trace is not None else None
        out = function.compute(*arguments)
        if traced is not None and self.pointwise:
            lead = max((given[n].shape for n in self.node.reads), key=len)[:-1]
            traced = {n: a.reshape(*lead, -1) if a.ndim > 2 else a for n, a in traced.items()}
        return self.taken(out, given), traced

    def taken(self, out: Array, given: Mapping[str, Any]) -> list[Array]:
        """What the node gives, from the quantities that its cell gives side by side."""
        pieces = dict(zip(self.names, self.split(out)))
        if self.pointwise:
            lead = max((given[n].shape for n in self.node.reads), key=len)[:-1]
            return [pieces[name].reshape(*lead, -1) for name, _ in self.node.takes]
        return [pieces[n] if which == "all" else pieces[n][:, -1] for n, which in self.node.takes]

    def split(self, out: Array) -> list[Array]:
        if len(self.names) == 1:
            return [out]
        stops = np.cumsum([self.width(name) for name in self.names])[:-1]
        return np.split(out, stops, axis=-1)

    def backward(
        self, given: Mapping[str, Any], weights: Mapping[str, Any], adjoints: Sequence[Any]
    ) -> _Adjoints:
        """The adjoints of what is read, of the initial states, and of the parameters."""
        inputs, states, weights = self.arrays(given, weights)
        function = self.function
        out = function.compute(*self.ordered(function, inputs, states, weights))
        target = np.zeros_like(out)
        pieces = dict(zip(self.names, self.split(target)))
        for (name, which), g in zip(self.node.takes, adjoints):
            if g is None:
                continue
            if self.pointwise:
                pieces[name] += g.reshape(pieces[name].shape)
            elif which == "all":
                pieces[name] += g
            else:
                pieces[name][:, -1] += g
        return self._back(self.gradient, inputs, target, states, weights, given)[1]

    def lost(
        self, given: Mapping[str, Any], weights: Mapping[str, Any], value_of: str, target: Any,
        loss: str, over: str,
    ) -> tuple[Any, _Adjoints]:  # fmt: skip
        """The loss of a value that the node gives, and its adjoints as those of `backward`."""
        inputs, states, weights = self.arrays(given, weights)
        _, which = self.node.takes[self.node.gives.index(value_of)]
        if self.pointwise:  # every vector is a sample; of the last step alone, those of that step
            last = over == "last" and np.ndim(target) < max(given[n].ndim for n in self.node.reads)
            kept = (slice(None),) if not last else (slice(None), slice(-1, None))
            whole = given
            given = {n: given[n][kept] for n in self.node.reads}
            inputs, states, weights = self.arrays(given, weights)
            target = np.reshape(target, (-1, 1, np.shape(target)[-1]))
            value, found = self._back(
                self.of_loss(value_of, loss, "all"), inputs, target, states, weights, given
            )
            read = [None if g is None else _placed(g, whole[n], kept)
                    for g, n in zip(found[0], self.node.reads)]  # fmt: skip
            return value, (read, *found[1:])
        gradient = self.of_loss(value_of, loss, "last" if which == "last" else over)
        return self._back(gradient, inputs, target, states, weights, given)

    def of_loss(self, value: str, loss: str, over: str) -> GradientFunction:
        """The gradient of a loss of a value that the node gives, made once."""
        key = (value, loss, over)
        if key not in self._of_loss:
            derivation = backpropagate(part_of(self.node, value), loss=loss, over=over)
            self._of_loss[key] = GradientFunction(derivation)
        return self._of_loss[key]

    def _back(
        self, gradient: GradientFunction, inputs: Any, target: Any, states: Any, weights: Any,
        given: Mapping[str, Any],
    ) -> tuple[Any, _Adjoints]:  # fmt: skip
        """What a gradient's function gives, by what the node reads, its states and parameters."""
        arguments = gradient.prepare((*inputs, target), states, weights)
        value, found = gradient.compute(*arguments)
        read = []
        for variable, name in zip(self.cell.inputs, self.node.reads):
            g = found[variable.name]
            if given[name].dtype == bool:
                g = None
            elif self.pointwise:
                g = g.reshape(given[name].shape)
            elif self.node.backwards:
                g = g[:, ::-1]
            read.append(g)
        initial = {n: found[code_of(n, Integer(0))] for n in self.node.initial}
        return value, (read, initial, {n: found[n] for n in weights})


class ModelFunction:
    """A NumPy function that takes what the framework's model takes, and gives what it gives.

    Attributes:
        model: what it computes.
        states: of a stateful model, the states that the last call left, by node.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.states: dict[str, dict[str, Array]] = {k: dict(v) for k, v in model.kept.items()}
        self._parts: dict[tuple[tuple[bool, ...], bool], _Run] = {}

    def __repr__(self) -> str:
        names = ", ".join(v.name for v in self.model.inputs)
        return f"<{type(self).__name__} of {self.model.name}: {names}>"

    @property
    def source(self) -> str:
        """The generated NumPy code of every part with equations; what they share stands once."""
        shared: dict[str, None] = {}
        parts = []
        for runner in self._run(self.model).runners.values():
            imports, *functions = runner.function.source.rstrip().split("\n\n\n")
            *helpers, own = functions
            shared |= dict.fromkeys([*imports.splitlines(), *helpers])
            parts.append(f"# {runner.node.name}\n{own}")
        imports = "\n".join(s for s in shared if s.startswith(("import ", "from ")))
        helpers = [s for s in shared if not s.startswith(("import ", "from "))]
        return "\n\n\n".join([imports, *(h for h in helpers if h), *parts]) + "\n"

    def reset_states(self) -> None:
        """Forget the states that a stateful model keeps."""
        self.states.clear()

    def _run(self, model: Model) -> _Run:
        key = (model.masked, model.training)
        if key not in self._parts:
            self._parts[key] = _Run(model)
        return self._parts[key]

    def __call__(
        self,
        /,
        *inputs: Any,
        initial_state: Any = None,
        mask: Any = None,
        weights: Mapping[str, Any] | None = None,
        dropout: Mapping[str, Any] | None = None,
        trace: bool = False,
    ) -> Any:
        """Compute what the model gives.

        Args:
            inputs: one array for each input, or one list of them: (N, T, D) sequences, (N, D)
                vectors, whole numbers where the model reads whole numbers.
            initial_state: of a recurrent layer by itself: its initial states, in the framework's
                order; zeros if not given.
            mask: (N, T) true or false, for each input that has one; a list where there are several.
            weights: arrays by key, instead of the model's own.
            dropout: in training (`rnnsym.lambdify(net.in_training())`): the masks by name.
            trace: give a mapping of every named quantity at every step, by node, beside the output.

        Returns:
            One array, or a list with states, as the framework's layer gives it; in the dtype of the
            inputs, or of the weights where all inputs are whole numbers. With `trace`, that and the
            mapping.

        Raises:
            InputError: one line that names the argument, what was expected and what was found.
        """
        run, values, arrays = self.prepared(inputs, initial_state, mask, weights, dropout)
        traces = run.forward(values, arrays, trace, self.states)
        result = filled(run.model.outputs, values)
        return (result, traces) if trace else result

    def prepared(
        self, inputs: Any, initial: Any, mask: Any, weights: Any, dropout: Any
    ) -> tuple[_Run, dict[str, Any], dict[str, Array]]:
        """The arguments of a call, checked: what to run, the values that are given, the weights."""
        model = self.model
        for name, table in (("weights", weights), ("dropout", dropout)):
            if table is not None and not isinstance(table, Mapping):
                raise InputError(f"{model.name}: {name} must be a mapping by name")
        if len(inputs) == 1 and isinstance(inputs[0], (list, tuple)) and len(model.inputs) > 1:
            inputs = tuple(inputs[0])
        if len(inputs) == 2 and len(model.inputs) == 1 and initial is None and model.states:
            inputs, initial = inputs[:1], inputs[1]
        if len(inputs) != len(model.inputs):
            names = ", ".join(v.name for v in model.inputs)
            raise InputError(
                f"{model.name} takes {len(model.inputs)} input(s) ({names}), not {len(inputs)}"
            )
        masks = _listed(mask, len(model.inputs), model)
        if any(m is not None for m in masks):
            model = model.with_mask(tuple(m is not None for m in masks))
        values: dict[str, Any] = {}
        dtype = None
        for value, x in zip(model.inputs, inputs):
            values[value.name] = array = _checked(model, value, x)
            if value.kind == "float":
                if dtype is not None and array.dtype != dtype:
                    raise InputError(
                        f"{model.name}: the inputs must agree in dtype: {value.name} is "
                        f"{array.dtype}, another is {dtype}"
                    )
                dtype = array.dtype
        arrays = _weights(model, weights, dtype)
        dtype = dtype or (next(iter(arrays.values())).dtype if arrays else np.dtype(model.dtype))
        count = {len(values[v.name]) for v in model.inputs}
        if len(count) > 1:
            raise InputError(f"{model.name}: the inputs have different numbers of samples: {count}")
        samples = count.pop()
        for value, m in zip(model.inputs, masks):
            if m is None:
                continue
            found = np.asarray(m)
            if found.ndim == 3 and found.shape[-1] == 1:  # as Keras takes it too
                found = found[..., 0]
            expected = values[value.name].shape[:2]
            if found.dtype.kind not in "bif" or found.shape != expected:
                raise InputError(
                    f"{model.name}: the mask of {value.name} must be true or false of shape "
                    f"{expected}, not {found.dtype} {found.shape}"
                )
            values[f"{value.name}_mask"] = found.astype(bool)
        if model.boxes:
            values |= _around(model, [values[v.name] for v in model.inputs], weights, dtype)
        self._initial(model, initial, values, samples, dtype)
        for value in model.dropout:
            if dropout is None or value.name not in dropout:
                names = ", ".join(v.name for v in model.dropout)
                raise InputError(f"{model.name} in training needs the dropout masks {names}")
            words = f"{model.name}: the dropout mask {value.name}"
            found = _numbers(dropout[value.name], dtype, words)
            # One mask may be given for all samples.
            if found.ndim == len(value.axes):
                found = np.broadcast_to(found, (samples, *found.shape))
            expected = (samples, *(a or b for a, b in zip(value.axes, found.shape[1:])))
            if found.shape != expected or found.ndim != 1 + len(value.axes):
                shape = ", ".join(["N", *("T" if a is None else str(a) for a in value.axes)])
                raise InputError(f"{words} must be of shape ({shape}), not {found.shape}")
            values[value.name] = found
        unknown = set(dropout or ()) - {v.name for v in model.dropout}
        if unknown:
            raise InputError(f"{model.name} has no dropout mask '{sorted(unknown)[0]}' here")
        return self._run(model), values, arrays

    def _initial(
        self, model: Model, initial: Any, values: dict[str, Any], samples: int, dtype: Any
    ) -> None:
        if initial is None:
            return
        names = leaves(model.states)
        if not names:
            raise InputError(
                f"{model.name} takes no initial state: it is no recurrent layer by itself"
            )
        given = leaves(initial)
        if len(given) != len(names):
            raise InputError(f"{model.name} has {len(names)} initial state(s), not {len(given)}")
        for name, state in zip(names, given):
            array = np.asarray(state)
            width = model.shapes[name].axes[-1]
            if array.dtype.kind != "f" or array.shape != (samples, width):
                raise InputError(
                    f"{model.name}: the initial state {name} must be numbers of shape "
                    f"({samples}, {width}), not {array.dtype} {array.shape}"
                )
            if not np.isfinite(array).all():
                raise InputError(f"{model.name}: the initial state {name} holds NaN or Inf")
            values[name] = array.astype(dtype)


class ModelGradient(ModelFunction):
    """The loss and the gradients of everything that goes into a model.

    Args:
        model: the model.
        loss: of its output; "general" is Σ y · ∂L/∂y over all outputs, which has the given
            derivative.
        over: "all" steps, or the "last" one alone.
    """

    def __init__(self, model: Model, loss: str = "general", over: str = "all") -> None:
        super().__init__(model)
        loss_of(loss)
        check_over(over)
        self.loss, self.over = loss, over
        if loss == "general":
            if over != "all":
                raise InputError("∂L/∂y is given for all steps: a loss by name has its last one")
            return
        # What does not fit is refused here, and not at the first call.
        node = self._lossy(model)
        self._run(model).runners[node.name].of_loss(model.outputs, loss, over)

    @staticmethod
    def _lossy(model: Model) -> Node:
        """The part whose output a loss is of."""
        for node in model.equations:
            if model.outputs in node.gives:
                return node
        raise InputError(
            f"{model.name}: a loss is of one output that a part with equations gives; for any "
            "other output give ∂L/∂y"
        )

    def __call__(  # type: ignore[override]
        self,
        /,
        *inputs: Any,
        initial_state: Any = None,
        mask: Any = None,
        weights: Mapping[str, Any] | None = None,
        dropout: Mapping[str, Any] | None = None,
    ) -> tuple[Any, dict[str, Any]]:
        """Compute the loss and its gradients.

        Args:
            inputs: the model's inputs, and behind them the target of the loss, in the shape of the
                output (of its last step, for a loss over that alone); for the general loss ∂L/∂y
                for what the model gives: an array or a (nested) list like its output.
            initial_state: as for the model's function.
            mask: likewise.
            weights: likewise.
            dropout: likewise.

        Returns:
            The loss, and a mapping of gradients by the name of each input, each initial state that
            was given, and the key of each trainable or not trainable array.

        Raises:
            InputError: one line that names the argument, what was expected and what was found.
        """
        if self.model.boxes:
            box = self.model.boxes[0]
            raise InputError(
                f"{self.model.name}: no gradient goes through {box.name} ({box.kind}), which is "
                "not covered"
            )
        if len(inputs) < 2:
            last = "∂L/∂y" if self.loss == "general" else "the target"
            raise InputError(f"{self.model.name}: give the inputs and, behind them, {last}")
        *given, target = inputs
        run, values, arrays = self.prepared(tuple(given), initial_state, mask, weights, dropout)
        run.forward(values, arrays, False, dict(self.states))
        adjoints: dict[str, Any] = {}
        if self.loss != "general":
            value, first = self._lost(run, values, arrays, target)
            gradients = run.backward(values, arrays, adjoints, first)
        else:
            value = self._given(run, values, adjoints, target)
            gradients = run.backward(values, arrays, adjoints)
        wanted = [v.name for v in run.model.inputs if v.kind == "float"]
        wanted += [n for n in leaves(run.model.states) if n in values]
        for name in wanted:
            gradients[name] = adjoints.get(name, np.zeros_like(values[name]))
        for key, array in arrays.items():
            gradients.setdefault(key, np.zeros_like(array))
        own(gradients)
        return value, gradients

    def _lost(
        self, run: _Run, values: Mapping[str, Any], arrays: Mapping[str, Any], target: Any
    ) -> tuple[Any, tuple[Node, _Adjoints]]:
        """The loss, and the adjoints of the part that it is of."""
        node = self._lossy(run.model)
        output = values[run.model.outputs]
        array = _numbers(target, output.dtype, f"{run.model.name}: the target")
        shape = output.shape
        if self.over == "last" and len(shape) == 3:
            shape = (shape[0], shape[2])
        if array.shape != shape:
            raise InputError(f"{run.model.name}: the target must be of shape {shape}, not "
                             f"{array.shape}")  # fmt: skip
        runner = run.runners[node.name]
        value, found = runner.lost(
            values, run._parameters(node, arrays), run.model.outputs, array, self.loss, self.over
        )
        return float(value), (node, found)

    @staticmethod
    def _given(run: _Run, values: Mapping[str, Any], adjoints: dict[str, Any], target: Any) -> Any:
        """The general loss; what is given is put into the adjoints."""
        names = leaves(run.model.outputs)
        targets = leaves(target)
        if len(targets) != len(names):
            raise InputError(f"{run.model.name} gives {len(names)} array(s), and there is ∂L/∂y "
                             f"for {len(targets)}")  # fmt: skip
        loss = 0.0
        for name, g in zip(names, targets):
            array = _numbers(g, values[name].dtype, f"{run.model.name}: ∂L/∂{name}")
            if array.shape != values[name].shape:
                raise InputError(
                    f"{run.model.name}: ∂L/∂{name} must be of shape {values[name].shape}, not "
                    f"{array.shape}"
                )
            loss += float((array * values[name]).sum())
            adjoints[name] = adjoints.get(name, 0) + array
        return loss


class _Run:
    """The nodes of one variant of a model, made into functions."""

    def __init__(self, model: Model, known: Mapping[str, _Runner] | None = None) -> None:
        self.model = model
        self.runners = {}
        for node in model.nodes:
            if node.cell is not None:
                old = (known or {}).get(node.name)
                same = old is not None and old.node is node
                self.runners[node.name] = old if old is not None and same else _Runner(node)

    def beginning_at(self, model: Model) -> _Run:
        """The same for a model that has some of these nodes: their functions are not made again."""
        return _Run(model, self.runners)

    def _parameters(self, node: Node, arrays: Mapping[str, Any]) -> dict[str, Any]:
        found = self.model.parameters(node, arrays)
        return {n: a.reshape(1, -1) if a.ndim == 1 else a for n, a in found.items()}

    def forward(
        self, values: dict[str, Any], arrays: Mapping[str, Any], trace: bool, kept: dict[str, Any]
    ) -> dict[str, Any]:
        traces: dict[str, Any] = {}
        for node in self.model.nodes:
            if node.operation == "box":
                continue  # what it gives was given
            if node.cell is None:
                read = [values[n] for n in node.reads]
                read += [arrays[p.key] for p in node.places.values()]
                operation = OPERATIONS[node.operation]
                try:
                    values[node.gives[0]] = operation.forward(*read, **node.options)
                except (ValueError, IndexError) as error:
                    words = " ".join(str(error).split())
                    raise InputError(f"{self.model.name}: {node.name}: {words}") from None
                continue
            runner = self.runners[node.name]
            given = dict(values)
            if node.stateful:
                for state, name in node.initial.items():
                    if name not in values and state in kept.get(node.name, {}):
                        given[name] = kept[node.name][state]
                        if len(given[name]) != len(values[node.reads[0]]):
                            raise InputError(
                                f"{self.model.name}: {node.name} keeps the states of "
                                f"{len(given[name])} samples, and {len(values[node.reads[0]])} "
                                "are given; reset_states() forgets them"
                            )
            found, traced = runner.forward(given, self._parameters(node, arrays), trace)
            for name, value in zip(node.gives, found):
                values[name] = value
            if traced is not None:
                traces[node.name] = traced
            if node.stateful:
                # The states that the framework keeps are among what the node gives.
                last = {v: values[g] for (v, which), g in zip(node.takes, node.gives)
                        if which == "last"}  # fmt: skip
                kept[node.name] = last
        return traces

    def backward(
        self, values: dict[str, Any], arrays: Mapping[str, Any], adjoints: dict[str, Any],
        first: tuple[Node, _Adjoints] | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Carry adjoints back through the nodes, in place; `first` are those that a loss brings.

        Returns:
            The gradients of the arrays.
        """
        gradients: dict[str, Any] = {}

        def reach(name: str, g: Any) -> None:
            if g is not None:
                adjoints[name] = adjoints[name] + g if name in adjoints else g

        def gather(key: str, index: Any, g: Any) -> None:
            if key not in gradients:
                gradients[key] = np.zeros_like(arrays[key])
            part = gradients[key][index]
            gradients[key][index] = part + np.reshape(g, np.shape(part))

        def spread(node: Node, found: _Adjoints) -> None:
            read, initial, weights = found
            for name, g in zip(node.reads, read):
                reach(name, g)
            for state, name in node.initial.items():
                if name in values:
                    reach(name, initial[state])
            for parameter, g in weights.items():
                place = node.places[parameter]
                gather(place.key, place.index(arrays[place.key].shape), g)

        if first is not None:
            spread(*first)
        for node in reversed(self.model.nodes):
            found = [adjoints.get(name) for name in node.gives]
            if all(g is None for g in found):
                continue
            if node.cell is not None:
                runner = self.runners[node.name]
                spread(node, runner.backward(values, self._parameters(node, arrays), found))
                continue
            operation = OPERATIONS[node.operation]
            arrays_read = [values[n] for n in node.reads]
            keys = [p.key for p in node.places.values()]
            weights_read = [arrays[k] for k in keys]
            if operation.backward_weight is not None:
                g = operation.backward_weight(found[0], *arrays_read, *weights_read, **node.options)
                gather(keys[0], (slice(None),), g)
            if operation.backward is None:
                continue
            back = operation.backward(found[0], *arrays_read, *weights_read, **node.options)
            for name, g in zip(node.reads, back if isinstance(back, list) else [back]):
                reach(name, g)
        return gradients


def _around(model: Model, inputs: list[Array], weights: Any, dtype: Any) -> dict[str, Array]:
    """What the boxes of a model give: the live model tells, with its own weights."""
    box = f"{model.name}: {model.boxes[0].name} ({model.boxes[0].kind}) is not covered"
    if model.around is None:
        raise InputError(f"{box}: only a live model tells what it gives")
    if weights is not None:
        raise InputError(f"{box}, and what it gives is told by the live model with its own weights")
    found = {name: np.asarray(array) for name, array in model.around(inputs).items()}
    return {n: a.astype(dtype) if a.dtype.kind == "f" else a for n, a in found.items()}


def _listed(mask: Any, count: int, model: Model) -> list[Any]:
    if mask is None:
        return [None] * count
    if isinstance(mask, (list, tuple)) and (count > 1 or (mask and mask[0] is None)):
        if len(mask) != count:
            raise InputError(f"{model.name} has {count} input(s), not {len(mask)} masks")
        return list(mask)
    if count > 1:
        raise InputError(f"{model.name} has {count} inputs: give a list of masks, or None for each")
    return [mask]


def _checked(model: Model, value: Value, x: Any) -> Array:
    """An input as an array, checked for dtype, shape and NaN."""
    found = array_of(x)
    if found is None:
        raise InputError(f"{model.name}: {value.name} must be an array of numbers, not "
                         f"{type(x).__name__}")  # fmt: skip
    array: Array = found
    shape = ", ".join(["N", *("T" if a is None else str(a) for a in value.axes)])
    if value.kind == "integer":
        whole = array.dtype.kind in "iu" or (
            array.dtype.kind == "f"
            and np.isfinite(array).all()
            and (array == np.floor(array)).all()
        )
        if not whole:
            raise InputError(f"{model.name}: {value.name} must be whole numbers of shape ({shape})")
        array = array.astype(np.int64)
    elif value.kind == "mask":
        array = array.astype(bool)
    elif array.dtype.name not in _FLOATS:
        raise InputError(
            f"{model.name}: {value.name} must be float32 or float64 of shape ({shape}), not "
            f"{array.dtype}"
        )
    fits = array.ndim == 1 + len(value.axes) and all(
        a is None or a == b for a, b in zip(value.axes, array.shape[1:])
    )
    if not fits:
        raise InputError(f"{model.name}: {value.name} must be of shape ({shape}), not "
                         f"{array.shape}")  # fmt: skip
    if 0 in array.shape:
        raise InputError(f"{model.name}: {value.name} is empty: {array.shape}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InputError(f"{model.name}: {value.name} holds NaN or Inf")
    return array


def _numbers(value: Any, dtype: Any, words: str) -> Array:
    """Numbers as an array; finite ones."""
    array = array_of(value, dtype)
    if array is None:
        raise InputError(f"{words} must be an array of numbers")
    if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
        raise InputError(f"{words} must be an array of finite numbers")
    return array


def _weights(model: Model, given: Mapping[str, Any] | None, dtype: Any) -> dict[str, Array]:
    arrays: dict[str, Any] = dict(model.values)
    if given is not None:
        known = {w.key for w in model.weights}
        for key in given:
            if key not in known:
                raise InputError(f"{model.name} has no weight '{key}'; it has "
                                 f"{', '.join(sorted(known))}")  # fmt: skip
        arrays |= given
    result = {}
    for weight in model.weights:
        if weight.key not in arrays:
            raise InputError(f"{model.name} has no numbers of its own: give weights")
        array = arrays[weight.key]
        if given is not None and weight.key in given:
            array = _numbers(array, None, f"{model.name}: {weight.key}")
        if array.shape != weight.shape:
            raise InputError(f"{model.name}: {weight.key} must be of shape {weight.shape}, not "
                             f"{array.shape}")  # fmt: skip
        result[weight.key] = array.astype(dtype or array.dtype, copy=False)
    return result


__all__ = ["ModelFunction", "ModelGradient"]
