"""The scanner: a text in the plain spelling is cut into the tokens of the grammar.

LaTeX is rewritten to the plain spelling first (`latex.py`), so each sign, name and derivative is
read in one place; every token keeps its span in the text as written. All limits act here,
before any tree is built. Nothing is ever executed: names are checked identifiers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace

from ..errors import LanguageError
from ..names import (
    ACCENT_NAMES,
    ACCENTS,
    GRADIENT,
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
from ..ops import spellings
from ..ops.functions import ELEMENTWISE
from .latex import is_latex, rewritten
from .syntax import (
    CLOSER,
    CONTINUING,
    ENDS,
    HANGING,
    OF_SIGN,
    OPENER,
    SUBSCRIPTS,
    SUPERSCRIPTS,
)
from .tokens import (
    BROKEN,
    CELL,
    DERIVATION,
    ELEMENTS,
    MAX_DEPTH,
    MAX_DIGITS,
    MAX_LENGTH,
    MAX_TOKENS,
    NUMBER,
    PRINTED,
    PRINTED_MORE,
    RAISED,
    CalledName,
    Name,
    Scanned,
    Source,
    Statement,
    Token,
)

_TRANSPOSE = re.compile(r"\^\s*(?:⊤|ᵀ|T(?![A-Za-z0-9_])|\{\s*(?:⊤|T)\s*\})")
_ELEMENTWISE_POWER = re.compile(r"\^\s*\{\s*(?:∘|⊙)\s*")
_LETTER = "[A-Za-zÀ-ÖØ-öø-ɏΑ-Ͽḁ-ỿἀ-῿µ∆Ωℓ\u0400-\u04ff][\u0300-\u036f]*"
_NAME = re.compile(
    rf"(?:{_LETTER})(?:{_LETTER}|[0-9])*(?:_\{{[^{{}}\n]*\}}|_(?:{_LETTER}|[0-9])+"
    rf"|[{''.join(SUBSCRIPTS)}]+)*(?:\^\(t(?:\s*[-−–+]\s*[0-9]+)?\)|\^\{{\(t(?:\s*[-−–+]\s*[0-9]+)?\)\}})?"
)
_STEP_ABOVE = re.compile(r"\^\{?\(([0-9]+)\)\}?\Z")
_TIME_ABOVE = re.compile(r"\^\{?\(([tT][^)]*)\)\}?\Z")
_BELOW = re.compile(f"[{''.join(SUBSCRIPTS)}]+")
_SUBSCRIPT = re.compile(r"_(\{[^{}]*\}|[^_{}]+)")
_TIME = re.compile(r"t\s*(?:([-−–+])\s*([0-9]+))?\Z")
#: The number of an equation behind it: two spaces and (2).
_NUMBER_OF_EQUATION = re.compile(r"(?:  |\t)\s*\([0-9]+(?:\.[0-9]+)*[a-z]?\)(?=[ \t]*(?:\n|#|\Z))")


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
    more = PRINTED_MORE if kind in (PRINTED, ELEMENTS) else 1
    if len(text) > MAX_LENGTH * more:
        raise LanguageError(
            f"the text has {len(text):,} characters; the limit is {MAX_LENGTH * more:,}", "", 0
        )
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\ufeff", "")
    if kind in (CELL, PRINTED):
        text = text.replace("𝐈", "I")
    latex = is_latex(text) if latex is None else latex
    source = rewritten(text, kind) if latex else Source(text)
    return _statements(source, _tokens(source, kind), MAX_TOKENS * more)


def _statements(source: Source, tokens: Iterator[Token], most: int) -> Scanned:
    """Group tokens into statements; a line goes on while a bracket is open or an operator hangs."""
    text = source.text
    result = Scanned(text, source.latex, [], [])
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
            hanging = current.tokens[-1].type in HANGING or token.type in CONTINUING
            if not hanging:
                finish()
            pending = False
        if token.type == "BAR":
            closes = open_brackets and open_brackets[-1].type == "LBAR" and (
                current.tokens[-1].type in ENDS
            )  # fmt: skip
            token = Token("RBAR" if closes else "LBAR", token.text, token.start, token.end)
        if token.text in ("x", "*") and any(t.type == "COLON" for t in current.tokens[-2:]):
            # `S_t: K x V`, the ASCII spelling of a shape
            if current.tokens[-1].type in ("NAME", "NUMBER"):
                token = replace(token, type="TIMES")
        _match_brackets(token, open_brackets, text)
        current.tokens.append(token)
    if open_brackets:
        token = open_brackets[-1]
        raise LanguageError(f"'{token.text}' is never closed", text, token.start, token.end)
    finish()
    return result


def _match_brackets(token: Token, opened: list[Token], text: str) -> None:
    """Note a bracket that opens, and refuse one that closes nothing or another one."""
    if token.type in CLOSER:
        opened.append(token)
        if len(opened) > MAX_DEPTH:
            raise LanguageError(
                f"brackets nested deeper than {MAX_DEPTH}", text, token.start, token.end
            )
    elif token.type in OPENER:
        expected = CLOSER[opened[-1].type] if opened else None
        if token.type != expected:
            found = f"'{token.text}' closes nothing" if expected is None else (
                f"'{token.text}' does not close '{opened[-1].text}'"
            )  # fmt: skip
            raise LanguageError(found, text, token.start, token.end)
        opened.pop()


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


# --- tokens -----------------------------------------------------------------------------------


def _tokens(source: Source, kind: str) -> Iterator[Token]:
    text = source.plain
    i = 0
    while i < len(text):
        c = text[i]
        if found := _special(source, i, kind):
            token, i = found
            yield token
        elif c == "\n" or c == ";":
            inside = c == ";" and text.count("[", 0, i) > text.count("]", 0, i)
            mark = "ROW" if kind == ELEMENTS else "COMMA"
            yield source.token(mark if inside else "NEWLINE", i, i + 1)
            i += 1
        elif match := _NUMBER_OF_EQUATION.match(text, i):
            i = match.end()
        elif c.isspace():
            i += 1
        elif c == "#":
            end = text.find("\n", i)
            end = len(text) if end < 0 else end
            yield source.token("COMMENT", i, end)
            i = end
        elif match := _TRANSPOSE.match(text, i):
            yield source.token("TRANSPOSE", i, match.end())
            i = match.end()
        elif match := _ELEMENTWISE_POWER.match(text, i):
            yield source.token("POWER", i, match.end(), "elementwise")
            brace = text.index("{", i)
            yield source.token("LBRACE", brace, brace + 1)
            i = match.end()
        elif c in SUPERSCRIPTS:
            yield source.token("POWER", i, i + 1)
            yield source.token("NUMBER", i, i + 1, SUPERSCRIPTS[c])
            i += 1
        elif match := NUMBER.match(text, i):
            yield _number(match.group(), source, i, match.end())
            i = match.end()
        elif (length := _sign(text, i)) > 0:
            yield source.token(OF_SIGN[text[i : i + length]], i, i + length)
            i += length
        elif match := _NAME.match(text, i):
            token, i = _function_or_name(source, i, _end_of_name(match, text, kind), kind)
            yield token
        elif c == BROKEN and source.fault is not None:
            raise source.fault
        else:
            source.fail(f"'{c}' is not in the language{_dotted(text, i)}", i)


def _sign(text: str, i: int) -> int:
    """How long the sign is that stands at a place, or 0."""
    two = text[i : i + 2]
    if two in OF_SIGN and (two == "**" or not text[i + 2 : i + 3].isalnum()):
        return 2
    return int(text[i] in OF_SIGN)


def _end_of_name(match: re.Match[str], text: str, kind: str) -> int:
    """Where a name ends, with the time that stands above it."""
    raised = RAISED.match(text, match.end()) if kind != CELL else None
    return raised.end() if raised else match.end()


def _number(text: str, source: Source, start: int, end: int) -> Token:
    if re.match(r"\.[0-9]", source.plain[end:]):
        source.fail("a number with two points", start, end + 2)
    mantissa, _, exponent = text.lower().partition("e")
    if len(mantissa) > MAX_DIGITS or (exponent and abs(int(exponent[:6])) > 300):
        source.fail(f"a number of more than {MAX_DIGITS} digits or beyond 1e300", start, end)
    return source.token("NUMBER", start, end, text)


def _function_or_name(source: Source, start: int, end: int, kind: str) -> tuple[Token, int]:
    """A function, if it is one, else a name; and where it ends."""
    text = source.plain
    name = _name(source, start, end, kind)
    # Among elements every part of a name may be an index, and log_sigmoid is one word.
    known = text[start:end] if text[start:end] in spellings() else name.name
    if name.lag is None and known in spellings():
        return _function(spellings()[known], source, start, end)
    late = re.compile(r"[-−–]1(?![0-9.])").match(text, end)
    if name.lag == 0 and late and not source.latex:
        written = text[start:end]
        source.fail(
            f"'{written}{late.group()}' could be two things: write {written[:-1]}{{t-1}} for the "
            "step before, or spaces around the minus",
            start, late.end(),
        )  # fmt: skip
    fault = fault_of(name.name, LONGEST_READ)
    if fault and not (kind == ELEMENTS and name.name == "T"):  # the number of steps, as a number
        hint = _indexed(source.text, *source.span(start, end)) if name.name == "t" else ""
        source.fail(f"{fault}{hint}", start, end)
    return source.token("NAME", start, end, name), end


def _function(name: str, source: Source, start: int, end: int) -> tuple[Token, int]:
    """A function, or its slope where primes stand behind it: gelu'."""
    stop = end
    while source.plain[stop : stop + 1] == "'":
        stop += 1
    primed = name + "'" * (stop - end)
    if primed not in ELEMENTWISE and stop > end:
        source.fail(f"{name} has no slope of that name", start, stop)
    return source.token("FUNCTION", start, stop, primed), stop


