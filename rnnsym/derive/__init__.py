"""Derivations: what follows from a cell's equations."""

from .backward import backpropagate
from .costs import Costs, count
from .sensitivities import jacobian, rtrl
from .stacking import stack
from .unrolling import matrices, unroll

__all__ = ["Costs", "backpropagate", "count", "jacobian", "matrices", "rtrl", "stack", "unroll"]
