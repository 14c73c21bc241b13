"""How a name is written: plain, in Unicode, in TeX and in code.

A name is a base, accents and subscripts joined by underscores (`h`, `W_i`, `h_tilde`, `h_1`); the
time index is kept beside it, never in it. Each of the maps here is injective.
"""

from __future__ import annotations

import keyword
import re
import unicodedata

from sympy import Expr, Integer, Symbol

#: The step index and the number of steps; both are reserved words of the language.
t = Symbol("t")
T = Symbol("T")

_GREEK_LETTERS = re.findall(
    "[A-Za-z]+",
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau "
    "upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega",
)


def _greek_character(name: str) -> str:
    case = "CAPITAL" if name[0].isupper() else "SMALL"
    word = {"lambda": "LAMDA"}.get(name.lower(), name.upper())
    return unicodedata.lookup(f"GREEK {case} LETTER {word}")


#: Greek letter by its name, and the name by its character (with the variant shapes papers use).
GREEK = {name: _greek_character(name) for name in _GREEK_LETTERS}
GREEK_NAMES = {character: name for name, character in GREEK.items()} | {
    "ϵ": "epsilon", "ϕ": "phi", "ϑ": "theta", "ϱ": "rho", "µ": "mu", "∆": "Delta", "Ω": "Omega",
}  # fmt: skip
#: Accents: the subscript that stands for one, its TeX command (`widetilde` is read as well) and
#: its combining character.
ACCENTS = {
    "tilde": "\u0303", "hat": "\u0302", "bar": "\u0304", "dot": "\u0307", "breve": "\u0306",
    "check": "\u030c",
}  # fmt: skip
ACCENT_NAMES = {character: name for name, character in ACCENTS.items()}

LONGEST_NAME = 32
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*\Z")
#: Parts that code uses for times: `h_tm1` is h at t-1.
_TIME_PART = re.compile(r"(t|t[mp]?[0-9]+|T)\Z")
#: Names that the generated code needs for itself.
_CODE_NAMES = frozenset({"np", "math"})


def fault_of(name: str) -> str | None:
    """Say what keeps `name` from being a name of the language, or None."""
    if len(name) > LONGEST_NAME:
        return f"the name is longer than {LONGEST_NAME} characters"
    if not _IDENTIFIER.match(name):
        return f"'{name}' is no name (letters, digits and subscripts are)"
    _, *parts = name.split("_")
    if name in ("t", "T"):
        return f"'{name}' is reserved for the {'step' if name == 't' else 'number of steps'}"
    for part in parts:
        if _TIME_PART.match(part):
            return f"'{name}' cannot be told from a time index in code; choose another name"
    return None


def canonical(base: str, parts: list[str]) -> str:
    """Join a base and subscripts; accents come first, so that each quantity has one spelling."""
    accents = [part for part in parts if part in ACCENTS]
    return "_".join([base, *accents, *(part for part in parts if part not in ACCENTS)])


def _split(name: str) -> tuple[str, list[str], list[str]]:
    base, *parts = name.split("_")
    return base, [p for p in parts if p in ACCENTS], [p for p in parts if p not in ACCENTS]


def _time_text(time: Expr | None) -> list[str]:
    return [] if time is None else [str(time).replace(" ", "")]


def tex_of(name: str, time: Expr | None = None) -> str:
    """TeX of a name at a time: `h_tilde` at t-1 is `\\tilde{h}_{t-1}`."""
    base, accents, parts = _split(name)
    if base in GREEK:
        tex = "\\" + base
    else:
        tex = base if len(base) == 1 else rf"\mathrm{{{base}}}"
    for accent in accents:
        tex = rf"\{accent}{{{tex}}}"
    subscripts = [_tex_part(part) for part in parts] + _time_text(time)
    return f"{tex}_{{{','.join(subscripts)}}}" if subscripts else tex


def _tex_part(part: str) -> str:
    if part in GREEK:
        return "\\" + part
    return part if len(part) <= 2 or part.isdigit() else rf"\mathrm{{{part}}}"


def unicode_of(name: str, time: Expr | None = None) -> str:
    """The plain spelling with Greek letters and accents, which the language reads back."""
    base, accents, parts = _split(name)
    text = GREEK.get(base, base)
    if len(text) == 1:
        text += "".join(ACCENTS[accent] for accent in accents)
    else:
        parts = accents + parts
    subscripts = [GREEK.get(part, part) for part in parts] + _time_text(time)
    if not subscripts:
        return unicodedata.normalize("NFC", text)
    joined = ",".join(subscripts)
    subscript = joined if joined.isalnum() and len(subscripts) == 1 else f"{{{joined}}}"
    return unicodedata.normalize("NFC", f"{text}_{subscript}")


def code_of(name: str, time: Expr | None = None) -> str:
    """Python identifier: `h_t`, `h_tm1`, `h_3`, `lambda_`."""
    if time is None:
        # No name of the language ends with an underscore, so a mangled one meets no other.
        return name + "_" if keyword.iskeyword(name) or name in _CODE_NAMES else name
    if isinstance(time, Integer):
        return f"{name}_{int(time)}"
    lag = int(t - time) if time.has(t) else None
    if lag is None:
        return f"{name}_{time}"
    return f"{name}_t" if lag == 0 else f"{name}_tm{lag}" if lag > 0 else f"{name}_tp{-lag}"
