"""LaTeX of equations, cells and derivations."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from sympy import Add, ImmutableMatrix, Integer, factor, latex

from ..errors import InputError
from ..models import Model
from ..nouns import Cell, Derivation, Equation, Network
from .formula import Piece, Tex, break_lines, in_convention, join, measure

#: The width of a line of a printed page, in letters; a web page scrolls instead.
PAGE = 58
_TEX = Tex()


def tex_of_equation(equation: Equation, convention: str = "row") -> tuple[str, list[str]]:
    """The left side, and the right side in lines that fit a page."""
    left, right = in_convention(equation, convention)
    head = _TEX.quantity(left)
    room = PAGE - head.width - 3
    return head.text, break_lines(_TEX.expr(right), room, room - 3)


def tex_lines(equation: Equation, convention: str = "row", align: str = "&") -> str:
    """One equation as it stands inside an `aligned` block, broken where it is too long."""
    head, lines = tex_of_equation(equation, convention)
    rest = "".join(f" \\\\\n{align}\\quad {line}" for line in lines[1:])
    return f"{head} {align}= {lines[0]}{rest}"


def to_latex(
    subject: Equation | Cell | Derivation | Model,
    *,
    convention: str = "row",
    display: bool = False,
) -> str:
    """LaTeX of an equation, a cell, a derivation or a model.

    Args:
        subject: what to print.
        convention: "row" (`x_t W`) or "column" (`W x_t`).
        display: put the `$$` of a display around it.

    Returns:
        LaTeX without a `$`, unless `display` is set: one equation in one line, or several in an
        `aligned` block, long ones broken.

    Raises:
        InputError: for an unknown convention or something that has no LaTeX.
    """
    if convention not in ("row", "column"):
        raise InputError(f"unknown convention '{convention}'; there are row, column")
    if isinstance(subject, Equation):
        left, right = in_convention(subject, convention)
        tex = f"{_TEX.quantity(left).text} = {_right(right)}"
    elif isinstance(subject, Derivation) and subject.form == "matrices":
        tex = aligned(matrix_lines(s.equation) for s in subject)
    elif isinstance(subject, (Cell, Derivation)):
        tex = aligned(tex_lines(e, convention) for e in subject.equations)
    elif isinstance(subject, Model):
        from .models import model_lines

        tex = aligned(model_lines(subject, convention))
    else:
        raise InputError(f"there is no LaTeX for {type(subject).__name__}")
    return f"$$\n{tex}\n$$" if display else tex


def aligned(lines: Iterable[str]) -> str:
    """Lines of equations as one `aligned` block."""
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"


def _right(expr: Any) -> str:
    return matrix_tex(expr) if isinstance(expr, ImmutableMatrix) else join(_TEX.expr(expr))


def matrix_lines(equation: Equation) -> str:
    """An equation between explicit matrices."""
    head = _TEX.quantity(equation.lhs).text
    return f"{head} &= {matrix_tex(equation.expr)}"


def matrix_tex(matrix: ImmutableMatrix) -> str:
    """An explicit matrix; its entries name elements as `W_{1,2}`, counted from 1 as on paper."""
    from .elements import element_tex

    rows = matrix.tolist()
    body = " \\\\\n".join(" & ".join(element_tex(e) for e in row) for row in rows)
    return f"\\begin{{bmatrix}}\n{body}\n\\end{{bmatrix}}"


def size_tex(size: Any) -> str:
    """A size, such as `D + M`."""
    return latex(size)


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
        tex = latex(term)
        width = len(re.sub(r"\\[a-z]+|[{}_^ ]", "", tex))
        pieces.append(Piece(f" + {tex}" if i else tex, width + 3, 0 if i else None))
    values = {symbol: Integer(value) for symbol, value in cell.sizes.items()}
    number = cell.parameter_count.xreplace(values)
    if number.is_Integer and terms and not terms[0].is_Integer:
        pieces.append(Piece(f" = {number}", 8, 0))
    return break_lines(pieces, PAGE, PAGE)


__all__ = ["PAGE", "Piece", "aligned", "measure", "tex_lines", "tex_of_equation", "to_latex"]
