"""Everything that a document says of one cell, printed and checked, for a template to lay out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from sympy import Expr, Integer

from ..checking import read_back
from ..checking.definitions import check_size, checked_definition
from ..checking.printed import FORMS, Block, Printing
from ..checking.samples import Sample
from ..derive import unroll
from ..derive.kinds import DERIVATIONS
from ..errors import CheckError, InputError
from ..language import read
from ..notations import get
from ..nouns import Cell, Equation, Network, Report, Variable
from ..numeric import lambdify
from ..ops.elementwise import is_function
from ..ops.rowfunctions import ROWS
from ..ops.rows import RowApply
from ..printing import Style, count_tex, size_tex, tex_lines
from ..printing.definitions import KNOWN
from ..printing.formula import Plain, Tex
from ..printing.latex import count_parts
from ..printing.text import count_text
from .derivations import DerivationView, cost_rows, derive, views
from .environment import Safe
from .example import Example, worked_example


@dataclass(frozen=True)
class SymbolRow:
    """A line of the symbols table."""

    tex: Safe
    role: str
    shape: Safe
    meaning: str
    text: str = ""
    size: str = ""


@dataclass(frozen=True)
class Request:
    """What is asked of a document."""

    what: tuple[str, ...]
    steps: int = 3
    loss: str = "general"
    full: bool = False
    report: Report | None = None
    choices: Mapping[str, Any] | None = None
    at: Mapping[str, int] | None = None
    numbers: Sample | None = None
    title: str = ""
    author: str = ""


class CellView:
    """One cell of a document. What is asked for is printed and checked when it is first read."""

    def __init__(self, cell: Cell, request: Request) -> None:
        cell = replace(
            cell,
            title=printable(cell.title),
            description=printable(cell.description),
            source=printable(cell.source),
        )
        self.original = cell
        self.request = request
        if not cell.inputs:
            raise InputError(f"{cell.name} has no input, so nothing tells how many steps to take")
        self.printing = Printing(cell, request.steps, **(request.choices or {}))
        self.cell = self.printing.cell
        self.style = self.printing.style

    @property
    def title(self) -> str:
        return self.cell.title or self.cell.name.replace("_", " ")

    @property
    def convention(self) -> str:
        return self.style.convention

    @property
    def steps(self) -> int:
        return self.request.steps

    @property
    def layers(self) -> list[str]:
        cell = self.original
        return [c.title or c.name for c in cell.originals] if isinstance(cell, Network) else []

    @property
    def sizes(self) -> tuple[tuple[Safe, int], ...]:
        return tuple((Safe(str(s)), n) for s, n in self.cell.sizes.items())

    @cached_property
    def blocks(self) -> dict[str, Block]:
        """The forms that are asked for, each read again."""
        return {form: self.printing.block(form) for form in FORMS if form in self.request.what}

    @cached_property
    def text_blocks(self) -> dict[str, Block]:
        """The same in plain text."""
        return {form: self.printing.text_block(form) for form in FORMS if form in self.request.what}

    def lines(self, form: str) -> tuple[Safe, ...]:
        return tuple(map(Safe, self.blocks[form].lines))

    @cached_property
    def starts(self) -> tuple[Safe, ...]:
        """Where the recurrence starts, as equations."""
        return tuple(map(Safe, start_lines(self.cell, self.style)))

    @cached_property
    def count(self) -> tuple[Safe, ...]:
        """The number of parameters: of the cell as its text has it, in lines."""
        lines = count_tex(self.original)
        formula, _, number = " ".join(lines).partition(" = ")
        check_size(formula, sum(count_parts(self.original), Integer(0)))
        if number and int(number) != self.original.parameter_count.xreplace(
            {s: Integer(n) for s, n in self.original.sizes.items()}
        ):
            raise CheckError(f"the number of parameters is not {number}")
        return tuple(map(Safe, lines))

    @property
    def count_text(self) -> str:
        text = count_text(self.original)
        check_size(text, sum(count_parts(self.original), Integer(0)), latex=False)
        sizes = {s: Integer(n) for s, n in self.original.sizes.items()}
        number = self.original.parameter_count.xreplace(sizes)
        return f"{text} = {number}" if sizes and number.is_Integer else text

    @cached_property
    def symbols(self) -> tuple[SymbolRow, ...]:
        return symbol_rows(self.cell, self.style)

    @property
    def split(self) -> bool:
        """Whether one symbol of the cell is several here: its parameter count sees one."""
        return any(len(new) > 1 for new in self.printing.names.values())

    @cached_property
    def functions(self) -> tuple[Safe, ...]:
        """Definitions of the functions that need one."""
        return tuple(Safe(definition_tex(*f)) for f in functions_of(self.cell.equations))

    @property
    def functions_error(self) -> float:
        """The largest error of these definitions; long constants are printed with nine digits."""
        return max(
            (checked_definition(*f)[1] for f in functions_of(self.cell.equations)), default=0
        )

    @cached_property
    def example(self) -> Example:
        given = self.request.numbers
        if given is not None:  # in the names that are printed
            names = {a.name: b.name for a, b in zip(self.original.variables, self.cell.variables)}
            given = replace(
                given,
                states={names[k]: v for k, v in given.states.items()},
                weights={names[k]: v for k, v in given.weights.items()},
            )
        return worked_example(self.cell, self.steps, self.style, given=given)

    @property
    def source(self) -> Safe | None:
        return Safe(lambdify(self.cell).source.rstrip()) if self.cell.inputs else None

    @cached_property
    def derivations(self) -> tuple[DerivationView, ...]:
        r = self.request
        return views(self.cell, r.what, self.style, r.full, r.loss)

    @property
    def costs(self) -> tuple[Any, ...]:
        return cost_rows(self.original, self.request.at) if "cost" in self.request.what else ()

    @cached_property
    def primes(self) -> tuple[Safe, ...]:
        """Definitions of the slopes that derivations name with a prime."""
        found: dict[tuple[str, int], None] = {}
        for part in self.request.what:
            derivation = derive(self.cell, part, self.request.loss) if part in DERIVATIONS else None
            for step in derivation or ():
                for name, count in functions_of([step.equation], known=True):
                    if name.endswith("'"):
                        found.setdefault((name, count))
        return tuple(Safe(definition_tex(*f)) for f in found)

    @cached_property
    def checked(self) -> Report:
        """The printed formulas against the code, with planted wrong ones."""
        return read_back(self.original).check()

    @property
    def checked_error(self) -> float:
        """The largest error of the formulas that this document prints."""
        errors = [b.error for b in (*self.blocks.values(),)]
        return max([*errors, 0.0])

    @property
    def report(self) -> Report:
        return self.request.report or self.checked

    @property
    def notation(self) -> Any:
        """The notation, in words; None for the names of the text."""
        name = (self.request.choices or {}).get("notation", "own")
        return None if name == "own" else get(name)

    @property
    def renamed(self) -> tuple[tuple[Safe, Safe], ...]:
        """What is called otherwise than in the text: (TeX there, TeX here)."""
        own = Style()
        found = []
        for v in self.original.variables:
            here = self.printing.names[v.name]
            if here != (v.name,):
                bare, before = self.printing.bare, replace(self.original, sizes={})
                new = " + ".join(symbol_texts(bare[n], bare, self.style)[0] for n in here)
                found.append((Safe(symbol_texts(v, before, own)[0]), Safe(new)))
        return tuple(found)


def printable(text: str) -> str:
    """Words that every format can hold: no control characters and no halves of characters."""
    spaced = "".join(" " if c.isspace() else c for c in text)
    return "".join(c if c.isprintable() else "\ufffd" for c in spaced)


def definition_tex(name: str, arguments: int) -> str:
    """A function's definition as it stands in a display, read again."""
    tex, _ = checked_definition(name, arguments)
    if "\n" in tex:
        return f"\\begin{{aligned}}\n{tex}\n\\end{{aligned}}"
    return tex.replace("&= ", "= ", 1)


