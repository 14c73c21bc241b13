"""The catalogue of notations: every `.notation` file of this folder.

    # PyTorch
    # Source: …

    W = W_ih               the symbol W is called W_ih
    x_t = X_t              a quantity of a step: a parameter called x is not meant
    W_* = W_i*             W_f is called W_if
    b = b_ih + b_hh        what is one bias here is the sum of two there

    kernel: \\mathrm{kernel}    how the first part of a name is set
    bold: yes                   vectors and matrices are bold
    time: above                 h^{(t)}
    vectors: columns            how the source writes them; the site does as well

A notation maps names to names. It never changes what is verified: its formulas are read again in
these names, and compared with the numbers of the cell as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..errors import InputError, suggestion
from ..names import ACCENTS, PLAIN, Look, canonical

FOLDER = Path(__file__).parent
SUFFIX = ".notation"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\*?(?:_t)?\Z")
_OPTIONS = {"bold": ("yes", "no"), "time": ("below", "above"), "hadamard": ("⊙", "∘"),
            "transpose": ("⊤", "T"), "vectors": ("rows", "columns")}  # fmt: skip


@dataclass(frozen=True)
class Notation:
    """A notation.

    Attributes:
        name: what it is called.
        title, source: in words, for people.
        rules: (pattern, names): one name, or several whose sum it is; those of quantities of a
            step end in _t.
        look: how names look.
        hadamard, transpose: the signs.
        convention: "row" or "column", as its source writes; a caller says which is printed.
    """

    name: str
    title: str = ""
    source: str = ""
    rules: tuple[tuple[str, tuple[str, ...]], ...] = ()
    look: Look = PLAIN
    hadamard: str = "⊙"
    transpose: str = "⊤"
    convention: str = "row"

    def names(self, name: str, timed: bool) -> tuple[str, ...]:
        """What a name is called here: itself where no rule speaks of it."""
        if found := self._ruled(name, timed):
            return found
        stem, mark, layer = name.rpartition("_")
        if mark and layer.isdigit() and (found := self._ruled(stem, timed)):
            return tuple(f"{new}_{layer}" for new in found)  # W_1, of the first layer
        return (name,)

    def _ruled(self, name: str, timed: bool) -> tuple[str, ...] | None:
        rules = [
            (pattern.removesuffix("_t"), tuple(n.removesuffix("_t") for n in new))
            for pattern, new in self.rules
            if pattern.endswith("_t") == timed
        ]
        for pattern, new in rules:
            if pattern == name:
                return new
        for pattern, new in rules:
            rest = name.removeprefix(pattern[:-1]) if pattern.endswith("*") else ""
            if rest and rest != name and not rest.isdigit():
                return tuple(_joined(n, rest) for n in new)
        return None


def _joined(name: str, rest: str) -> str:
    """W_i* with f is W_if; accents stand first, and keep an underscore."""
    parts = rest.split("_")
    accents = [p for p in parts if p in ACCENTS]
    others = "_".join(p for p in parts if p not in ACCENTS)
    filled = name.replace("*", others) if others else name.rstrip("*").rstrip("_")
    base, *more = filled.split("_")
    return canonical(base, [*more, *accents])


def names() -> list[str]:
    """The names of all notations: the files of the catalogue, `own` first."""
    found = sorted(path.stem for path in FOLDER.glob(f"*{SUFFIX}"))
    return sorted(found, key=lambda n: n != "own")


@cache
def get(name: str) -> Notation:
    """A notation of the catalogue.

    Raises:
        InputError: for a name that is not in the catalogue; the line lists those that are.
    """
    if name not in names():
        hint = suggestion(name, names())
        raise InputError(f"unknown notation '{name}'{hint}; there are {', '.join(names())}")
    path = FOLDER / f"{name}{SUFFIX}"
    return read_notation(path.read_text(encoding="utf-8"), name)


def read_notation(text: str, name: str = "notation") -> Notation:
    """Read a notation from its text.

    Raises:
        InputError: with the line that is none.
    """
    words: list[str] = []
    rules: list[tuple[str, tuple[str, ...]]] = []
    stems: list[tuple[str, str]] = []
    options: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if line.startswith("#"):
            words.append(line.lstrip("# ").strip())
            continue
        left, mark, right = (part.strip() for part in re.split(r"(=|:)", line, maxsplit=1)) if (
            re.search("[=:]", line)
        ) else (line, "", "")  # fmt: skip
        if not line:
            continue
        new = tuple(n.strip() for n in right.split("+"))
        steps = {n.endswith("_t") for n in (left, *new)}
        if mark == "=" and all(map(_NAME.match, (left, *new))) and len(steps) == 1:
            rules.append((left, new))
        elif mark == ":" and left in _OPTIONS and right in _OPTIONS[left]:
            options[left] = right
        elif mark == ":" and left not in _OPTIONS and _NAME.match(left) and right.startswith("\\"):
            stems.append((left, right))
        else:
            raise InputError(f"notation {name}, line {number}: '{line[:60]}' is no rule (W = W_x), "
                             "no TeX (kernel: \\mathrm{kernel}) and no option")  # fmt: skip
    title = words[0] if words else name
    source = " ".join(words[1:]).removeprefix("Source:").strip()
    look = Look(options.get("bold") == "yes", options.get("time") == "above", tuple(stems))
    return Notation(
        name, title, source, tuple(rules), look,
        options.get("hadamard", "⊙"), options.get("transpose", "⊤"),
        "column" if options.get("vectors") == "columns" else "row",
    )  # fmt: skip
