"""Two scanners, plain text and LaTeX, for the terminals of one grammar.

All limits act here, before any tree is built. Nothing is ever executed: a scanner only cuts a text
into tokens of a closed set, and names are checked identifiers.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import NoReturn

import numpy as np

from ..algebra.functions import ELEMENTWISE, spellings
from ..errors import LanguageError
from ..names import (
    ACCENT_NAMES,
    ACCENTS,
    GRADIENT,
    GREEK,
    GREEK_NAMES,
    IMMEDIATE,
    JACOBIAN,
    LONGEST_READ,
    SAME_STEP,
    TOTAL,
    canonical,
    fault_of,
    greek_part,
)

#: Limits on a text: characters, tokens, nesting.
MAX_LENGTH = 20_000
MAX_TOKENS = 2_000
MAX_DEPTH = 100
MAX_DIGITS = 30
_PRINTED_MORE = 100


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


_OPERATORS = {
    "+": "PLUS", "-": "MINUS", "−": "MINUS", "–": "MINUS", "⊙": "HADAMARD", "∘": "HADAMARD",
    "*": "HADAMARD", "/": "SLASH", "⊘": "SLASH", "÷": "SLASH", "@": "AT", "·": "AT", "⋅": "AT",
    "⊗": "OUTER", "×": "TIMES", "=": "EQUAL", "(": "LPAR", ")": "RPAR", "[": "LSQB", "]": "RSQB",
    "{": "LBRACE", "}": "RBRACE", ",": "COMMA", ":": "COLON", "^": "POWER", "**": "POWER",
    "⊤": "TRANSPOSE", "ᵀ": "TRANSPOSE", ".T": "TRANSPOSE", "⟨": "LANGLE", "⟩": "RANGLE",
}  # fmt: skip
_SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789"))
_SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉₋ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", "0123456789-aehijklmnoprstuvx"))

# A power of ⊤, T or \top is a transpose, with or without braces.
_TRANSPOSE = re.compile(
    r"\^\s*(?:⊤|ᵀ|T(?![A-Za-z0-9_])|\\top(?![A-Za-z])|\\intercal(?![A-Za-z])"
    r"|\{\s*(?:⊤|T|\\top|\\intercal|\\mathsf\{T\}|\\mathrm\{T\}|\\text\{T\})\s*\})"
)
_ELEMENTWISE_POWER = re.compile(r"\^\s*\{\s*(?:∘|⊙|\\circ|\\odot)\s*")
_NUMBER = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_LETTER = "[A-Za-zÀ-ÖØ-öø-ɏΑ-Ͽḁ-ỿἀ-῿µ∆Ωℓ\u0400-\u04ff][\u0300-\u036f]*"
_PLAIN_NAME = re.compile(
    rf"(?:{_LETTER})(?:{_LETTER}|[0-9])*(?:_\{{[^{{}}\n]*\}}|_(?:{_LETTER}|[0-9])+"
    rf"|[{''.join(_SUBSCRIPTS)}]+)*(?:\^\{{?\(t(?:\s*[-−–+]\s*[0-9]+)?\)\}}?)?"
)
#: Where names are known, a time above may also be T or a number.
_RAISED = re.compile(r"\^\{\s*\(\s*((?:[tT]\s*(?:[-−–+]\s*[0-9]+)?)|[0-9]+)\s*\)\s*\}")
_TIME = re.compile(r"t\s*(?:([-−–+])\s*([0-9]+))?\Z")

_COMMANDS = {
    "odot": "HADAMARD", "circ": "HADAMARD", "oslash": "SLASH", "cdot": "AT",
    "otimes": "OUTER", "times": "TIMES", "frac": "FRAC", "dfrac": "FRAC", "tfrac": "FRAC",
    "sqrt": "SQRT", "top": "TRANSPOSE", "lvert": "LBAR", "rvert": "RBAR", "vert": "BAR",
    "langle": "LANGLE", "rangle": "RANGLE", "lbrack": "LSQB", "rbrack": "RSQB",
    "{": "LPAR", "}": "RPAR", "lbrace": "LPAR", "rbrace": "RPAR",
}  # fmt: skip
_LAYOUT = frozenset(
    [
        "left",
        "right",
        "big",
        "Big",
        "bigg",
        "Bigg",
        "bigl",
        "bigr",
        "Bigl",
        "Bigr",
        "biggl",
        "biggr",
        "Biggl",
        "Biggr",
        "displaystyle",
        "textstyle",
        "limits",
        "nolimits",
        "nonumber",
        "notag",
        "quad",
        "qquad",
        ",",
        ";",
        ":",
        "!",
        "[",
        "]",
        "(",
        ")",
    ]
) | {" ", "\n"}
_WRAPPERS = frozenset(
    [
        "mathrm",
        "mathit",
        "mathbf",
        "mathsf",
        "mathcal",
        "mathbb",
        "mathnormal",
        "boldsymbol",
        "bm",
        "text",
        "textrm",
        "textit",
        "operatorname",
        "operatorname*",
    ]
)
_TEX_ACCENTS = {accent: accent for accent in ACCENTS} | {"widetilde": "tilde", "widehat": "hat",
                                                         "overline": "bar"}  # fmt: skip
_TEX_LETTERS = {name: name for name in GREEK} | {
    "varepsilon": "epsilon", "varphi": "phi", "vartheta": "theta", "varrho": "rho",
}  # fmt: skip
_COMMAND = re.compile(r"\\(?:[A-Za-z]+\*?|.|\n)", re.S)
_ENVIRONMENT = re.compile(
    r"\\(?:begin|end)\{(?:aligned|align\*?|alignat\*?|equation\*?|gather\*?|gathered|split|"
    r"eqnarray\*?|displaymath|math|array)\}(?:\{[lcr|@{} ]*\})?"
)


_LABEL = re.compile(r"\\(?:label|tag\*?)\{[^{}\n]*\}")
_BOLD_NUMBER = re.compile(r"\\(?:mathbf|mathbb|boldsymbol|bm|mathrm)\s*\{?([0-9]+(?:\.[0-9]+)?)\}?")


#: What a star is in LaTeX, papers do not agree on.
STAR = (
    "in LaTeX this sign is read in several ways; write \\odot for the elementwise product, or the "
    "factors side by side for the matrix product (a convolution is not in the language)"
)
#: The number of an equation behind it: \\quad (2), or in plain text two spaces and (2).
_NUMBER_OF_EQUATION = re.compile(
    r"(?:\\q?quad|\\hfill|\\hspace\*?\{[^{}]*\})(?:\\q?quad|\\[,;:! ]|[~\s])*"
    r"\(\s*(?:[0-9]+(?:\.[0-9]+)*[a-z]?'?|[A-Z]\.?[0-9]+)\s*\)"
)
_NUMBERED = re.compile(rf"(\s*)(?={_NUMBER_OF_EQUATION.pattern})")
_PLAIN_NUMBER_OF_EQUATION = re.compile(
    r"(?:  |\t)\s*\([0-9]+(?:\.[0-9]+)*[a-z]?\)(?=[ \t]*(?:\n|#|\Z))"
)


#: How the norm of a row vector is written.
NORM = "of a vector a it is sqrt(sum(a^2))"
#: What stands for a command that is no misspelling of one that is near.
_INSTEAD = {"oplus": ": a sum is +, a concatenation [a, b]"} | dict.fromkeys(
    ("lVert", "rVert", "Vert", "|", "norm"), f": it is read as a norm; {NORM}"
)


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


def is_latex(text: str) -> bool:
    """A text with a backslash is LaTeX; in any other, several letters in a row are one name."""
    return any("\\" in line.partition("#")[0] for line in text.splitlines())


#: What a text is of: a cell; equations printed from one (where `h^{(3)}` is h at step 3, not its
#: cube); a derivation (which also has t+1, T, sums over t and derivatives); or single elements
#: (`W_{k,j}`, sums over an index, cases).
CELL, PRINTED, DERIVATION, ELEMENTS = "cell", "printed", "derivation", "elements"


def scan(text: str, latex: bool | None = None, kind: str = CELL) -> Scanned:
    """Cut a text into statements.

    Args:
        text: the text.
        latex: whether it is LaTeX; without it, a text with a backslash is.
        kind: what it is of: CELL, PRINTED, DERIVATION or ELEMENTS.

    Raises:
        LanguageError: for a text over a limit, or a character or command outside the language.
    """
    if not isinstance(text, str):
        raise LanguageError(f"the equations must be text, not {type(text).__name__}", "", 0)
    # What is printed from a cell may be as long as all its steps.
    more = _PRINTED_MORE if kind in (PRINTED, ELEMENTS) else 1
    if len(text) > MAX_LENGTH * more:
        raise LanguageError(
            f"the text has {len(text):,} characters; the limit is {MAX_LENGTH * more:,}", "", 0
        )
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\ufeff", "")
    if kind in (CELL, PRINTED):
        text = text.replace("𝐈", "I")
    latex = is_latex(text) if latex is None else latex
    tokens = (_scan_latex if latex else _scan_plain)(text, kind)
    return _statements(text, latex, tokens, MAX_TOKENS * more)


def _statements(text: str, latex: bool, tokens: Iterator[Token], most: int) -> Scanned:
    """Group tokens into statements; a line goes on while a bracket is open or an operator hangs."""
    result = Scanned(text, latex, [], [])
    current = Statement()
    open_brackets: list[Token] = []
    pending = False
    count = 0

    def finish() -> None:
        nonlocal current, pending
        if current.tokens:
            _check_names_before_brackets(current.tokens)
            result.statements.append(current)
        current, pending = Statement(), False

    for token in tokens:
        count += 1
        if count > most:
            raise LanguageError(f"more than {most:,} tokens", text, token.start, token.end)
        if token.type == "COMMENT":
            comment = token.text.lstrip("#%").strip()
            if current.tokens and not pending:
                current.comment = f"{current.comment} {comment}".strip()
            else:
                result.comments.append(comment)
            continue
        if token.type == "NEWLINE":
            pending = pending or (bool(current.tokens) and not open_brackets)
            continue
        if pending:
            hanging = current.tokens[-1].type in _HANGING or token.type in _CONTINUING
            if not hanging:
                finish()
            pending = False
        if token.type == "BAR":
            closes = open_brackets and open_brackets[-1].type == "LBAR" and (
                current.tokens[-1].type in _ENDS
            )  # fmt: skip
            token = Token("RBAR" if closes else "LBAR", token.text, token.start, token.end)
        if token.text in ("x", "*") and any(t.type == "COLON" for t in current.tokens[-2:]):
            # `S_t: K x V`, the ASCII spelling of a shape
            if current.tokens[-1].type in ("NAME", "NUMBER"):
                token = replace(token, type="TIMES")
        if token.type in _CLOSER:
            open_brackets.append(token)
            if len(open_brackets) > MAX_DEPTH:
                raise LanguageError(
                    f"brackets nested deeper than {MAX_DEPTH}", text, token.start, token.end
                )
        elif token.type in _OPENER:
            expected = _CLOSER[open_brackets[-1].type] if open_brackets else None
            if token.type != expected:
                found = f"'{token.text}' closes nothing" if expected is None else (
                    f"'{token.text}' does not close '{open_brackets[-1].text}'"
                )  # fmt: skip
                raise LanguageError(found, text, token.start, token.end)
            open_brackets.pop()
        current.tokens.append(token)
    if open_brackets:
        token = open_brackets[-1]
        raise LanguageError(f"'{token.text}' is never closed", text, token.start, token.end)
    finish()
    return result


_CLOSER = {
    "LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE", "LBAR": "RBAR", "LANGLE": "RANGLE",
    "CASES": "ENDCASES",
}  # fmt: skip
_OPENER = {closer: opener for opener, closer in _CLOSER.items()}
_HANGING = frozenset(
    [
        "PLUS",
        "MINUS",
        "HADAMARD",
        "SLASH",
        "AT",
        "OUTER",
        "EQUAL",
        "COMMA",
        "POWER",
        "FUNCTION",
        "FRAC",
        "SQRT",
        "TIMES",
        "COLON",
    ]
)
_CONTINUING = frozenset(
    ["PLUS", "MINUS", "HADAMARD", "SLASH", "AT", "OUTER", "EQUAL", "TRANSPOSE", "POWER"]
)
_ENDS = frozenset(
    [
        "NAME",
        "NUMBER",
        "RPAR",
        "RSQB",
        "RBRACE",
        "RBAR",
        "TRANSPOSE",
        "RANGE",
        "RANGLE",
        "SPECIAL",
        "ENDCASES",
    ]
)


def _check_names_before_brackets(tokens: list[Token]) -> None:
    """Mark a lower-case name that stands before a bracket: it may be an unknown function.

    Whether it is one is known only when all declarations are read; `Name` tokens keep the mark.
    """
    for i, (token, following) in enumerate(zip(tokens, tokens[1:])):
        if token.type == "NAME" and following.type == "LPAR":
            name = token.value
            assert isinstance(name, Name)
            base = name.name.partition("_")[0]
            # One capital letter before a bracket is a matrix; a word, or what is written as an
            # operator, is a function.
            word = len(base) > 1 or token.text.startswith(r"\operatorname")
            if name.lag is None and (name.name[0].islower() or word):
                tokens[i] = Token(
                    "NAME",
                    token.text,
                    token.start,
                    token.end,
                    CalledName(name.name, subscripts=name.subscripts),
                )


class CalledName(Name):
    """A lower-case name without a time index in front of a parenthesis."""


def _number(text: str, source: str, start: int, end: int) -> Token:
    if re.match(r"\.[0-9]", source[end:]):
        raise LanguageError("a number with two points", source, start, end + 2)
    mantissa, _, exponent = text.lower().partition("e")
    if len(mantissa) > MAX_DIGITS or (exponent and abs(int(exponent[:6])) > 300):
        raise LanguageError(
            f"a number of more than {MAX_DIGITS} digits or beyond 1e300", source, start, end
        )
    return Token("NUMBER", text, start, end, text)


def _function_or_name(
    name: Name, text: str, token: str, start: int, end: int, kind: str = CELL
) -> Token:
    if name.lag is None and name.name in spellings():
        return _function(spellings()[name.name], text, start, end)
    if ":" in name.name:  # ∂L/∂W: its names were checked where they were read
        return Token("NAME", token, start, end, name)
    fault = fault_of(name.name, LONGEST_READ)
    if fault and not (kind == ELEMENTS and name.name == "T"):  # the number of steps, as a number
        hint = _indexed(text, start, end) if name.name == "t" else ""
        raise LanguageError(f"{fault}{hint}", text, start, end)
    return Token("NAME", token, start, end, name)


def _function(name: str, text: str, start: int, end: int) -> Token:
    """A function, or its slope where primes stand behind it: gelu'."""
    stop = end
    while text[stop : stop + 1] == "'":
        stop += 1
    primed = name + "'" * (stop - end)
    if primed not in ELEMENTWISE and stop > end:
        raise LanguageError(f"{name} has no slope of that name", text, start, stop)
    return Token("FUNCTION", text[start:stop], start, stop, primed)