def symbol_texts(variable: Variable, cell: Cell, style: Style) -> tuple[str, str]:
    """A symbol in LaTeX and in plain text, each read again as itself."""
    cell = replace(cell, sizes={})
    found = []
    for spelling, latex in ((Tex(style), True), (Plain(style), False)):
        text = spelling.quantity(variable.here).text
        (again,) = read(f"{text} = {text}", cell, style.convention, latex)
        if (again.lhs, again.expr) != (variable.here, variable.here):
            raise CheckError(f"the symbol {text} is read as another one")
        found.append(text)
    return found[0], found[1]


def start_lines(cell: Cell, style: Style) -> Iterable[str]:
    """Where the recurrence starts, as equations, each read again."""
    bare = replace(cell, sizes={})
    for step in unroll(cell):
        if step.rule in ("initial state", "delayed input"):
            line = tex_lines(step.equation, style)
            (again,) = read(line, bare, style.convention, True)
            if (again.lhs, again.expr) != (step.equation.lhs, step.equation.expr):
                raise CheckError(f"a printed line is read as another one: {line}")
            yield line


def symbol_rows(cell: Cell, style: Style | None = None) -> tuple[SymbolRow, ...]:
    """The symbols table: symbol, role, shape, meaning."""
    style = style or Style()
    bare = replace(cell, sizes={})
    rows = []
    for v in cell.variables:
        shape: tuple[Expr, Expr] = v.shape if not style.column else v.shape[::-1]
        sides = [check_size(size_tex(side), side) for side in shape]
        plain = [check_size(str(side).replace("*", " "), side, latex=False) for side in shape]
        tex, text = symbol_texts(v, bare, style)
        size = Safe(r" \times ".join(sides))
        rows.append(SymbolRow(Safe(tex), v.role.value, size, v.meaning, text, " × ".join(plain)))
    return tuple(rows)


def functions_of(equations: Iterable[Equation], known: bool = False) -> list[tuple[str, int]]:
    """The functions that equations use, each with how many arguments it is given, in the order met;
    without those that everybody knows."""
    found: dict[tuple[str, int], None] = {}
    for equation in equations:
        stack: list[Any] = [equation.expr]
        while stack:
            node = stack.pop()
            if isinstance(node, RowApply) or is_function(node):
                reduces = isinstance(node, RowApply) and ROWS[node.name_].reduces
                count = 1 if isinstance(node, RowApply) else len(node.operands)
                if known or not (node.name_ in KNOWN or reduces):
                    found.setdefault((node.name_, count))
            stack.extend(reversed(getattr(node, "args", ())))
    return list(found)
