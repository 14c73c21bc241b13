"""The language of cells: grammar, parser (plain and LaTeX), shape inference."""

from .parser import CONVENTIONS, parse, read, read_written

__all__ = ["CONVENTIONS", "parse", "read", "read_written"]
