"""What is printed of a cell, read again: vectors, elements, explicit matrices, numbers.

Each form is printed in a style and in the names of a notation, read with a symbol table of these
names, evaluated at 50 digits, and held to the numbers of the cell as its text has it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import mpmath
import numpy as np
from numpy.typing import NDArray
from sympy import Expr, Integer

from ..derive import unroll
from ..derive.elements import elements
from ..errors import CheckError, InputError, LanguageError, RnnsymError
from ..language import read
from ..language.elements import Table, read_elements, read_scalar, table_of
from ..nouns import Cell, Comparison, Derivation, Equation, Role, Variable
from ..printing import Style, chosen, tex_lines
from ..printing.explicit import LITERAL, explicit_lines, explicit_texts, sized_cell
from ..printing.latex import element_lines
from ..printing.text import element_texts, equation_text
from ..scalars import Element
from .exact import DIGITS, Evaluation, Formulas, apart, evaluate
from .samples import Sample, default_sizes, draw

#: At 50 digits a formula that is read again is the same to the last few of them.
TOLERANCE = 1e-40
REASON = "both at 50 digits; sums of other orders cost a few of them"
_STEPS = 3
#: The forms of a cell that are read again, in the order in which they are shown.
FORMS = ("forward", "unrolled", "elements", "matrices")


@dataclass(frozen=True)
class Block:
    """Formulas that stand together, as they are printed.

    Attributes:
        form: one of FORMS.
        lines: LaTeX, one string an equation.
        error: how far they are from the cell's numbers, at 50 digits, when read again.
    """

    form: str
    lines: tuple[str, ...]
    error: float


class Printing:
    """A cell as it is printed: in the names of a notation, in a style.

    Args:
        cell: the cell as its text has it; its sizes are kept for documents.
        steps: how many steps are written out.
        seed: of the random numbers.
        choices: as those of `to_latex`.
    """

    def __init__(self, cell: Cell, steps: int = _STEPS, seed: int = 0, **choices: Any) -> None:
        self.original = cell
        self.steps = steps
        self.seed = seed
        self.cell, self.style = chosen(cell, **choices)
        self.names = names_of(cell, self.cell)

    @cached_property
    def bare(self) -> Cell:
        """The cell in its new names with no size given."""
        return replace(self.cell, sizes={})

    @cached_property
    def sample(self) -> Sample:
        """What goes into the printed formulas; sums of parts are exact in float64."""
        sizes = default_sizes(self.original, 4)
        steps = max(1, min(self.steps, _STEPS))
        sample = draw(self.bare, self.seed, sizes, samples=1, steps=steps)
        weights = {n: _rounded(w) for n, w in sample.weights.items()}
        return replace(sample, weights=weights)

    @cached_property
    def expected(self) -> NDArray[Any]:
        """The output of the cell as its text has it, at 50 digits."""
        return self.exact(self.sample)

    def exact(self, sample: Sample) -> NDArray[Any]:
        """The same for another sample of the printed names."""
        bare = replace(self.original, sizes={})
        return evaluate(bare, bare.equations, self.back(sample), exact=True)

    def back(self, sample: Sample) -> Sample:
        """A sample of the printed names as one of the cell's own."""
        weights = {v.name: sum(sample.weights[n] for n in self.names[v.name])
                   for v in self.original.parameters}  # fmt: skip
        states = {v.name: sample.states[self.names[v.name][0]] for v in self.original.states}
        return replace(sample, weights=weights, states=states)

    # --- what is printed

    def lines(self, form: str) -> tuple[str, ...]:
        """The formulas of a form.

        Raises:
            InputError: if the cell does not have it.
        """
        if form == "forward":
            return tuple(tex_lines(e, self.style) for e in self.cell.equations)
        if form == "unrolled":
            return tuple(tex_lines(e, self.style) for e in self.unrolled)
        if form == "elements":
            return tuple(element_lines(self.cell, self.style))
        if form == "matrices":
            return tuple(explicit_lines(self.explicit, self.explicit_steps, self.style))
        raise InputError(f"unknown form '{form}'; there are {', '.join(FORMS)}")

    def texts(self, form: str) -> tuple[str, ...]:
        """The formulas of a form in plain text, one string an equation."""
        if form == "elements":
            return tuple(element_texts(self.cell, self.style))
        if form == "matrices":
            return tuple(explicit_texts(self.explicit, self.explicit_steps, self.style))
        return tuple(equation_text(e, self.style) for e in self.equations(form))

    def equations(self, form: str) -> list[Equation]:
        """The equations of a form between named matrices."""
        return list(self.cell.equations) if form == "forward" else self.unrolled

    @property
    def unrolled(self) -> list[Equation]:
        return _written_out(self.cell, self.steps)

    @cached_property
    def explicit(self) -> Cell:
        """The cell with every size a number, small where none is given."""
        return sized_cell(self.cell, self.explicit_steps)

    @property
    def explicit_steps(self) -> int:
        return min(self.steps, 2)

    # --- reading it again

    def reread(
        self, form: str, text: str, tight: bool = False, latex: bool = True
    ) -> tuple[Any, ...]:
        """The equations or elements that a text in a form says.

        Raises:
            LanguageError: where it cannot be read with the printed names.
        """
        if form == "elements":
            named, _ = elements(self.bare, self.style.convention)
            return read_elements(text, table_of(named), latex, tight)
        return read(text, self.bare, self.style.convention, latex, tight)

    def output_of(
        self, form: str, text: str, sample: Sample | None = None, latex: bool = True
    ) -> NDArray[Any]:
        """The output that a printed text computes, at 50 digits.

        Raises:
            CheckError: if it cannot be read again, or does not say how the output is computed.
        """
        sample = sample or self.sample
        try:
            if form == "matrices":
                return self._explicit_output(text, sample, latex)
            found = self.reread(form, text, latex=latex)
            cell = self.bare
            if form == "elements":
                cell, _ = elements(self.bare, self.style.convention)
            if form == "unrolled":
                found = tuple(e for e in found if e.time is None or int(e.time) <= sample.steps)
            self._complete(found, cell, form)
            return evaluate(cell, found, sample, self.style.column, exact=True)
        except RnnsymError as refusal:
            raise CheckError(f"printed LaTeX, {form}: cannot be read again: {refusal}") from None
        except (KeyError, ValueError, IndexError, TypeError) as error:
            raise CheckError(
                f"printed LaTeX, {form}: does not compute the output: {error}"
            ) from None

    def _complete(self, found: Sequence[Any], cell: Cell, form: str) -> None:
        names = [e.left.label if isinstance(e, Element) else e.lhs.name for e in found]
        if len(set(names)) != len(names):
            raise CheckError("a name is defined twice")
        defined = {e.left.label if isinstance(e, Element) else e.variable.name for e in found}
        missing = {e.variable.name for e in cell.equations} - defined
        if missing:
            raise CheckError(f"no equation is left of {', '.join(sorted(missing))}")
        times = {e.left.time if isinstance(e, Element) else e.time for e in found}
        if form != "unrolled" and any(isinstance(time, Integer) for time in times):
            raise CheckError("an equation of one step names a number of a step")

    def _explicit_output(self, text: str, sample: Sample, latex: bool) -> NDArray[Any]:
        """Explicit matrices: each is a quantity of its own, made of elements that are read too."""
        cell = self.explicit
        sizes = {str(s): n for s, n in cell.sizes.items()}
        small = draw(replace(cell, sizes={}), sample.seed, sizes, samples=1,
                     steps=self.explicit_steps)  # fmt: skip
        small = replace(small, weights={n: _rounded(w) for n, w in small.weights.items()})
        found = read_explicit(text, cell, self.style, latex)
        with mpmath.workdps(DIGITS):
            run = Evaluation(found.cell, small, 0)
            for equation in found.equations:
                if equation.time is not None and int(equation.time) < 1:
                    raise CheckError("an equation is of no step")
                for name in {q.label for q in equation.uses} & set(found.literals):
                    run.values[name, None] = found.values(name, run, self.style.column)
                run.compute(equation)
            rows = [run.values[cell.output.name, n + 1] for n in range(self.explicit_steps)]
        result = np.array([rows], dtype=object)
        result = result[:, :, 0] if cell.output.shape[0] == 1 else result
        # The sample is another one; so is what is expected.
        expected = self.exact(small)
        return np.array([result - expected], dtype=object)

    def error(
        self, form: str, text: str, sample: Sample | None = None, latex: bool = True
    ) -> float:
        """How far a printed text is from the cell, at 50 digits.

        Raises:
            CheckError: if it cannot be read again.
        """
        found = self.output_of(form, text, sample, latex)
        if form == "matrices":
            return apart(found + 1, np.ones_like(found))
        return apart(found, self.exact(sample) if sample else self.expected)

    def block(self, form: str) -> Block:
        """The formulas of a form, read again and checked.

        Raises:
            InputError: if the cell does not have the form.
            CheckError: if what is printed is not what the cell computes.
        """
        lines = self.lines(form)
        text = " \\\\\n".join(lines)
        error = self.error(form, text)
        if not error <= TOLERANCE:
            raise CheckError(f"printed LaTeX, {form}: off by {error:.1e} when read again")
        self._compare(form, text, True)
        return Block(form, lines, error)

    def _compare(self, form: str, text: str, latex: bool) -> None:
        """Hold a text to its second reading, and to the equations of every step."""
        what = f"printed {'LaTeX' if latex else 'text'}, {form}"
        if form == "matrices":
            one, other = (
                read_explicit(text, self.explicit, self.style, latex, tight)
                for tight in (False, True)
            )
            if (one.equations, one.literals) != (other.equations, other.literals):
                raise CheckError(f"{what}: means another thing if ⊙ binds tighter")
            return
        found = self.reread(form, text, latex=latex)
        if found != self.reread(form, text, True, latex):
            raise CheckError(f"{what}: means another thing if ⊙ binds tighter")
        # Numbers are compared at a few steps; the equations of all steps by what they say.
        if form == "elements":
            same = found == elements(self.bare, self.style.convention)[1]
        else:
            same = [_said(e) for e in found] == [_said(e) for e in self.equations(form)]
        if not same:
            raise CheckError(f"{what}: is read as other equations")

    def text_block(self, form: str) -> Block:
        """The same in plain text.

        Raises:
            InputError: if the cell does not have the form.
            CheckError: if what is printed is not what the cell computes.
        """
        lines = self.texts(form)
        error = self.error(form, "\n".join(lines), latex=False)
        if not error <= TOLERANCE:
            raise CheckError(f"printed text, {form}: off by {error:.1e} when read again")
        self._compare(form, "\n".join(lines), False)
        return Block(form, lines, error)

    def comparison(self, form: str) -> Comparison:
        """The check of a form as a line of a report."""
        what = f"printed LaTeX, {form}, {self.style.convention} form, 50 digits"
        try:
            error = self.block(form).error
        except CheckError as refusal:
            return Comparison(what, False, where=str(refusal))
        return Comparison(what, True, error, TOLERANCE, REASON)


