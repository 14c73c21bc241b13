"""Formulas as MathML, which word processors take; each is turned back and compared."""

from __future__ import annotations

import re
import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from typing import Any

from ..derive.kinds import DERIVATIONS
from ..errors import CheckError, InputError, RnnsymError
from ..language.scan import scan
from ..language.tokens import DERIVATION, ELEMENTS
from ..names import GREEK_NAMES
from .environment import Safe, html_environment
from .views import CellView

_PARTS = {"symbols", "count", "forward", "elements", "unrolled", "matrices", "example",
          *DERIVATIONS}  # fmt: skip
_BROKEN = re.compile(r" \\\\\n&\\quad ")
_BOUND = {"forward": DERIVATION, "unrolled": DERIVATION}


def mathml(views: Sequence[CellView]) -> str:
    """An HTML page whose formulas are MathML.

    Raises:
        CheckError: if a formula does not say the same as its LaTeX.
    """
    for view in views:
        if not _PARTS & set(view.request.what):
            raise InputError(f"mathml has the parts {', '.join(sorted(_PARTS))}")
    environment = html_environment()
    environment.filters["mathml"] = lambda tex, kind=ELEMENTS: Safe(to_mathml(str(tex), kind))
    environment.filters["inline"] = lambda tex: Safe(to_mathml(str(tex), ELEMENTS, "inline"))
    environment.filters["pieces"] = _pieces
    return environment.get_template("document/document.mathml.j2").render(
        views=views, kinds={f: _BOUND.get(f, ELEMENTS) for f in ("forward", "unrolled", "elements",
                                                                 "matrices")}, derivation=DERIVATION
    )  # fmt: skip


def _pieces(line: str) -> list[str]:
    """The lines of one `aligned` equation, such as name = formula, = numbers, ≈ value."""
    return re.split(r" \\\\\n(?=&(?:=|\\approx))", line)


def to_mathml(tex: str, kind: str, display: str = "block") -> str:
    """MathML of one equation.

    Raises:
        CheckError: if it does not turn back to what the LaTeX says.
    """
    from latex2mathml.converter import convert

    plain = _BROKEN.sub(" ", tex)
    plain = re.sub(r"(^|[^&])&(=|\\approx|\\leq)", r"\1\2", plain) if "cases" in plain else (
        re.sub(r"&(=|\\approx|\\leq)", r"\1", plain))  # fmt: skip
    # The converter sets a single upright letter like a variable; as a text it stays upright.
    shaped = plain.replace(r"\mathrm{d}", r"\text{d}")
    # A power of a matrix would go to its first bracket.
    shaped = re.sub(r"(\\begin\{bmatrix\}(?:(?!\\end).)*\\end\{bmatrix\})(?=\^)", r"{\1}", shaped)
    found = convert(shaped, display=display)
    back = to_tex(ET.fromstring(found))  # noqa: S314  made here, from our own LaTeX
    try:
        same = tokens(back, kind) == tokens(plain, kind)
    except RnnsymError as refusal:
        raise CheckError(f"the MathML of {plain} cannot be read again: {refusal}") from None
    if not same:
        raise CheckError(f"the MathML of {plain} says {back}")
    return found


def tokens(tex: str, kind: str) -> list[tuple[str, Any]]:
    """What a formula says, token by token, whatever its spaces and braces."""
    flat = tex.replace(r"\approx", "=").replace(r"\leq", "=" if kind == DERIVATION else r"\leq")
    flat = re.sub(r"\\begin\{bmatrix\}(.*?)\\end\{bmatrix\}", _flat, flat, flags=re.S)
    flat = f"y {flat}" if flat.lstrip().startswith("=") else flat  # a piece of a line
    found: list[tuple[str, Any]] = []
    for statement in scan(flat, True, kind).statements:
        for token in statement.tokens:
            # Braces around a single token say nothing; others say what belongs together.
            if token.type == "RBRACE" and len(found) > 1 and found[-2][0] == "LBRACE":
                del found[-2]
                continue
            found.append((token.type, token.value))
    return found


def _flat(match: re.Match[str]) -> str:
    inner = match.group(1).replace("&", ",").replace(r"\\", ";").replace("\n", " ")
    return f"[{inner}]"


_ACCENTS = {"~": "tilde", "˜": "tilde", "^": "hat", "ˆ": "hat", "¯": "bar", "‾": "bar",
            "˙": "dot", "˘": "breve", "ˇ": "check"}  # fmt: skip
