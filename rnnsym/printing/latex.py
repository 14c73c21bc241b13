"""LaTeX of equations, cells and derivations."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from sympy import Add, ImmutableMatrix, Integer, factor

from ..derive.elements import elements, scalar_of
from ..nouns import Cell, Equation, Network
from ..pieces import Piece, break_lines, join, measure
from .elements import ElementTex
from .formula import Tex, in_convention
from .style import Style

#: The width of a line of a printed page, in letters; a web page scrolls instead.
PAGE = 58
#: The names of the text, rows.
OWN = Style()


def tex_of_equation(equation: Equation, style: Style = OWN) -> tuple[str, list[str]]:
    """The left side, and the right side in lines that fit a page."""
    tex = Tex(style)
    left, right = in_convention(equation, style.convention)
    head = tex.quantity(left)
    room = PAGE - head.width - 3
    return head.text, break_lines(tex.expr(right), room, room - 3)


def tex_lines(equation: Equation, style: Style = OWN, align: str = "&") -> str:
    """One equation as it stands inside an `aligned` block, broken where it is too long."""
    return aligned_line(*tex_of_equation(equation, style), align)


def aligned_line(head: str, lines: list[str], align: str = "&") -> str:
    """A left side and the lines of a right side, with the marks of an `aligned` block."""
    rest = "".join(f" \\\\\n{align}\\quad {line}" for line in lines[1:])
    return f"{head} {align}= {lines[0]}{rest}"


def equation_tex(equation: Equation, style: Style = OWN) -> str:
    """An equation in one line."""
    left, right = in_convention(equation, style.convention)
    return f"{Tex(style).quantity(left).text} = {_right(right, style)}"


def element_lines(cell: Cell, style: Style = OWN) -> list[str]:
    """A cell's equations of single elements, as lines of an `aligned` block."""
    _, formulas = elements(cell, style.convention)
    spelling = ElementTex(style)
    lines = []
    for formula in formulas:
        head = spelling.entry(formula.left)
        room = PAGE - head.width - 3
        lines.append(
            aligned_line(head.text, break_lines(spelling.pieces(formula.right), room, room - 3))
        )
    return lines


def aligned(lines: Iterable[str]) -> str:
    """Lines of equations as one `aligned` block."""
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"


def _right(expr: Any, style: Style) -> str:
    if isinstance(expr, ImmutableMatrix):
        return matrix_tex(expr, style)
    return join(Tex(style).expr(expr))


def matrix_lines(equation: Equation, style: Style = OWN) -> str:
    """An equation between explicit matrices."""
    expr = equation.expr.T if style.column else equation.expr
    head = Tex(style).quantity(equation.lhs).text
    return f"{head} &= {matrix_tex(expr, style)}"


def matrix_tex(matrix: ImmutableMatrix, style: Style = OWN) -> str:
    """An explicit matrix; its entries name elements as `W_{1,2}`, counted from 1 as on paper."""
    spelling = ElementTex(style)
    rows = [[join(spelling.pieces(scalar_of(e, style.column))) for e in row]
            for row in matrix.tolist()]  # fmt: skip
    return bmatrix(rows)


def bmatrix(rows: Iterable[Iterable[str]]) -> str:
    """Entries as a matrix in square brackets."""
    body = " \\\\\n".join(" & ".join(row) for row in rows)
    return f"\\begin{{bmatrix}}\n{body}\n\\end{{bmatrix}}"


def size_tex(size: Any) -> str:
    """A formula in sizes, such as `M (D + M + 1)`."""
    return join(ElementTex().pieces(scalar_of(size)))


def count_parts(cell: Cell) -> list[Any]:
    """The number of parameters of each layer, factored: M(D + M + 1)."""
    layers = cell.layers if isinstance(cell, Network) else (cell,)
    return [factor(layer.parameter_count) for layer in layers if layer.parameter_count != 0]


def count_tex(cell: Cell) -> list[str]:
    """The parameter count as a formula, layer by layer, and as a number where sizes are given.

    A list of lines, each short enough for a page.
    """
    terms = [term for part in count_parts(cell) for term in Add.make_args(part)]
    pieces: list[Piece] = []
    for i, term in enumerate(terms or [Integer(0)]):
        tex = size_tex(term)
        width = len(re.sub(r"\\[a-z]+|[{}_^ ]", "", tex))
        pieces.append(Piece(f" + {tex}" if i else tex, width + 3, 0 if i else None))
    values = {symbol: Integer(value) for symbol, value in cell.sizes.items()}
    number = cell.parameter_count.xreplace(values)
    if number.is_Integer and terms and not terms[0].is_Integer:
        pieces.append(Piece(f" = {number}", 8, 0))
    return break_lines(pieces, PAGE, PAGE)


__all__ = ["PAGE", "Piece", "aligned", "measure", "tex_lines", "tex_of_equation"]
