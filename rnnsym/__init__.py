"""rnnsym: write a recurrent cell's equations once; get its derivation, LaTeX, code and proof.

    import rnnsym
    cell = rnnsym.Cell.parse("h_t = tanh(x_t W + h_{t-1} U + b)")
    f = rnnsym.lambdify(cell)

Names are loaded when they are first used: `import rnnsym` loads neither SymPy nor TensorFlow.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import front

__version__ = "0.1.0"

#: Where each public name lives.
_HOMES = {
    "Cell": "nouns",
    "CheckError": "errors",
    "Comparison": "nouns",
    "Control": "nouns",
    "Costs": "derive",
    "Derivation": "nouns",
    "Equation": "nouns",
    "Flow": "checking",
    "GradientFunction": "numeric",
    "InputError": "errors",
    "LanguageError": "errors",
    "Model": "models",
    "ModelFunction": "numeric",
    "ModelGradient": "numeric",
    "Network": "nouns",
    "NumericFunction": "numeric",
    "Report": "nouns",
    "RnnsymError": "errors",
    "Role": "nouns",
    "Step": "nouns",
    "Variable": "nouns",
    "Verdict": "nouns",
    "backpropagate": "derive",
    "count": "derive",
    "document": "documents",
    "equal": "checking",
    "flow": "checking",
    "from_keras": "frameworks.keras",
    "jacobian": "derive",
    "lambdify": "numeric",
    "matrices": "derive",
    "parse": "language",
    "read": "language",
    "read_written": "language",
    "read_back": "checking",
    "rtrl": "derive",
    "stack": "derive",
    "to_html": "documents",
    "to_latex": "printing",
    "to_svg": "documents",
    "to_text": "printing",
    "unroll": "derive",
    "verify": "checking",
    "verify_all": "checking",
    "verify_lines": "checking",
}

__all__ = ["__version__", "cells", "notations", *_HOMES]

if TYPE_CHECKING:
    from . import cells as cells
    from . import notations as notations
    from .checking import Flow as Flow
    from .checking import equal as equal
    from .checking import flow as flow
    from .checking import read_back as read_back
    from .checking import verify as verify
    from .checking import verify_all as verify_all
    from .checking import verify_lines as verify_lines
    from .derive import Costs as Costs
    from .derive import backpropagate as backpropagate
    from .derive import count as count
    from .derive import jacobian as jacobian
    from .derive import matrices as matrices
    from .derive import rtrl as rtrl
    from .derive import stack as stack
    from .derive import unroll as unroll
    from .documents import document as document
    from .documents import to_html as to_html
    from .documents import to_svg as to_svg
    from .errors import CheckError as CheckError
    from .errors import InputError as InputError
    from .errors import LanguageError as LanguageError
    from .errors import RnnsymError as RnnsymError
    from .frameworks.keras import from_keras as from_keras
    from .language import parse as parse
    from .language import read as read
    from .language import read_written as read_written
    from .models import Model as Model
    from .nouns import Cell as Cell
    from .nouns import Comparison as Comparison
    from .nouns import Control as Control
    from .nouns import Derivation as Derivation
    from .nouns import Equation as Equation
    from .nouns import Network as Network
    from .nouns import Report as Report
    from .nouns import Role as Role
    from .nouns import Step as Step
    from .nouns import Variable as Variable
    from .nouns import Verdict as Verdict
    from .numeric import GradientFunction as GradientFunction
    from .numeric import ModelFunction as ModelFunction
    from .numeric import ModelGradient as ModelGradient
    from .numeric import NumericFunction as NumericFunction
    from .numeric import lambdify as lambdify
    from .printing import to_latex as to_latex
    from .printing import to_text as to_text


def __getattr__(name: str) -> Any:
    if name in ("cells", "notations"):
        return importlib.import_module(f".{name}", __name__)
    if name in _HOMES:
        value = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'rnnsym' has no attribute '{name}'")


front.hand(__getattr__)


def __dir__() -> list[str]:
    return sorted(__all__)
