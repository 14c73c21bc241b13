"""LaTeX rewritten to the plain spelling of the language, each piece with its place in the text.

`\\frac{\\partial L}{\\partial W_{\\eta}}` becomes ∂L/∂W_{η}; what plain text has no sign for (a
fraction with its braces) becomes a private one. What is no LaTeX of the language is refused here;
everything else about signs, names and numbers is the scanner's.
"""

from __future__ import annotations

import re
from typing import NoReturn

from ..errors import LanguageError
from ..names import ACCENTS, GREEK, GREEK_NAMES
from ..ops import spellings
from .syntax import OF_COMMAND, OF_SIGN
from .tokens import CELL, DERIVATION, ELEMENTS, MAX_DEPTH, NORM, NUMBER, RAISED, Source, nearest

_LAYOUT = frozenset(
    ["left", "right", "big", "Big", "bigg", "Bigg", "bigl", "bigr", "Bigl", "Bigr", "biggl",
     "biggr", "Biggl", "Biggr", "displaystyle", "textstyle", "limits", "nolimits", "nonumber",
     "notag", "quad", "qquad", *",;:![]() \n"]
)  # fmt: skip
_WRAPPERS = frozenset(
    ["mathrm", "mathit", "mathbf", "mathsf", "mathcal", "mathbb", "mathnormal", "boldsymbol", "bm",
     "text", "textrm", "textit", "operatorname", "operatorname*"]
)  # fmt: skip
_ACCENTS = {accent: accent for accent in ACCENTS} | {
    "widetilde": "tilde", "widehat": "hat", "overline": "bar",
}  # fmt: skip
_LETTERS = {name: name for name in GREEK} | {
    "varepsilon": "epsilon", "varphi": "phi", "vartheta": "theta", "varrho": "rho",
}  # fmt: skip
_COMMAND = re.compile(r"\\(?:[A-Za-z]+\*?|.|\n)", re.S)
_ENVIRONMENT = re.compile(
    r"\\(?:begin|end)\{(?:aligned|align\*?|alignat\*?|equation\*?|gather\*?|gathered|split|"
    r"eqnarray\*?|displaymath|math|array)\}(?:\{[lcr|@{} ]*\})?"
)
_LABEL = re.compile(r"\\(?:label|tag\*?)\{[^{}\n]*\}")
_BOLD_NUMBER = re.compile(r"\\(?:mathbf|mathbb|boldsymbol|bm|mathrm)\s*\{?([0-9]+(?:\.[0-9]+)?)\}?")
# A power of ⊤, T or \top is a transpose, with or without braces.
_TRANSPOSE = re.compile(
    r"\^\s*(?:\\top(?![A-Za-z])|\\intercal(?![A-Za-z])"
    r"|\{\s*(?:\\top|\\intercal|\\mathsf\{T\}|\\mathrm\{T\}|\\text\{T\})\s*\})"
)
_ELEMENTWISE_POWER = re.compile(r"\^\s*\{\s*(?:∘|⊙|\\circ|\\odot)\s*")
_RAISED_IN_A_CELL = re.compile(r"\^\{\s*\(\s*(t[^(){}]*)\)\s*\}")
#: The number of an equation behind it: \quad (2).
_NUMBER_OF_EQUATION = re.compile(
    r"(?:\\q?quad|\\hfill|\\hspace\*?\{[^{}]*\})(?:\\q?quad|\\[,;:! ]|[~\s])*"
    r"\(\s*(?:[0-9]+(?:\.[0-9]+)*[a-z]?'?|[A-Z]\.?[0-9]+)\s*\)"
)
_NUMBERED = re.compile(rf"(\s*)(?={_NUMBER_OF_EQUATION.pattern})")
_PLAIN_DECLARATION = re.compile(r"[^\n=\\%#:]+:[^\n=\\%#]+")
_KIND = re.compile(r":\s*(?:\\(?:text|mathrm)\{\s*)?(scalar|input|parameter)[ \t]*\}?")
#: What a star is in LaTeX, papers do not agree on.
STAR = (
    "in LaTeX this sign is read in several ways; write \\odot for the elementwise product, or the "
    "factors side by side for the matrix product (a convolution is not in the language)"
)
#: What stands for a command that is no misspelling of one that is near.
_INSTEAD = {"oplus": ": a sum is +, a concatenation [a, b]"} | dict.fromkeys(
    ("lVert", "rVert", "Vert", "|", "norm"), f": it is read as a norm; {NORM}"
)

