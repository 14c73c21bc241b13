"""What a text says beside its equations: meanings, a title, and what a reader should know."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..errors import LanguageError
from ..names import unicode_of
from ..nouns import Role, Variable
from .dims import Dim, expression
from .scan import scan
from .statements import ParsedText, refs
from .symbols import Symbols
from .tokens import Name

_ABOVE = re.compile(r"\^\s*\{?\s*\(")


def raised(parsed: ParsedText) -> bool:
    """Whether every time in a text stands above: `h^{(t)}`."""
    timed = [r for r in refs(parsed) if r.lag is not None]
    return bool(timed) and all(_ABOVE.search(parsed.text[r.start : r.end]) for r in timed)


def inputs_said(parsed: ParsedText) -> set[str]:
    """The names that a declaration says something of: they are no typing errors."""
    return {r.name for d in parsed.declarations for r in d.names}


def remarks(variables: Iterable[Variable], said: set[str]) -> tuple[str, ...]:
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


def variables_of(
    parsed: ParsedText, symbols: Symbols, sizes: dict[Dim, str]
) -> tuple[Variable, ...]:
    """The variables of a text, with their shapes and what is said of them."""
    said = meanings(parsed, symbols)
    result = []
    for name, role in symbols.roles.items():
        rows, cols = (expression(d, sizes) for d in symbols.shapes[name])
        result.append(Variable(name, role, (rows, cols), said.get(name, "")))
    return tuple(result)


_MEANING = re.compile(r"\s*([^\s:]+)\s*:\s*(.+)")


def meanings(parsed: ParsedText, symbols: Symbols) -> dict[str, str]:
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


def header(parsed: ParsedText, known: Iterable[str]) -> tuple[str, str, str]:
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
