"""A generated function with its arguments checked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sympy import Expr, Integer, Symbol, solve

from ..derive.losses import TARGETS, loss_of
from ..errors import InputError, suggestion
from ..names import code_of, t, unicode_of
from ..nouns import ROW, Cell, Derivation, Variable
from .arrays import array_of
from .compiling import compiled
from .gradient import bare_cell, gradient_source, target_of
from .layout import axes
from .source import Source, loop_source

Array = NDArray[Any]
_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
#: Arguments of a function that are no parameter of its cell.
RESERVED = ("initial_state", "trace")
#: Sizes such as D + M, to be settled when the sizes in them are known.
_Pending = list[tuple[Variable, Expr, int]]
#: A size of a variable: its name, a number, or a sum that has to be settled.
_Axes = tuple[str | int | Expr, ...]


class NumericFunction:
    """A NumPy function of inputs, initial states and weights.

    Attributes:
        cell: what it computes.
        source: the generated code; `trace_source` is that of the function that keeps everything.
        compute: the generated function itself, which takes arrays in the order of `arguments` and
            checks nothing.
        steps: the number of steps that it was unrolled for, or None.
    """

    def __init__(
        self, cell: Cell, source: Source, trace_source: Source | None, steps: int | None = None
    ) -> None:
        self._made_of: tuple[Any, ...] = (cell, source, trace_source, steps)
        self.cell = cell
        self.source = source.text
        self.trace_source = trace_source.text if trace_source is not None else ""
        self.steps = steps
        self.compute = compiled(source)
        code = self.compute.__code__
        self._arguments: tuple[str, ...] = code.co_varnames[: code.co_argcount]
        self._trace = compiled(trace_source) if trace_source is not None else None
        self._zeros = np.zeros(0)
        # Which axis of a vector that is given as it is shown has one entry.
        self._vector_axis = 0 if cell.convention == ROW else 1
        self._axes = {v.name: _axes(cell, v) for v in cell.variables}
        self._known = {v.name for v in cell.parameters}
        self._sizes = {str(symbol): value for symbol, value in cell.sizes.items()}
        # The cell finds these anew at every look; a call should not.
        self._inputs, self._states_of, self._parameters = cell.inputs, cell.states, cell.parameters

    def __reduce__(self) -> Any:
        # A compiled function cannot be sent to another process, its source can.
        return type(self), self._made_of

    def __repr__(self) -> str:
        return f"<NumericFunction of {self.cell.name}: {', '.join(self.arguments)}>"

    @property
    def arguments(self) -> tuple[str, ...]:
        """What `compute` takes, in order: inputs, initial states (`h_0`), parameters."""
        return self._arguments

    def __call__(
        self, /, *inputs: Any, initial_state: Any = None, trace: bool = False, **weights: Any
    ) -> Any:
        """Compute the output at every step.

        Args:
            inputs: one array (N, T, D) for each input of the cell, float32 or float64.
            initial_state: the state before the first step: an array (N, M) for one state, a
                mapping by name or a sequence for several; zeros if not given.
            trace: give a mapping of every named quantity instead of the output, each (N, T, …);
                a constant, which has no time, stands in it once.
            weights: the parameters by name, in the dtype of the input: matrices as the cell's
                table shows them (a text in columns has W as (M, D)), vectors (M,) or as shown,
                numbers for scalars.

        Returns:
            The output (N, T, K), in the dtype of the input; or the mapping.

        Raises:
            InputError: one line that names the argument, what was expected and what was found.
        """
        count = len(self._inputs)
        if count < len(inputs) <= count + 2:
            extra = inputs[count:]
            inputs = inputs[:count]
            if initial_state is not None:
                raise InputError("initial_state is given twice")
            initial_state = extra[0]
            trace = extra[1] if len(extra) > 1 else trace
        arguments = self.prepare(inputs, initial_state, weights)
        function = self._trace if trace and self._trace is not None else self.compute
        return function(*arguments)

    def prepare(
        self, inputs: Sequence[Any], initial_state: Any, weights: Mapping[str, Any]
    ) -> list[Array]:
        """Check all arguments and put them in the order that `compute` takes."""
        cell = self.cell
        if len(inputs) != len(self._inputs):
            names = ", ".join(v.name for v in self._inputs)
            raise InputError(
                f"{cell.name} takes {len(self._inputs)} input(s) ({names}), not {len(inputs)}"
            )
        sizes = dict(self._sizes)
        pending: _Pending = []
        # The test for NaN multiplies them; whoever has warnings as errors wants our error instead.
        with np.errstate(invalid="ignore"):
            arrays = [self._input(v, x, sizes, pending) for v, x in zip(self._inputs, inputs)]
            dtype = arrays[0].dtype
            for variable, array in zip(self._inputs[1:], arrays[1:]):
                if array.dtype != dtype or array.shape[:2] != arrays[0].shape[:2]:
                    raise InputError(
                        f"the inputs must agree in dtype, samples and steps: {variable.name} is "
                        f"{array.dtype} {array.shape}, {self._inputs[0].name} is {dtype} "
                        f"{arrays[0].shape}"
                    )
            given = self._by_name(weights)
            values = [
                self._weight(v, given[v.name], dtype, sizes, pending) for v in self._parameters
            ]
            states = self._states(initial_state, arrays[0], sizes, pending)
        for variable, size, found in pending:
            self._settle(variable, size, found, sizes)
        return [*arrays, *states, *values]

    def _shown(self, variable: Variable) -> str:
        """A name in a message; of a derivative its plain spelling."""
        return unicode_of(variable.name, t) if ":" in variable.name else variable.name

    def _fail(self, variable: Variable, expected: str, found: Any) -> InputError:
        return InputError(f"{self.cell.name}: {variable.name} must be {expected}, not {found}")

    def _input(
        self,
        variable: Variable,
        value: Any,
        sizes: dict[str, int],
        pending: _Pending,
    ) -> Array:
        array = value if type(value) is np.ndarray else array_of(value)
        if array is None or array.dtype not in _FLOATS:
            found = type(value).__name__ if array is None else array.dtype
            words = _shape_words(self.cell, variable, "N, T, ")
            raise self._fail(variable, f"float32 or float64 of shape {words}", found)
        shape = self._axes[variable.name]
        if array.ndim != 2 + len(shape):
            words = _shape_words(self.cell, variable, "N, T, ")
            raise self._fail(variable, f"of shape {words}", array.shape)
        if array.shape[1] == 0:
            raise InputError(f"{self.cell.name}: {variable.name} has no steps (T = 0)")
        if self.steps is not None and array.shape[1] != self.steps:
            raise InputError(
                f"{self.cell.name} is unrolled over {self.steps} steps, and {variable.name} has "
                f"{array.shape[1]}"
            )
        self._finite(variable, array)
        self._match(variable, shape, array.shape[2:], sizes, pending)
        return array

    def _by_name(self, weights: Mapping[str, Any]) -> dict[str, Any]:
        cell = self.cell
        known = self._known
        if weights.keys() == known:
            return dict(weights)
        # `lambda` cannot be written as a keyword: `lambda_` is taken for it.
        mangled = {code_of(n): n for n in known}
        given = {mangled.get(name, name): value for name, value in weights.items()}
        for name in given:
            if name not in known:
                hint = suggestion(name, known)
                raise InputError(f"{cell.name} has no parameter '{name}'{hint}")
        missing = [v.name for v in cell.parameters if v.name not in given]
        if missing:
            raise InputError(f"{cell.name} needs the weights {', '.join(missing)}")
        return given

    def _weight(
        self,
        variable: Variable,
        value: Any,
        dtype: np.dtype[Any],
        sizes: dict[str, int],
        pending: _Pending,
    ) -> Any:
        array = value
        if type(value) is not np.ndarray:
            array = array_of(value)
            if isinstance(value, (int, float)) and not isinstance(value, bool) and variable.scalar:
                array = np.asarray(value if abs(value) < 1e308 else math.inf, dtype)
        if array is None or array.dtype != dtype:
            found = type(value).__name__ if array is None else array.dtype
            raise self._fail(variable, f"{dtype}, like the input", found)
        self._finite(variable, array)
        shape = self._axes[variable.name]
        if shape == (1,):
            if array.size != 1:
                raise self._fail(variable, "one number", f"an array of shape {array.shape}")
            return array.reshape(())[()]
        if len(shape) == 1:  # a vector may come as (M,), as Keras has its biases, or as it is shown
            if array.ndim == 2 and array.shape[self._vector_axis] == 1:
                array = array.reshape(-1)
            if array.ndim != 1:
                raise self._fail(variable, self._vector_words(variable), array.shape)
            array = array.reshape(1, -1)
            shape = (1, *shape)
        if array.ndim != len(shape):
            raise self._fail(variable, f"of shape {_shape_words(self.cell, variable)}", array.shape)
        self._match(variable, shape, array.shape, sizes, pending)
        return array

    def _vector_words(self, variable: Variable) -> str:
        rows, cols = self.cell.shown_shape(variable)
        return f"of shape ({variable.shape[1]},) or ({rows}, {cols})"

    def _states(
        self,
        initial: Any,
        x: Array,
        sizes: dict[str, int],
        pending: _Pending,
    ) -> list[Array]:
        given = self._named_states(initial)
        result = []
        for variable in self._states_of:
            shape = self._axes[variable.name]
            if variable.name not in given:
                result.append(np.zeros((len(x), *(self._size(variable, s, sizes, pending)
                                                  for s in shape)), x.dtype))  # fmt: skip
                continue
            array = array_of(given[variable.name])
            if array is None or array.dtype != x.dtype:
                found = type(given[variable.name]).__name__ if array is None else array.dtype
                raise self._fail(variable, f"{x.dtype}, like the input, as initial state", found)
            self._finite(variable, array)
            if array.ndim == len(shape):  # one state for all samples
                array = np.broadcast_to(array, (len(x), *array.shape))
            if array.ndim != 1 + len(shape) or len(array) != len(x):
                layout = _shape_words(self.cell, variable, "N, ")
                raise self._fail(
                    variable, f"of shape {layout} as initial state, N = {len(x)}", array.shape
                )
            self._match(variable, shape, array.shape[1:], sizes, pending)
            result.append(array)
        return result

    def _named_states(self, initial: Any) -> Mapping[str, Any]:
        if initial is None:
            return {}
        states = [v.name for v in self._states_of]
        if isinstance(initial, Mapping):
            for name in initial:
                if name not in states:
                    known = ", ".join(states) or "none"
                    raise InputError(
                        f"{self.cell.name} has no state '{name}'; its states are {known}"
                    )
            return initial
        if len(states) == 1 and not (isinstance(initial, (list, tuple)) and len(initial) == 1):
            return {states[0]: initial}
        if not isinstance(initial, (list, tuple)) or len(initial) != len(states):
            raise InputError(
                f"{self.cell.name} has {len(states)} states ({', '.join(states)}); give them as a "
                "mapping by name, or all in this order"
            )
        return dict(zip(states, initial))

    def _finite(self, variable: Variable, array: Array) -> None:
        # 0 · NaN and 0 · Inf are NaN, so one product with zeros finds both, and it cannot overflow.
        flat = array.ravel()
        if self._zeros.size < flat.size or self._zeros.dtype != flat.dtype:
            self._zeros = np.zeros(max(flat.size, 256), flat.dtype)
        if flat.dot(self._zeros[: flat.size]) != 0.0:
            what = "NaN" if np.isnan(flat).any() else "Inf"
            place = np.unravel_index(int(np.argmin(np.isfinite(flat))), array.shape)
            where = f"[{', '.join(str(int(i)) for i in place)}]" if place else ""
            raise InputError(f"{self.cell.name}: {self._shown(variable)}{where} is {what}")

    def _match(
        self,
        variable: Variable,
        shape: _Axes,
        found: Sequence[int],
        sizes: dict[str, int],
        pending: _Pending,
    ) -> None:
        for size, number in zip(shape, found):
            if type(size) is str:
                if sizes.setdefault(size, number) != number or number < 1:
                    wanted = " × ".join(f"{s} = {sizes[s]}" if isinstance(s, str) and s in sizes
                                        else str(s) for s in shape)  # fmt: skip
                    raise self._fail(variable, f"of shape {wanted}", f"{tuple(found)}")
            elif isinstance(size, int):
                if size != number:
                    wanted = " × ".join(map(str, shape))
                    raise self._fail(variable, f"of shape {wanted}", f"{tuple(found)}")
            else:
                pending.append((variable, size, number))

    def _settle(self, variable: Variable, size: Expr, found: int, sizes: dict[str, int]) -> None:
        """A size such as D + M: what is known must give what was found."""
        value = _valued(size, sizes)
        unknown = value.free_symbols
        if len(unknown) == 1:
            (symbol,) = unknown
            solution = solve(value - found, symbol)
            if solution and solution[0].is_Integer and solution[0] > 0:
                sizes[str(symbol)] = int(solution[0])
                return
        if not unknown and value != found:
            raise self._fail(variable, f"{size} = {value} long in one direction", found)

    def _size(
        self, variable: Variable, size: str | int | Expr, sizes: dict[str, int], pending: _Pending
    ) -> int:
        if isinstance(size, int):
            return size
        if isinstance(size, str) and size in sizes:
            return sizes[size]
        for known in pending:
            self._settle(*known, sizes)
        value = _valued(Symbol(size) if isinstance(size, str) else size, sizes)
        if value.free_symbols:
            raise InputError(
                f"{self.cell.name}: nothing tells the size {size} of {variable.name}; give its "
                "initial state"
            )
        return int(value)


def own(arrays: dict[str, Any]) -> None:
    """Make every array one that its receiver may write to; what is broadcast is not."""
    for name, array in arrays.items():
        if isinstance(array, np.ndarray) and not array.flags.writeable:
            arrays[name] = array.copy()


def function_of(cell: Cell, traced: Cell | None = None) -> NumericFunction:
    """The function of a cell, or of a part of a model, as a loop over the steps.

    Args:
        cell: what it computes.
        traced: whose quantities a trace has, where those are not the same.
    """
    return NumericFunction(cell, loop_source(cell), loop_source(traced or cell, trace=True))


class GradientFunction(NumericFunction):
    """A NumPy function that gives the loss and the gradients of everything that goes in.

    Attributes:
        derivation: the lines that it was made from.

    Args:
        derivation: likewise.
        as_printed: compute every slope as it is printed, also where it cancels and another text
            does not.
    """

    def __init__(self, derivation: Derivation, as_printed: bool = False) -> None:
        self.derivation = derivation
        source = gradient_source(derivation, as_printed)
        super().__init__(bare_cell(derivation), source, None, derivation.length)
        self._made_of = (derivation, as_printed)
        self._target = target_of(derivation)
        self._output = self.cell.output
        self._widths = [self._find(size) for size in axes(self.cell, self._output)]
        lead = "N, T, " if derivation.over == "all" else "N, "
        self._target_shape = _shape_words(self.cell, self._output, lead)

    def __call__(  # type: ignore[override]
        self, /, *inputs: Any, initial_state: Any = None, **weights: Any
    ) -> tuple[Any, dict[str, Any]]:
        """Compute the loss and its gradients.

        Args:
            inputs: one array (N, T, D) for each input of the cell, and behind them the target (for
                the loss "general": ∂ℓ_t/∂y_t), in the shape of the output: (N, T, K), or (N, K)
                for a loss of the last step alone.
            initial_state: the state before the first step, zeros if not given.
            weights: the parameters by name, in the dtype of the input.

        Returns:
            The loss, summed over samples and steps, and a mapping of gradients: by the name of each
            input, of each initial state (`h_0`) and of each parameter, each of the shape of what
            was given. For the loss "general" the loss is Σ y_t · ∂ℓ_t/∂y_t, which has the given
            derivative.

        Raises:
            InputError: one line that names the argument, what was expected and what was found.
        """
        count = len(self._inputs)
        if len(inputs) == count + 2 and initial_state is None:
            *inputs, initial_state = inputs  # type: ignore[assignment]
        if len(inputs) != count + 1:
            names = ", ".join([*(v.name for v in self._inputs), self._target_words])
            raise InputError(
                f"{self.cell.name} takes {names}: {count + 1} arrays, not {len(inputs)}"
            )
        loss, gradients = self.compute(*self.prepare(inputs, initial_state, weights))
        own(gradients)
        for name, given in weights.items():
            known = name if name in gradients else name.rstrip("_")
            if np.shape(given) != np.shape(gradients[known]):  # a bias of (M,), a scalar
                gradients[known] = np.reshape(gradients[known], np.shape(given))
        return loss, gradients

    @property
    def _target_words(self) -> str:
        return "∂ℓ_t/∂" + self._output.name + "_t" if ":" in self._target.name else "the target"

    def prepare(
        self, inputs: Sequence[Any], initial_state: Any, weights: Mapping[str, Any]
    ) -> list[Any]:
        """Check all arguments and put them in the order that `compute` takes."""
        *given, target = inputs
        arrays = super().prepare(given, initial_state, weights)
        x = arrays[0]
        lead = x.shape[:2] if self.derivation.over == "all" else x.shape[:1]
        array = target if type(target) is np.ndarray else array_of(target)
        if array is not None and array.dtype.kind in "iub" and self.derivation.loss != "general":
            array = array.astype(x.dtype)  # one-hot rows come as whole numbers
        if array is None or array.dtype != x.dtype:
            found = type(target).__name__ if array is None else array.dtype
            raise InputError(
                f"{self.cell.name}: {self._target_words} must be {x.dtype}, like the input, of "
                f"shape {self._target_shape}, not {found}"
            )
        expected = (*lead, *(self._width(where, arrays) for where in self._widths))
        if array.shape != expected:
            raise InputError(
                f"{self.cell.name}: {self._target_words} must be of shape {self._target_shape} = "
                f"{expected}, like the output, not {array.shape}"
            )
        with np.errstate(invalid="ignore"):
            self._finite(self._target, array)
        self._check_target(array)
        arrays.insert(len(self._inputs), array)
        return arrays

    def _check_target(self, array: Array) -> None:
        """Hold the target to what the loss is of: a distribution, or numbers from 0 to 1."""
        loss = loss_of(self.derivation.loss)
        if not loss.unit:
            return
        wrong = array.min() < 0 or array.max() > 1
        if loss.distribution and not wrong:
            wrong = np.abs(array.sum(axis=-1) - 1).max() > 1e-4
        if wrong:
            raise InputError(f"{self.cell.name}: the target must be {TARGETS[loss.target]}")

    @staticmethod
    def _width(where: int | tuple[int, int] | list[Any], arrays: list[Any]) -> int:
        """A size of the output: a number, an axis of an argument, or a sum of such."""
        if isinstance(where, list):
            return sum(times * GradientFunction._width(part, arrays) for times, part in where)
        return where if isinstance(where, int) else int(arrays[where[0]].shape[where[1]])

    def _find(self, size: Expr) -> Any:
        """Where a size can be read from the checked arguments; see `_width`."""
        if isinstance(size, Integer):
            return int(size)
        if not isinstance(size, Symbol):
            terms = size.as_coefficients_dict().items()
            return [(int(times), self._find(term)) for term, times in terms]
        rows = [(v, 2) for v in self._inputs] + [(v, 1) for v in self._states_of]
        for i, (v, lead) in enumerate(rows):
            shape = axes(self.cell, v)
            if size in shape:
                return (i, lead + shape.index(size))
        for i, v in enumerate(self._parameters, len(rows)):
            shape = v.shape if v.shape[0] == 1 else axes(self.cell, v)
            if size in shape and not v.scalar:
                return (i, shape.index(size))
        raise InputError(f"{self.cell.name}: nothing tells the size {size} of the output")


def _axes(cell: Cell, variable: Variable) -> _Axes:
    """The sizes of one sample's array as they are matched: names, numbers, or sums to settle."""
    shape = axes(cell, variable)
    return tuple(str(s) if isinstance(s, Symbol) else int(s) if s.is_Integer else s for s in shape)


def _valued(size: Expr, sizes: dict[str, int]) -> Expr:
    return size.xreplace({Symbol(name): Integer(value) for name, value in sizes.items()})


def _shape_words(cell: Cell, variable: Variable, lead: str = "") -> str:
    sizes = axes(cell, variable)
    words = f"{lead}{', '.join(map(str, sizes))}"
    return f"({words},)" if "," not in words else f"({words})"