_SIGNS = {
    "⊙": r"\odot ", "∘": r"\circ ", "⊤": r"\top ", "−": "-", "∑": r"\sum", "∂": r"\partial ",
    "⟨": r"\langle ", "⟩": r"\rangle ", "×": r"\times ", "⋅": r"\cdot ", "·": r"\cdot ",
    "≈": r"\approx ", "≤": r"\leq ", "≥": r"\geq ", "|": "|", "∣": "|", "{": r"\begin{cases}",
}  # fmt: skip


def to_tex(node: ET.Element) -> str:
    """LaTeX of a MathML element, in the commands that the language reads."""
    tag = node.tag.rpartition("}")[2]
    children = list(node)
    parts = [to_tex(c) for c in children]
    text = node.text or ""
    if tag == "mi":
        return _identifier(node, text)
    if tag == "mn":
        return rf"\mathbf{{{text}}}" if node.get("mathvariant") == "bold" else text
    if tag == "mtext" and text == "d":
        return r"\mathrm{d} "
    if tag == "mtext":
        return rf"\text{{{unicodedata.normalize('NFKC', text)}}}"
    if tag == "mspace":
        return " "
    if tag == "mo":
        word = text.strip()
        if word and set(word) <= set("′″"):
            return word
        return _SIGNS.get(word) or (rf"\operatorname{{{word}}}" if len(word) > 1 else word)
    if tag == "msub":
        return f"{parts[0]}_{{{parts[1]}}}"
    if tag == "msup" and set(parts[1].strip()) <= set("′″'"):
        return parts[0] + parts[1].strip().replace("″", "''").replace("′", "'")
    if tag == "msup":
        return f"{parts[0]}^{{{parts[1]}}}"
    if tag in ("msubsup", "munderover"):
        return f"{parts[0]}_{{{parts[1]}}}^{{{parts[2]}}}"
    if tag == "mfrac":
        return rf"\frac{{{parts[0]}}}{{{parts[1]}}}"
    if tag == "msqrt":
        return rf"\sqrt{{{''.join(parts)}}}"
    if tag == "mover":
        accent = _ACCENTS.get((children[1].text or "").strip())
        if accent is None:
            raise CheckError(f"an accent of MathML is not known: {children[1].text!r}")
        return rf"\{accent}{{{parts[0]}}}"
    if tag == "mtable":
        return r" \\ ".join(parts)
    if tag == "mtr":
        return " & ".join(parts)
    if tag == "mrow":
        return _row(children, parts)
    return "".join(parts)


def _identifier(node: ET.Element, text: str) -> str:
    if text and set(text) <= set("′″"):
        return text
    plain = unicodedata.normalize("NFKC", text) if text not in GREEK_NAMES else text
    if plain != text and plain.isascii() and "BOLD" in unicodedata.name(text[0], ""):
        return rf"\mathbf{{{plain}}}"
    if node.get("mathvariant") == "normal" or len(plain) > 1:
        return rf"\mathrm{{{plain}}}" if len(plain) == 1 else rf"\operatorname{{{plain}}}"
    return f"{plain} "


def _row(children: list[ET.Element], parts: list[str]) -> str:
    """A row: letters of an upright word belong together; a brace before a table opens cases."""
    upright = [c.get("mathvariant") == "normal" and c.tag.endswith("mi") for c in children]
    if len(children) > 1 and all(upright):
        word = "".join(c.text or "" for c in children).replace("_", r"\_")
        return rf"\mathrm{{{word}}}"
    bold = [_bold(c) for c in children]
    if len(children) > 1 and all(bold):
        return rf"\mathbf{{{''.join(map(str, bold))}}}"
    out = []
    for n, (child, part) in enumerate(zip(children, parts)):
        table = child.tag.endswith("mtable")
        before = (children[n - 1].text or "").strip() if n else ""
        if table and before == "{":
            out.append(part + r" \end{cases}")
        elif table:
            out[-1] = out[-1].removesuffix("[") + r"\begin{bmatrix} "
            out.append(part)
        elif n and children[n - 1].tag.endswith("mtable") and part.startswith("]"):
            # The bracket that closes may carry a power or a transpose.
            out.append(r" \end{bmatrix}" + part[1:])
        else:
            out.append(part)
    return "".join(out)


def _bold(node: ET.Element) -> str:
    text = node.text or ""
    if not node.tag.endswith("mi") or len(text) != 1 or "BOLD" not in unicodedata.name(text, ""):
        return ""
    return unicodedata.normalize("NFKC", text)
