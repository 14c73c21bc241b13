"""Equations read again with the symbols that they were printed from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ..errors import InputError, LanguageError
from ..names import ACCENTS, BY, marked, unicode_of, unmarked
from ..nouns import CONVENTIONS, Cell, Derivation, Equation, Role, Variable
from .building import Builder
from .dims import Dim
from .shapes import Inference
from .sizes import declared_dim, known_dim
from .statements import identity_of, parse_text
from .symbols import Symbols
from .tokens import DERIVATION, PRINTED
from .tree import (
    EquationTree,
    Identity,
    Measure,
    Ref,
    close_names,
    reversed_products,
)


def read(
    text: str,
    cell: Cell | Derivation,
    convention: str | None = None,
    latex: bool | None = None,
    tight: bool = False,
) -> tuple[Equation, ...]:
    """Read equations again with the symbol table of the cell that they were printed from.

    The table tells a step from a layer (`h_{3}`, `h_{1,3}`), says which names are scalars, and
    fixes every shape; an equation whose shapes do not agree with it is refused.

    Args:
        text: LaTeX or plain text of one or more equations.
        cell: the cell (or network) whose symbols the text uses; or a derivation, whose lines also
            have t+1 and T, sums over t, adjoints (`\bar h_t`) and derivatives.
        convention: the convention in which the text is written; the cell's own if not given.
        latex: whether the text is LaTeX; without it, a text with a backslash is.
        tight: let ⊙ and / bind tighter than a matrix product, which must change nothing.

    Returns:
        The equations in row form, their times as numbers where the text is unrolled.

    Raises:
        LanguageError: where the text cannot be read with these symbols.
    """
    return tuple(e for e, _ in read_written(text, cell, convention, latex, tight))


def read_written(
    text: str,
    cell: Cell | Derivation,
    convention: str | None = None,
    latex: bool | None = None,
    tight: bool = False,
) -> tuple[tuple[Equation, str], ...]:
    """Read equations again, each with how it was written: `line 2: h_t = …`.

    Args:
        text: as for `read`.
        cell: likewise.
        convention: likewise.
        latex: likewise.
        tight: likewise.

    Returns:
        The equations, and each as it stands in the text, with the number of its line.

    Raises:
        LanguageError: where the text cannot be read with these symbols.
    """
    derivation = cell if isinstance(cell, Derivation) else None
    cell = derivation.cell if derivation is not None else cell
    assert isinstance(cell, Cell)
    convention = cell.convention if convention is None else convention
    check_convention(convention)
    parsed = parse_text(text, latex, DERIVATION if derivation is not None else PRINTED, tight)
    symbols = replace(
        _symbols_of(cell), text=parsed.text, column=convention == "column",
        derived=derivation is not None,
    )  # fmt: skip
    marks = derivation.accents if derivation is not None else frozenset()
    table = _Table(cell, derivation is not None, symbols, marks)
    sizes: dict[Dim, str] = {}
    result = []
    for written in parsed.equations:
        tree = table.told(written)
        if symbols.column:
            tree = replace(tree, right=reversed_products(tree.right))
        inference = Inference(symbols)
        # The table knows the width of what starts at zero: h_{0} = 0.
        inference.equation(tree, spreads=True)
        inference.finish()
        build = Builder(inference, sizes)
        left = build.quantity(tree.name)
        right = build.expr(tree.right)
        equation = Equation(table.variable(tree.name.name), right, left.time, cell.convention)
        result.append((equation, parsed.line(written)))
    return tuple(result)


def check_convention(convention: str) -> None:
    """Refuse a convention that is none."""
    if convention not in CONVENTIONS:
        raise InputError(f"unknown convention '{convention}'; there are {', '.join(CONVENTIONS)}")


def _symbols_of(cell: Cell) -> Symbols:
    """What a cell says of its names; a cell that is asked again and again says it once."""
    known = vars(cell).get("_symbols")
    if known is None:
        known = Symbols("")
        for symbol in cell.dims:
            declared_dim(str(symbol), known.sizes)
        for variable in cell.variables:
            rows, cols = (known_dim(size, known.sizes) for size in variable.shape)
            known.shapes[variable.name] = (rows, cols)
            known.roles[variable.name] = variable.role
            if variable.scalar:
                known.scalars.add(variable.name)
            if variable.timed:
                known.timed.add(variable.name)
        vars(cell)["_symbols"] = known
    # Every size of it is known, so no reading changes one; names are added to a copy.
    return replace(
        known, shapes=dict(known.shapes), scalars=set(known.scalars), timed=set(known.timed),
        roles=dict(known.roles), sizes=dict(known.sizes),
    )  # fmt: skip


class _Table:
    """The symbol table of a cell, and of a derivation what it adds to it."""

    def __init__(
        self, cell: Cell, derived: bool, symbols: Symbols, marks: frozenset[str] = frozenset()
    ) -> None:
        self.cell = cell
        self.marks = marks
        self.derived = derived
        self.symbols = symbols

    def variable(self, label: str) -> Variable:
        """The variable of a label; one that a derivation adds has the shape of what it is of."""
        mark, name = unmarked(label)
        if not mark:
            return self.cell[name]
        if mark in BY:
            above, _, below = name.partition("/")
            shape = (self.cell[below].shape[1], self.cell[above].shape[1])
            return Variable(label, Role.JACOBIAN, shape)
        of = self.cell[name]
        return Variable(label, Role.ADJOINT if of.timed else Role.GRADIENT, of.shape)

    def told(self, tree: EquationTree) -> EquationTree:
        """The same equation with every name found in the table."""
        return replace(tree, name=self._ref(tree.name), right=self._tree(tree.right))

    def _tree(self, node: Any) -> Any:
        if isinstance(node, Ref):
            sizes = self.symbols.sizes
            if self.derived and node.name in sizes and node.name not in self.cell:
                return Measure(node.start, node.end, node.grouped, node.name)
            return self._ref(node)
        if node.children:
            return replace(node, items=tuple(self._tree(item) for item in node.items))
        return node

    def _ref(self, ref: Ref) -> Any:
        """Tell `h_{3}`, h at step 3, from a layer's number, and `\\bar{h}`, ∂L/∂h, from a name."""
        for label, step in self._readings(ref):
            mark, name = unmarked(label)
            parts = name.split("/") if mark in BY else [name]
            if all(p in self.cell for p in parts):
                timed = self.cell[parts[0]].timed
                if step is not None and not timed:
                    continue
                if mark:
                    self._add(label, timed)
                return replace(ref, name=label, step=step)
        # A name of the table went before: what is left of I_2 is the identity of that size.
        base, _, number = ref.name.partition("_")
        size = identity_of(ref.name) if not number.isdigit() else number if base == "I" else None
        if ref.lag is None and size is not None:
            return Identity(ref.start, ref.end, ref.grouped, size)
        hint = close_names(ref.name, [v.name for v in self.cell.variables])
        raise LanguageError(
            f"'{unicode_of(ref.name)}' is no symbol of {self.cell.name}{hint}",
            self.symbols.text, ref.start, ref.end,
        )  # fmt: skip

    def _readings(self, ref: Ref) -> Iterable[tuple[str, int | None]]:
        """The labels that a name may stand for, and the number of its step."""
        mark, name = unmarked(ref.name)
        names: list[tuple[str, int | None]] = [(name, None)]
        base, _, step = name.rpartition("_")
        if ref.lag is None and step.isdigit() and base:
            names.append((base, int(step)))
        for plain, number in names:
            yield (marked(mark, plain) if mark else plain), number
        if mark or not self.derived:
            return
        for plain, number in names:
            base, *parts = plain.split("_")
            accents = [p for p in parts if p in ACCENTS]
            if accents:
                outer = accents[-1]
                if outer not in self.marks:  # h̃ is no h̄
                    continue
                parts.reverse()
                parts.remove(outer)
                parts.reverse()
                yield marked(outer, "_".join([base, *parts])), number

    def _add(self, label: str, timed: bool) -> None:
        symbols = self.symbols
        if label in symbols.shapes:
            return
        variable = self.variable(label)
        rows, cols = (known_dim(size, symbols.sizes) for size in variable.shape)
        symbols.shapes[label] = (rows, cols)
        symbols.roles[label] = variable.role
        if variable.scalar:
            symbols.scalars.add(label)
        if timed:
            symbols.timed.add(label)
