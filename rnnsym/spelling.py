"""Plain ASCII for terminals that know no other letters: the spellings that the language reads."""

from __future__ import annotations

import codecs
import unicodedata

_SIGNS = {
    "⊙": "*", "∘": "*", "·": "*", "×": "x", "⊤": "T", "−": "-", "–": "-", "—": "-", "…": "...",
    "→": "->", "∂": "d", "∑": "sum", "∏": "prod", "√": "sqrt", "⟨": "<", "⟩": ">", "≤": "<=",
    "≥": ">=", "≠": "!=", "≈": "~", "∈": "in", "‖": "||", "⊗": "(x)", "∞": "inf", "«": "<<",
    "»": ">>", "“": '"', "”": '"', "‘": "'", "’": "'", "─": "-", "│": "|", "°": "deg", "½": "1/2",
}  # fmt: skip


def ascii_of(text: str) -> str:
    """A text in ASCII: σ( is sigmoid(, β is beta, h̃ is h_tilde, ⊙ is *."""
    from .names import ACCENT_NAMES, GREEK_NAMES  # which needs SymPy, and help does not

    plain = []
    for i, character in enumerate(unicodedata.normalize("NFD", text)):
        if character.isascii():
            plain.append(character)
        elif character == "σ" and text[i + 1 : i + 2] == "(":
            plain.append("sigmoid")
        elif character in GREEK_NAMES:
            plain.append(GREEK_NAMES[character])
        elif character in ACCENT_NAMES:
            plain.append(f"_{ACCENT_NAMES[character]}")
        elif not unicodedata.combining(character):
            plain.append(_SIGNS.get(character, "?"))
    return "".join(plain)


def fitting(text: str, encoding: str) -> str:
    """A text as a stream will show it, so that columns are as wide as they will be."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return ascii_of(text)
    return text


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    # What follows tells the function σ( from a letter σ.
    text = error.object[error.start : error.end]
    following = error.object[error.end : error.end + 1]
    found = ascii_of(text + (following if following.isascii() else ""))
    return found.removesuffix(following) if following.isascii() else found, error.end


def register() -> str:
    """The name of an error handler for streams that spells what they cannot encode."""
    codecs.register_error("rnnsym", _replace)
    return "rnnsym"
