"""The Jinja environments: one for each kind of target, each with its own escaping.

Whatever a template prints is escaped for the target unless it is marked `Safe`, which only LaTeX
and markup of our own are. A text of a user's is never a template.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from ..names import GREEK_NAMES


class Safe(str):
    """Text that is already in the target's own language."""

    __slots__ = ()


def templates_folder() -> Path:
    """`templates/` of the checkout, or its copy in an installed package."""
    packaged = Path(__file__).parent.parent / "_templates"
    return packaged if packaged.is_dir() else Path(__file__).parent.parent.parent / "templates"


def site_sources() -> Path:
    """The folder with `mkdocs.yml` and `docs/`: the checkout, or their copy in the package."""
    packaged = Path(__file__).parent.parent / "_site"
    return packaged if packaged.is_dir() else Path(__file__).parent.parent.parent


def read_source(name: str) -> str:
    """A source of the site, such as a script that a page shows."""
    return (site_sources() / "docs" / name).read_text(encoding="utf-8")


_TEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\symbol{34}",
    "–": "--", "—": "---", "’": "'", "‘": "`", "“": "``", "”": "''", "…": r"\dots{}",
    "×": r"\(\times\)", "−": r"\(-\)", "⊙": r"\(\odot\)", "≤": r"\(\leq\)", "≥": r"\(\geq\)",
    "→": r"\(\to\)", "√": r"\(\surd\)", "∂": r"\(\partial\)", "Σ": r"\(\Sigma\)",
    "⊤": r"\(\top\)", "·": r"\(\cdot\)",
}  # fmt: skip


#: A word longer than this may be broken anywhere: no line of a page would hold it.
_LONGEST_WORD = 40


def escape_tex(text: str) -> str:
    """Escape prose for pdflatex; a character that it cannot set is shown by its number."""
    out = []
    run = 0
    for c in text:
        run = 0 if c.isspace() else run + 1
        if run > _LONGEST_WORD:
            out.append(r"\allowbreak{}")
        if c in _TEX:
            out.append(_TEX[c])
        elif c in GREEK_NAMES:
            out.append(rf"\(\{GREEK_NAMES[c]}\)")
        elif (
            (c.isascii() and c.isprintable())
            or c.isspace()
            or (0xA1 <= ord(c) <= 0x17E and c.isalpha())
        ):
            out.append(c)
        else:
            out.append(f"[U+{ord(c):04X}]")
    return "".join(out)


_MARKDOWN = {c: f"&#{ord(c)};" for c in "&<>\\`*_{}[]#|$~^!\"'"}


def breakable(text: str) -> Safe:
    """Escape a long word of code so that pdflatex may break it at its joints."""
    pieces = re.split(r"(?<=[_.,:(\[])|(?<=[a-z0-9])(?=[A-Z])", str(text))
    return Safe(r"\allowbreak{}".join(escape_tex(piece) for piece in pieces))


def escape_markdown(text: str) -> str:
    """Escape prose for Markdown and the HTML inside it; a line break is a space."""
    return " ".join("".join(_MARKDOWN.get(c, c) for c in text).split())


def sentence(escape: Callable[[str], str], left: str, right: str) -> Callable[..., Safe]:
    """A filter that joins words, escaped, and mathematics, between its marks."""

    def join(pieces: Any) -> Safe:
        text = "".join(
            f"{left}{p}{right}" if isinstance(p, Safe) else escape(f"\0{p}\0") for p in pieces
        )
        return Safe(text.replace("\0", "").replace("[U+0000]", ""))

    return join


def _environment(
    escape: Callable[[str], str], mathematics: tuple[str, str], **options: Any
) -> jinja2.Environment:
    def finalize(value: Any) -> Any:
        return value if isinstance(value, Safe) else escape(str(value))

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates_folder()),
        undefined=jinja2.StrictUndefined,
        finalize=finalize,
        autoescape=False,  # noqa: S701  everything passes `finalize`, which escapes
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **options,
    )
    environment.filters |= {"safe": Safe, "scientific": scientific, "wrapped": wrapped}
    environment.filters["sentence"] = sentence(escape, *mathematics)
    return environment


def scientific(number: float) -> Safe:
    """A number in TeX with two digits: 2.0 \\cdot 10^{-16}."""
    if number == 0:
        return Safe("0")
    mantissa, exponent = f"{number:.1e}".split("e")
    if not exponent.lstrip("+-").isdigit():
        return Safe(rf"\text{{{number}}}")
    return Safe(rf"{mantissa.removesuffix('.0')} \cdot 10^{{{int(exponent)}}}")


def wrapped(code: str, width: int) -> Safe:
    """Code with its long lines continued, so that no line runs out of a printed page."""
    lines: list[str] = []
    for line in code.splitlines():
        indent = " " * (len(line) - len(line.lstrip()) + 8)
        while len(line) > width:
            at = max(line.rfind(mark, len(indent) + 1, width - 2) for mark in (" ", ", "))
            if at <= len(indent):
                break
            lines.append(line[:at].rstrip() + " \\")
            line = indent + line[at:].lstrip()
        lines.append(line)
    return Safe("\n".join(lines))


@cache
def tex_environment() -> jinja2.Environment:
    """For LaTeX: the delimiters are such as LaTeX does not use."""
    environment = _environment(
        escape_tex,
        (r"\(", r"\)"),
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
    )
    environment.filters["breakable"] = breakable
    return environment


@cache
def markdown_environment() -> jinja2.Environment:
    """For Markdown."""
    return _environment(escape_markdown, ("$", "$"))


@cache
def text_environment() -> jinja2.Environment:
    """For plain text: control characters of a user's text are shown by their number."""
    environment = _environment(escape_text, ("", ""))
    environment.filters["plain"] = lambda number: Safe(f"{number:.1e}" if number else "0")
    return environment


@cache
def python_environment() -> jinja2.Environment:
    """For Python: what is not code of ours is words in a comment or a docstring, of one line."""
    environment = _environment(escape_text, ("", ""))
    environment.filters["words"] = lambda text: Safe(re.sub(r'["\\]', "'", escape_text(
        " ".join(str(text).split()))))  # fmt: skip
    return environment


def escape_text(text: str) -> str:
    """Text for a terminal: nothing in it moves the cursor."""
    return "".join(c if c.isprintable() or c in "\n\t" else f"[U+{ord(c):04X}]" for c in text)


@cache
def html_environment() -> jinja2.Environment:
    """For HTML: Jinja's own escaping."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates_folder()),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