# --- names --------------------------------------------------------------------------------------


def _letters(
    text: str, source: Source, start: int, end: int, subscript: bool = False
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
                source.fail(
                    f"'{text}' runs a Greek letter into others; put a space or an underscore "
                    "between them",
                    start,
                    end,
                )
            plain += GREEK_NAMES[character]
        elif character.isascii() and character.isalnum():
            plain += character
        else:
            source.fail(
                f"'{character}' is no letter of the language (Latin and Greek are)", start, end
            )
    return plain, accents


def _only_accented(text: str) -> bool:
    return sum(not unicodedata.combining(c) for c in unicodedata.normalize("NFD", text)) == 1


def _name(source: Source, start: int, end: int, kind: str) -> Name:
    """The name that stands at a piece of the plain spelling."""
    text = source.plain[start:end]
    # h^{(t-1)} is h_{t-1}; what stands above an element is its step, and marked.
    text = _STEP_ABOVE.sub(r"_{@\1}" if kind == ELEMENTS else r"_{\1}", text)
    text = _TIME_ABOVE.sub(r"_{\1}", text)
    text = _BELOW.sub(lambda m: "_{" + "".join(SUBSCRIPTS[c] for c in m.group()) + "}", text)
    base, *rest = _SUBSCRIPT.split(text)
    plain, accents = _letters(base, source, start, end)
    parts: list[str] = list(accents)
    for piece in rest:
        if not piece:
            continue
        for part in piece.strip("{}").split(","):
            part = part.strip()
            if _TIME.match(part):
                parts.append(part)
            elif all(c.isalnum() or unicodedata.combining(c) for c in part) and part:
                letters, more = _letters(part, source, start, end, subscript=True)
                several = [p for p in letters.split("\0") if p]
                if len(several) > 1 and any(_TIME.match(p) for p in several):
                    source.fail(
                        f"'{part}' runs a time index into a name; is a comma missing?", start, end
                    )
                parts += [*several, *more]
            else:
                parts.append(part)
    ends = ("T", "T-1") if kind == DERIVATION else ()
    last_is_time = [bool(_TIME.match(p)) or p in ends for p in parts]
    if any(last_is_time[:-1]) and "{" not in text:
        source.fail(f"'{text}' goes on behind its time index; is a space missing?", start, end)
    head, *more = plain.split("_")
    return _named(head, more + parts, source, start, end, kind)


def _named(base: str, parts: list[str], source: Source, start: int, end: int, kind: str) -> Name:
    """Sort subscripts into the time index and the rest."""
    lags: list[int] = []
    rest: list[str] = []
    ends = kind == DERIVATION and bool(parts)
    last = re.fullmatch(r"T\s*(?:[-−–]\s*(1))?", parts[-1].strip()) if ends else None
    for part in parts[:-1] if last else parts:
        match = _TIME.match(part.strip().removeprefix("(").removesuffix(")"))
        if not match and re.match(r"t[A-Z]", part):
            source.fail(
                f"'{base}_{part}' runs a time index into a name; is a space missing?", start, end
            )
        if not match:
            rest.append(part.strip())
            continue
        sign, number = match.groups()
        lag = 0 if not number else int(number) * (1 if sign == "+" else -1)
        written = f"{base}_{{{part.strip()}}}"
        if lag > (kind == DERIVATION):
            source.fail(
                f"'{written}' is of a later step; an equation may use t and t-1", start, end
            )
        if lag < -1:
            source.fail(
                f"'{written}' looks back more than one step; name the last value first "
                f"(p_t = {base}_{{t-1}}) and use p_{{t-1}}",
                start,
                end,
            )
        lags.append(lag)
    if len(lags) + (last is not None) > 1:
        source.fail("a name with two time indices", start, end)
    if kind == ELEMENTS:
        return _element_name(base, rest, lags, source, start, end)
    for part in rest:
        if not part or not all(c.isascii() and c.isalnum() for c in part.replace("_", "")):
            source.fail(f"'{part}' is no subscript of a name", start, end)
    lag_ = -int(last.group(1) or 0) if last else lags[0] if lags else None
    return Name(canonical(base, rest), lag_, last is not None)


#: An index, or a step that stands above.
_INDEX = re.compile(r"@[0-9]+\Z|[A-Za-z0-9_]+(?:[-+][A-Za-z0-9_]+)*\Z")


def _element_name(
    base: str, parts: list[str], lags: list[int], source: Source, start: int, end: int
) -> Name:
    """A name whose subscripts are not sorted yet: some are its own, the others are indices."""
    subscripts = tuple(p.replace(" ", "") for p in parts if p not in ACCENTS)
    for part in subscripts:
        if not _INDEX.match(part):
            source.fail(f"'{part}' is no index", start, end)
    accented = canonical(base, [p for p in parts if p in ACCENTS])
    return Name(accented, lags[0] if lags else None, False, subscripts)


def plain_name(text: str) -> str:
    """The name that a spelling of it stands for: W_{xi}, β_i or \\tilde{c}; else the text."""
    try:
        (statement,) = scan(text).statements
        (token,) = statement.tokens
    except (LanguageError, ValueError):
        return text
    return token.value.name if isinstance(token.value, Name) else text


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


# --- what stands in derivations alone, or in formulas of elements -------------------------------

#: A sum over t: ∑_{t=1}^{T}, or ∑_t for all steps.
_SUM = re.compile(
    r"(?:∑|Σ(?=_\{?\s*t\s*[=}]|_t(?![A-Za-z])))"
    r"(?:\s*_\s*\{\s*t\s*=\s*([0-9]+)\s*\}\s*\^\s*\{?\s*(T\s*-\s*1|T|[0-9]+)\s*\}?"
    r"|\s*_\s*(?:\{\s*t\s*\}|t(?![A-Za-z0-9_])))"
)
_RANGE = re.compile(r"_\{\s*([^{}:]+:[^{}:]+)\}")
_SPECIAL = re.compile(r"([𝐈𝟎𝟏])_\{([^{}]*)\}")
_LETTERS_OF_SPECIAL = {"𝐈": "I", "𝟎": "0", "𝟏": "1"}
#: A sum over an index of elements: ∑_{k=1}^{D}.
_INDEX_SUM = re.compile(r"∑\s*_\s*\{\s*([a-z])\s*=\s*1\s*\}\s*\^\s*\{([A-Za-z0-9_,+\- ]+)\}")
_WORDS_OF_CASES = re.compile(
    r"if(?![A-Za-z0-9_])(?P<IF>)|otherwise(?![A-Za-z0-9_])(?P<ELSE>)|[<>≤≥](?P<RELATION>)"
    r"|\[(?P<CASES>)|\](?P<ENDCASES>)"
)
#: A total derivative: dc_t/dc_{t-1}.
_TOTAL = re.compile(r"d(?=[^\s/]*/d)")


def _special(source: Source, i: int, kind: str) -> tuple[Token, int] | None:
    """What stands only in derivations, or only in formulas of elements."""
    text = source.plain
    if kind == ELEMENTS:
        if match := _INDEX_SUM.match(text, i):
            value = f"{match.group(1)}:{match.group(2).replace(' ', '')}"
            return source.token("INDEXSUM", i, match.end(), value), match.end()
        if match := _WORDS_OF_CASES.match(text, i):
            return source.token(str(match.lastgroup), i, match.end(), match.group()), match.end()
    if kind != DERIVATION:
        return None
    if text[i] == "∂" or _TOTAL.match(text, i):
        return _derivative_at(source, i)
    if match := _SPECIAL.match(text, i):
        value = f"{_LETTERS_OF_SPECIAL[match.group(1)]}:{match.group(2).replace(' ', '')}"
        return source.token("SPECIAL", i, match.end(), value), match.end()
    if match := _SUM.match(text, i):
        lower, upper = match.group(1) or "1", (match.group(2) or "T").replace(" ", "")
        return source.token("SIGMA", i, match.end(), f"{lower}:{upper}"), match.end()
    if text[i] == "∑":
        source.fail(r"a sum runs over t: \sum_{t=1}^{T}, or \sum_t for all steps", i)
    if match := _RANGE.match(text, i):
        value = match.group(1).replace(" ", "")
        return source.token("RANGE", i, match.end(), value), match.end()
    return None


def _derivative_at(source: Source, i: int) -> tuple[Token, int]:
    text = source.plain
    above = _name_end(text, i + 1)
    below = _name_end(text, above + 2) if above else None
    if not above or not below or text[above : above + 2] != f"/{text[i]}":
        source.fail("a derivative is written ∂L/∂W", i)
    one = _name(source, i + 1, above, DERIVATION)
    other = _name(source, above + 2, below, DERIVATION)
    name = _derivative(one, other, source, i, below, text[i] == "d")
    return source.token("NAME", i, below, name), below


def _name_end(text: str, i: int) -> int | None:
    match = _NAME.match(text, i)
    return _end_of_name(match, text, DERIVATION) if match else None


def _derivative(
    above: Name, below: Name, source: Source, start: int, end: int, total: bool
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
    return source.fail("this derivative is none of the language", start, end)