def _named(base: str, parts: list[str], text: str, start: int, end: int, kind: str = CELL) -> Name:
    """Sort subscripts into the time index and the rest."""
    lags: list[int] = []
    rest: list[str] = []
    ends = kind == DERIVATION and bool(parts)
    last = re.fullmatch(r"T\s*(?:[-−–]\s*(1))?", parts[-1].strip()) if ends else None
    for part in parts[:-1] if last else parts:
        match = _TIME.match(part.strip().removeprefix("(").removesuffix(")"))
        if not match and re.match(r"t[A-Z]", part):
            raise LanguageError(
                f"'{base}_{part}' runs a time index into a name; is a space missing?",
                text, start, end,
            )  # fmt: skip
        if not match:
            rest.append(part.strip())
            continue
        sign, number = match.groups()
        lag = 0 if not number else int(number) * (1 if sign == "+" else -1)
        written = f"{base}_{{{part.strip()}}}"
        if lag > (kind == DERIVATION):
            raise LanguageError(
                f"'{written}' is of a later step; an equation may use t and t-1", text, start, end
            )
        if lag < -1:
            raise LanguageError(
                f"'{written}' looks back more than one step; name the last value first "
                f"(p_t = {base}_{{t-1}}) and use p_{{t-1}}",
                text,
                start,
                end,
            )
        lags.append(lag)
    if len(lags) + (last is not None) > 1:
        raise LanguageError("a name with two time indices", text, start, end)
    if kind == ELEMENTS:
        return _element_name(base, rest, lags, text, start, end)
    for part in rest:
        if not part or not all(c.isascii() and c.isalnum() for c in part.replace("_", "")):
            raise LanguageError(f"'{part}' is no subscript of a name", text, start, end)
    lag_ = -int(last.group(1) or 0) if last else lags[0] if lags else None
    return Name(canonical(base, rest), lag_, last is not None)


