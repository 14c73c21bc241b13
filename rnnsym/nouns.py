"""The five nouns: Variable, Equation, Cell (and Network), Derivation, Report. All immutable.

What can be done with them lives in the rooms above; the few methods here that look upwards
(`Cell.parse`, the notebook displays) ask for what the front door has handed down (`front`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from numbers import Integral
from typing import Any

from sympy import Basic, Expr, Integer, MatrixExpr, MatrixSymbol, Symbol, expand, sympify
from sympy.core.symbol import Str

from .errors import CheckError, InputError
from .front import verb
from .names import ACCENTS, TOTAL, code_of, t, tex_of, unicode_of, unmarked

Shape = tuple[Expr, Expr]

#: The two forms of a text: vectors are rows (`x_t W`) or columns (`W x_t`). Every expression is
#: kept in row form; the form is how a cell is written, and how its arrays lie.
ROW, COLUMN = CONVENTIONS = ("row", "column")


class Quantity(MatrixSymbol):
    """A variable at a time (t, t-1, 3, or none): the leaf of every expression.

    It is a SymPy `MatrixSymbol` whose name is a plain code name (`h_tm1`), because SymPy's
    lambdify quietly breaks on TeX names; `label` and `time` keep what it stands for.
    """

    def __new__(cls, label: Any, rows: Any, cols: Any, time: Any = None) -> Quantity:
        label = Str(label) if isinstance(label, str) else label
        time = Str("") if time is None else time if isinstance(time, Str) else sympify(time)
        # MatrixSymbol itself takes three arguments; the rebuilding base class takes any.
        return Basic.__new__(cls, label, sympify(rows), sympify(cols), time)

    @property
    def label(self) -> str:
        return self.args[0].name

    @property
    def time(self) -> Expr | None:
        return None if isinstance(self.args[3], Str) else self.args[3]

    @property
    def name(self) -> str:
        return code_of(self.label, self.time)

    def at(self, time: Any) -> Quantity:
        """The same variable at another time."""
        label, rows, cols, _ = self.args
        return Quantity(label, rows, cols, time)

    def _latex(self, printer: Any, *_: Any) -> str:
        return tex_of(self.label, self.time)

    def _sympystr(self, printer: Any, *_: Any) -> str:
        return self.name


class Role(StrEnum):
    """What a variable is to its cell; each has exactly one role."""

    INPUT = "input"
    STATE = "state"
    INTERMEDIATE = "intermediate"
    PARAMETER = "parameter"
    CONSTANT = "constant"
    # What derivations add: derivatives of the loss by quantities with and without a time index,
    # changes of these, and derivatives of one quantity by another.
    ADJOINT = "adjoint"
    GRADIENT = "gradient"
    TANGENT = "tangent"
    DIRECTION = "direction"
    JACOBIAN = "Jacobian"


class Verdict(StrEnum):
    """What a check can say. The words; `slug` is what JSON says, `exit` the code of a command.

    `good` is whether a claim may be relied on; what a command lets pass (exit 0) may still say
    nothing.
    """

    slug: str
    exit: int
    good: bool

    def __new__(cls, words: str, slug: str, code: int, good: bool) -> Verdict:
        member = str.__new__(cls, words)
        member._value_ = words
        member.slug, member.exit, member.good = slug, code, good
        return member

    # an independent witness agrees: a framework's own layer, somebody else's code
    VERIFIED = "verified", "verified", 0, True
    # our own ways agree with each other; nobody else was asked
    CONSISTENT = "consistent", "consistent", 0, True
    # a reader's line or equation agrees with what it is a claim about
    HOLDS = "holds", "holds", 0, True
    # the same function after a listed change, which is printed
    EQUAL_UNDER_CHANGE = "equal under a change of parameters", "equal-under-change", 0, True
    # they agree wherever both have a value
    EQUAL_WHERE_DEFINED = "equal where defined", "equal-where-defined", 0, True
    # differs, as its author says
    APPROXIMATION = "approximation", "approximation", 0, True
    # gives a name its meaning
    DEFINES = "defines", "defines", 0, True
    # they part
    WRONG = "wrong", "wrong", 1, False
    # a neighbour, branch or size was not told apart
    NO_POWER = "no power", "no-power", 1, False
    # a line whose left side decides its right side
    SAYS_NOTHING = "says nothing", "says-nothing", 0, False
    # could not be read
    NOT_READ = "not read", "not-read", 0, False


_TIMED = frozenset(
    [Role.INPUT, Role.STATE, Role.INTERMEDIATE, Role.ADJOINT, Role.TANGENT, Role.JACOBIAN]
)


@dataclass(frozen=True)
class Variable:
    """A named quantity of a cell.

    Attributes:
        name: plain ASCII identifier without a time index, such as `h` or `W_i`.
        role: one of input, state, parameter, intermediate, constant.
        shape: (rows, columns) in the symbols of the sizes; (1, M) is a row vector.
        meaning: what it is, in words; may be empty.
        kept: whether it is a mask that dropout keeps over the steps.
        part: of a quantity that a notation writes as a sum, which part it is and of how many.
    """

    name: str
    role: Role
    shape: Shape
    meaning: str = ""
    kept: bool = field(default=False, compare=False)
    part: tuple[int, int] = field(default=(1, 1), compare=False)

    @property
    def timed(self) -> bool:
        """Whether it has a value at every step."""
        return self.role in _TIMED

    @property
    def scalar(self) -> bool:
        return self.shape == (1, 1)

    def at(self, time: Any = None) -> Quantity:
        """The variable as a leaf of an expression, at `time` (none for a parameter)."""
        return Quantity(self.name, *self.shape, time)

    @property
    def here(self) -> Quantity:
        """The variable as it stands in its own step."""
        return self.at(t if self.timed else None)

    @property
    def tex(self) -> str:
        return tex_of(self.name, t if self.timed else None)

    def __str__(self) -> str:
        return unicode_of(self.name, t if self.timed else None)

    def _repr_latex_(self) -> str:
        return f"${self.tex}$"


@dataclass(frozen=True)
class Equation:
    """A variable and the matrix expression that defines it.

    Attributes:
        variable: what is defined.
        expr: a SymPy matrix expression of the variable's shape, its terms in the order written.
        time: the time of the left side: t in a cell, a number once unrolled, None for a constant.
        convention: the form in which it shows itself, that of the text it comes from.
    """

    variable: Variable
    expr: MatrixExpr
    time: Expr | None = t
    convention: str = field(default=ROW, compare=False)

    @property
    def lhs(self) -> Quantity:
        return self.variable.at(self.time)

    @cached_property
    def uses(self) -> tuple[Quantity, ...]:
        """The quantities on the right side, in the order in which they are first written."""
        return tuple(quantities(self.expr))

    def __str__(self) -> str:
        return verb("to_text")(self)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {verb('to_latex')(self)}$"


def _stepwise(expr: Any) -> bool:
    """Whether a quantity of a step stands outside of every sum over t."""
    if isinstance(expr, Quantity):
        return expr.time is not None and t in expr.time.free_symbols
    if type(expr).__name__ == "TimeSum":
        return False
    return any(_stepwise(a) for a in getattr(expr, "args", ()))


def quantities(expr: Any) -> dict[Quantity, None]:
    """Every quantity in an expression, once, in the order written (a dict used as ordered set)."""
    found: dict[Quantity, None] = {}
    stack = [expr]
    while stack:
        node = stack.pop()
        if isinstance(node, Quantity):
            found.setdefault(node)
        else:
            stack.extend(reversed(node.args))
    return found


@dataclass(frozen=True)
class Cell:
    """The equations of one step, in the order written.

    Attributes:
        name: what the cell is called, a plain identifier.
        equations: one for each defined variable.
        variables: all of them: inputs, states, intermediates, parameters, constants.
        output: the variable that the cell gives at each step.
        title, description, source: in words, for people; may be empty.
        text: the text that it was read from.
        sizes: the sizes that are given, by symbol; the others stay symbolic.
        convention: the form of its text, "row" or "column": in it the cell shows itself, and in it
            every array lies that is given to its functions or comes from them.
        remarks: what a reader of the text should know, such as a name that was taken for an input.
        raised: whether its text writes times above, `h^{(t)}`; so they are printed, then.
        catalogued: whether it is of the catalogue: its names are ours, and a notation has others.
    """

    name: str
    equations: tuple[Equation, ...]
    variables: tuple[Variable, ...]
    output: Variable
    title: str = ""
    description: str = ""
    source: str = ""
    text: str = field(default="", compare=False)
    sizes: Mapping[Symbol, int] = field(default_factory=dict, hash=False)
    convention: str = ROW
    remarks: tuple[str, ...] = field(default=(), compare=False)
    raised: bool = field(default=False, compare=False)
    catalogued: bool = field(default=False, compare=False)

    def __post_init__(self) -> None:
        if self.convention not in CONVENTIONS:
            raise InputError(f"unknown convention {self.convention!r}; there are row, column")
        if any(e.convention != self.convention for e in self.equations):
            same = tuple(replace(e, convention=self.convention) for e in self.equations)
            object.__setattr__(self, "equations", same)
        # Both become part of generated code, so they are checked wherever a cell comes from.
        if not (isinstance(self.name, str) and self.name.isascii() and self.name.isidentifier()):
            raise InputError(f"the name of a cell must be a plain identifier, not {self.name!r}")
        names = [v.name for v in self.variables]
        if twice := next((n for n in names if names.count(n) > 1), None):
            raise InputError(f"{self.name} would have two variables called '{twice}'")

    @classmethod
    def parse(cls, text: str, **options: Any) -> Cell:
        """Read a cell from its equations; see `rnnsym.parse` for the options.

        Raises:
            LanguageError: one line that points at the character at fault.
        """
        return verb("parse")(text, **options)

    def __getitem__(self, name: str) -> Variable:
        for variable in self.variables:
            if variable.name == name:
                return variable
        known = ", ".join(v.name for v in self.variables)
        raise InputError(f"{self.name} has no variable '{name}'; it has {known}")

    def __contains__(self, name: object) -> bool:
        return any(v.name == name for v in self.variables)

    def having(self, role: Role) -> tuple[Variable, ...]:
        return tuple(v for v in self.variables if v.role == role)

    @property
    def inputs(self) -> tuple[Variable, ...]:
        return self.having(Role.INPUT)

    @property
    def states(self) -> tuple[Variable, ...]:
        return self.having(Role.STATE)

    @property
    def parameters(self) -> tuple[Variable, ...]:
        return self.having(Role.PARAMETER)

    @property
    def delayed(self) -> tuple[Variable, ...]:
        """The inputs that the cell also reads at t-1 (they start at zero)."""
        used = {(q.label, q.time) for e in self.equations for q in e.uses}
        return tuple(v for v in self.inputs if (v.name, t - 1) in used)

    @property
    def dims(self) -> tuple[Symbol, ...]:
        """The symbols of the sizes, in the order in which the variables show them."""
        found: dict[Symbol, None] = {}
        for variable in self.variables:
            for size in variable.shape:
                for symbol in sorted(size.free_symbols, key=str):
                    found.setdefault(symbol)
        return tuple(found)

    @property
    def ordered(self) -> tuple[Equation, ...]:
        """The equations in an order in which they can be computed: constants first."""
        waiting = sorted(self.equations, key=lambda e: e.time is not None)
        pending = {e.lhs for e in waiting}
        done: list[Equation] = []
        while waiting:
            ready = next(e for e in waiting if not any(q in pending for q in e.uses))
            waiting.remove(ready)
            pending.discard(ready.lhs)
            done.append(ready)
        return tuple(done)

    def with_sizes(self, **sizes: int) -> Cell:
        """The same cell with some sizes given, such as `M=5`.

        Raises:
            InputError: for an unknown size or one that is no positive whole number.
        """
        by_name = {str(symbol): symbol for symbol in self.dims}
        given = dict(self.sizes)
        for name, value in sizes.items():
            if name not in by_name:
                raise InputError(
                    f"{self.name} has no size '{name}'; its sizes are {', '.join(by_name)}"
                )
            if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
                raise InputError(f"size {name} must be a positive whole number, not {value!r}")
            given[by_name[name]] = int(value)
        return replace(self, sizes=given)

    def shown_shape(self, variable: Variable) -> Shape:
        """The shape of a variable as the cell's table shows it: (columns, rows) in column form."""
        return variable.shape if self.convention == ROW else variable.shape[::-1]

    def in_convention(self, convention: str) -> Cell:
        """The same function written in the other form: its matrices are then the transposes."""
        return replace(self, convention=convention)

    @property
    def parameter_count(self) -> Expr:
        """The number of parameters as a formula in the sizes."""
        return expand(sum((v.shape[0] * v.shape[1] for v in self.parameters), Integer(0)))

    def __str__(self) -> str:
        return verb("to_text")(self)

    def _repr_latex_(self) -> str:
        return verb("to_latex")(self, display=True)

    def _repr_html_(self) -> str:
        return verb("to_html")(self)


