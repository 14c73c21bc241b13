"""Checks that are shown to have power: independent values, comparisons, planted errors."""

from .equality import equal
from .flows import Flow, flow
from .lines import verify_lines
from .models import verify_printed
from .sweep import verify_all
from .verbs import verify
from .verification import read_back

__all__ = ["Flow", "equal", "flow", "read_back", "verify", "verify_all", "verify_lines",
           "verify_printed"]  # fmt: skip
