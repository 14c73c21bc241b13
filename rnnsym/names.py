"""How a name is written: plain, in Unicode, in TeX and in code.

A name is a base, accents and subscripts joined by underscores (`h`, `W_i`, `h_tilde`, `h_1`); the
time index is kept beside it, never in it. Each of the maps here is injective.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache

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
GREEK = {name: _greek_character(name) for name in _GREEK_LETTERS} | {"ell": "ℓ"}
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
_CODE_NAMES = frozenset(
    ["np", "math", "range", "len", "zip", "reversed", "trace", "changes", "loss"]
)


#: A derivation adds a mark and the number of a step to a name.
LONGEST_READ = LONGEST_NAME + 16


def fault_of(name: str, longest: int = LONGEST_NAME) -> str | None:
    """Say what keeps `name` from being a name of the language, or None."""
    if len(name) > longest:
        return f"the name is longer than {longest} characters"
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


#: What a label may say before its name (`bar:h`): an accent, or one of these.
#: `grad:W` is ∂L/∂W, `loss:y` is ∂ℓ_t/∂y_t, `jac:c/h` is ∂c_t/∂h_{t-1}. No name of a user's has
#: a colon, so a derived quantity is never taken for one of the text.
GRADIENT, IMMEDIATE, JACOBIAN = "grad", "loss", "jac"
#: `same:h/c` is ∂h_t/∂c_t, `total:c/c` is dc_t/dc_{t-1}.
SAME_STEP, TOTAL = "same", "total"
#: The marks of derivatives of one quantity by another.
BY = (JACOBIAN, SAME_STEP, TOTAL)


def marked(mark: str, name: str) -> str:
    """The label of what is derived from a name: `bar:h`."""
    return f"{mark}:{name}"


def unmarked(label: str) -> tuple[str, str]:
    """A label's mark (empty for a name of the text) and its name."""
    mark, colon, name = label.rpartition(":")
    return (mark, name) if colon else ("", label)


def _split(name: str) -> tuple[str, list[str], list[str]]:
    base, *parts = name.split("_")
    return base, [p for p in parts if p in ACCENTS], [p for p in parts if p not in ACCENTS]


def _time_text(time: Expr | None) -> list[str]:
    return [] if time is None else [_spelt_time(time)]


@lru_cache(maxsize=4096)
def _spelt_time(time: Expr) -> str:
    return str(time).replace(" ", "")


@dataclass(frozen=True)
class Look:
    """How names look in TeX.

    Attributes:
        bold: whether vectors and matrices are bold; a number never is.
        raised: whether the time stands above, `h^{(t)}`, and not below.
        stems: TeX of the first parts of names, such as ("recurrent_kernel", "\\mathrm{…}").
    """

    bold: bool = False
    raised: bool = False
    stems: tuple[tuple[str, str], ...] = ()


PLAIN = Look()


def tex_of(
    name: str, time: Expr | None = None, look: Look = PLAIN, indices: tuple[str, ...] = ()
) -> str:
    """TeX of a name at a time: `h_tilde` at t-1 is `\\tilde{h}_{t-1}`, of its element j `…,j}`."""
    mark, name = unmarked(name)
    if mark == GRADIENT:
        return rf"\frac{{\partial L}}{{\partial {tex_of(name, time, look)}}}"
    if mark == IMMEDIATE:
        ell = tex_of("ell", time, replace(look, bold=False))
        return rf"\frac{{\partial {ell}}}{{\partial {tex_of(name, time, look)}}}"
    if mark in BY:
        above, below = _jacobian_of(mark, name, time)
        d = r"\mathrm{d} " if mark == TOTAL else r"\partial "
        return rf"\frac{{{d}{tex_of(*above, look)}}}{{{d}{tex_of(*below, look)}}}"
    tex, accents, parts = _stem(name, look)
    for accent in [*accents, *([mark] if mark else [])]:
        tex = rf"\{accent}{{{tex}}}"
    raised = look.raised and time is not None
    subscripts = [_tex_part(part) for part in parts] + ([] if raised else _time_text(time))
    subscripts += indices
    under = f"_{{{','.join(subscripts)}}}" if subscripts else ""
    return f"{tex}{under}^{{({_time_text(time)[0]})}}" if raised else f"{tex}{under}"


