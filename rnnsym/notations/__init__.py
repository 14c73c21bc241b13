"""Notations: how books and frameworks call the same quantities, one file each, discovered."""

from .catalogue import Notation, get, names, read_notation

__all__ = ["Notation", "get", "names", "read_notation"]