# What stands only in derivations, or only in formulas of elements.
_SUM = re.compile(
    r"\\sum(?:\s*_\s*\{\s*t\s*=\s*([0-9]+)\s*\}\s*\^\s*\{?\s*(T\s*-\s*1|T|[0-9]+)\s*\}?"
    r"|\s*_\s*(?:\{\s*t\s*\}|t(?![A-Za-z0-9_])))"
)
_INDEX_SUM = re.compile(
    r"\\sum(?![A-Za-z])\s*_\s*\{\s*([a-z])\s*=\s*1\s*\}"
    r"\s*\^\s*\{((?:[A-Za-z0-9_,+\- ]|\{[A-Za-z0-9, ]*\})+)\}"
)
_SPECIAL = re.compile(r"\\mathbf\{([I01])\}_\{([^{}]*)\}")
_SPECIALS = {"I": "𝐈", "0": "𝟎", "1": "𝟏"}
_CASES = [(re.compile(pattern), plain) for pattern, plain in (
    (r"\\begin\{cases\}", "["), (r"\\end\{cases\}", "]"), (r"\\text\{(?:for|if) ?\}", " if "),
    (r"\\text\{otherwise\}", " otherwise "), (r"\\leq?(?![A-Za-z])", "≤"),
    (r"\\geq?(?![A-Za-z])", "≥"),
)]  # fmt: skip
_BARE_SUM = re.compile(r"\\sum(?![A-Za-z])")
_RANGE = re.compile(r"_\{\s*[^{}:]+:[^{}:]+\}")
_TOTAL = re.compile(r"\s*\{\s*\\mathrm\{d\}\s*[A-Za-z\\]")
#: How the names of a derivative begin: of a total one, and of a partial one.
_DERIVED = {
    True: re.compile(r"\s*\{\s*\\mathrm\{d\}\s*"),
    False: re.compile(r"\s*\{\s*\\partial(?![A-Za-z])\s*"),
}
_SPACING = re.compile(r"\[[0-9.]*[a-z]{2}\]")
_BARE_WORD = re.compile(r"(?<![A-Za-z\\])[A-Za-z]{3,}(?=\s*\()")
_SPACE = re.compile(r"\s")
# What a subscript is made of.
_UPRIGHT = re.compile(r"\\(?:mathrm|text|mathit|textrm|operatorname)\{([A-Za-z0-9]*)\}")
_THIN = re.compile(r"\\[,;:! ]")
_LETTER = re.compile(r"\\([A-Za-z]+)")
_TIME = re.compile(r"[tT]\s*([-−–+]\s*[0-9]+)?")
_STEP = re.compile(r"t([-−–+][0-9]+)?")
_GREEK = re.compile(f"([{''.join(GREEK_NAMES)}])")
_ENDS = re.compile(r"[,.;]?\s*(?:\\\\|\\end|\\\]|\$|\Z)|[,.;]?[ \t]*\n\s*[^+\-=]")


def is_latex(text: str) -> bool:
    """A text with a backslash is LaTeX; in any other, several letters in a row are one name."""
    return any("\\" in line.partition("#")[0] for line in text.splitlines())


def rewritten(text: str, kind: str = CELL) -> Source:
    """A text in LaTeX in the plain spelling.

    Args:
        text: the text.
        kind: what it is of.

    Raises:
        LanguageError: for what is no LaTeX of the language.
    """
    return _Rewriting(text, kind).source.done()