#: An index, or a step that stands above.
_INDEX = re.compile(r"@[0-9]+\Z|[A-Za-z0-9_]+(?:[-+][A-Za-z0-9_]+)*\Z")


def _element_name(
    base: str, parts: list[str], lags: list[int], text: str, start: int, end: int
) -> Name:
    """A name whose subscripts are not sorted yet: some are its own, the others are indices."""
    subscripts = tuple(_plain_index(p) for p in parts if p not in ACCENTS)
    for part in subscripts:
        if not _INDEX.match(part):
            raise LanguageError(f"'{part}' is no index", text, start, end)
    accented = canonical(base, [p for p in parts if p in ACCENTS])
    return Name(accented, lags[0] if lags else None, False, subscripts)


#: A sum over t: \\sum_{t=1}^{T}, or \\sum_t for all steps.
_SUM = re.compile(
    r"(?:\\sum(?![A-Za-z])|∑|Σ(?=_\{?\s*t\s*[=}]|_t(?![A-Za-z])))"
    r"(?:\s*_\s*\{\s*t\s*=\s*([0-9]+)\s*\}\s*\^\s*\{?\s*(T\s*-\s*1|T|[0-9]+)\s*\}?"
    r"|\s*_\s*(?:\{\s*t\s*\}|t(?![A-Za-z0-9_])))"
)
_ANY_SUM = re.compile(r"\\sum(?![A-Za-z])|∑")
_RANGE = re.compile(r"_\{\s*([^{}:]+:[^{}:]+)\}")


