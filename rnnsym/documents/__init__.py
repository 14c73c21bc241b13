"""Documents from templates: LaTeX articles, Markdown, notebook displays."""

from .display import to_html, to_svg
from .rendering import FORMATS, document

__all__ = ["FORMATS", "document", "to_html", "to_svg"]
