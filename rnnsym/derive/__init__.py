"""Derivations: what follows from a cell's equations."""

from .backward import backpropagate
from .sensitivities import jacobian, rtrl
from .stacking import stack
from .unrolling import matrices, unroll

__all__ = ["backpropagate", "jacobian", "matrices", "rtrl", "stack", "unroll"]
