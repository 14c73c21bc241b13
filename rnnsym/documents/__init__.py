"""Documents from templates: LaTeX articles, Markdown, notebook displays, explanations of models."""

from .display import to_html, to_svg
from .explanation import EXPLANATIONS, Explanation, explain, render, trace_arrays
from .rendering import FORMATS, document

__all__ = [
    "EXPLANATIONS", "FORMATS", "Explanation", "document", "explain", "render", "to_html", "to_svg",
    "trace_arrays",
]  # fmt: skip
