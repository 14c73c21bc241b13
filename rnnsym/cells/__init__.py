"""The catalogue of cells: one file each, discovered."""

from .catalogue import get, names, read_file
from .matching import find, same

__all__ = ["find", "get", "names", "read_file", "same"]
