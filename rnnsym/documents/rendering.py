"""A cell's derivation as a document.

The equations are printed first, these very strings are read again and evaluated, and the same
strings are handed to the template: what stands on the page is what was checked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sympy import Rational, latex

from ..algebra.functions import ELEMENTWISE, ROWS
from ..algebra.nodes import Apply, RowApply
from ..checking import read_back
from ..checking.verification import Printed, printed_forms
from ..derive import unroll
from ..errors import InputError
from ..language import CONVENTIONS
from ..nouns import Cell, Network, Report, Variable
from ..numeric import lambdify
from ..printing import count_tex, size_tex, tex_lines
from .derivations import DERIVATIONS, check_what, cost_rows, derive, views
from .environment import Safe, markdown_environment, tex_environment

#: The formats of a document: its template.
FORMATS = {"tex": "document.tex.j2", "md": "document.md.j2"}
#: The most steps that are printed one by one.
MOST_STEPS = 200


@dataclass(frozen=True)
class SymbolRow:
    """A line of the symbols table."""

    tex: Safe
    role: str
    shape: Safe
    meaning: str


def document(
    cell: Cell,
    to: str = "tex",
    *,
    convention: str = "row",
    steps: int = 3,
    what: tuple[str, ...] | str = ("forward",),
    loss: str = "general",
    full: bool = False,
    report: Report | None = None,
) -> str:
    """Render a cell or network: symbols, equations, recurrence, unrolled steps, code and report.

    Args:
        cell: what to print.
        to: "tex" (an article that pdflatex compiles) or "md".
        convention: "row" or "column".
        steps: how many steps are written out.
        what: the parts, of "forward" (symbols, equations, steps, code), "bptt", "jacobian", "rtrl"
            and "cost"; a text splits them by commas.
        loss: the loss of "bptt"; see `backpropagate`.
        full: give every line of the derivations with its rule, its reason and the shapes.
        report: the report to print; without one, the LaTeX is read back and checked here.

    Returns:
        The text of the document.

    Raises:
        InputError: for an unknown format or convention, or too many steps.
        CheckError: if the printed equations do not evaluate to what the code computes.
    """
    if not isinstance(cell, Cell):
        raise InputError(f"a document is of a cell or network, not {type(cell).__name__}")
    if to not in FORMATS:
        raise InputError(f"unknown format '{to}'; there are {', '.join(FORMATS)}")
    if convention not in CONVENTIONS:
        raise InputError(f"unknown convention '{convention}'; there are {', '.join(CONVENTIONS)}")
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= MOST_STEPS:
        raise InputError(f"steps must be a whole number from 1 to {MOST_STEPS}, not {steps!r}")
    parts = check_what(what)
    forms = printed_forms(cell, steps, convention)
    checked = read_back(cell, forms=forms).check()
    environment = tex_environment() if to == "tex" else markdown_environment()
    template = environment.get_template(FORMATS[to])
    derivations = views(cell, parts, convention, full, loss)
    return template.render(
        **context(cell, forms, convention, steps, report or checked, checked),
        what=parts,
        derivations=derivations,
        costs=cost_rows(cell) if "cost" in parts else (),
        full=full,
        primes=tuple(Safe(f) for f in primes(cell, parts, loss)),
    )


def context(
    cell: Cell,
    forms: tuple[Printed, ...],
    convention: str,
    steps: int,
    report: Report,
    checked: Report,
) -> dict[str, Any]:
    """What the templates lay out."""
    equations, unrolled = forms
    return {
        "cell": cell,
        "title": cell.title or cell.name.replace("_", " "),
        "convention": convention,
        "steps": steps,
        "symbols": symbol_rows(cell, convention),
        "equations": tuple(map(Safe, equations.lines)),
        "starts": tuple(Safe(line) for line in start_lines(cell, convention)),
        "unrolled": tuple(map(Safe, unrolled.lines)),
        "functions": tuple(Safe(f) for f in definitions(cell)),
        "count": tuple(map(Safe, count_tex(cell))),
        "sizes": tuple((Safe(str(s)), n) for s, n in cell.sizes.items()),
        "layers": [c.title or c.name for c in cell.originals] if isinstance(cell, Network) else [],
        "source": Safe(lambdify(cell).source.rstrip()) if cell.inputs else None,
        "report": report,
        "checked": checked,
        "checked_error": max(c.error or 0.0 for c in checked.comparisons),
    }


def primes(cell: Cell, parts: tuple[str, ...], loss: str) -> list[str]:
    """Definitions of the slopes that derivations name with a prime."""
    found: dict[str, str] = {}
    for part in parts:
        derivation = derive(cell, part, loss) if part in DERIVATIONS else None
        for step in derivation or ():
            stack: list[Any] = [step.equation.expr]
            while stack:
                node = stack.pop()
                if isinstance(node, Apply) and node.name_.endswith("'"):
                    tex = elementwise_definition(node.name_)
                    if tex:
                        found.setdefault(node.name_, tex)
                stack.extend(reversed(node.args))
    return list(found.values())


def start_lines(cell: Cell, convention: str) -> Iterable[str]:
    """Where the recurrence starts, as equations."""
    for step in unroll(cell):
        if step.rule in ("initial state", "delayed input"):
            yield tex_lines(step.equation, convention)


def symbol_rows(cell: Cell, convention: str) -> tuple[SymbolRow, ...]:
    """The symbols table: symbol, role, shape, meaning."""

    def shape(variable: Variable) -> str:
        rows, cols = variable.shape
        rows, cols = (rows, cols) if convention == "row" else (cols, rows)
        return rf"{size_tex(rows)} \times {size_tex(cols)}"

    return tuple(
        SymbolRow(Safe(v.tex), v.role.value, Safe(shape(v)), v.meaning) for v in cell.variables
    )


def definitions(cell: Cell) -> list[str]:
    """Definitions of the functions that need one, in the order met."""
    found: dict[str, str] = {}
    for equation in cell.equations:
        stack: list[Any] = [equation.expr]
        while stack:
            node = stack.pop()
            if isinstance(node, RowApply) and ROWS[node.name_].definition:
                found.setdefault(node.name_, ROWS[node.name_].definition)
            elif isinstance(node, Apply):
                tex = elementwise_definition(node.name_)
                if tex:
                    found.setdefault(node.name_, tex)
            stack.extend(reversed(node.args))
    return list(found.values())


#: Functions whose TeX says what they are.
_KNOWN = frozenset(
    [
        "tanh",
        "exp",
        "log",
        "sqrt",
        "sin",
        "cos",
        "abs",
        "max",
        "min",
        "sinh",
        "cosh",
        "arctan",
        "erf",
        "sign",
    ]
)


def elementwise_definition(name: str) -> str | None:
    """TeX of an elementwise function's definition, from its SymPy expression."""
    entry = ELEMENTWISE[name]
    if name in _KNOWN:
        return None
    arguments = ", ".join(entry.arguments[: entry.required])
    # A constant of thirty digits is shown with nine.
    long = {r: r.evalf(9) for r in entry.formula.atoms(Rational) if r.q > 10**6}
    return f"{entry.tex}({arguments}) = {latex(entry.formula.xreplace(long))}"
