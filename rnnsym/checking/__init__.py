"""Checks that are shown to have power: independent values, comparisons, planted errors."""

from .lines import verify_lines
from .verification import read_back, verify

__all__ = ["read_back", "verify", "verify_lines"]
