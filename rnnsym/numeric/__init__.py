"""Readable NumPy functions of cells, derivations and models."""

from .function import GradientFunction, NumericFunction
from .models import ModelFunction, ModelGradient
from .verbs import lambdify

__all__ = ["GradientFunction", "ModelFunction", "ModelGradient", "NumericFunction", "lambdify"]