@dataclass(frozen=True)
class Network(Cell):
    """Cells joined so that each reads what the one before it gives, as the cell they make together.

    Attributes:
        layers: the cells, each in the names that it has in the network.
        originals: the cells as they were given to `stack`.
    """

    layers: tuple[Cell, ...] = ()
    originals: tuple[Cell, ...] = ()


@dataclass(frozen=True)
class Sentence:
    """Words, and the quantities and equations that they name, in order.

    It is data: whoever prints it sets the equations in the form, the names and the format of its
    page. `str` gives plain text, with what is named in backquotes.
    """

    parts: tuple[str | Quantity | Equation, ...] = ()

    @classmethod
    def of(cls, words: str, *named: Any) -> Sentence:
        """A sentence whose `{}` stand for quantities, equations, sentences or more words."""
        parts: list[Any] = []
        for i, text in enumerate(words.split("{}")):
            if i:
                thing = named[i - 1]
                parts += thing.parts if isinstance(thing, Sentence) else (thing,)
            parts += [text] * bool(text)
        return cls(tuple(parts))

    @classmethod
    def listing(cls, items: Iterable[Any], last: str = " and ") -> Sentence:
        """Several things as a list: a, b and c."""
        items = list(items)
        marks = [", "] * (len(items) - 2) + [last] * (len(items) > 1)
        return cls.of("{}" * (2 * len(items) - 1), *(
            x for pair in zip(items, [*marks, ""]) for x in pair))  # fmt: skip

    def __add__(self, more: Sentence | str) -> Sentence:
        return Sentence.of("{}{}", self, more)

    def __str__(self) -> str:
        return "".join(
            p if isinstance(p, str)
            else f"`{unicode_of(p.label, p.time) if isinstance(p, Quantity) else p}`"
            for p in self.parts
        )  # fmt: skip


