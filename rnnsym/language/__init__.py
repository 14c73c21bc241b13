"""The language of cells: scanner, grammar, shape inference, parser."""

from ..nouns import CONVENTIONS
from .parser import parse
from .reading import read, read_written

__all__ = ["CONVENTIONS", "parse", "read", "read_written"]
