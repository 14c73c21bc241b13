"""`verify`: three forms of a function against Keras, the printed LaTeX against both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..derive import matrices, unroll
from ..errors import InputError
from ..frameworks import keras as keras_framework
from ..models import Node, seen
from ..nouns import Cell, Comparison, Control, Network, Verdict
from ..numeric import NumericFunction, lambdify
from .branches import no_values
from .claim import Judge, Plan, plans
from .gradients import compared_gradients
from .plant import planted
from .readback import SMALL_STEPS, all_forms, compared_latex, latex_controls
from .sampled import Samples, completed, numbers_in, unsized
from .samples import Sample, default_sizes
from .whole import Progress, Whole, compared_counts, silent

Array = NDArray[Any]

DTYPES = ("float64", "float32")
_STEPS = 7


class CellWhole(Whole):
    """A cell against Keras: the samples, Keras's numbers for them, and every comparison."""

    def __init__(
        self, cell: Cell, seed: int = 0, steps: int | None = None, progress: Progress = silent
    ) -> None:
        super().__init__(seen(cell), seed, progress)
        if steps is not None and steps < 1:
            raise InputError(f"steps must be a positive whole number, not {steps}")
        progress("importing Keras")
        keras_framework.load()
        self.cell = cell
        self.bare = unsized(cell)
        steps = steps or _STEPS
        _, small = plans(self.bare, seed, {*numbers_in(cell), steps}, SMALL_STEPS)
        first = Plan(seed, default_sizes(cell), steps)
        self.samples = Samples(cell, [first, small])
        self.domain = self.samples.domain
        self.judge = Judge(self.domain)
        self._models: dict[Any, keras_framework.Model] = {}
        self._outputs: dict[tuple[int, str], Array] = {}
        if not self.domain.samples:
            raise no_values(cell.name, cell.equations)

    def prepare(self) -> None:
        self.progress("running Keras in float64 and float32")
        witness = self.witness(self.domain.samples[0], "float64")
        self.against = "; ".join(dict.fromkeys(p.words for p in witness.parts))
        if all(part.layer is not None for part in witness.parts):
            self.agreement = Verdict.VERIFIED
        self.sizes = self.domain.samples[0].sizes
        self.weak = self.domain.weakness
        self.remarks += self.cell.remarks

    def witness(self, sample: Sample, dtype: str) -> keras_framework.Model:
        """Keras's model of the cell for the sizes and steps of a sample."""
        key = (tuple(sample.sizes.items()), sample.steps, dtype)
        if key not in self._models:
            model = keras_framework.Model(self.bare, sample.sizes, sample.steps, dtype)
            self._models[key] = model
        return self._models[key]

    def keras(self, sample: Sample, dtype: str = "float64") -> Array:
        """What Keras gives for a sample."""
        if (id(sample), dtype) not in self._outputs:
            model, cast = self.witness(sample, dtype), sample.cast(dtype)
            model.set_weights(cast.weights)
            self._outputs[id(sample), dtype] = model(cast.inputs, cast.states)
        return self._outputs[id(sample), dtype]

    @property
    def small(self) -> list[Sample]:
        """The samples that a person would print."""
        return [s for s in self.domain.samples if s.steps == SMALL_STEPS]

    @property
    def _steps(self) -> str:
        return " and ".join(str(n) for n in dict.fromkeys(s.steps for s in self.domain.samples))

    def forms(self) -> Iterable[Comparison]:
        """The forms of the function against Keras, in both precisions."""
        made: dict[Any, NumericFunction] = {}

        def unrolled(sample: Sample) -> NumericFunction:
            if sample.steps not in made:
                made[sample.steps] = lambdify(unroll(self.bare, sample.steps))
            return made[sample.steps]

        def explicit(sample: Sample) -> NumericFunction:
            key = (sample.steps, *sample.sizes.values())
            if key not in made:
                form = matrices(unroll(self.bare, sample.steps), **sample.sizes)
                made[key] = lambdify(form)
            return made[key]

        for name, make, samples in (
            ("loop", lambda _: self.samples.function, self.domain.samples),
            ("unrolled", unrolled, self.domain.samples),
            ("explicit matrices", explicit, self.small),
        ):
            for dtype in DTYPES:
                steps = self._steps if samples is self.domain.samples else SMALL_STEPS
                what = f"{name} against Keras, {dtype}, N = 2, T = {steps}"
                claim = self.samples.claim(
                    what,
                    lambda s, dtype=dtype: self.keras(s, dtype),  # type: ignore[misc]
                    lambda s, make=make, dtype=dtype: s.cast(dtype).call(make(s)),  # type: ignore[misc]
                    dtype,
                )
                try:
                    with np.errstate(all="ignore"):
                        yield self.judge.compare(claim, samples)
                except InputError as error:
                    if make is not explicit:
                        yield Comparison(f"{name}: {error}", False)
                        continue
                    # Matrices too large to be written out are not compared, and not wrong.
                    self.remarks.append(f"not compared: {name}: {error}")
                    break

    def compared(self) -> Iterator[Comparison]:
        yield from self.forms()
        model = self.witness(self.domain.samples[0], "float64")
        formula = self.cell.parameter_count
        ours = int(formula.xreplace(model.sizes))
        yield from compared_counts(f"{formula} = ", ours, model)
        self.remarks += _remarks(self.cell, model)

    def printed(self, node: Node) -> tuple[list[Comparison], list[Control]]:
        """What is printed against Keras's own numbers."""
        forms = all_forms(self.bare, SMALL_STEPS)
        found = compared_latex(self.samples, forms, self.small, self.keras, "Keras")
        return list(found), list(latex_controls(self.samples, self.keras))

    def gradients(self) -> tuple[Iterable[Comparison], Iterable[Control]]:
        return compared_gradients(self.cell, self.seed, self.progress)

    def controls(self) -> Iterator[Control]:
        """Wrong formulas through the generated code: each must differ from Keras."""
        claim = self.samples.claim("", self.keras, lambda s: s.call(self.samples.function))
        for _, what, wrong in planted(self.bare):
            function = lambdify(wrong)

            def value(s: Sample, function: Any = function, wrong: Cell = wrong) -> Any:
                with np.errstate(all="ignore"):
                    return completed(s, wrong).call(function)

            equal = self.samples.equal(wrong)
            yield self.judge.control(claim, f"{what}, in the code", value, equal)


def _remarks(cell: Cell, witness: keras_framework.Model) -> Iterable[str]:
    for part in witness.parts:
        if part.layer is not None:
            renamed = ", ".join(f"{ours} is {theirs}" for theirs, ours in part.names.items()
                                if ours != theirs)  # fmt: skip
            also = f" ({renamed})" if renamed and not isinstance(cell, Network) else ""
            yield f"{part.cell.name} is {part.words}{also}"
        else:
            yield (
                f"{part.cell.name} is no layer of Keras that is known here: it ran as an RNN cell "
                "made from the same equations, which checks the loop and the generated code, and "
                "not the equations"
            )
