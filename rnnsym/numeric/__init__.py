"""Readable NumPy functions of cells, derivations and models."""

from .function import GradientFunction, NumericFunction, lambdify
from .models import ModelFunction, ModelGradient

__all__ = ["GradientFunction", "ModelFunction", "ModelGradient", "NumericFunction", "lambdify"]
