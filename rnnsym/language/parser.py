"""From a text to a `Cell`: roles, shapes, output and SymPy expressions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import islice
from typing import Any

from sympy import Expr, HadamardProduct, Integer, MatAdd, Symbol, Transpose

from ..algebra.functions import ELEMENTWISE, ROWS
from ..algebra.nodes import (
    Apply,
    Concat,
    Diag,
    Diagonal,
    Divide,
    Eye,
    Filled,
    Inner,
    MatMul,
    Number,
    Power,
    RowApply,
    Scale,
    Size,
    Slice,
    Spread,
    TimeSum,
    is_negative,
    negative,
)
from ..errors import InputError, LanguageError
from ..names import ACCENTS, BY, T, fault_of, marked, t, unicode_of, unmarked
from ..nouns import CONVENTIONS, ROW, Cell, Derivation, Equation, Quantity, Role, Variable
from .dims import ONE, Dim, expression, is_one
from .scan import CELL, DERIVATION, MAX_DIGITS, PRINTED, Name, Scanned, scan
from .shapes import (
    Inference,
    Pair,
    ShapeError,
    Symbols,
    bounds_of,
    declared_dim,
    known_dim,
    matrices_of,
    may_be_scalar,
    name_sizes,
    special_shape,
    walk,
)
from .tree import (
    Chain,
    DeclarationTree,
    EquationTree,
    Flip,
    Function,
    Identity,
    InnerProduct,
    Join,
    Measure,
    Num,
    Product,
    Raise,
    Ranged,
    Ref,
    Special,
    Sum,
    SumOverTime,
    Tree,
    close_names,
    parse_statement,
    reversed_products,
)


@dataclass
class _Text:
    """A parsed text before its shapes are known."""

    scanned: Scanned
    equations: list[EquationTree]
    declarations: list[DeclarationTree]

    @property
    def text(self) -> str:
        return self.scanned.text

    def line(self, equation: EquationTree) -> str:
        """An equation as it was written, with the number of its line."""
        written = " ".join(self.text[equation.start : equation.end].split())
        return f"line {self.text.count(chr(10), 0, equation.start) + 1}: {written}"


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
        _check_convention(convention)
    if fault := fault_of(name):
        raise InputError(f"the name of a cell: {fault}")
    parsed = _parse_text(text)
    said = _said_convention(parsed)
    if said is not None and convention not in (None, said):
        raise InputError(f"the text says convention: {said}, and {convention} was asked for")
    convention = said or convention or ROW
    try:
        cell = _cell(parsed, name, convention, output, frozenset())
    except ShapeError as error:
        raise _with_hint(error, parsed, name, convention, output) from None
    return cell.with_sizes(**sizes) if sizes else cell


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
    _check_convention(convention)
    parsed = _parse_text(text, latex, DERIVATION if derivation is not None else PRINTED, tight)
    symbols = Symbols(parsed.text, column=convention == "column", derived=derivation is not None)
    names = symbols.sizes
    for symbol in cell.dims:
        declared_dim(str(symbol), names)
    marks = _marks_of(derivation) if derivation is not None else frozenset()
    table = _Table(cell, derivation is not None, symbols, marks)
    for variable in cell.variables:
        rows, cols = (known_dim(size, names) for size in variable.shape)
        symbols.shapes[variable.name] = (rows, cols)
        symbols.roles[variable.name] = variable.role
        if variable.scalar:
            symbols.scalars.add(variable.name)
        if variable.timed:
            symbols.timed.add(variable.name)
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
        build = _Builder(inference, sizes)
        left = build.quantity(tree.name)
        right = build.spread(tree.right, left.shape)
        equation = Equation(table.variable(tree.name.name), right, left.time, cell.convention)
        result.append((equation, parsed.line(written)))
    return tuple(result)


def _said_convention(parsed: _Text) -> str | None:
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


def _plain_number(text: str) -> str:
    """A number as paper has it: 1e-5 is 0.00001, if that is no longer than the language reads."""
    if "e" not in text.lower():
        return text
    plain = format(Decimal(text), "f")
    return plain if len(plain) <= MAX_DIGITS else text


def _check_convention(convention: str) -> None:
    if convention not in CONVENTIONS:
        raise InputError(f"unknown convention '{convention}'; there are {', '.join(CONVENTIONS)}")


def _marks_of(derivation: Derivation) -> frozenset[str]:
    """The accents that a derivation has put on names: a bar for adjoints, a dot for changes."""
    labels = [q.label for s in derivation for q in (s.equation.lhs, *s.equation.uses)]
    return frozenset(unmarked(label)[0] for label in labels) & frozenset(ACCENTS)


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
        if ref.lag is None and (size := identity_of(ref.name)) is not None:
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


def identity_of(name: str) -> str | None:
    """Of a name that is free to be the identity, I or I_K, the size that is written, or ""."""
    base, _, size = name.partition("_")
    sized = not size or (len(size) == 1 and (size.isupper() or size in "dkmn"))
    return size if base == "I" and sized else None


def _with_identities(parsed: _Text) -> _Text:
    """I, where no equation defines it and no declaration says that it is a parameter."""
    taken = {e.name.name for e in parsed.equations}
    for declaration in parsed.declarations:
        # I: K × K says how wide the identity is; all else that is said of I makes it another.
        shape = isinstance(declaration.kind, tuple)
        taken |= {r.name for r in declaration.names if not (shape and identity_of(r.name) == "")}

    def known(node: Any) -> Any:
        if isinstance(node, Ref):
            size = None if node.name in taken or node.lag is not None else identity_of(node.name)
            return node if size is None else Identity(node.start, node.end, node.grouped, size)
        if node.children:
            return replace(node, items=tuple(known(item) for item in node.items))
        return node

    equations = [replace(e, right=known(e.right)) for e in parsed.equations]
    return _Text(parsed.scanned, equations, parsed.declarations)


def _parse_text(
    text: str, latex: bool | None = None, kind: str = CELL, tight: bool = False
) -> _Text:
    scanned = scan(text, latex, kind)
    equations: list[EquationTree] = []
    declarations: list[DeclarationTree] = []
    for statement in scanned.statements:
        tree = parse_statement(statement, scanned, tight)
        if isinstance(tree, DeclarationTree):
            declarations.append(tree)
        else:
            equations.append(tree)
    if not equations:
        raise LanguageError(
            "there is no equation; a cell needs at least one, such as h_t = tanh(x_t W + b)",
            "",
            0,
        )
    return _Text(scanned, equations, declarations)


#: How many nodes of trees are read to find one name that has to be a scalar (about half a second).
_MOST_TRIED = 50_000
#: How many names one line advises to declare.
_MOST_ADVISED = 12


def _with_hint(
    error: ShapeError, parsed: _Text, name: str, convention: str, output: str | None
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
    trees = (n for e in _with_identities(parsed).equations for n in walk(e.right))
    if any(isinstance(n, Identity) for n in trees):
        hints.append("I is the identity matrix; if it is a weight, it is declared: `I: parameter`")
    hint = "".join(f"; {h}" for h in hints if h.rpartition("`")[0].rpartition("`")[2]
                   not in error.reason or "`" not in h)  # fmt: skip
    if not hint:
        return error
    mended = LanguageError.__new__(LanguageError)
    mended.__dict__.update(error.__dict__)
    mended.reason = error.reason + hint
    before, marker, excerpt = str(error).rpartition("; at ")
    mended.args = (before + " ".join(hint.split()) + marker + excerpt,)
    return mended


def _refs(parsed: _Text) -> Iterable[Ref]:
    for equation in parsed.equations:
        yield equation.name
        for node in walk(equation.right):
            if isinstance(node, Ref):
                yield node


def _possible_scalars(parsed: _Text) -> dict[str, bool]:
    """Undeclared lower-case names on the left of a product, and whether they are time-indexed."""
    declared = {r.name for d in parsed.declarations for r in d.names}
    found: dict[str, bool] = {}
    for equation in parsed.equations:
        for node in walk(equation.right):
            if isinstance(node, Product):
                for item in node.items[:-1]:
                    # A name before a parenthesis may be a function, and is no scalar then.
                    if not isinstance(item, Ref) or item.name in declared:
                        continue
                    behind = parsed.text[item.end : item.end + 1]
                    spaced = behind == " " and not parsed.scanned.latex
                    if may_be_scalar(item) and (spaced or not item.called):
                        found.setdefault(item.name, item.lag is not None)
    return found


def _cell(
    parsed: _Text, name: str, convention: str, output: str | None, scalars: frozenset[str]
) -> Cell:
    parsed = _with_identities(parsed)
    symbols = Symbols(parsed.text, column=convention == "column")
    symbols.scalars |= scalars
    shapes, declared_inputs, said_output = _declared(parsed, symbols)
    equations = parsed.equations
    if symbols.column:
        equations = [replace(e, right=reversed_products(e.right)) for e in equations]
    _find_roles(parsed, symbols, declared_inputs, shapes)
    symbols.output = _find_output(parsed, symbols, output or said_output)
    declared = {n: not is_one(pair[0]) for n, pair in shapes.items() if n in symbols.timed}
    matrices = matrices_of(equations, symbols, declared)
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
    _check_order(equations, symbols)
    sizes = name_sizes(symbols)
    variables = _variables(parsed, symbols, sizes)
    by_name = {v.name: v for v in variables}
    build = _Builder(inference, sizes)
    built = tuple(
        Equation(
            by_name[e.name.name],
            build.expr(e.right),
            t if e.name.name in symbols.timed else None,
        )
        for e in equations
    )
    title, description, source = _header(parsed, by_name)
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
        remarks=_remarks(variables, _inputs_said(parsed)),
        raised=_raised(parsed),
    )


_ABOVE = re.compile(r"\^\s*\{?\s*\(")


def _raised(parsed: _Text) -> bool:
    """Whether every time in a text stands above: `h^{(t)}`."""
    timed = [r for r in _refs(parsed) if r.lag is not None]
    return bool(timed) and all(_ABOVE.search(parsed.text[r.start : r.end]) for r in timed)


def _inputs_said(parsed: _Text) -> set[str]:
    """The names that a declaration says something of: they are no typing errors."""
    return {r.name for d in parsed.declarations for r in d.names}


def _remarks(variables: Iterable[Variable], said: set[str]) -> tuple[str, ...]:
    """What a reader of the text should know: a name that was taken for one more input."""
    variables = list(variables)
    small = [
        v
        for v in variables
        if v.role == Role.PARAMETER
        and 1 not in v.shape
        and v.name not in said
        and "α" <= unicode_of(v.name)[0] <= "ω"
        and unicode_of(v.name).isalpha()
    ]
    matrices = tuple(
        f"{v} is read as a matrix; if it is a number, it is declared: `{v}: scalar`" for v in small
    )
    return (*matrices, *_typing_errors(variables, said))


def _typing_errors(variables: list[Variable], said: set[str]) -> tuple[str, ...]:
    inputs = [v for v in variables if v.role == Role.INPUT]
    if len(inputs) < 2:
        return ()
    doubtful = [v for v in inputs if v.name not in (*said, "x") and not v.meaning]
    if len(doubtful) == len(inputs):  # one of them is the input
        del doubtful[0]
    if not doubtful:
        return ()
    names = ", ".join(map(str, doubtful))
    one = len(doubtful) == 1
    rest = ", ".join(str(v) for v in inputs if v not in doubtful)
    return (
        f"no equation defines {names}, so {'it is' if one else 'they are'} taken as "
        f"{'one more input' if one else 'inputs'} beside {rest}; a typing error looks just so "
        f"(an input that is meant is declared: `{names}: input`)",
    )


def _declared(parsed: _Text, symbols: Symbols) -> tuple[dict[str, Pair], set[str], str | None]:
    """What the declarations say: shapes, inputs and the output."""
    used = {r.name for r in _refs(parsed)}
    shapes: dict[str, Pair] = {}
    inputs: set[str] = set()
    output: str | None = None
    seen: set[tuple[str, bool]] = set()
    sizes = symbols.sizes
    for declaration in parsed.declarations:
        kind = declaration.kind
        if not isinstance(kind, tuple) and [r.name for r in declaration.names] == ["output"]:
            output = kind.value.name
            if output not in used and output not in {e.name.name for e in parsed.equations}:
                symbols.refuse(f"the output '{output}' is no symbol of the equations",
                             declaration.names[0])  # fmt: skip
            continue
        for ref in declaration.names:
            if ref.lag == -1:
                symbols.refuse(f"declare '{ref.name}' at t or without a time", ref)
            if ref.name not in used:
                hint = close_names(ref.name, sorted(used))
                symbols.refuse(f"'{ref.name}' is declared and never used{hint}", ref)
            # What it is and what shape it has are two things to say.
            role = not isinstance(kind, tuple) and str(kind.value) in ("input", "parameter")
            if (ref.name, role) in seen:
                symbols.refuse(f"'{ref.name}' is declared twice", ref)
            seen.add((ref.name, role))
            if isinstance(kind, tuple):
                pair = [_declared_size(token, sizes, symbols, used) for token in kind]
                shapes[ref.name] = (pair[1], pair[0]) if symbols.column else (pair[0], pair[1])
            elif str(kind.value) == "scalar":
                symbols.scalars.add(ref.name)
            elif str(kind.value) == "input":
                inputs.add(ref.name)
            elif str(kind.value) == "parameter":
                if ref.lag is not None:
                    symbols.refuse(f"'{ref.name}' has a time index and is no parameter", ref)
            else:
                raise LanguageError(
                    f"'{kind.text}' is no kind of declaration; there are `scalar`, `input`, "
                    "`parameter`, a shape such as `K × V`, `output: name`, and "
                    "`convention: column`",
                    parsed.text,
                    kind.start,
                    kind.end,
                )
    return shapes, inputs, output


def _declared_size(token: Any, sizes: dict[str, Dim], symbols: Symbols, used: set[str]) -> Dim:
    text = token.value.name if isinstance(token.value, Name) else token.text
    where = Ref(token.start, token.end, name=text)
    if isinstance(token.value, Name) and token.value.lag is not None:
        symbols.refuse(f"'{token.text}' is no size", where)
    if text in used or text in ("N", "T", "t"):
        symbols.refuse(f"'{text}' is a symbol of the equations and cannot name a size", where)
    if text[0].isdigit() and (not text.isdigit() or len(text) > 6 or int(text) < 1):
        symbols.refuse(f"a size is a positive whole number, not {text}", where)
    return declared_dim(str(int(text)) if text.isdigit() else text, sizes)


def _find_roles(
    parsed: _Text, symbols: Symbols, declared_inputs: set[str], shapes: dict[str, Pair]
) -> None:
    """Sort every name into its role, and refuse names that could be two things."""
    first: dict[str, Ref] = {}
    lags: dict[str, set[int | None]] = {}
    free = [r for r in _refs(parsed) if r.name not in {e.name.name for e in parsed.equations}]
    given = {r.name for r in free if r.lag is not None}
    weights = {r.name for r in free if r.lag is None}
    said = [r for d in parsed.declarations for r in d.names]
    for names, declared in ((given, declared_inputs), (weights, {r.name for r in said} & weights)):
        if names == declared:  # where all are declared, that is their order
            for ref in (r for r in said if r.name in names):
                first.setdefault(ref.name, ref)
    for ref in _refs(parsed):
        first.setdefault(ref.name, ref)
        lags.setdefault(ref.name, set()).add(ref.lag)
    defined: dict[str, EquationTree] = {}
    for equation in parsed.equations:
        ref = equation.name
        if ref.lag == -1:
            symbols.refuse(f"the left side must stand at t: {ref.name}_t = …", ref)
        if ref.name in defined:
            symbols.refuse(f"'{ref.name}' is defined twice", ref)
        defined[ref.name] = equation
    for ref in _refs(parsed):
        if None in lags[ref.name] and len(lags[ref.name]) > 1:
            symbols.refuse(f"'{ref.name}' stands with and without a time index", first[ref.name])
        if ref.called and not (
            ref.name in defined or ref.name in symbols.scalars or ref.name in shapes
        ):
            known = [n for n in ELEMENTWISE if "'" not in n]
            known += [*ROWS, "diag", "diagonal"]
            near = close_names(ref.name.lower(), known)
            hint = near or f"; the functions are {', '.join(known)}"
            symbols.fail(
                f"unknown function '{ref.name}' before a parenthesis{hint}",
                ref,
            )
    roles: dict[Role, list[str]] = {role: [] for role in Role}
    for name, ref in first.items():
        if fault := fault_of(name):
            symbols.refuse(fault, ref)
        timed = None not in lags[name]
        if timed:
            symbols.timed.add(name)
        if name in declared_inputs and (name in defined or not timed):
            reason = "an input is time-indexed and has no equation"
            symbols.refuse(f"'{name}' is declared an input, and {reason}", ref)
        if not timed:
            role = Role.CONSTANT if name in defined else Role.PARAMETER
        elif name not in defined:
            if lags[name] == {-1} and name not in declared_inputs:
                symbols.refuse(
                    f"'{name}_{{t-1}}' is used and no equation defines '{name}_t'; a delayed "
                    f"input is declared: `{name}_t: input`",
                    ref,
                )
            role = Role.INPUT
        else:
            role = Role.STATE if -1 in lags[name] else Role.INTERMEDIATE
        roles[role].append(name)
        base, _, step = name.rpartition("_")
        if step.isdigit() and base in lags and None not in lags[base]:
            symbols.refuse(f"'{name}' is how '{base}_t' is written at step {step}; rename one", ref)
    for name, equation in defined.items():
        if name in roles[Role.CONSTANT]:
            for node in walk(equation.right):
                if isinstance(node, Ref) and node.lag is not None:
                    symbols.refuse(
                        f"'{name}' has no time index and its equation uses '{node.name}', which "
                        f"has one; write {name}_t",
                        node,
                    )
    symbols.roles = {name: role for role in Role for name in roles[role]}


def _find_output(parsed: _Text, symbols: Symbols, said: str | None) -> str:
    computed = [e.name.name for e in parsed.equations if e.name.lag is not None]
    if not computed:
        symbols.refuse("no equation is of a step: none has a time index", parsed.equations[0].name)
    if said is None:
        return computed[-1]
    if symbols.roles.get(said) == Role.INPUT:
        raise InputError(f"the output '{said}' is an input; an output is what an equation defines")
    if said not in symbols.timed:
        hint = close_names(said, computed)
        raise InputError(f"the output '{said}' is no time-indexed symbol of the text{hint}")
    return said


def _check_order(equations: list[EquationTree], symbols: Symbols) -> None:
    """Refuse a cycle within one step, naming it."""
    needs = {
        e.name.name: [n.name for n in walk(e.right) if isinstance(n, Ref) and n.lag in (0, None)]
        for e in equations
    }
    trees = {e.name.name: e for e in equations}
    done: set[str] = set()
    for start in needs:
        path: list[str] = []
        stack = [(start, iter(needs[start]))] if start not in done else []
        path = [start] if stack else []
        while stack:
            name, rest = stack[-1]
            for following in rest:
                if following in path:
                    cycle = [*path[path.index(following) :], following]
                    symbols.refuse(
                        "a cycle within one step: " + " needs ".join(cycle),
                        trees[following].name,
                    )
                if following in needs and following not in done:
                    stack.append((following, iter(needs[following])))
                    path.append(following)
                    break
            else:
                done.add(name)
                stack.pop()
                path.pop()


def _variables(parsed: _Text, symbols: Symbols, sizes: dict[Dim, str]) -> tuple[Variable, ...]:
    meanings = _meanings(parsed, symbols)
    result = []
    for name, role in symbols.roles.items():
        rows, cols = (expression(d, sizes) for d in symbols.shapes[name])
        result.append(Variable(name, role, (rows, cols), meanings.get(name, "")))
    return tuple(result)


_MEANING = re.compile(r"\s*([^\s:]+)\s*:\s*(.+)")


def _meanings(parsed: _Text, symbols: Symbols) -> dict[str, str]:
    """Comments behind equations and declarations, and comment lines such as `# W: kernel`."""
    found: dict[str, str] = {}
    for declaration in parsed.declarations:
        for ref in declaration.names:
            if declaration.comment:
                found[ref.name] = declaration.comment
    for comment in parsed.scanned.comments:
        name = _commented_name(comment, symbols.roles)
        if name:
            found[name] = _MEANING.match(comment).group(2).strip()  # type: ignore[union-attr]
    for equation in parsed.equations:
        if equation.comment:
            found[equation.name.name] = equation.comment
    return found


def _commented_name(comment: str, known: Iterable[str]) -> str | None:
    match = _MEANING.match(comment)
    if not match:
        return None
    try:
        tokens = scan(match.group(1)).statements[0].tokens
    except (LanguageError, IndexError):
        return None
    if len(tokens) == 1 and isinstance(tokens[0].value, Name) and tokens[0].value.name in known:
        return tokens[0].value.name
    return None


def _header(parsed: _Text, known: Iterable[str]) -> tuple[str, str, str]:
    """Title, description and source from the comment lines that explain no symbol."""
    lines = [c for c in parsed.scanned.comments if not _commented_name(c, known)]
    while lines and not lines[0]:
        lines.pop(0)
    source: list[str] = []
    rest: list[str] = []
    for line in lines[1:]:
        if line.lower().startswith("source:"):
            source.append(line[len("source:") :].strip())
        elif source and line:  # a source may go on over the next lines
            source.append(line)
        else:
            rest.append(line)
    title = lines[0].rstrip(".") if lines else ""
    return title, " ".join(r for r in rest if r), " ".join(source)


class _Builder:
    """Makes SymPy expressions of trees whose shapes are solved."""

    def __init__(self, inference: Inference, sizes: dict[Dim, str]) -> None:
        self.inference = inference
        self.sizes = sizes

    def shape(self, tree: Tree) -> tuple[Expr, Expr]:
        rows, cols = self.inference.shapes[id(tree)]
        return expression(rows, self.sizes), expression(cols, self.sizes)

    def quantity(self, ref: Ref) -> Quantity:
        rows, cols = self.inference.symbols.shapes[ref.name]
        time: Any = None
        if ref.step is not None:
            time = Integer(ref.step)
        elif ref.last:
            time = T + (ref.lag or 0)
        elif ref.lag is not None:
            time = t + ref.lag
        return Quantity(ref.name, expression(rows, self.sizes), expression(cols, self.sizes), time)

    def spread(self, tree: Tree, shape: tuple[Expr, Expr]) -> Any:
        return self.as_wide(self.expr(tree), shape)

    @staticmethod
    def as_wide(expr: Any, shape: tuple[Expr, Expr]) -> Any:
        if expr.shape == shape:
            return expr
        signs = 0
        while is_negative(expr):  # signs stand in front, however many there are
            expr, signs = expr.args[1], signs + 1
        expr = Spread(expr, *shape)
        for _ in range(signs):
            expr = negative(expr)
        return expr

    def expr(self, tree: Tree) -> Any:
        match tree:
            case Num():
                return Number(_plain_number(tree.text))
            case Measure():
                return Size(Symbol(tree.name))
            case Identity():
                return Eye(self.shape(tree)[0])
            case Special():
                rows, cols = special_shape(tree, self.inference.symbols)
                letter = tree.text[0]
                return Eye(rows) if letter == "I" else Filled(Integer(int(letter)), rows, cols)
            case InnerProduct():
                one, two = tree.items
                shape = max(self.shape(one), self.shape(two), key=lambda s: s != (1, 1))
                return Inner(self.spread(one, shape), self.spread(two, shape))
            case SumOverTime():
                names = {"T": T, "T-1": T - 1}
                first, last = (names.get(b) or Integer(int(b)) for b in tree.bounds)
                return TimeSum(self.expr(tree.items[0]), first, last)
            case Ranged():
                bounds = bounds_of(tree, self.inference.symbols)
                return Slice(Integer(1), self.expr(tree.items[0]), *bounds)
            case Ref():
                return self.quantity(tree)
            case Flip():
                inner = self.expr(tree.items[0])
                return inner if self.shape(tree) == (1, 1) else Transpose(inner)
            case Sum():
                return self.sum(tree)
            case Chain():
                return self.chain(tree)
            case Raise():
                shape = self.shape(tree)
                return Power(*(self.spread(item, shape) for item in tree.items))
            case Product():
                return self.product(tree)
            case Join():
                return Concat(1, *(self.expr(item) for item in tree.items))
            case Function():
                return self.function(tree)
        raise TypeError(type(tree).__name__)

    def sum(self, tree: Sum) -> Any:
        shape = self.shape(tree)
        terms = [self.spread(item, shape) for item in tree.items]
        signed = [negative(e) if s < 0 else e for e, s in zip(terms, tree.signs)]
        return signed[0] if len(signed) == 1 else MatAdd(*signed)

    def chain(self, tree: Chain) -> Any:
        shape = self.shape(tree)
        run = [self.expr(tree.items[0])]

        def joined(*items: Any) -> list[Any]:
            # What is of numbers alone, as 1 / 3 in front of ⊙ x_t, stays a number.
            narrow = all(e.shape == (1, 1) for e in items)
            return list(items) if narrow else [self.as_wide(e, shape) for e in items]

        for operator, item in zip(tree.operators, tree.items[1:]):
            run.append(self.expr(item))
            if operator != "HADAMARD":
                *factors, divisor = joined(*run)
                run = [
                    Divide(factors[0] if len(factors) == 1 else HadamardProduct(*factors), divisor)
                ]
        run = [self.as_wide(e, shape) for e in run]
        return run[0] if len(run) == 1 else HadamardProduct(*run)

    def product(self, tree: Product) -> Any:
        scalars = [item for item in tree.items if self.inference.scalar(item)]
        matrices = [item for item in tree.items if not self.inference.scalar(item)]
        factors = [self.expr(item) for item in matrices]
        if self.inference.symbols.column:
            scalars.reverse()  # the whole product was
        result = factors[0] if len(factors) == 1 else MatMul(*factors) if factors else None
        for item in reversed(scalars):
            factor = self.expr(item)
            result = factor if result is None else Scale(factor, result)
        return result

    def function(self, tree: Function) -> Any:
        if tree.name in ELEMENTWISE:
            shape = self.shape(tree)
            return Apply(tree.name, *(self.spread(item, shape) for item in tree.items))
        arguments = [self.expr(item) for item in tree.items]
        if tree.name == "diag":
            return Diag(arguments[0])
        if tree.name == "diagonal":
            return Diagonal(Integer(1), arguments[0])
        return RowApply(tree.name, 1, *arguments)