def _said(equation: Equation) -> tuple[Any, Any]:
    return equation.lhs, equation.expr


def _written_out(cell: Cell, steps: int) -> list[Equation]:
    return [s.equation for s in unroll(cell, steps) if s.rule in ("constant", "recurrence")]


def _rounded(value: Any) -> Any:
    """Numbers on a grid, so that sums of a few of them are exact in float64."""
    grid = 2.0**24
    rounded = np.round(np.asarray(value) * grid) / grid
    return rounded if np.ndim(value) else float(rounded)


def names_of(cell: Cell, other: Cell) -> dict[str, tuple[str, ...]]:
    """What each symbol of a cell is called in the renamed one."""
    found: dict[str, tuple[str, ...]] = {}
    rest = [v.name for v in other.variables]
    for v in cell.variables:
        written = other[rest[0]].part
        count = written[1] if written != v.part else 1
        found[v.name] = tuple(rest[:count])
        rest = rest[count:]
    return found


@dataclass(frozen=True)
class Explicit:
    """Equations between explicit matrices, read again: the matrices, and what is done with them."""

    cell: Cell
    equations: tuple[Equation, ...]
    literals: dict[str, list[list[Any]]]

    def values(self, name: str, run: Evaluation, column: bool) -> list[list[Any]]:
        """The numbers of a matrix, as a row-form quantity."""
        formulas = Formulas(run, None, column)
        table = [[formulas.value(entry, {}) for entry in row] for row in self.literals[name]]
        return [list(r) for r in zip(*table)] if column else table


