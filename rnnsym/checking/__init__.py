"""Checks that are shown to have power: independent values, comparisons, planted errors."""

from .equality import equal
from .flows import Flow, flow
from .lines import verify_lines
from .readback import read_back
from .sweep import verify_all
from .verbs import verify
from .whole import verify_printed

__all__ = ["Flow", "equal", "flow", "read_back", "verify", "verify_all", "verify_lines",
           "verify_printed"]  # fmt: skip