@dataclass(frozen=True)
class Step:
    """A line of a derivation.

    Attributes:
        equation: the line itself.
        rule: the rule that gives it, such as "product" or "several uses".
        why: one sentence that says why, naming the equations it rests on.
        section: the part of the derivation that it belongs to.
        result: whether a terse derivation shows it.
        holds: the first and the last step at which it holds, or None.
        dropped: what truncation leaves out of this line, or None.
        written: of somebody's own line, how it was written, with its number in the text.
    """

    equation: Equation
    rule: str
    why: Sentence
    section: str = ""
    result: bool = True
    holds: tuple[Expr, Expr] | None = None
    dropped: MatrixExpr | None = None
    written: str = ""

    @property
    def reason(self) -> str:
        """Why, in plain text; names and equations stand in backquotes."""
        return str(self.why)

    @property
    def uses(self) -> tuple[str, ...]:
        """The code names of what stands on the right side."""
        return tuple(q.name for q in self.equation.uses)

    @property
    def shapes(self) -> tuple[tuple[Quantity, Shape], ...]:
        """The left side and everything on the right, each with its shape."""
        return tuple((q, q.shape) for q in (self.equation.lhs, *self.equation.uses))


#: The section of somebody's own lines.
CLAIMED = "claimed"


@dataclass(frozen=True)
class Derivation:
    """Ordered steps, each with its reason.

    Attributes:
        title: what is derived.
        cell: the cell or network that it is derived from.
        steps: the lines.
        length: the number of time steps, or None where T stays a symbol.
        form: "recurrence", "unrolled", "matrices", "backward", "jacobian" or "forward mode".
        loss: of a gradient: which loss, and whether it is taken "all" over the steps or at the
            "last" one alone.
        over: see `loss`.
        truncate: of a truncated gradient: the length of its blocks.
        subject: the cell as it was given; `cell` may have names for what is nested in it.
    """

    title: str
    cell: Cell
    steps: tuple[Step, ...]
    length: int | None = None
    form: str = "unrolled"
    loss: str = ""
    over: str = "all"
    truncate: int | None = None
    subject: Cell | None = None

    def __post_init__(self) -> None:
        wanted = self.convention
        if any(s.equation.convention != wanted for s in self.steps):
            steps = tuple(
                replace(s, equation=replace(s.equation, convention=wanted)) for s in self.steps
            )
            object.__setattr__(self, "steps", steps)

    @property
    def convention(self) -> str:
        """The form of the text that it is derived from."""
        return self.cell.convention

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def equations(self) -> tuple[Equation, ...]:
        return tuple(step.equation for step in self.steps)

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The symbol table: the cell's variables, and those that the derivation adds."""
        found = {v.name: v for v in self.cell.variables}
        for step in self.steps:
            found.setdefault(step.equation.variable.name, step.equation.variable)
        return tuple(found.values())

    @property
    def sections(self) -> dict[str, tuple[Step, ...]]:
        """The steps by section, in order."""
        found: dict[str, list[Step]] = {}
        for step in self.steps:
            found.setdefault(step.section, []).append(step)
        return {name: tuple(steps) for name, steps in found.items()}

    def terse(self) -> Derivation:
        """The result lines alone."""
        return replace(self, steps=tuple(s for s in self.steps if s.result))

    def lines_from(self, text: str, convention: str | None = None) -> Derivation:
        """Somebody's own lines, read with this derivation's symbols, as a derivation to check.

        Args:
            text: lines in LaTeX or plain text, such as `ā_t = h̄_t ⊙ (1 - h_t ⊙ h_t)` or
                `∂L/∂W = ∑_{t=1}^{T} x_t^⊤ ā_t`; one that reads t+1 is taken to hold before the last
                step, any other of step t at every step.
            convention: "row" or "column"; that of the cell if not given.

        Raises:
            LanguageError: where the text cannot be read with these symbols.
        """
        last = Symbol("T")
        steps = []
        convention = self.convention if convention is None else convention
        for equation, written in verb("read_written")(text, self, convention):
            if equation.time == t - 1:
                raise InputError(f"{written}: write the left side at t")
            if (equation.time is None or t not in equation.time.free_symbols) and _stepwise(
                equation.expr
            ):
                of = "no step" if equation.time is None else f"step {equation.time}"
                raise InputError(
                    f"{written}: a quantity of step t stands in a line that is of {of}; is a "
                    "sum over t missing?"
                )
            late = any(q.time == t + 1 for q in equation.uses)
            early = unmarked(equation.variable.name)[0] == TOTAL
            holds = (Integer(2 if early else 1), last - 1 if late else last)
            timed = holds if equation.time == t else None
            why = Sentence.of("claimed, and to be checked")
            steps.append(Step(equation, "claimed", why, section=CLAIMED, holds=timed,
                              written=written))  # fmt: skip
        return replace(self, title=f"Lines about {self.cell.name}", steps=tuple(steps))

    @cached_property
    def accents(self) -> frozenset[str]:
        """The accents that it has put on names: a bar for adjoints, a dot for changes."""
        labels = [q.label for s in self.steps for q in (s.equation.lhs, *s.equation.uses)]
        return frozenset(unmarked(label)[0] for label in labels) & frozenset(ACCENTS)

    def report(self, **options: Any) -> Report:
        """Check every line by itself; see `rnnsym.verify_lines`."""
        return verb("verify_lines")(self, **options)

    def check(self, **options: Any) -> Report:
        """Check every line by itself, and raise at the first that does not hold.

        Raises:
            CheckError: with the line, both numbers and where they part.
        """
        return self.report(**options).check()

    def matrices(self, **sizes: int) -> Derivation:
        """The same with every equation as an explicit SymPy `Matrix`, entry by entry."""
        return verb("matrices")(self, **sizes)

    def __str__(self) -> str:
        return verb("to_text")(self)

    def _repr_latex_(self) -> str:
        return verb("to_latex")(self, display=True)


