"""Are two cells the same function: under which correspondence of weights, or where do they part?

`verify_claim` holds a text to what it is said to be, where that is a layer of a framework by the
framework's own numbers; `equal` holds two texts, cells or models to each other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cells import get, names, read_file
from ..errors import InputError, suggestion
from ..frameworks.keras import from_keras
from ..frameworks.keras.claims import NamedLayer, layer_of, named_layer, variants
from ..language import parse
from ..models import Model, leaves
from ..names import unicode_of
from ..nouns import ROW, Cell, Comparison, Control, Report, Role, Verdict
from ..numeric import ModelFunction, lambdify
from .branches import Coverage, needs, no_values
from .claim import Judge, Plan, plans
from .correspondence import (
    Correspondence,
    acts_as,
    candidates,
    correspondence,
    partners,
    same_by_algebra,
)
from .exact import apart, evaluate
from .plant import HIDDEN, planted
from .rounding import tolerance
from .runs import random_weights
from .sampled import Samples, completed, numbers_in, unsized
from .samples import Sample, error_of
from .whole import silent

Array = NDArray[Any]
Progress = Callable[[str], None]

#: What two functions may be apart to be taken for one while a correspondence is looked for.
_NEAR = 1e-9
#: At 50 digits two ways to one function agree to all but a few.
_EQUAL = 1e-40
_SUFFIXES = (".keras", ".h5", ".hdf5")


@dataclass(frozen=True)
class Other:
    """What a cell is compared with.

    Attributes:
        words: how it is called.
        cell: its equations, in row form, with no size given.
        layer: the framework's own layer, if it is one; else the other's own code is asked.
    """

    words: str
    cell: Cell
    layer: NamedLayer | None = None

    def output(self, sample: Sample, dtype: str) -> Array:
        """What it gives at every step."""
        cast = sample.cast(dtype)
        if self.layer is None:
            return cast.call(lambdify(self.cell))
        width = self.cell.output.shape[1]
        units = sample.sizes[str(width)]
        return self.layer.output(dtype, cast.inputs, cast.states, cast.weights, units)


def _rows(cell: Cell) -> Cell:
    return replace(unsized(cell), convention=ROW)


def claimed(claim: str | Cell) -> Other:
    """What a claim names.

    Raises:
        InputError: for a claim that names nothing that is known.
    """
    if isinstance(claim, Cell):
        return Other(claim.title or claim.name, _rows(claim))
    if not isinstance(claim, str):
        raise InputError(f"a claim is a name or a cell, not {type(claim).__name__}")
    layer = named_layer(claim)
    if layer is not None:
        return Other(layer.words, _rows(layer.cell), layer)
    if claim in names():
        return Other(claim, _rows(get(claim)))
    hint = suggestion(claim, names())
    raise InputError(
        f"unknown claim '{claim}'{hint}; a claim is a layer such as keras.layers.GRU, or a cell of "
        f"the catalogue: {', '.join(names())}"
    )


def verify_claim(
    subject: Cell, claim: str | Cell, *, seed: int = 0, progress: Progress = silent
) -> Report:
    """Hold a cell to what it is said to be.

    Raises:
        InputError: for a claim that names nothing that is known.
    """
    progress("looking at what is claimed")
    other = claimed(claim)
    report = _Comparing(subject, other, seed, progress).report()
    if report.verdict == Verdict.WRONG and other.layer is not None:
        near = _what_it_is(subject, other.layer, seed)
        if near:
            report = replace(report, remarks=(*report.remarks, f"it is {near}"))
    return report


def _what_it_is(subject: Cell, layer: NamedLayer, seed: int) -> str:
    """The layer that a text is, where it is not the one that was claimed."""
    for kind, options in variants(layer.kind):
        if (kind, options) == (layer.kind, dict(layer.options)):
            continue
        other = layer_of(kind, options)
        if correspondence(_rows(subject), _rows(other.cell), seconds=1.0) is not None:
            return other.words
    return ""


def equal(one: Any, other: Any, *, seed: int = 0, progress: Progress = silent) -> Report:
    """Compare two cells, texts or models: are they the same function?

    Two cells are the same function if the weights of the one can be had from those of the other by
    the changes that are listed in the documentation (other names, transposes, split or joined
    matrices, merged or split biases, 1 - σ(a) for σ(-a), the sign of a state), and numbers agree.

    Args:
        one: a `Cell`, a `Model`, or a text: equations, a name of the catalogue, a layer such as
            "keras.layers.GRU", or the path of a `.cell`, `.keras` or `.h5` file.
        other: likewise.
        seed: of the random numbers.
        progress: is told what is done next.

    Returns:
        The report: *holds*, *equal under a change of parameters* or *equal where defined*, with the
        correspondence of the weights among its remarks; or *wrong*, with the place where they part.

    Raises:
        InputError: for something that is no cell, text or model.
    """
    a, b = _meant(one), _meant(other)
    if isinstance(a, Model) and isinstance(b, Model):
        return _models(a, b, seed)
    if isinstance(a, Model) or isinstance(b, Model):
        a, b = (_only_cell(x) if isinstance(x, Model) else x for x in (a, b))
    assert isinstance(a, Other) and isinstance(b, Other)
    if b.layer is None and a.layer is not None:
        a, b = b, a  # a framework's own layer is the one that is asked
    return _Comparing(a.cell, b, seed, progress, words=a.words).report()


def _meant(thing: Any) -> Other | Model:
    if isinstance(thing, Model):
        return thing
    if isinstance(thing, Cell):
        return Other(thing.title or thing.name, _rows(thing))
    if isinstance(thing, Path) or (isinstance(thing, str) and not is_text(thing)):
        text = str(thing)
        if text.endswith(_SUFFIXES):
            return from_keras(text)
        if text.endswith(".cell"):
            return Other(text, _rows(read_file(text)))
        return claimed(text)
    if isinstance(thing, str):
        return Other("the text", _rows(parse(thing)))
    if hasattr(thing, "get_config"):
        return from_keras(thing)
    raise InputError(f"equal takes cells, texts or models, not {type(thing).__name__}")


#: A name or a path, with options behind it: keras.layers.GRU(reset_after=False).
_NAMED = re.compile(r"[^\s=()]+\s*(?:\([^()]*\)?)?\s*", re.S)


def is_text(thing: str) -> bool:
    """Whether this is equations, and no name of a layer, a cell or a file."""
    return "=" in thing and _NAMED.fullmatch(thing) is None


def _only_cell(model: Model) -> Other:
    """The cell of a model that is nothing else."""
    nodes = list(model.equations)
    if len(nodes) != 1 or len(model.nodes) != 1 or nodes[0].cell is None:
        raise InputError(f"{model.title} is more than one cell: compare it with a model")
    return Other(model.title, _rows(nodes[0].cell))


class _Comparing:
    """A cell against another: the correspondence, the samples, the verdict."""

    def __init__(
        self, cell: Cell, other: Other, seed: int, progress: Progress, words: str = ""
    ) -> None:
        self.cell = cell
        self.rows = _rows(cell)
        self.other = other
        self.seed = seed
        self.progress = progress
        self.words = words or cell.name
        numbers = numbers_in(cell) | numbers_in(other.cell)
        self.theirs = Samples(other.cell, plans(other.cell, seed, numbers))
        self.function = lambdify(unsized(cell))
        self._expected: dict[tuple[int, str], Array] = {}

    def expected(self, sample: Sample, dtype: str = "float64") -> Array:
        if (id(sample), dtype) not in self._expected:
            self._expected[id(sample), dtype] = self.other.output(sample, dtype)
        return self._expected[id(sample), dtype]

    def mapped(self, found: Correspondence, sample: Sample) -> Sample:
        """A sample of the other as one of this cell."""
        sizes = found.sizes(sample.sizes)
        weights = found.weights(sample.weights, sample.sizes, sizes, sample.seed + 5)
        states = {}
        known = found.states()
        rng = np.random.default_rng(sample.seed + 6)
        for v in self.rows.states:
            if v.name in known:
                name, sign = known[v.name]
                states[v.name] = sign * sample.states[name]
            else:
                rows, cols = (int(s.xreplace({k: sizes[str(k)] for k in s.free_symbols}))
                              for s in v.shape)  # fmt: skip
                shape = (cols,) if rows == 1 else (rows, cols)
                states[v.name] = rng.normal(size=(len(sample.inputs[0]), *shape)) * 0.5
        inputs = tuple(sample.inputs[i] for i in found.inputs())
        return Sample(inputs, states, weights, sizes, sample.seed, sample.steps)

    def near(self, found: Correspondence) -> bool:
        """Whether both are one function on the first sample, as far as float64 tells."""
        sample = self.theirs.domain.samples[0]
        try:
            with np.errstate(all="ignore"):
                ours = self.mapped(found, sample).call(self.function)
        except (InputError, KeyError, ValueError, IndexError):
            return False
        return error_of(ours, self._first)[0] <= _NEAR

    @cached_property
    def _first(self) -> Array:
        """What the other's code gives on the first sample."""
        return self.theirs.domain.samples[0].call(self.theirs.function)

    def found(self) -> Correspondence | None:
        """The correspondence under which both are one function."""
        self.progress("looking for a correspondence of the weights")
        found = correspondence(self.rows, self.other.cell)
        if found is not None and self.near(found):
            return found
        return next((c for c in candidates(self.rows, self.other.cell) if self.near(c)), None)

    def report(self) -> Report:
        if len(self.cell.inputs) != len(self.other.cell.inputs):
            counts = [len(c.inputs) for c in (self.cell, self.other.cell)]
            where = f"{self.words} reads {counts[0]} input(s), {self.other.words} {counts[1]}"
            return self._wrong([Comparison(f"{self.words} is {self.other.words}", False,
                                           where=where)])  # fmt: skip
        if not self.theirs.domain.samples:
            raise no_values(self.other.words, self.other.cell.equations)
        found = self.found()
        if found is None:
            return self._wrong(list(self._parting()))
        self.progress("comparing, wrong formulas first")
        controls = list(self._controls(found))
        comparisons = list(self._comparisons(found))
        weak = self.theirs.domain.weakness or self._own_weakness(found)
        undefined = self._undefined(found)
        independent = self.other.layer is not None
        if undefined:
            agreement = Verdict.EQUAL_WHERE_DEFINED
        elif found.changes:
            agreement = Verdict.EQUAL_UNDER_CHANGE
        else:
            agreement = Verdict.VERIFIED if independent else Verdict.HOLDS
        remarks = [*self.cell.remarks]
        if found.changes:
            remarks.append("equal when " + "; ".join(found.changes))
        pairs = ", ".join(found.names)
        remarks.append(f"weights, as they count in row form: {pairs}" if pairs else "no weights")
        remarks += self._acting(found)
        remarks += [undefined] if undefined else []
        return Report(
            self.words, self.other.words, tuple(comparisons), tuple(controls), self.seed,
            self.theirs.domain.samples[0].sizes, tuple(remarks), weak, agreement,
        )  # fmt: skip

    def _wrong(self, comparisons: list[Comparison]) -> Report:
        why = (
            "no correspondence of the weights makes them one function: other names, transposes, "
            "split or joined matrices, merged or split biases, signs of gates and of states were "
            "tried"
        )
        return Report(self.words, self.other.words, tuple(comparisons), (), self.seed,
                      remarks=(*self.cell.remarks, why))  # fmt: skip

    # --- where they agree

    def _comparisons(self, found: Correspondence) -> Iterator[Comparison]:
        judge = Judge(self.theirs.domain)
        names_ = {"float64": "float64", "float32": "float32"}
        whose = "its own numbers" if self.other.layer is not None else "its code"
        for dtype in names_:
            yield judge.compare(self.theirs.claim(
                f"the code of {self.words} against {self.other.words} ({whose}), {dtype}",
                lambda s, dtype=dtype: self.expected(s, dtype),  # type: ignore[misc]
                lambda s, dtype=dtype: self._ours(found, s, dtype),  # type: ignore[misc]
                dtype,
            ))  # fmt: skip
        what = f"the equations of {self.words} at 50 digits against {self.other.words}"
        if self.other.layer is not None:
            yield judge.compare(self.theirs.claim(
                what, self.expected,
                lambda s: evaluate(self.rows, self.rows.equations, self.mapped(found, s)),
            ))  # fmt: skip
        else:
            yield self._exactly(found, what)

    def _ours(self, found: Correspondence, sample: Sample, dtype: str) -> Array:
        with np.errstate(all="ignore"):
            return self.mapped(found, sample).cast(dtype).call(self.function)

    def _exactly(self, found: Correspondence, what: str) -> Comparison:
        worst = 0.0
        for sample in self.theirs.domain.samples:
            # Signs, moves and splits of weights are exact in float64; sums of biases are not.
            mapped = self.mapped(found, sample)
            one = evaluate(self.rows, self.rows.equations, mapped, exact=True)
            two = evaluate(self.other.cell, self.other.cell.equations, sample, exact=True)
            worst = max(worst, apart(one, two))
        limit = tolerance("float64", 1.0, 1) if any(a.added or b.added for a, b in found.pairs) \
            else None  # fmt: skip
        allowed = limit.value * 100 if limit is not None else _EQUAL
        reason = "both at 50 digits" + (", sums of biases in float64" if limit is not None else "")
        return Comparison(what, worst <= allowed, worst, allowed, reason)

    def _controls(self, found: Correspondence) -> Iterator[Control]:
        """Wrong versions of the text, with the same weights, must part from the other."""
        judge = Judge(self.theirs.domain)
        claim = self.theirs.claim("", self.expected, lambda s: self._ours(found, s, "float64"))
        for kind, what, wrong in planted(unsized(self.cell), every_term=True):
            function = lambdify(wrong)
            rows = _rows(wrong)

            def value(s: Sample, function: Any = function, rows: Cell = rows) -> Any:
                with np.errstate(all="ignore"):
                    return completed(self.mapped(found, s), rows).call(function)

            def same(s: Sample, rows: Cell = rows, kind: str = kind) -> bool:
                # A term that is next to nothing at every number is one all the same; so is a
                # factor that is 1 to all digits.
                if kind in HIDDEN and not same_by_algebra(self.rows, rows):
                    return False
                mapped = self.mapped(found, s)
                one = evaluate(self.rows, self.rows.equations, mapped, exact=True)
                two = evaluate(rows, rows.equations, completed(mapped, rows), exact=True)
                return apart(two, one) <= _EQUAL

            yield judge.control(claim, what, value, same)

    def _own_weakness(self, found: Correspondence) -> str:
        """A branch of the text that the samples, drawn for the other, did not reach."""
        own = Samples(self.rows, [Plan(self.seed, found.sizes(
            self.theirs.domain.samples[0].sizes), 3)])  # fmt: skip
        coverage = Coverage(own.rows.equations)
        for sample in self.theirs.domain.samples:
            if coverage.missing:
                coverage.see(own.lookup(self.mapped(found, sample)))
        return coverage.words

    def _undefined(self, found: Correspondence) -> str:
        """Where one of both has a number and the other has none; empty if nowhere."""
        drawn = self.theirs.domain.samples[0]
        still = replace(
            drawn,
            inputs=tuple(np.zeros_like(x) for x in drawn.inputs),
            states={n: np.zeros_like(s) for n, s in drawn.states.items()},
        )
        turned = replace(drawn, inputs=tuple(-x for x in drawn.inputs),
                         states={n: -s for n, s in drawn.states.items()})  # fmt: skip
        for sample, where in ((still, "at zero"), (turned, "at other random numbers")):
            with np.errstate(all="ignore"):
                ours = np.isfinite(self.mapped(found, sample).call(self.function))
                theirs = np.isfinite(sample.call(self.theirs.function))
            if (ours != theirs).any():
                mine = bool((theirs & ~ours).any())
                who = self.words if mine else self.other.words
                why = next(needs((self.cell if mine else self.other.cell).equations), "")
                return (f"{who} has no value {where}, where the other has one"
                        f"{f' ({why})' if why else ''}")  # fmt: skip
        return ""

    def _acting(self, found: Correspondence) -> list[str]:
        """Which gate is which, and where a name or a stated meaning says otherwise."""
        remarks = []
        rows = acts_as(found)
        moved = [(a, b, less) for a, b, less in rows if a != b or less]
        if moved:
            words = ", ".join(
                f"{unicode_of(a)} is {'1 - ' if less else ''}{unicode_of(b)}"
                for a, b, less in moved
            )
            remarks.append(f"parts: {words}")
        theirs = {v.name: v for v in self.other.cell.variables}
        for a, b, less in rows:
            mine, meant = self.cell[a], theirs[b].meaning or f"`{unicode_of(b)}`"
            if a != b and a in theirs and theirs[a].meaning != theirs[b].meaning:
                remarks.append(
                    f"{unicode_of(a)} acts as the {meant} ({unicode_of(b)} of {self.other.words}), "
                    f"and its name is that of the {theirs[a].meaning or a}"
                )
            if self._contradicts(mine.meaning, b, theirs):
                remarks.append(
                    f"{unicode_of(a)} is said to be the {mine.meaning}, and acts as the {meant}"
                )
            if less and a == b:
                remarks.append(f"{unicode_of(a)} acts as 1 - {unicode_of(b)} of {self.other.words}")
        return remarks

    @staticmethod
    def _contradicts(meaning: str, name: str, theirs: Mapping[str, Any]) -> bool:
        """Whether a stated meaning is that of another part of the other cell."""
        said = meaning.lower().strip()
        own = theirs[name].meaning.lower()
        others = {v.meaning.lower() for n, v in theirs.items() if n != name and v.meaning}
        return bool(said and own) and own not in said and any(o in said for o in others)

    # --- where they part

    def _parting(self) -> Iterable[Comparison]:
        """Both with the same weights as far as names and shapes tell, and where they part."""
        what = f"{self.words} is {self.other.words}"
        best: tuple[float, str] | None = None
        for sample in self.theirs.domain.samples:
            try:
                mapped = self._by_name(sample)
                with np.errstate(all="ignore"):
                    ours = mapped.call(self.function)
                expected = self.expected(sample)
            except (InputError, KeyError, ValueError, IndexError):
                continue
            error, where = error_of(ours, expected)
            if best is None or error > best[0]:
                best = (error, where)
        if best is None:
            mine, theirs = (", ".join(f"{v.name} {v.shape[0]} × {v.shape[1]}" for v in c.variables
                                      if v.role in (Role.INPUT, Role.STATE, Role.PARAMETER))
                            for c in (self.rows, self.other.cell))  # fmt: skip
            yield Comparison(what, False, where=f"it reads {mine} against {theirs}")
            return
        error, where = best
        yield Comparison(what, False, error if np.isfinite(error) else None, _NEAR,
                         "with weights of the same names or places", where)  # fmt: skip

    def _by_name(self, sample: Sample) -> Sample:
        """A sample of the other as one of this cell: by names, else by shapes in order."""
        sizes: dict[str, int] = {}
        given = partners(self.rows, self.other.cell, Role.INPUT) or {}
        known = {v.name: v for v in self.other.cell.states}
        started = partners(self.rows, self.other.cell, Role.STATE) or {
            v.name: known.get(v.name, last) for v in self.rows.states for last in known.values()
        }
        for v in (*self.rows.inputs, *self.rows.states):
            for x, y in zip(v.shape, {**given, **started}[v.name].shape):
                if x.is_Symbol and y.is_Symbol:
                    sizes.setdefault(str(x), sample.sizes[str(y)])
                elif x.is_Symbol:
                    sizes.setdefault(str(x), int(y))
        values = {s: sizes.get(str(s)) for s in self.rows.dims}
        if self.rows.output.shape[1] in values and values[self.rows.output.shape[1]] is None:
            width = self.other.cell.output.shape[1]
            values[self.rows.output.shape[1]] = sample.sizes.get(str(width), 3)
        filled = {str(s): n or 3 for s, n in values.items()}
        rng = np.random.default_rng(sample.seed + 7)
        left = {n: np.asarray(w) for n, w in sample.weights.items()}
        weights: dict[str, Any] = {}
        wanted = {v.name: tuple(int(s.xreplace({k: filled[str(k)] for k in s.free_symbols}))
                                for s in v.shape) for v in self.rows.parameters}  # fmt: skip
        for name, shape in wanted.items():
            if name in left and left[name].size == np.prod(shape):
                weights[name] = left.pop(name).reshape(shape)
        for name, shape in wanted.items():
            if name in weights:
                continue
            fit = next((n for n, w in left.items() if w.size == np.prod(shape)), None)
            weights[name] = left.pop(fit).reshape(shape) if fit else rng.normal(size=shape) * 0.5
        for v in self.rows.parameters:
            if v.scalar:
                weights[v.name] = float(np.asarray(weights[v.name]).reshape(()))
        order = [v.name for v in self.other.cell.inputs]
        inputs = tuple(sample.inputs[order.index(given[v.name].name)] for v in self.rows.inputs)
        states = {v.name: sample.states[started[v.name].name] for v in self.rows.states}
        return Sample(inputs, states, weights, filled, sample.seed, sample.steps)


