"""Readable NumPy functions of cells and derivations."""

from .function import NumericFunction, lambdify

__all__ = ["NumericFunction", "lambdify"]
