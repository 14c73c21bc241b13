"""Derivations: what follows from a cell's equations."""

from .stacking import stack
from .unrolling import matrices, unroll

__all__ = ["matrices", "stack", "unroll"]