_SPECIAL = re.compile(r"(?:\\mathbf\{([I01])\}|([𝐈𝟎𝟏]))_\{([^{}]*)\}")
_PLAIN_SPECIAL = {"𝐈": "I", "𝟎": "0", "𝟏": "1"}


#: A sum over an index of elements: \\sum_{k=1}^{D}.
_INDEX_SUM = re.compile(
    r"(?:\\sum(?![A-Za-z])|∑)\s*_\s*\{\s*([a-z])\s*=\s*1\s*\}"
    r"\s*\^\s*\{((?:[A-Za-z0-9_,+\- ]|\{[A-Za-z0-9, ]*\})+)\}"
)
_WORDS_OF_CASES = re.compile(
    r"\\begin\{cases\}(?P<CASES>)|\\end\{cases\}(?P<ENDCASES>)"
    r"|\\text\{(?:for|if) ?\}(?P<IF>)|\\text\{otherwise\}(?P<ELSE>)"
    r"|if(?![A-Za-z0-9_])(?P<PLAIN_IF>)|otherwise(?![A-Za-z0-9_])(?P<PLAIN_ELSE>)"
    r"|(?P<RELATION>\\leq?(?![A-Za-z])|\\geq?(?![A-Za-z])|[<>≤≥])"
)
_RELATIONS = {r"\le": "≤", r"\leq": "≤", r"\ge": "≥", r"\geq": "≥"}


def _plain_index(text: str) -> str:
    """An index whose sizes have subscripts, M_{1}, in one word each."""
    return text.replace(" ", "").replace("_{", "_").replace("}", "").replace(",", "_")


def _element_token(text: str, i: int) -> Token | None:
    """A sum over an index, or a part of a list of cases."""
    if match := _INDEX_SUM.match(text, i):
        value = f"{match.group(1)}:{_plain_index(match.group(2))}"
        return Token("INDEXSUM", match.group(), i, match.end(), value)
    if match := _WORDS_OF_CASES.match(text, i):
        kind = str(match.lastgroup)
        word = match.group()
        value = _RELATIONS.get(word, word)
        return Token(kind.removeprefix("PLAIN_"), word, i, match.end(), value)
    return None


def _special_token(text: str, i: int, kind: str) -> Token | None:
    """What stands only in derivations, or only in formulas of elements."""
    if kind == DERIVATION:
        return _derived_token(text, i)
    return _element_token(text, i) if kind == ELEMENTS else None


def _derived_token(text: str, i: int) -> Token | None:
    """A sum over t, a range of columns, or a matrix such as the identity, where one stands."""
    if match := _SPECIAL.match(text, i):
        letter = match.group(1) or _PLAIN_SPECIAL[match.group(2)]
        sizes = match.group(3).replace(r"\times", "×").replace(" ", "")
        return Token("SPECIAL", match.group(), i, match.end(), f"{letter}:{sizes}")
    if match := _SUM.match(text, i):
        lower, upper = match.group(1) or "1", (match.group(2) or "T").replace(" ", "")
        return Token("SIGMA", match.group(), i, match.end(), f"{lower}:{upper}")
    if match := _ANY_SUM.match(text, i):
        raise LanguageError(
            r"a sum runs over t: \sum_{t=1}^{T}, or \sum_t for all steps", text, i, match.end()
        )
    if match := _RANGE.match(text, i):
        return Token("RANGE", match.group(), i, match.end(), match.group(1).replace(" ", ""))
    return None


