"""From generated text to a function."""

from __future__ import annotations

from typing import Any

from .source import Source


def compiled(source: Source) -> Any:
    """Define the function of a generated source.

    The source is printed from SymPy expressions whose names are checked identifiers; no text of a
    user's is part of it.
    """
    namespace: dict[str, Any] = {"__name__": "rnnsym.generated"}
    exec(compile(source.text, f"<generated {source.function}>", "exec"), namespace)  # noqa: S102
    return namespace[source.function]