# --- models ---------------------------------------------------------------------------------------


def _models(one: Model, other: Model, seed: int) -> Report:
    """Two models: with their own weights where both have them, else with the same random ones."""
    for model in (one, other):
        if model.boxes:
            box = model.boxes[0]
            raise InputError(f"{model.title}: nothing tells what {box.name} ({box.kind}) computes, "
                             "which is not covered, so the model is equal to none")  # fmt: skip
    what = f"{one.title} and {other.title}"
    shapes = [[(v.axes, v.kind) for v in m.inputs] for m in (one, other)]
    if shapes[0] != shapes[1]:
        place = f"they read {shapes[0]} against {shapes[1]}"
        return Report(one.title, other.title, (Comparison(what, False, where=place),), (), seed)
    rng = np.random.default_rng(seed)
    inputs: list[Any] = []
    for value in one.inputs:
        axes = (4, *(5 if a is None else a for a in value.axes))
        if value.kind == "integer":
            tables = [w.shape[0] for m in (one, other) for w in m.weights
                      if w.array == "embeddings"]  # fmt: skip
            inputs.append(rng.integers(0, min(tables, default=2), axes))
        else:
            inputs.append(rng.normal(size=axes))
    comparisons, controls, remarks = [], [], []
    alike = [w.shape for w in one.weights] == [w.shape for w in other.weights]
    own = bool(one.values and other.values)
    if own:
        pair = [{k: np.asarray(v, np.float64) for k, v in m.values.items()} for m in (one, other)]
        comparisons.append(_compared_models(f"{what}, each with its own weights", one, other,
                                            inputs, pair))  # fmt: skip
    if alike:
        mine = random_weights(one, rng)
        theirs = {b.key: mine[a.key] for a, b in zip(one.weights, other.weights)}
        same = _compared_models(f"{what}, with the same random weights in order", one, other,
                                inputs, [mine, theirs])  # fmt: skip
        if not own or same.passed:
            remarks.append(f"with the same random weights, in order, they "
                           f"{'agree' if same.passed else 'part'}")  # fmt: skip
        if not own:
            comparisons.append(same)
        for key, array in list(theirs.items())[:8]:
            moved = {**theirs, key: array + 0.1 * rng.normal(size=array.shape)}
            seen = _compared_models("", one, other, inputs, [mine, moved])
            controls.append(Control(f"other numbers in {key}", not seen.passed, seen.error))
    elif not own:
        place = f"arrays of {[w.shape for w in one.weights]} and {[w.shape for w in other.weights]}"
        comparisons.append(Comparison(what, False, where=place))
    else:
        for key, array in list(pair[1].items())[:8]:
            moved = {**pair[1], key: array + 0.1 * rng.normal(size=np.shape(array))}
            seen = _compared_models("", one, other, inputs, [pair[0], moved])
            controls.append(Control(f"other numbers in {key}", not seen.passed, seen.error))
    return Report(one.title, other.title, tuple(comparisons), tuple(controls), seed, {},
                  tuple(remarks), "", Verdict.HOLDS)  # fmt: skip


def _compared_models(
    what: str, one: Model, other: Model, inputs: list[Any], weights: list[Any]
) -> Comparison:
    with np.errstate(all="ignore"):
        found = [leaves(ModelFunction(m)(*inputs, weights=w))
                 for m, w in zip((one, other), weights)]  # fmt: skip
    if [np.shape(a) for a in found[0]] != [np.shape(a) for a in found[1]]:
        shapes = [[np.shape(a) for a in f] for f in found]
        return Comparison(what, False, where=f"they give {shapes[0]} against {shapes[1]}")
    rows = [error_of(a, b, plain=np.ndim(a) < 3) for a, b in zip(*found)]
    error, where = max(rows)
    limit = tolerance("float64", 1e3, 1)
    reason = f"{limit.reason.partition(',')[0]}, a thousandfold"
    return Comparison(what, error <= limit.value, error, limit.value, reason, where)


__all__ = ["Other", "equal", "verify_claim"]