def _derivative(
    above: Name, below: Name, text: str, start: int, end: int, total: bool = False
) -> Name:
    """∂L/∂W, ∂ℓ_t/∂y_t, ∂c_t/∂h_{t-1}: one name, at the time of what is derived."""
    if total and above.lag is not None and below.lag == above.lag - 1:
        return Name(f"{TOTAL}:{above.name}/{below.name}", above.lag)
    if above.name == "L" and above.lag is None:
        return Name(f"{GRADIENT}:{below.name}", below.lag, below.last)
    if above.name == "ell" and (above.lag, above.last) == (below.lag, below.last):
        return Name(f"{IMMEDIATE}:{below.name}", below.lag, below.last)
    if above.name.rpartition("_")[0] == "ell" and above.lag is None is below.lag:
        step = above.name.rpartition("_")[2]  # ∂ℓ_3/∂y_3
        if step.isdigit() and below.name.rpartition("_")[2] == step:
            return Name(f"{IMMEDIATE}:{below.name}")
    if above.lag is not None and below.lag is not None and above.lag - below.lag in (0, 1):
        mark = JACOBIAN if below.lag < above.lag else SAME_STEP
        return Name(f"{mark}:{above.name}/{below.name}", above.lag)
    raise LanguageError("this derivative is none of the language", text, start, end)


# --- plain text -------------------------------------------------------------------------------


def _plain_letters(
    text: str, source: str, start: int, end: int, subscript: bool = False
) -> tuple[str, list[str]]:
    """Spell a run of letters in ASCII: (base, accents)."""
    plain, accents = "", []
    for character in unicodedata.normalize("NFD", text):
        if character in ACCENT_NAMES:
            accents.append(ACCENT_NAMES[character])
        elif character in GREEK_NAMES:
            letter = GREEK_NAMES[character]
            if subscript:
                plain += f"\0{greek_part(letter)}\0"  # a subscript of its own: W_{ηx}
                continue
            if len(unicodedata.normalize("NFC", text)) > 1 and not _only_accented(text):
                raise LanguageError(
                    f"'{text}' runs a Greek letter into others; put a space or an underscore "
                    "between them",
                    source,
                    start,
                    end,
                )
            plain += GREEK_NAMES[character]
        elif character.isascii() and character.isalnum():
            plain += character
        else:
            raise LanguageError(
                f"'{character}' is no letter of the language (Latin and Greek are)",
                source,
                start,
                end,
            )
    return plain, accents


def _only_accented(text: str) -> bool:
    return sum(not unicodedata.combining(c) for c in unicodedata.normalize("NFD", text)) == 1


def _plain_name(text: str, source: str, start: int, end: int, kind: str = CELL) -> Name:
    # h^{(t-1)} is h_{t-1}; what stands above an element is its step, and marked.
    step = r"_{@\1}" if kind == ELEMENTS else r"_{\1}"
    text = re.sub(r"\^\{?\(([0-9]+)\)\}?\Z", step, text)
    text = re.sub(r"\^\{?\(([tT][^)]*)\)\}?\Z", r"_{\1}", text)
    text = re.sub(
        f"[{''.join(_SUBSCRIPTS)}]+",
        lambda m: "_{" + "".join(_SUBSCRIPTS[c] for c in m.group()) + "}",
        text,
    )
    base, *rest = re.split(r"_(\{[^{}]*\}|[^_{}]+)", text)
    plain, accents = _plain_letters(base, source, start, end)
    parts: list[str] = list(accents)
    for piece in rest:
        if not piece:
            continue
        for part in piece.strip("{}").split(","):
            part = part.strip()
            if _TIME.match(part):
                parts.append(part)
            elif all(c.isalnum() or unicodedata.combining(c) for c in part) and part:
                letters, more = _plain_letters(part, source, start, end, subscript=True)
                several = [p for p in letters.split("\0") if p]
                if len(several) > 1 and any(_TIME.match(p) for p in several):
                    raise LanguageError(
                        f"'{part}' runs a time index into a name; is a comma missing?",
                        source, start, end,
                    )  # fmt: skip
                parts += [*several, *more]
            else:
                parts.append(part)
    ends = ("T", "T-1") if kind == DERIVATION else ()
    last_is_time = [bool(_TIME.match(p)) or p in ends for p in parts]
    if any(last_is_time[:-1]) and "{" not in text:
        raise LanguageError(
            f"'{text}' goes on behind its time index; is a space missing?", source, start, end
        )
    return _named(plain, parts, source, start, end, kind)


def _scan_plain(text: str, kind: str = CELL) -> Iterator[Token]:
    i = 0
    while i < len(text):
        c = text[i]
        if found := _special_token(text, i, kind):
            yield found
            i = found.end
        elif kind == DERIVATION and (c == "∂" or _PLAIN_TOTAL.match(text, i)):
            found = _plain_derivative(text, i)
            yield found
            i = found.end
        elif c == "\n" or c == ";":
            inside = c == ";" and text.count("[", 0, i) > text.count("]", 0, i)
            mark = "ROW" if kind == ELEMENTS else "COMMA"
            yield Token(mark if inside else "NEWLINE", c, i, i + 1)
            i += 1
        elif kind == ELEMENTS and c in "[]":
            yield Token("CASES" if c == "[" else "ENDCASES", c, i, i + 1)
            i += 1
        elif match := _PLAIN_NUMBER_OF_EQUATION.match(text, i):
            i = match.end()
        elif c.isspace():
            i += 1
        elif c == "#":
            end = text.find("\n", i)
            end = len(text) if end < 0 else end
            yield Token("COMMENT", text[i:end], i, end)
            i = end
        elif match := _TRANSPOSE.match(text, i):
            yield Token("TRANSPOSE", match.group(), i, match.end())
            i = match.end()
        elif match := _ELEMENTWISE_POWER.match(text, i):
            yield Token("POWER", match.group(), i, match.end(), "elementwise")
            yield Token("LBRACE", "{", match.end() - 1, match.end())
            i = match.end()
        elif c in _SUPERSCRIPTS:
            yield Token("POWER", c, i, i + 1)
            yield _number(_SUPERSCRIPTS[c], text, i, i + 1)
            i += 1
        elif match := _NUMBER.match(text, i):
            yield _number(match.group(), text, i, match.end())
            i = match.end()
        elif text[i : i + 2] in _OPERATORS and not text[i + 2 : i + 3].isalnum():
            yield Token(_OPERATORS[text[i : i + 2]], text[i : i + 2], i, i + 2)
            i += 2
        elif text.startswith("**", i):
            yield Token("POWER", "**", i, i + 2)
            i += 2
        elif c == "|":
            yield Token("BAR", c, i, i + 1)
            i += 1
        elif c in _OPERATORS:
            yield Token(_OPERATORS[c], c, i, i + 1)
            i += 1
        elif match := _PLAIN_NAME.match(text, i):
            end = match.end()
            if kind != CELL and (raised := _RAISED.match(text, end)):
                end = raised.end()
            name = _plain_name(text[i:end], text, i, end, kind)
            if name.lag == 0 and (late := re.compile(r"[-−–]1(?![0-9.])").match(text, end)):
                raise LanguageError(
                    f"'{match.group()}{late.group()}' could be two things: write "
                    f"{match.group()[:-1]}{{t-1}} for the step before, or spaces around the minus",
                    text, i, late.end(),
                )  # fmt: skip
            token = _function_or_name(name, text, text[i:end], i, end, kind)
            yield token
            i = token.end
        else:
            raise LanguageError(f"'{c}' is not in the language{_dotted(text, i)}", text, i)


