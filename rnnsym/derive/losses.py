"""Losses: text files of the language, found by looking, and which output each one fits.

A file has a line that says what the loss is called in a sentence, what it takes and what the target
has to be, the equations of a step in the names y (the output), d (the target) and p (a
prediction), and what its derivative simplifies to.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from ..errors import InputError, suggestion
from ..language import parse
from ..names import IMMEDIATE, marked, t, unicode_of
from ..nouns import Cell, Equation, Quantity, Sentence
from ..ops.elementwise import Apply
from ..ops.rows import RowApply

FOLDER = Path(__file__).parents[1] / "losses"
SUFFIX = ".loss"
OVER = ("all", "last")
VALUES, LOGITS, PROBABILITIES, LOG_PROBABILITIES = TAKES = (
    "values", "logits", "probabilities", "log-probabilities",
)  # fmt: skip
ANY, DISTRIBUTION, UNIT = "any numbers", "a distribution", "from 0 to 1"
#: What a target has to be, as a message says it.
TARGETS = {
    ANY: "any numbers",
    DISTRIBUTION: "a distribution: no negative entries, their sum is 1",
    UNIT: "numbers from 0 to 1",
}


@dataclass(frozen=True)
class Loss:
    """A loss of one step, in the names y (the output), d (the target) and p (a prediction).

    Attributes:
        name: of its file.
        words: what it is called in a sentence.
        text: its equations; `ell` is the loss of the step; empty where ∂ℓ_t/∂y_t is given.
        results: what ∂ℓ_t/∂y_t simplifies to, line by line, each with the reason.
        target: what the target must be, of TARGETS; a check draws such ones.
        takes: what the output has to be: VALUES, LOGITS, PROBABILITIES or LOG_PROBABILITIES.
        through: of one that takes probabilities or their logarithms, the function that makes them.
        of_logits: the same loss of the logits: what is derived and computed, so that no logarithm
            is taken of a probability that underflows.
        stable: the loss as code computes it, where the text would take the log of a number that
            underflows.
        also: other words for it, as frameworks have them.
    """

    name: str
    words: str
    text: str = ""
    results: tuple[tuple[str, Sentence], ...] = ()
    target: str = ANY
    stable: str = ""
    takes: str = VALUES
    through: str = ""
    of_logits: str = ""
    also: tuple[str, ...] = field(default=(), compare=False)

    @property
    def distribution(self) -> bool:
        """Whether the target is a distribution."""
        return self.target == DISTRIBUTION

    @property
    def unit(self) -> bool:
        """Whether every entry of the target lies between 0 and 1."""
        return self.target in (DISTRIBUTION, UNIT)


def names() -> list[str]:
    """The names of all losses: the files of the folder, `general` first."""
    found = sorted(path.stem for path in FOLDER.glob(f"*{SUFFIX}"))
    return sorted(found, key=lambda n: n != "general")


@cache
def loss_of(name: str) -> Loss:
    """A loss by its name.

    Raises:
        InputError: for a name that is none.
    """
    known = names()
    if name not in known:
        also = {word: n for n in known for word in _read(n).also}
        hint = suggestion(name, known, also)
        raise InputError(f"unknown loss '{name}'{hint}; there are {', '.join(known)}")
    return _read(name)


@cache
def _read(name: str) -> Loss:
    return read_loss((FOLDER / f"{name}{SUFFIX}").read_text(encoding="utf-8"), name)


def read_loss(text: str, name: str) -> Loss:
    """Read a loss from its text.

    Raises:
        InputError: with the line that is none.
    """
    parts: dict[str, list[str]] = {"": [], "computed": [], "simplified": []}
    words, said, part = "", {}, ""
    for number, line in enumerate(text.splitlines(), 1):
        heading = line.strip().removesuffix(":")
        if line.startswith("#"):
            key, mark, value = line[1:].strip().partition(": ")
            if words and mark and key in _SAID:
                said[key] = value.strip()
            elif words or not key:
                raise InputError(
                    f"loss {name}, line {number}: '{line[:60]}' is none of {', '.join(_SAID)}"
                )
            else:
                words = line[1:].strip()
        elif line.strip().endswith(":") and heading in parts:
            part = heading
        elif line.strip():
            parts[part].append(line.strip())
    takes, _, through = said.get("Takes", VALUES).partition(" of ")
    target = said.get("Target", ANY)
    if takes not in TAKES or target not in TARGETS:
        raise InputError(f"loss {name}: it takes one of {', '.join(TAKES)}, and its target is one "
                         f"of {', '.join(TARGETS)}")  # fmt: skip
    results = tuple(
        (formula.strip(), _sentence(reason.strip()))
        for formula, _, reason in (line.partition("#") for line in parts["simplified"])
    )
    also = tuple(word.strip() for word in said.get("Also", "").split(",") if word.strip())
    return Loss(
        name, words or name, "\n".join(parts[""]), results, target, "\n".join(parts["computed"]),
        takes, through, said.get("Of logits", ""), also,
    )  # fmt: skip


def _sentence(text: str) -> Sentence:
    """A reason of a file: in backquotes stand its names, such as `p_t`, and `∂ℓ_t/∂p_t`."""
    parts: list[str | Quantity] = []
    for i, part in enumerate(text.split("`")):
        if i % 2:
            name = part.removeprefix("∂ℓ_t/∂").removesuffix("_t")
            label = name if part == f"{name}_t" else marked(IMMEDIATE, name)
            parts.append(Quantity(label, 1, 1, t))
        elif part:
            parts.append(part)
    return Sentence(tuple(parts))


#: What the head of a file may say.
_SAID = ("Also", "Takes", "Of logits", "Target")


#: What functions give, where it is more than values.
_GIVES = {
    "softmax": PROBABILITIES, "sparsemax": PROBABILITIES, "keras_sparsemax": PROBABILITIES,
    "sigmoid": PROBABILITIES, "hard_sigmoid": PROBABILITIES, "sparse_sigmoid": PROBABILITIES,
    "log_softmax": LOG_PROBABILITIES, "log_sigmoid": LOG_PROBABILITIES,
}  # fmt: skip


@dataclass(frozen=True)
class Ending:
    """How the output of a cell is made, in a cell whose nested parts are named.

    Attributes:
        gives: VALUES, PROBABILITIES or LOG_PROBABILITIES.
        function: the function that it is made by, or "".
        equation: the equation that applies it.
        dropped: the names that only hand the output on, the output among them.
    """

    gives: str
    function: str = ""
    equation: Equation | None = None
    dropped: frozenset[str] = frozenset()

    @property
    def argument(self) -> Quantity | None:
        """What the function is applied to."""
        if self.equation is None:
            return None
        expr = self.equation.expr
        inner = expr.operand if isinstance(expr, RowApply) else expr.operands[0]
        return inner if isinstance(inner, Quantity) else None


def ending_of(cell: Cell) -> Ending:
    """How the output of a named cell is made."""
    defined = {e.variable.name: e for e in cell.equations}
    name, handed = cell.output.name, {cell.output.name}
    while True:
        equation = defined[name]
        expr = equation.expr
        if isinstance(expr, Quantity) and expr.time == t and expr.label in defined:
            name = expr.label
            handed.add(name)
            continue
        if isinstance(expr, (Apply, RowApply)) and expr.name_ in _GIVES:
            return Ending(_GIVES[expr.name_], expr.name_, equation, frozenset(handed))
        return Ending(VALUES)


def _the_same(of_logits: str, function: str) -> list[str]:
    """The losses of what a function makes that are a loss of its logits."""
    known = map(_read, names())
    return [x.name for x in known if x.through == function and x.of_logits == of_logits]


def fitted(cell: Cell, name: str, own: set[str]) -> tuple[Cell, Loss, str]:
    """A cell and a loss that fit each other, or a refusal with both ways out.

    A loss that takes probabilities is derived from the logits behind them: its derivative by the
    logits is ŷ - y, and no logarithm is taken of a number that may be 0.

    Args:
        cell: a cell whose nested parts are named.
        name: of the loss.
        own: the names of the cell's own text.

    Returns:
        The cell whose output the loss is of, the loss of that output, and what the probabilities
        are called ("" for a new name).

    Raises:
        InputError: for a pair that does not fit.
    """
    loss = loss_of(name)
    ending = ending_of(cell)
    output = unicode_of(cell.output.name, t)
    argument = ending.argument
    if loss.takes == LOGITS and ending.gives != VALUES:
        if name == "softmax_cross_entropy" and ending.function == "log_softmax":
            return cell, loss, ""  # the logarithms of a distribution are logits of it
        ways = [f"take the loss '{other}'" for other in _the_same(name, ending.function)]
        if argument is not None and argument.label in own:
            ways.append(f"make the logits the output (`output: {unicode_of(argument.label, t)}`)")
        else:
            ways.append(f"give what {ending.function} is applied to a name and make it the output")
        raise InputError(
            f"the loss '{name}' takes logits, and the output {output} of {cell.name} is made of "
            f"{ending.gives} by {ending.function}, which the loss would apply once more: "
            f"{', or '.join(ways)}"
        )
    if not loss.through:
        return cell, loss, ""
    if ending.function != loss.through or argument is None:
        what = f"made by {ending.function}" if ending.function else "made by another equation"
        ways = [f"the loss '{other}' takes what {ending.function} makes"
                for other in _the_same(loss.of_logits, ending.function)]  # fmt: skip
        if not ending.function:
            ways = [f"if it is logits, take the loss '{loss.of_logits}'",
                    f"give {loss.through}({output}) a name and make it the output"]  # fmt: skip
        raise InputError(
            f"the loss '{name}' takes {loss.takes} that {loss.through} makes, and the output "
            f"{output} of {cell.name} is {what}{': ' * bool(ways)}{', or '.join(ways)}"
        )
    read = {
        q.label for e in cell.equations for q in e.uses if e.variable.name not in ending.dropped
    }
    dropped = ending.dropped if not (ending.dropped & read) else frozenset()
    equations = tuple(e for e in cell.equations if e.variable.name not in dropped)
    variables = tuple(v for v in cell.variables if v.name not in dropped)
    bare = replace(cell, equations=equations, variables=variables, output=cell[argument.label])
    logits = replace(_read(loss.of_logits), words=loss.words, target=loss.target)
    assert ending.equation is not None
    called = ending.equation.variable.name if dropped and loss.takes == PROBABILITIES else ""
    return bare, logits, called


def check_over(over: str) -> None:
    """Refuse anything but "all" and "last"."""
    if over not in OVER:
        raise InputError(f"a loss is taken over {' or '.join(OVER)} steps, not '{over}'")


def stable_cell(loss: Loss, scalar: bool) -> Cell:
    """The loss of a step as code computes it, in the names y and d."""
    kind = "scalar" if scalar else "1 × K"
    return parse(f"y_t, d_t: {kind}\nell_t: scalar\n{loss.stable or loss.text}")


def loss_cell(loss: Loss, scalar: bool, simplified: str | None = None) -> Cell:
    """The equations of a loss (or of one of its simplified derivatives), by themselves.

    Args:
        loss: which loss.
        scalar: whether the output is a scalar.
        simplified: a derivative from `results` to read in place of the loss, as `s_t`.
    """
    body = loss.text if simplified is None else f"s_t = {simplified}"
    names = [f"{n}_t" for n in "ydp" if f"{n}_t" in body]
    if scalar:
        names = [*names, "s_t"] if simplified is not None else names
        declared = f"{', '.join(names)}: scalar\n"
    else:
        declared = f"{', '.join(names)}{', s_t' if simplified is not None else ''}: 1 × K\n"
    ell = "" if simplified is not None else "ell_t: scalar\n"
    return parse(declared + ell + body)
