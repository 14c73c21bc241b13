"""Keras: how our cells are packed into its layers, its numbers, and its models.

The only room that imports Keras and TensorFlow, and only inside functions.
"""

from .packing import LAYERS, Layer
from .witness import Model, Part, load, parts

__all__ = ["LAYERS", "Layer", "Model", "Part", "load", "parts"]