def _dotted(text: str, i: int) -> str:
    """Of np.tanh, torch.sigmoid, F.relu the function that was meant."""
    before = re.search(r"[A-Za-z_]+\Z", text[:i])
    after = re.match(r"\.(?:[A-Za-z_]+\.)*([A-Za-z_0-9]+)", text[i:])
    if not before or not after:
        return ""
    name = spellings().get(after.group(1)) or spellings().get(after.group(1).lower())
    return f"; did you mean {name}?" if name else ""


def _indexed(text: str, start: int, end: int) -> str:
    """Of h[t] and h(t-1) the name with its time."""
    before = re.search(r"(\w+)\s*[\[(]\s*\Z", text[:start])
    after = re.match(r"\s*(-\s*1)?\s*[\])]", text[end:])
    if not before or not after or before.group(1) in spellings():
        return ""
    return f"; did you mean {before.group(1)}_{'{t-1}' if after.group(1) else 't'}?"


_PLAIN_TOTAL = re.compile(r"d(?=[^\s/]*/d)")


def _raised_end(text: str, i: int) -> int | None:
    """Where the name that begins at i ends, with the time that stands above it."""
    match = _PLAIN_NAME.match(text, i)
    if match is None:
        return None
    raised = _RAISED.match(text, match.end())
    return raised.end() if raised else match.end()


def _plain_derivative(text: str, i: int) -> Token:
    above = _raised_end(text, i + 1)
    below = _raised_end(text, above + 2) if above else None
    if not above or not below or text[above : above + 2] != f"/{text[i]}":
        raise LanguageError("a derivative is written ∂L/∂W", text, i)
    end = below
    spans = ((i + 1, above), (above + 2, below))
    one, other = (_plain_name(text[a:b], text, a, b, DERIVATION) for a, b in spans)
    name = _derivative(one, other, text, i, end, text[i] == "d")
    return Token("NAME", text[i:end], i, end, name)


# --- LaTeX ------------------------------------------------------------------------------------


