"""Equations between explicit matrices: every quantity is written out, in elements or numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from sympy import Integer

from ..derive import unroll
from ..derive.unrolling import MOST_ENTRIES
from ..errors import InputError
from ..names import tex_of, unicode_of
from ..nouns import Cell, Equation, Quantity
from ..ops.node import mirrored, resized
from ..pieces import ATOM, Piece, Pieces, break_lines, join
from .formula import Plain, Spelling, Tex
from .latex import PAGE, aligned_line, bmatrix
from .style import Style

#: What a matrix that is written out is called when it is read again.
LITERAL = "explicitmatrix"
#: The size that is taken where none is given, and the longest side that is written out.
_SMALL, _LONGEST = 2, 8


def sized_cell(cell: Cell, steps: int = 1) -> Cell:
    """The cell with every size a number: those that it gives, else 2.

    Raises:
        InputError: if its matrices would be too large to write out.
    """
    given = {str(s): n for s, n in cell.sizes.items()}
    sizes = {str(s): given.get(str(s), _SMALL) for s in cell.dims}
    whole = cell.with_sizes(**sizes)
    names = {v.name: v for v in whole.variables}
    for name in names:
        base, _, step = name.rpartition("_")
        if step.isdigit() and base in names and not names[base].scalar:
            raise InputError(
                f"an element of '{base}' would be written like one of '{name}': rename one of them"
            )
    values = {s: Integer(n) for s, n in whole.sizes.items()}
    entries = 0
    for v in whole.variables:
        rows, cols = (int(d.xreplace(values)) for d in v.shape)
        if max(rows, cols) > _LONGEST:
            raise InputError(
                f"explicit matrices are written out up to {_LONGEST} × {_LONGEST}; '{v.name}' is "
                f"{rows} × {cols}: give smaller sizes"
            )
        entries += rows * cols * steps
    if entries > MOST_ENTRIES:
        raise InputError(f"explicit matrices would have {entries:,} entries; the limit is "
                         f"{MOST_ENTRIES:,}")  # fmt: skip
    return whole


#: What stands in the place of a quantity: the texts of its entries.
Entries = Callable[[Quantity], list[list[str]]]


class _Matrices(Spelling):
    """A spelling in which a quantity is a matrix of what `entries` says."""

    entries: Entries

    def matrix(self, rows: list[list[str]]) -> Piece:
        raise NotImplementedError

    def _expr(self, expr: Any) -> tuple[Pieces, int]:
        if isinstance(expr, Quantity) and tuple(expr.shape) != (1, 1):
            return [self.matrix(self.entries(expr))], ATOM
        if isinstance(expr, Quantity):
            ((entry,),) = self.entries(expr)
            piece = Piece(entry, Tex.width_of_name(entry))
            return ([piece], ATOM) if not entry.startswith("-") else (
                self.parentheses([piece]), ATOM)  # fmt: skip
        return super()._expr(expr)


class MatrixTex(_Matrices, Tex):
    """LaTeX."""

    def __init__(self, style: Style, entries: Entries) -> None:
        super().__init__(style)
        self.entries = entries

    def matrix(self, rows: list[list[str]]) -> Piece:
        width = sum(max(Tex.width_of_name(r[k]) for r in rows) + 1.6 for k in range(len(rows[0])))
        return Piece(bmatrix(rows).replace("\n", " "), width + 1.5)


class MatrixPlain(_Matrices, Plain):
    """Plain text: [a, b; c, d]."""

    def __init__(self, style: Style, entries: Entries) -> None:
        super().__init__(style)
        self.entries = entries

    def matrix(self, rows: list[list[str]]) -> Piece:
        text = plain_matrix(rows)
        return Piece(text, len(text))


def plain_matrix(rows: list[list[str]]) -> str:
    """A matrix in plain text."""
    return f"[{'; '.join(', '.join(row) for row in rows)}]"


def explicit_lines(cell: Cell, steps: int, style: Style) -> Iterable[str]:
    """The equations of numbered steps, every quantity on the right a matrix of its elements."""
    spelling = MatrixTex(style, lambda q: names_of_elements(q, style, tex_of))
    for equation in numbered(cell, steps):
        yield matrix_line(equation, cell, spelling)


def explicit_texts(cell: Cell, steps: int, style: Style) -> Iterable[str]:
    """The same in plain text."""
    spelling = MatrixPlain(style, lambda q: names_of_elements(q, style, unicode_of))
    for equation in numbered(cell, steps):
        head, pieces = matrix_pieces(equation, cell, spelling)
        yield f"{head.text} = {join(pieces)}"


def numbered(cell: Cell, steps: int) -> list[Equation]:
    """The equations of constants and of the first steps."""
    return [s.equation for s in unroll(cell, steps) if s.rule in ("constant", "recurrence")]


def matrix_line(equation: Equation, cell: Cell, spelling: Spelling) -> str:
    """One equation, its right side broken into lines that fit a page."""
    head, pieces = matrix_pieces(equation, cell, spelling)
    room = PAGE - head.width - 3
    return aligned_line(head.text, break_lines(pieces, room, room - 3))


def matrix_pieces(equation: Equation, cell: Cell, spelling: Spelling) -> tuple[Piece, Pieces]:
    """The left side and the pieces of the right one."""
    sizes = {s: Integer(n) for s, n in cell.sizes.items()}
    left: Any = resized(equation.lhs, sizes)
    right: Any = resized(equation.expr, sizes)
    if spelling.style.column:
        left, right = mirrored(left), mirrored(right)
    return spelling.quantity(left), spelling.expr(right)


def names_of_elements(q: Quantity, style: Style, spell: Callable[..., str]) -> list[list[str]]:
    """The elements of a quantity by name, as a matrix."""
    rows, cols = map(int, q.shape)
    look = replace(style.look, bold=False)

    def entry(i: int, j: int) -> str:
        places = [str(k) for k, size in ((i, rows), (j, cols)) if size != 1]
        return spell(q.label, q.time, look, tuple(places))

    return [[entry(i, j) for j in range(1, cols + 1)] for i in range(1, rows + 1)]