class _Rewriting:
    """The walk over a text; `i` is where it stands."""

    def __init__(self, text: str, kind: str) -> None:
        self.text = text
        self.kind = kind
        self.source = Source(text, latex=True)
        self.brackets = 0
        i = 0
        try:
            while i < len(text):
                i = self.step(i)
        except LanguageError as fault:
            # The scanner may find another one before it, which is told then.
            self.source.broken(fault, len(text))

    def fail(self, reason: str, start: int, end: int | None = None) -> NoReturn:
        raise LanguageError(reason, self.text, start, end)

    def put(self, chunk: str, start: int, end: int) -> int:
        """A chunk of plain text for a piece; what follows is next."""
        self.source.add(chunk, start, end)
        return end

    def copy(self, start: int, end: int) -> int:
        """A piece that is the same in plain text."""
        self.source.copy(start, end)
        return end

    def step(self, i: int) -> int:
        """Rewrite what stands at a place; where the next stands."""
        for way in (self.special, self.declaration, self.layout, self.sign):
            if (end := way(i)) is not None:
                return end
        if self.text[i] == "\\":
            return self.command(i)
        self.refuse_bare(i)
        if (end := self.name(i)) is not None:
            return end
        return self.fail(f"'{self.text[i]}' is not in the language", i)

    # --- what stands in derivations and in formulas of elements

    def special(self, i: int) -> int | None:
        """A sum, a matrix such as the identity, a derivative, the words of a list of cases."""
        text = self.text
        if self.kind == ELEMENTS:
            if match := _INDEX_SUM.match(text, i):
                upper = _one_word(match.group(2))
                return self.put(f"∑_{{{match.group(1)}=1}}^{{{upper}}}", i, match.end())
            if text[i] in "<>≤≥":
                return self.copy(i, i + 1)
            for pattern, plain in _CASES:
                if match := pattern.match(text, i):
                    return self.put(plain, i, match.end())
        if self.kind != DERIVATION:
            return None
        if match := _SPECIAL.match(text, i):
            sizes = match.group(2).replace(r"\times", "×")
            return self.put(f"{_SPECIALS[match.group(1)]}_{{{sizes}}}", i, match.end())
        if match := _SUM.match(text, i):
            lower, upper = match.group(1) or "1", match.group(2) or "T"
            return self.put(f"∑_{{t={lower}}}^{{{upper}}}", i, match.end())
        if match := _BARE_SUM.match(text, i):
            return self.put("∑", i, match.end())
        if match := _RANGE.match(text, i):
            return self.copy(i, match.end())
        return self.derivative(i) if text.startswith(r"\frac", i) else None

    def derivative(self, i: int) -> int | None:
        """A fraction of two ∂ or d, or None where it is another fraction."""
        at = i + len(r"\frac")
        total = _TOTAL.match(self.text, at) is not None
        names: list[tuple[str, int, int]] = []
        for _ in range(2):
            match = _DERIVED[total].match(self.text, at)
            if not match:
                return None
            found = self.name_at(match.end())
            if found is None:
                self.fail("a name is missing behind \\partial", match.start(), match.end())
            at = self.skip(found[1])
            if self.text[at : at + 1] != "}":
                self.fail("a derivative is of one name by one name", i, at)
            at += 1
            names.append((found[0], match.end(), at))
        mark = "d" if total else "∂"
        for n, (name, start, end) in enumerate(names):
            self.source.add(f"/{mark}" if n else mark, i, start)
            self.source.join(name, start, end)
        return at

    def declaration(self, i: int) -> int | None:
        """`dt, gamma: scalar` above LaTeX equations is plain text: these are words."""
        if i == 0 or self.text[i - 1] == "\n":
            if match := _PLAIN_DECLARATION.match(self.text, i):
                return self.copy(i, match.end())
        if match := _KIND.match(self.text, i):
            self.copy(i, i + 1)
            self.copy(*match.span(1))
            return match.end()
        return None

    # --- layout, comments, the ends of equations

    def layout(self, i: int) -> int | None:
        """What only sets the equations; None for anything else."""
        text, c = self.text, self.text[i]
        if c == "\n":
            return self.copy(i, i + 1)
        if (match := _NUMBER_OF_EQUATION.match(text, i)) and _ends_equation(text, match.end()):
            return match.end()
        if c.isspace() or c in "~&$":
            return self.space(i, i + 1)
        if c in "%#":
            end = text.find("\n", i)
            end = len(text) if end < 0 else end
            self.source.add("#", i, i + 1)
            return self.copy(i + 1, end) if end > i + 1 else end
        if text.startswith("\\\\", i):
            end = i + 2
            if match := _SPACING.match(text, end):
                end = match.end()
            inside = text.count(r"\begin{cases}", 0, i) > text.count(r"\end{cases}", 0, i)
            return self.put(";" if inside else "\n", i, end)
        if match := _ENVIRONMENT.match(text, i):
            return self.put("\n", i, match.end())
        if match := _LABEL.match(text, i):
            return match.end()
        if text.startswith("{}", i):  # an empty group only sets spacing
            return i + 2
        if c in ",." and not self.brackets:
            if _ends_equation(text, i + 1):
                return i + 1
            if match := _NUMBERED.match(text, i + 1):
                return match.end(1)
        return None

    def space(self, start: int, end: int) -> int:
        """One space, however many there are: two would say that a number stands apart."""
        if self.source.last not in ("", " ", "\n"):
            self.source.add(" ", start, end)
        return end

    # --- signs

    def sign(self, i: int) -> int | None:
        """Numbers, powers and the signs that are one character; None for anything else."""
        text, c = self.text, self.text[i]
        if match := _BOLD_NUMBER.match(text, i):
            return self.put(match.group(1), i, match.end())
        if match := _TRANSPOSE.match(text, i):
            return self.put("^⊤", i, match.end())
        if match := _ELEMENTWISE_POWER.match(text, i):
            brace = text.index("{", i)
            self.source.add("^", i, match.end())
            self.source.add("{", brace, brace + 1)
            self.source.add("∘", brace + 1, match.end())
            return match.end()
        if match := NUMBER.match(text, i):
            return self.copy(i, match.end())
        if c == ";":
            return self.put("," if self.brackets else "\n", i, i + 1)
        if c == "*":
            self.fail(f"'*': {STAR}", i)
        if c == "'":
            return self.copy(i, i + 1)
        if c == "^":  # apart from a bracket behind it: a time above has its braces, and is read
            return self.put("^ ", i, i + 1)
        if c in OF_SIGN:
            self.brackets += (c in "([") - (c in ")]")
            return self.copy(i, i + 1)
        return None

    def command(self, i: int) -> int:
        """A command: layout, a sign, a function or a name."""
        match = _COMMAND.match(self.text, i)
        if not match:
            self.fail("a backslash at the end", i)
        command, end = match.group()[1:], match.end()
        if command in _LAYOUT:
            return self.space(i, end)
        if command in ("ast", "star"):
            self.fail(f"\\{command}: {STAR}", i, end)
        if command in OF_COMMAND:
            return self.put(OF_COMMAND[command], i, end)
        if command in spellings() and command not in _LETTERS:
            if self.text[self.skip(end) : self.skip(end) + 1] == "_":
                self.fail(f"\\{command} takes no subscript here", i, end)
            return self.put(command, i, end)
        if (found := self.name(i)) is not None:
            return found
        known = [*OF_COMMAND, *_LETTERS, *_ACCENTS, *_WRAPPERS, *spellings()]
        near = nearest(command, known)
        hint = _INSTEAD.get(command, f"; did you mean \\{near}?" if near else "")
        return self.fail(f"\\{command} is not in the language{hint}", i, end)

    def refuse_bare(self, i: int) -> None:
        """Refuse tanh(…) in LaTeX, where it is the product of four letters."""
        word = _BARE_WORD.match(self.text, i)
        if word and word.group() in spellings():
            self.fail(
                f"in LaTeX, as which a text with a backslash is read, '{word.group()}' is written "
                f"\\operatorname{{{word.group()}}}; a plain text has η, or eta, and no backslash",
                i, word.end(),
            )  # fmt: skip

    # --- names: a letter, a command or a wrapped word, with accents and subscripts

    def name(self, i: int) -> int | None:
        """Rewrite the name that begins at a place, if one does."""
        found = self.name_at(i)
        if found is None:
            return None
        return self.put(found[0], i, found[1])

    def name_at(self, i: int) -> tuple[str, int] | None:
        """A name in the plain spelling, and where it ends."""
        found = self.symbol(i)
        if found is None:
            return None
        plain, end = found
        after = self.skip(end)
        if self.text[after : after + 1] == "_":
            below, end = self.subscript(self.skip(after + 1))
            for part in below.split(","):
                if "{" in part or "}" in part:
                    self.fail(f"'{part}' is no subscript of a name", i, end)
            plain += f"_{{{below}}}"
            after = self.skip(end)
        raised = (_RAISED_IN_A_CELL if self.kind == CELL else RAISED).match(self.text, after)
        if raised:  # h^{(t-1)}
            time = _SPACE.sub("", raised.group(1))
            above = self.kind == ELEMENTS and time.isdigit()
            plain += f"^{{({time})}}" if above else f"_{{{time}}}"
            end = raised.end()
        return plain, end

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

    def symbol(self, i: int, depth: int = 0) -> tuple[str, int] | None:
        """A base with its accents, and where it ends; None where no name begins."""
        if depth > 4:
            self.fail("a name with too many accents", i)
        c = self.text[i : i + 1]
        if (c.isascii() and c.isalpha()) or c in GREEK_NAMES:
            return c, i + 1
        if c == "{":  # \tilde{h}, {h}
            inner = self.symbol(self.skip(i + 1), depth + 1)
            end = self.skip(inner[1]) if inner else i
            return (inner[0], end + 1) if inner and self.text[end : end + 1] == "}" else None
        match = _COMMAND.match(self.text, i)
        if not match:
            return None
        command = match.group()[1:]
        if command in _LETTERS:
            return GREEK[_LETTERS[command]], match.end()
        if command in _ACCENTS:
            inner = self.symbol(self.skip(match.end()), depth + 1)
            if inner is None:
                self.fail(f"\\{command} needs a letter", i, match.end())
            head, mark, below = inner[0].partition("_")  # a word may have brought a subscript
            return f"{head}{ACCENTS[_ACCENTS[command]]}{mark}{below}", inner[1]
        return self.wrapped(i, match, depth) if command in _WRAPPERS else None

    def wrapped(self, i: int, match: re.Match[str], depth: int) -> tuple[str, int]:
        """A word or a symbol in \\mathrm and its kind."""
        at = self.skip(match.end())
        if self.text[at : at + 1] != "{":  # \mathbf h
            inner = self.symbol(at, depth + 1)
            return inner or self.fail(f"{match.group()} needs a letter", i, match.end())
        content, end = self.braced(at)
        content = content.strip().replace("\\_", "_")
        if content.replace("_", "").isalnum() and content.isascii() and content[0].isalpha():
            base, *parts = content.split("_")
            return base + "".join(f"_{{{p}}}" for p in parts), end
        inner = self.symbol(at, depth + 1)
        if inner is not None and inner[1] == end:
            return inner
        return self.fail(f"'{content}' is no name", i, end)

    def subscript(self, i: int) -> tuple[str, int]:
        """A subscript in the plain spelling, its entries split by commas, and where it ends."""
        if self.text[i : i + 1] == "{":
            content, end = self.braced(i)
            return ",".join(self.part(c, i, end) for c in content.split(",")), end
        if self.text[i : i + 1].isdigit():
            return self.text[i], i + 1
        found = self.symbol(i)
        if found is None:
            self.fail("a subscript is missing", i)
        return found

    def part(self, content: str, start: int, end: int) -> str:
        """One entry of a subscript list; a Greek letter stands by itself."""
        content = content.strip().strip("~")
        bare = _THIN.sub("", _UPRIGHT.sub(r"\1", content))

        def letter(m: re.Match[str]) -> str:
            known = _LETTERS.get(m.group(1))
            return GREEK[known] if known else m.group()

        plain = _LETTER.sub(letter, bare)
        if "\\" in plain:
            self.fail(f"'{bare}' is no subscript of the language", start, end)
        if _TIME.fullmatch(plain):
            return _SPACE.sub("", plain)
        apart = [p for p in _GREEK.split(_SPACE.sub("", plain)) if p]
        if len(apart) > 1 and any(_STEP.fullmatch(p) for p in apart):
            self.fail(f"'{content}' runs a time index into a name; is a comma missing?", start, end)
        if self.kind == ELEMENTS:
            return _one_word(plain)
        plain = _SPACE.sub("", plain)
        # W_{\theta_1} has two subscripts.
        return plain.replace("_", ",") if any(c in GREEK_NAMES for c in plain) else plain


def _one_word(text: str) -> str:
    """An index whose sizes have subscripts, M_{1}, in one word each."""
    return re.sub(r"_?\{([^{}]*)\}", lambda m: "_" + m.group(1).replace(",", "_"), text).replace(
        " ", ""
    )


def _ends_equation(text: str, i: int) -> bool:
    """Whether a comma or full stop closes a displayed equation."""
    return _ENDS.match(text, i) is not None