class _Tex:
    """Reads names of TeX: a letter, a command or a wrapped word, with accents and subscripts."""

    def __init__(self, text: str, kind: str = CELL) -> None:
        self.text = text
        self.kind = kind

    def fail(self, reason: str, start: int, end: int | None = None) -> NoReturn:
        raise LanguageError(reason, self.text, start, end)

    def skip(self, i: int) -> int:
        while i < len(self.text) and (self.text[i].isspace() or self.text[i] in "~&"):
            i += 1
        return i

    def braced(self, i: int) -> tuple[str, int]:
        """The content of the braces that open at i, and where they end."""
        depth = 0
        for j in range(i, len(self.text)):
            if self.text[j] == "{":
                depth += 1
                if depth > MAX_DEPTH:
                    self.fail(f"braces nested deeper than {MAX_DEPTH}", j)
            elif self.text[j] == "}":
                depth -= 1
                if depth == 0:
                    return self.text[i + 1 : j], j + 1
        return self.fail("'{' is never closed", i)

    def symbol(self, i: int, depth: int = 0) -> tuple[str, list[str], int] | None:
        """A base with its accents: (base, accents, end), or None where no name begins."""
        if depth > 4:
            self.fail("a name with too many accents", i)
        c = self.text[i : i + 1]
        if c.isascii() and c.isalpha():
            return c, [], i + 1
        if c in GREEK_NAMES:
            return GREEK_NAMES[c], [], i + 1
        if c == "{":  # \tilde{h}, {h}
            inner = self.symbol(self.skip(i + 1), depth + 1)
            end = inner and self.skip(inner[2])
            if inner and end is not None and self.text[end : end + 1] == "}":
                return inner[0], inner[1], end + 1
            return None
        match = _COMMAND.match(self.text, i)
        if not match:
            return None
        command = match.group()[1:]
        if command in _TEX_LETTERS:
            return _TEX_LETTERS[command], [], match.end()
        if command in _TEX_ACCENTS:
            inner = self.symbol(self.skip(match.end()), depth + 1)
            if inner is None:
                self.fail(f"\\{command} needs a letter", i, match.end())
            return inner[0], [*inner[1], _TEX_ACCENTS[command]], inner[2]
        if command in _WRAPPERS:
            at = self.skip(match.end())
            if self.text[at : at + 1] != "{":  # \mathbf h
                inner = self.symbol(at, depth + 1)
                return inner or self.fail(f"\\{command} needs a letter", i, match.end())
            content, end = self.braced(at)
            content = content.strip().replace("\\_", "_")
            if content.replace("_", "").isalnum() and content.isascii() and content[0].isalpha():
                return content, [], end
            inner = self.symbol(at, depth + 1)
            if inner is not None and inner[2] == end:
                return inner
            self.fail(f"'{content}' is no name", i, end)
        return None

    def name(self, i: int) -> tuple[Name, int] | None:
        found = self.symbol(i)
        if found is None:
            return None
        base, accents, end = found
        parts = list(accents)
        after = self.skip(end)
        if self.text[after : after + 1] == "_":
            inner_parts, end = self.subscript(self.skip(after + 1))
            parts += inner_parts
            after = self.skip(end)
        raised = _RAISED if self.kind != CELL else re.compile(r"\^\{\s*\(\s*(t[^(){}]*)\)\s*\}")
        match = raised.match(self.text, after)
        if match:  # h^{(t-1)}
            step = self.kind == ELEMENTS and match.group(1).isdigit()
            parts.append(f"@{match.group(1)}" if step else match.group(1))
            end = match.end()
        base, *more = base.split("_")
        return _named(base, more + parts, self.text, i, end, self.kind), end

    def derivative(self, i: int) -> tuple[Name, int] | None:
        """A fraction of two ∂ that opens at i, or None where it is another fraction."""
        names: list[Name] = []
        at = i + len(r"\frac")
        total = re.compile(r"\s*\{\s*\\mathrm\{d\}\s*[A-Za-z\\]").match(self.text, at)
        sign = r"mathrm\{d\}" if total else r"partial(?![A-Za-z])"
        for _ in range(2):
            match = re.compile(rf"\s*\{{\s*\\{sign}\s*").match(self.text, at)
            if not match:
                return None
            found = self.name(match.end())
            if found is None:
                self.fail("a name is missing behind \\partial", match.start(), match.end())
            name, at = found
            at = self.skip(at)
            if self.text[at : at + 1] != "}":
                self.fail("a derivative is of one name by one name", i, at)
            at += 1
            names.append(name)
        return _derivative(names[0], names[1], self.text, i, at, bool(total)), at

    def subscript(self, i: int) -> tuple[list[str], int]:
        if self.text[i : i + 1] == "{":
            content, end = self.braced(i)
            return [p for c in content.split(",") for p in self.part(c, i, end)], end
        if self.text[i : i + 1].isdigit():
            return [self.text[i]], i + 1
        found = self.symbol(i)
        if found is None:
            self.fail("a subscript is missing", i)
        base = found[0]
        greek = base in GREEK and self.text[i : i + 1 + len(base)] != base
        return [greek_part(base) if greek else base, *found[1]], found[2]

    def part(self, content: str, start: int, end: int) -> list[str]:
        """One entry of a subscript list, spelled in ASCII; a Greek letter stands by itself."""
        content = content.strip().strip("~")
        content = re.sub(r"\\(?:mathrm|text|mathit|textrm|operatorname)\{([A-Za-z0-9]*)\}", r"\1",
                         content)  # fmt: skip
        content = re.sub(r"\\[,;:! ]", "", content)

        def letter(m: re.Match[str]) -> str:
            known = _TEX_LETTERS.get(m.group(1))
            return greek_part(known) if known else "\\" + m.group(1)

        greek = re.sub(r"\\([A-Za-z]+)", letter, content)
        greek = "".join(greek_part(GREEK_NAMES[c]) if c in GREEK_NAMES else c for c in greek)
        if "\\" in greek:
            self.fail(f"'{content}' is no subscript of the language", start, end)
        if _TIME.match(greek):
            return [greek]
        # Beside other letters a Greek one is a subscript of its own: W_{\eta x}.
        marked = re.sub(r"\\([A-Za-z]+)", lambda m: f"\0{letter(m)}\0", content)
        marked = "".join(
            f"\0{greek_part(GREEK_NAMES[c])}\0" if c in GREEK_NAMES else c for c in marked
        )
        parts = [q for p in marked.split("\0") if (q := re.sub(r"\s", "", p))]
        if len(parts) > 1:  # W_{\theta_1}
            parts = [q for p in parts for q in p.split("_") if q]
        if len(parts) > 1 and any(_TIME.match(p) for p in parts):
            self.fail(f"'{content}' runs a time index into a name; is a comma missing?", start, end)
        return parts or [""]


_PLAIN_DECLARATION = re.compile(r"[^\n=\\%#:]+:[^\n=\\%#]+")
_KIND = re.compile(r":\s*(?:\\(?:text|mathrm)\{\s*)?(scalar|input|parameter)[ \t]*\}?")