@dataclass(frozen=True)
class Comparison:
    """One thing that was compared.

    Attributes:
        what: what was compared with what.
        passed: whether the two agree; False for NaN.
        error: the largest error found (relative to the norm for arrays); None for exact things.
        tolerance: the most that was allowed, and `reason` says why.
        where: where it parts, or where the largest error is.
        verdict: what is said of it by itself, where that is more than passed or wrong.
    """

    what: str
    passed: bool
    error: float | None = None
    tolerance: float | None = None
    reason: str = ""
    where: str = ""
    verdict: Verdict | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        verdict = Verdict.WRONG if not self.passed else self.verdict
        return {**vars(self), "verdict": verdict.slug if verdict is not None else None}


@dataclass(frozen=True)
class Control:
    """A planted wrong formula: what was done, the least error that it showed, whether it was seen.

    A control is `harmless` where the planted formula was shown to be equal to the right one.
    """

    what: str
    rejected: bool
    error: float | None = None
    harmless: bool = False


@dataclass(frozen=True)
class Report:
    """What was compared, against whom, with which error and tolerance, and the verdict.

    `bool(report)` is whether the verdict is good: every comparison passed, every planted error was
    rejected, and what was compared says something.

    Attributes:
        subject: what was checked.
        against: what it was compared with.
        comparisons: what was compared.
        controls: planted wrong formulas.
        seed: of the random numbers; `sizes` are those of the first sample.
        remarks: what else a reader should know.
        weak: why the check can tell nothing of what was given, such as weights that are all zero,
            or a branch that was not reached.
        agreement: the verdict if all agree: VERIFIED if an independent witness was asked.
    """

    subject: str
    against: str
    comparisons: tuple[Comparison, ...]
    controls: tuple[Control, ...] = ()
    seed: int = 0
    sizes: Mapping[str, int] = field(default_factory=dict, hash=False)
    remarks: tuple[str, ...] = ()
    weak: str = ""
    agreement: Verdict = Verdict.CONSISTENT

    @property
    def power(self) -> bool:
        """Whether planted wrong formulas were there and each was rejected, and nothing is weak."""
        telling = [c for c in self.controls if not c.harmless]
        return bool(telling) and not self.weak and all(c.rejected for c in telling)

    @property
    def passed(self) -> bool:
        return bool(self.comparisons) and all(c.passed for c in self.comparisons)

    @property
    def verdict(self) -> Verdict:
        """One of the verdicts of `Verdict`, and no other word."""
        if not self.passed:
            return Verdict.WRONG
        if any(c.verdict == Verdict.SAYS_NOTHING for c in self.comparisons):
            return Verdict.SAYS_NOTHING
        return self.agreement if self.power else Verdict.NO_POWER

    def __bool__(self) -> bool:
        return self.verdict.good

    def error(self, word: str) -> float | None:
        """The largest error among the comparisons that name `word`, such as "float64"."""
        errors = [c.error for c in self.comparisons if word in c.what and c.error is not None]
        return max(errors) if errors else None

    def check(self) -> Report:
        """Return the report itself, or raise with the first place where it parts.

        Raises:
            CheckError: if a comparison failed, the check was shown to have no power, or a line says
                nothing.
        """
        for c in self.comparisons:
            if not c.passed:
                size = "" if c.error is None else f": error {c.error:.2e} > {c.tolerance:.0e}"
                place = f", {c.where}" if c.where else ""
                raise CheckError(f"{self.subject}: {c.what}{size}{place} (seed {self.seed})")
        for c in self.comparisons:
            if c.verdict == Verdict.SAYS_NOTHING:
                raise CheckError(f"{self.subject}: {c.what}: says nothing: {c.where}")
        if not self.power:
            missed = [c.what for c in self.controls if not c.rejected and not c.harmless]
            why = "planted and not rejected: " + "; ".join(missed) if missed else "nothing planted"
            why = self.weak or why
            raise CheckError(f"{self.subject}: the check has no power ({why}; seed {self.seed})")
        return self

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "subject": self.subject,
            "against": self.against,
            "passed": bool(self),
            "verdict": self.verdict.slug,
            "seed": self.seed,
            "sizes": dict(self.sizes),
            "comparisons": [c.to_dict() for c in self.comparisons],
            "controls": [vars(c) for c in self.controls],
            "remarks": list(self.remarks),
            "weak": self.weak,
        }

    def __str__(self) -> str:
        return verb("to_text")(self)

    def _repr_html_(self) -> str:
        return verb("to_html")(self)
