"""The operations: one class each, found by looking, and the tables of functions.

`node` says what an operation must say of itself; every other file of this room is one operation or
a few that belong together. A file that is added is found: what it defines can be written, printed,
differentiated and computed.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from .functions import ELEMENTWISE, Elementwise
from .node import CALLS, Change, Node, Transpose
from .rowfunctions import ROWS, RowFunction

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")


@cache
def spellings() -> dict[str, str]:
    """Every spelling of a function or called operation that is read, and its name."""
    table: dict[str, str] = {}
    plain = [e for e in ELEMENTWISE.values() if "'" not in e.name]  # primes are read by themselves
    entries: list[Elementwise | RowFunction] = [*plain, *ROWS.values()]
    found = [
        (e.name, e.tex.removeprefix("\\operatorname").strip("\\{}"), e.aliases) for e in entries
    ]
    found += [(name, name, operation.aliases) for name, operation in CALLS.items()]
    for name, bare, aliases in found:
        for spelling in (name, bare, *aliases):
            if table.setdefault(spelling, name) != name:
                raise ValueError(f"'{spelling}' is a spelling of two functions")
    return table


def operations() -> tuple[type[Node], ...]:
    """Every operation there is, in the order of its files."""
    found: list[type[Node]] = []
    stack = [Node]
    while stack:
        kind = stack.pop()
        stack += kind.__subclasses__()
        found.append(kind)
    return tuple(sorted(found, key=lambda k: (k.__module__, k.__name__)))


__all__ = ["CALLS", "ELEMENTWISE", "ROWS", "Change", "Node", "Transpose", "operations", "spellings"]
