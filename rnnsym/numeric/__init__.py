"""Readable NumPy functions of cells and derivations."""

from .function import GradientFunction, NumericFunction, lambdify

__all__ = ["GradientFunction", "NumericFunction", "lambdify"]
