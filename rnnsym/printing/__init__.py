"""LaTeX and text of the nouns."""

from .latex import count_tex, size_tex, tex_lines
from .style import Choices, Style, chosen
from .text import count_text
from .verbs import to_latex, to_text

__all__ = [
    "Choices", "Style", "chosen", "count_tex", "count_text", "size_tex", "tex_lines", "to_latex",
    "to_text",
]  # fmt: skip
