"""Checks that are shown to have power: independent values, comparisons, planted errors."""

from .verification import read_back, verify

__all__ = ["read_back", "verify"]