_PLAIN_MATRIX = re.compile(r"\[([^\[\]]*)\]")
_BMATRIX = re.compile(r"\\begin\{bmatrix\}(.*?)\\end\{bmatrix\}", re.S)


def read_explicit(
    text: str, cell: Cell, style: Style, latex: bool = True, tight: bool = False,
    derivation: Derivation | None = None,
) -> Explicit:  # fmt: skip
    """Read equations between explicit matrices.

    Args:
        text: every matrix a `bmatrix`, or in plain text [a, b; c, d], of elements or numbers.
        cell: the symbol table, every size a number.
        style: its convention is that of the text.
        latex: whether the text is LaTeX.
        tight: let ⊙ and / bind tighter than a product, which must change nothing.
        derivation: whose lines these are, if they are such.

    Raises:
        LanguageError: where it cannot be read.
    """
    table = numbered_table(cell)
    literals: dict[str, list[list[Any]]] = {}
    variables: list[Variable] = []

    def name(match: re.Match[str]) -> str:
        rows = [
            [
                read_scalar(entry.strip(), table, latex, tight=tight)
                for entry in re.split(between, row)
            ]
            for row in match.group(1).split(r"\\" if latex else ";")
        ]
        if len({len(row) for row in rows}) != 1:
            raise LanguageError("a matrix has rows of several lengths", text, match.start())
        label = f"{LITERAL}_{len(literals) + 1}"
        literals[label] = rows
        shape: tuple[Expr, Expr] = (Integer(len(rows)), Integer(len(rows[0])))
        shape = shape[::-1] if style.column else shape
        variables.append(Variable(label, Role.CONSTANT, shape))
        name = rf"\mathrm{{{LITERAL}}}" if latex else LITERAL
        return f"{name}_{{{len(literals)}}}"

    between = "&" if latex else r",(?![^{]*\})"
    plain = (_BMATRIX if latex else _PLAIN_MATRIX).sub(name, text)
    sizes = {s: Integer(n) for s, n in cell.sizes.items()}
    known = [replace(v, shape=tuple(d.xreplace(sizes) for d in v.shape)) for v in cell.variables]
    whole = replace(cell, variables=(*known, *variables), sizes={})
    table_ = whole if derivation is None else replace(derivation, cell=whole)
    return Explicit(whole, read(plain, table_, style.convention, latex, tight), literals)


def numbered_table(cell: Cell) -> Table:
    """The table of a cell for elements at numbered places."""
    table = table_of(cell)
    given = {s: Integer(n) for s, n in cell.sizes.items()}
    names = {}
    for v in cell.variables:
        sides = sum(size.xreplace(given) != 1 for size in v.shape)
        names[v.name] = replace(table.names[v.name], indices=sides)
    return replace(table, names=names)


__all__ = ["FORMS", "Block", "Printing", "read_explicit"]