def _stem(name: str, look: Look) -> tuple[str, list[str], list[str]]:
    """TeX of a name's letter or word, its accents and its subscripts."""
    for stem, tex in look.stems:
        if name == stem or name.startswith(f"{stem}_"):
            _, accents, parts = _split(name[len(stem) :])
            return tex, accents, parts
    base, accents, parts = _split(name)
    if base in GREEK:
        tex = "\\" + base
        return (rf"\boldsymbol{{{tex}}}" if look.bold else tex), accents, parts
    if look.bold:
        # A bold I is the identity.
        tex = rf"\{'boldsymbol' if base == 'I' else 'mathbf'}{{{base}}}"
    else:
        tex = base if len(base) == 1 else rf"\mathrm{{{base}}}"
    return tex, accents, parts


def _jacobian_of(
    mark: str, name: str, time: Expr | None
) -> tuple[tuple[str, Expr | None], tuple[str, Expr | None]]:
    above, _, below = name.partition("/")
    before = time if time is None or mark == SAME_STEP else time - 1
    return (above, time), (below, before)


#: `W_{xi}` has the subscripts x and i and `W_\\xi` a Greek letter: the short names of Greek letters
#: are letters as subscripts, and the Greek letter is told by this ending.
_GREEK_PART = "gr"


def greek_part(letter: str) -> str:
    """The subscript that stands for a Greek letter.

    W_{xi} has two subscripts, x and i, so W_ξ is called otherwise.
    """
    return letter + _GREEK_PART if len(letter) <= 2 else letter


def _greek_of(part: str) -> str | None:
    letter = part.removesuffix(_GREEK_PART)
    return letter if letter in GREEK and greek_part(letter) == part else None


def _tex_part(part: str) -> str:
    if letter := _greek_of(part):
        return "\\" + letter
    return part if len(part) <= 2 or part.isdigit() else rf"\mathrm{{{part}}}"


def unicode_of(
    name: str, time: Expr | None = None, look: Look = PLAIN, indices: tuple[str, ...] = ()
) -> str:
    """The plain spelling with Greek letters and accents, which the language reads back."""
    mark, name = unmarked(name)
    if mark == GRADIENT:
        return f"∂L/∂{unicode_of(name, time, look)}"
    if mark == IMMEDIATE:
        return f"∂{unicode_of('ell', time, look)}/∂{unicode_of(name, time, look)}"
    if mark in BY:
        above, below = _jacobian_of(mark, name, time)
        d = "d" if mark == TOTAL else "∂"
        return f"{d}{unicode_of(*above, look)}/{d}{unicode_of(*below, look)}"
    base, accents, parts = _split(name)
    accents += [mark] if mark else []
    text = GREEK.get(base, base)
    if len(text) == 1:
        text += "".join(ACCENTS[accent] for accent in accents)
    else:
        parts = accents + parts
    letters = [GREEK.get(_greek_of(part) or "", part) for part in parts]
    raised = look.raised and time is not None
    subscripts = letters + ([] if raised else _time_text(time)) + list(indices)
    over = f"^{{({_time_text(time)[0]})}}" if raised else ""
    if not subscripts:
        return unicodedata.normalize("NFC", text + over)
    joined = ",".join(subscripts)
    subscript = joined if joined.isalnum() and len(subscripts) == 1 else f"{{{joined}}}"
    return unicodedata.normalize("NFC", f"{text}_{subscript}{over}")


def code_of(name: str, time: Expr | None = None) -> str:
    """Python identifier: `h_t`, `h_tm1`, `h_3`, `lambda_`; of derived ones `h_bar_t`, `dL_dW`."""
    mark, plain = unmarked(name)
    if mark in (GRADIENT, IMMEDIATE):
        return f"{'dL' if mark == GRADIENT else 'dell'}_d{code_of(plain, time)}"
    if mark in BY:
        above, below = _jacobian_of(mark, plain, time)
        return f"d{code_of(*above)}_d{code_of(*below)}"
    if mark:
        base, *parts = plain.split("_")
        name = canonical(base, [*parts, mark])
    if time is None:
        # No name of the language ends with an underscore, so a mangled one meets no other.
        return name + "_" if keyword.iskeyword(name) or name in _CODE_NAMES else name
    if isinstance(time, Integer):
        return f"{name}_{int(time)}"
    if time.has(T):  # T, T-1
        lag = int(T - time)
        return f"{name}_T" if lag == 0 else f"{name}_Tm{lag}"
    lag = int(t - time)
    return f"{name}_t" if lag == 0 else f"{name}_tm{lag}" if lag > 0 else f"{name}_tp{-lag}"
