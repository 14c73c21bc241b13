"""From a text to a `Cell`."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

from ..errors import InputError, LanguageError
from ..names import fault_of, t
from ..nouns import CONVENTIONS, ROW, Cell, Equation
from .building import Builder
from .comments import header, inputs_said, raised, remarks, variables_of
from .dims import ONE, Dim, is_one
from .reading import check_convention
from .roles import check_order, declared, find_output, find_roles
from .shapes import Inference, matrices_of
from .sizes import name_sizes
from .statements import ParsedText, parse_text, with_identities
from .symbols import ShapeError, Symbols, may_be_scalar, walk
from .tree import (
    Identity,
    Product,
    Ref,
    reversed_products,
)


def parse(
    text: str,
    *,
    name: str = "cell",
    convention: str | None = None,
    output: str | None = None,
    **sizes: int,
) -> Cell:
    """Read a cell from its equations.

    Args:
        text: one equation a line (`h_t = tanh(x_t W + h_{t-1} U + b)`), with declarations above
            (`dt, gamma: scalar`, `S_t: K × V`, `u_t: input`, `I: parameter`, `output: y_t`,
            `convention: column`) and comments behind `#`. Unicode, ASCII or LaTeX.
        name: what to call the cell.
        convention: "row" (`x_t W`) or "column" (`W x_t`); what the text declares, or "row", if not
            given. The cell remembers it: its table, code and arrays are in that form.
        output: the name of the output; without it, what the text declares or the variable of the
            last equation.
        sizes: sizes that are given, such as `M=5`.

    Returns:
        The cell; its expressions are in row form whatever the convention.

    Raises:
        LanguageError: one line that points at the character at fault.
        InputError: for an unknown convention, size or output.
    """
    if convention is not None:
        check_convention(convention)
    if fault := fault_of(name):
        raise InputError(f"the name of a cell: {fault}")
    parsed = parse_text(text)
    said = _said_convention(parsed)
    if said is not None and convention not in (None, said):
        raise InputError(f"the text says convention: {said}, and {convention} was asked for")
    convention = said or convention or ROW
    try:
        cell = _cell(parsed, name, convention, output, frozenset())
    except ShapeError as error:
        raise _with_hint(error, parsed, name, convention, output) from None
    return cell.with_sizes(**sizes) if sizes else cell


def _said_convention(parsed: ParsedText) -> str | None:
    """The convention that a text declares; the declaration is done with."""
    said = None
    for declaration in list(parsed.declarations):
        kind = declaration.kind
        if [r.name for r in declaration.names] == ["convention"] and not isinstance(kind, tuple):
            said = str(kind.value)
            if said not in CONVENTIONS:
                raise LanguageError("the convention is row or column", parsed.text, kind.start,
                                    kind.end)  # fmt: skip
            parsed.declarations.remove(declaration)
    return said


#: How many nodes of trees are read to find one name that has to be a scalar (about half a second).
_MOST_TRIED = 50_000
#: How many names one line advises to declare.
_MOST_ADVISED = 12


def _with_hint(
    error: ShapeError, parsed: ParsedText, name: str, convention: str, output: str | None
) -> LanguageError:
    """Add to a shape error what would mend it, found by trying: a declaration or the convention."""

    def works(convention: str, scalars: frozenset[str]) -> bool:
        try:
            _cell(parsed, name, convention, output, scalars)
        except LanguageError:
            return False
        return True

    hints = []
    other = CONVENTIONS[1 - CONVENTIONS.index(convention)]
    factors = _possible_scalars(parsed)
    # Every try reads the whole text; a long one with many names is not read hundreds of times.
    nodes = sum(1 for e in parsed.equations for _ in walk(e.right))
    tried = factors if len(factors) * nodes <= _MOST_TRIED else []
    singles = list(islice((f for f in tried if works(convention, frozenset([f]))), 2))
    untimed = [f for f, timed in factors.items() if not timed]
    groups = [] if singles else [g for g in (untimed, list(factors)) if len(g) > 1]
    several = next((g for g in groups if len(g) <= _MOST_ADVISED
                    and works(convention, frozenset(g))), [])  # fmt: skip
    # Only what is the one way to read the text is advised, and only under its condition.
    if len(singles) == 1 or several:
        group = singles or several
        written = ", ".join(f"{n}_t" if factors[n] else n for n in group)
        it = "is a scalar, it is" if len(group) == 1 else "are scalars, they are"
        hints.append(f"if {written} {it} declared above the equations: `{written}: scalar`")
    if works(other, frozenset()):
        hints.append(f"if vectors are {other}s, the text reads as {other} form: "
                     f"convention={other}, in the text itself `convention: {other}`")  # fmt: skip
    trees = (n for e in with_identities(parsed).equations for n in walk(e.right))
    if any(isinstance(n, Identity) for n in trees):
        hints.append("I is the identity matrix; if it is a weight, it is declared: `I: parameter`")
    hint = "".join(f"; {h}" for h in hints if h.rpartition("`")[0].rpartition("`")[2]
                   not in error.reason or "`" not in h)  # fmt: skip
    if not hint:
        return error
    return error.because(error.reason + " ".join(hint.split()))


def _possible_scalars(parsed: ParsedText) -> dict[str, bool]:
    """Undeclared lower-case names on the left of a product, and whether they are time-indexed."""
    told = {r.name for d in parsed.declarations for r in d.names}
    found: dict[str, bool] = {}
    for equation in parsed.equations:
        for node in walk(equation.right):
            if isinstance(node, Product):
                for item in node.items[:-1]:
                    # A name before a parenthesis may be a function, and is no scalar then.
                    if not isinstance(item, Ref) or item.name in told:
                        continue
                    behind = parsed.text[item.end : item.end + 1]
                    spaced = behind == " " and not parsed.scanned.latex
                    if may_be_scalar(item) and (spaced or not item.called):
                        found.setdefault(item.name, item.lag is not None)
    return found


def _cell(
    parsed: ParsedText, name: str, convention: str, output: str | None, scalars: frozenset[str]
) -> Cell:
    parsed = with_identities(parsed)
    symbols = Symbols(parsed.text, column=convention == "column")
    symbols.scalars |= scalars
    shapes, declared_inputs, said_output = declared(parsed, symbols)
    equations = parsed.equations
    if symbols.column:
        equations = [replace(e, right=reversed_products(e.right)) for e in equations]
    find_roles(parsed, symbols, declared_inputs, shapes)
    symbols.output = find_output(parsed, symbols, output or said_output)
    shaped = {n: not is_one(pair[0]) for n, pair in shapes.items() if n in symbols.timed}
    matrices = matrices_of(equations, symbols, shaped)
    for variable in symbols.roles:
        if variable in shapes:
            symbols.shapes[variable] = shapes[variable]
        elif variable in symbols.scalars:
            symbols.shapes[variable] = (ONE, ONE)
        elif variable in symbols.timed:
            # Rules 1 and 3: a width is never 1, and a row unless an outer product says otherwise.
            cols = Dim(nonunit=variable)
            rows = Dim(nonunit=variable) if variable in matrices else ONE
            symbols.shapes[variable] = (rows, cols)
        else:
            symbols.shapes[variable] = (Dim(), Dim())
    inference = Inference(symbols)
    # Equations of declared names first: what they fix is known, and need not be guessed.
    known = set(shapes) | symbols.scalars
    for equation in sorted(equations, key=lambda e: e.name.name not in known):
        inference.equation(equation)
    inference.finish()
    check_order(equations, symbols)
    sizes = name_sizes(symbols)
    variables = variables_of(parsed, symbols, sizes)
    by_name = {v.name: v for v in variables}
    build = Builder(inference, sizes)
    built = tuple(
        Equation(
            by_name[e.name.name],
            build.expr(e.right),
            t if e.name.name in symbols.timed else None,
        )
        for e in equations
    )
    title, description, source = header(parsed, by_name)
    return Cell(
        name,
        built,
        variables,
        by_name[symbols.output],
        title,
        description,
        source,
        parsed.text.strip("\n"),
        convention=convention,
        remarks=remarks(variables, inputs_said(parsed)),
        raised=raised(parsed),
    )
