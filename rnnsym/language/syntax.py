"""The signs of the language: each stands once, with its spellings in plain text and in TeX."""

from __future__ import annotations

#: By the type of the token: the plain spellings, and the TeX commands. The first plain spelling is
#: the one that TeX is rewritten to; a sign that plain text lacks has a private character.
SIGNS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "PLUS": (("+",), ()),
    "MINUS": (("-", "−", "–"), ()),
    "HADAMARD": (("⊙", "∘", "*"), ("odot", "circ")),
    "SLASH": (("/", "⊘", "÷"), ("oslash",)),
    "AT": (("·", "⋅", "@"), ("cdot",)),
    "OUTER": (("⊗",), ("otimes",)),
    "TIMES": (("×",), ("times",)),
    "EQUAL": (("=",), ()),
    "LPAR": (("(",), ("{", "lbrace")),
    "RPAR": ((")",), ("}", "rbrace")),
    "LSQB": (("[",), ("lbrack",)),
    "RSQB": (("]",), ("rbrack",)),
    "LBRACE": (("{",), ()),
    "RBRACE": (("}",), ()),
    "LANGLE": (("⟨",), ("langle",)),
    "RANGLE": (("⟩",), ("rangle",)),
    "BAR": (("|",), ("vert",)),
    "LBAR": (("\ue000",), ("lvert",)),
    "RBAR": (("\ue001",), ("rvert",)),
    "COMMA": ((",",), ()),
    "COLON": ((":",), ()),
    "POWER": (("^", "**"), ()),
    "TRANSPOSE": (("⊤", "ᵀ", ".T"), ("top",)),
    "FRAC": (("\ue002",), ("frac", "dfrac", "tfrac")),
    "SQRT": (("\ue003",), ("sqrt",)),
}
#: The type of each plain spelling, and the plain spelling of each TeX command.
OF_SIGN = {spelling: kind for kind, (plain, _) in SIGNS.items() for spelling in plain}
OF_COMMAND = {command: plain[0] for plain, tex in SIGNS.values() for command in tex}

SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789"))
SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉₋ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", "0123456789-aehijklmnoprstuvx"))

#: What closes a bracket, by what opens it.
CLOSER = {
    "LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE", "LBAR": "RBAR", "LANGLE": "RANGLE",
    "CASES": "ENDCASES",
}  # fmt: skip
OPENER = {closer: opener for opener, closer in CLOSER.items()}
_INFIX = ("PLUS", "MINUS", "HADAMARD", "SLASH", "AT", "OUTER", "EQUAL", "POWER")
#: Behind these a line goes on; these go on with the line before; and these end an operand.
HANGING = frozenset([*_INFIX, "COMMA", "FUNCTION", "FRAC", "SQRT", "TIMES", "COLON"])
CONTINUING = frozenset([*_INFIX, "TRANSPOSE"])
ENDS = frozenset(
    ["NAME", "NUMBER", *CLOSER.values(), "TRANSPOSE", "RANGE", "SPECIAL"]
)  # fmt: skip
