"""What a text is cut into: tokens, names, statements; and where a rewritten text stands."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import NoReturn

import numpy as np

from ..errors import LanguageError
from ..ops import spellings

#: Limits on a text: characters, tokens, nesting.
MAX_LENGTH = 20_000
MAX_TOKENS = 2_000
MAX_DEPTH = 100
MAX_DIGITS = 30
#: How many times as long what is printed from a cell may be: it has all steps.
PRINTED_MORE = 100

#: What a text is of: a cell; equations printed from one (where `h^{(3)}` is h at step 3, not its
#: cube); a derivation (which also has t+1, T, sums over t and derivatives); or single elements
#: (`W_{k,j}`, sums over an index, cases).
CELL, PRINTED, DERIVATION, ELEMENTS = "cell", "printed", "derivation", "elements"

#: What plain text and LaTeX write alike: a number, and a time above, which may also be T or a
#: number where names are known.
NUMBER = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
RAISED = re.compile(r"\^\{\s*\(\s*((?:[tT]\s*(?:[-−–+]\s*[0-9]+)?)|[0-9]+)\s*\)\s*\}")


@dataclass(frozen=True)
class Name:
    """A name as written: `h_{t-1}` is ("h", -1); a name without a time index has lag None."""

    name: str
    lag: int | None = None
    #: Whether it stands at the last step, T (in derivations alone).
    last: bool = False
    #: Of an element, its subscripts as written: some are the name's, the others say which element.
    subscripts: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name


class CalledName(Name):
    """A lower-case name without a time index in front of a parenthesis."""


@dataclass(frozen=True)
class Token:
    """A token: its type, text and span; for a name or a number also what it says."""

    type: str
    text: str
    start: int
    end: int
    value: Name | str = ""


@dataclass
class Statement:
    """The tokens of one equation or declaration, and the comment behind it."""

    tokens: list[Token] = field(default_factory=list)
    comment: str = ""


@dataclass
class Scanned:
    """A text cut into statements; `comments` are the lines that hold nothing else."""

    text: str
    latex: bool
    statements: list[Statement]
    comments: list[str]


class Source:
    """A text in the plain spelling, and where each of its characters stands in the text as written.

    Attributes:
        text: as it was written.
        plain: the same in the plain spelling; LaTeX was rewritten, plain text is itself.
        latex: whether it was LaTeX.
    """

    def __init__(self, text: str, latex: bool = False) -> None:
        self.text = text
        self.latex = latex
        self._chunks: list[str] = []
        self._starts: list[int] = []
        self._ends: list[int] = []
        self.plain = "" if latex else text
        self.fault: LanguageError | None = None

    # --- rewriting

    @property
    def last(self) -> str:
        """The last character so far."""
        return self._chunks[-1][-1] if self._chunks else ""

    def add(self, chunk: str, start: int, end: int) -> None:
        """Go on with a chunk that stands for a span; what would run into it keeps apart."""
        if not chunk:
            return
        if _wordy(self.last) and _wordy(chunk[0]):
            self._put(" ", start, start)
        self._put(chunk, start, end)

    def join(self, chunk: str, start: int, end: int) -> None:
        """Go on with what belongs to the word before it."""
        self._put(chunk, start, end)

    def _put(self, chunk: str, start: int, end: int) -> None:
        self._chunks.append(chunk)
        self._starts += [start] * len(chunk)
        self._ends += [end] * len(chunk)

    def copy(self, start: int, end: int) -> None:
        """Go on with characters that are the same in both spellings."""
        if _wordy(self.last) and _wordy(self.text[start]):
            self._put(" ", start, start)
        self._chunks.append(self.text[start:end])
        self._starts += range(start, end)
        self._ends += range(start + 1, end + 1)

    def broken(self, fault: LanguageError, end: int) -> None:
        """The text cannot be rewritten any further; whoever reads so far is told why."""
        self.fault = fault
        self._put(BROKEN, end, end)

    def done(self) -> Source:
        """The rewriting is done."""
        self.plain = "".join(self._chunks)
        return self

    # --- looking back

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where a piece of the plain spelling stands in the text as written."""
        if not self.latex:
            return start, end
        if start >= len(self._starts):
            return len(self.text), len(self.text) + 1
        last = min(max(end, start + 1), len(self._ends)) - 1
        return self._starts[start], self._ends[last]

    def fail(self, reason: str, start: int, end: int | None = None) -> NoReturn:
        """Refuse the text, pointing at a piece of the plain spelling."""
        raise LanguageError(reason, self.text, *self.span(start, start + 1 if end is None else end))

    def token(self, kind: str, start: int, end: int, value: Name | str = "") -> Token:
        """A token with its text and span as written."""
        first, last = self.span(start, end)
        return Token(kind, self.text[first:last], first, last, value)


#: Where a text could not be rewritten any further.
BROKEN = "\ue0ff"


def _wordy(character: str) -> bool:
    """Whether a character would go on with the word before it."""
    return character.isalnum() or "\u0300" <= character <= "\u036f"


#: How the norm of a row vector is written.
NORM = "of a vector a it is sqrt(sum(a^2))"


def nearest(name: str, known: list[str]) -> str:
    """The known name that was meant, as far as a misspelling tells; or the empty text.

    What is a function of mathematics by itself (tan, log2, arcsin) is no misspelling of another,
    and neither is a name with a known one inside (prelu, lrelu). A beginning is completed.
    """
    if name in known:  # as of Tanh, spelt in capitals
        return name
    near = difflib.get_close_matches(name, known, 1)
    if not near or hasattr(np, name):
        return ""
    begun = [k for k in known if len(name) > 2 and k.startswith(name)]
    if begun:
        return min(begun, key=len)
    return "" if len(near[0]) > 2 and near[0] in name and near[0] in spellings() else near[0]