def _scan_latex(text: str, kind: str = CELL) -> Iterator[Token]:
    tex = _Tex(text, kind)
    brackets = 0
    i = 0
    while i < len(text):
        c = text[i]
        if special := _special_token(text, i, kind):
            yield special
            i = special.end
        elif (
            kind == DERIVATION and text.startswith(r"\frac", i) and (fraction := tex.derivative(i))
        ):
            yield Token("NAME", text[i : fraction[1]], i, fraction[1], fraction[0])
            i = fraction[1]
        elif (i == 0 or text[i - 1] == "\n") and (match := _PLAIN_DECLARATION.match(text, i)):
            # `dt, gamma: scalar` above LaTeX equations is plain text: these are words.
            for token in _scan_plain(match.group()):
                yield replace(token, start=token.start + i, end=token.end + i)
            i = match.end()
        elif c == ":" and (match := _KIND.match(text, i)):
            yield Token("COLON", c, i, i + 1)
            start, end = match.span(1)
            yield Token("NAME", match.group(1), start, end, Name(match.group(1)))
            i = match.end()
        elif c == "\n":
            yield Token("NEWLINE", c, i, i + 1)
            i += 1
        elif (match := _NUMBER_OF_EQUATION.match(text, i)) and _ends_equation(text, match.end()):
            i = match.end()
        elif c.isspace() or c in "~&$":
            i += 1
        elif c in "%#":
            end = text.find("\n", i)
            end = len(text) if end < 0 else end
            yield Token("COMMENT", text[i:end], i, end)
            i = end
        elif text.startswith("\\\\", i):
            i += 2
            if match := re.compile(r"\[[0-9.]*[a-z]{2}\]").match(text, i):
                i = match.end()
            inside = text.count(r"\begin{cases}", 0, i) > text.count(r"\end{cases}", 0, i)
            yield Token("ROW" if inside else "NEWLINE", "\\\\", i - 2, i)
        elif match := _ENVIRONMENT.match(text, i):
            yield Token("NEWLINE", match.group(), i, match.end())
            i = match.end()
        elif match := _LABEL.match(text, i):
            i = match.end()
        elif match := _BOLD_NUMBER.match(text, i):
            yield _number(match.group(1), text, i, match.end())
            i = match.end()
        elif text.startswith("{}", i):  # an empty group only sets spacing
            i += 2
        elif match := _TRANSPOSE.match(text, i):
            yield Token("TRANSPOSE", match.group(), i, match.end())
            i = match.end()
        elif match := _ELEMENTWISE_POWER.match(text, i):
            yield Token("POWER", match.group(), i, match.end(), "elementwise")
            yield Token("LBRACE", "{", match.end() - 1, match.end())
            i = match.end()
        elif match := _NUMBER.match(text, i):
            yield _number(match.group(), text, i, match.end())
            i = match.end()
        elif c in ",." and not brackets and _ends_equation(text, i + 1):
            i += 1
        elif c in ",." and not brackets and (match := _NUMBERED.match(text, i + 1)):
            i = match.end(1)
        elif c == ";":
            yield Token("COMMA" if brackets else "NEWLINE", c, i, i + 1)
            i += 1
        elif c == "|":
            yield Token("BAR", c, i, i + 1)
            i += 1
        elif c == "*":
            raise LanguageError(f"'*': {STAR}", text, i)
        elif c in _OPERATORS and c != "{":
            brackets += (c in "([") - (c in ")]")
            yield Token(_OPERATORS[c], c, i, i + 1)
            i += 1
        elif c == "\\":
            i, command = _latex_command(tex, i)
            if command:
                yield command
        elif c == "{":
            yield Token("LBRACE", c, i, i + 1)
            i += 1
        elif found := tex.name(i):
            _refuse_bare(text, i)
            token = _function_or_name(found[0], text, text[i : found[1]], i, found[1], kind)
            yield token
            i = token.end
        else:
            raise LanguageError(f"'{c}' is not in the language", text, i)


def _refuse_bare(text: str, i: int) -> None:
    """Refuse tanh(…) in LaTeX, where it is the product of four letters."""
    word = re.compile(r"(?<![A-Za-z\\])[A-Za-z]{3,}(?=\s*\()").match(text, i)
    if word and word.group() in spellings():
        raise LanguageError(
            f"in LaTeX, as which a text with a backslash is read, '{word.group()}' is written "
            f"\\operatorname{{{word.group()}}}; a plain text has η, or eta, and no backslash",
            text, i, word.end(),
        )  # fmt: skip


def _ends_equation(text: str, i: int) -> bool:
    """Whether a comma or full stop closes a displayed equation."""
    return (
        re.compile(r"[,.;]?\s*(?:\\\\|\\end|\\\]|\$|\Z)|[,.;]?[ \t]*\n\s*[^+\-=]").match(text, i)
        is not None
    )


def _latex_command(tex: _Tex, i: int) -> tuple[int, Token | None]:
    match = _COMMAND.match(tex.text, i)
    if not match:
        tex.fail("a backslash at the end", i)
    command, end = match.group()[1:], match.end()
    if command in ("[", "]", "(", ")") or command in _LAYOUT:
        return end, None
    if command in ("ast", "star"):
        tex.fail(f"\\{command}: {STAR}", i, end)
    if command in _COMMANDS:
        return end, Token(_COMMANDS[command], match.group(), i, end)
    found = None
    if command in spellings() and command not in _TEX_LETTERS:
        subscripted = tex.text[tex.skip(end) : tex.skip(end) + 1] == "_"
        if subscripted:
            tex.fail(f"\\{command} takes no subscript here", i, end)
        if not subscripted:
            token = _function(spellings()[command], tex.text, i, end)
            return token.end, token
    else:
        found = tex.name(i)
    if found is None:
        known = [*_COMMANDS, *_TEX_LETTERS, *_TEX_ACCENTS, *_WRAPPERS, *spellings()]
        near = nearest(command, known)
        hint = _INSTEAD.get(command, f"; did you mean \\{near}?" if near else "")
        tex.fail(f"\\{command} is not in the language{hint}", i, end)
    token = _function_or_name(found[0], tex.text, tex.text[i : found[1]], i, found[1], tex.kind)
    return token.end, token


def plain_name(text: str) -> str:
    """The name that a spelling of it stands for: W_{xi}, β_i or \\tilde{c}; else the text."""
    try:
        (statement,) = scan(text).statements
        (token,) = statement.tokens
    except (LanguageError, ValueError):
        return text
    return token.value.name if isinstance(token.value, Name) else text
