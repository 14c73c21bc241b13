"""The picture of the house: which room imports which, found in the sources."""

from __future__ import annotations

import ast
import graphlib
import html
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
_CELL, _LEFT, _TOP = 26, 150, 112


def rooms() -> dict[str, set[str]]:
    """Every room (a folder, or a module beside them) with the rooms that it imports.

    Imports that stand in functions count as well; those for types alone do not.
    """
    found: dict[str, set[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if len(parts) == 1 and parts[0].startswith("__"):
            continue  # the front door hands names on, and the rooms know nothing of it
        room = parts[0]
        uses = found.setdefault(room, set())
        for node in _imports(ast.parse(path.read_text(encoding="utf-8"))):
            uses |= _rooms_of(node, len(parts) - (path.name == "__init__.py"))
    return {room: {u for u in uses if u in found and u != room} for room, uses in found.items()}


def _imports(tree: ast.Module) -> list[ast.ImportFrom]:
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = []
    return [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.level]


def _rooms_of(node: ast.ImportFrom, depth: int) -> set[str]:
    """The rooms that an import out of a module of some depth names."""
    if node.level != depth:
        return set()
    if node.module:
        return {node.module.partition(".")[0]}
    return {alias.name for alias in node.names}


def floors() -> list[str]:
    """The rooms, each after all that it imports.

    Raises:
        graphlib.CycleError: if two rooms import each other.
    """
    known = rooms()
    order = graphlib.TopologicalSorter({room: sorted(uses) for room, uses in known.items()})
    order.prepare()
    found: list[str] = []
    while order.is_active():
        ready = sorted(order.get_ready())
        found += ready
        order.done(*ready)
    return found


def house_svg() -> str:
    """A table of rooms: a dot where the room of the row imports that of the column.

    The rooms stand in an order in which each imports only from rooms before it, so every dot is
    below the diagonal.
    """
    known, names = rooms(), floors()
    size = len(names) * _CELL
    width, height = _LEFT + size + 10, _TOP + size + 10
    words = "Rooms of the package: each imports only from rooms above it in the list."
    out = [
        f'<svg class="rnnsym-diagram" xmlns="http://www.w3.org/2000/svg" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}" role="img" font-family="sans-serif" '
        f'font-size="13" fill="currentColor"><title>{html.escape(words)}</title>'
    ]
    for i, row in enumerate(names):
        y = _TOP + i * _CELL
        out.append(f'<text x="{_LEFT - 8}" y="{y + 18}" text-anchor="end">{row}</text>')
        x = _LEFT + i * _CELL + 17
        out.append(f'<text transform="translate({x} {_TOP - 8}) rotate(-60)">{row}</text>')
        for j, column in enumerate(names):
            x = _LEFT + j * _CELL
            own = ' fill-opacity="0.25"' if i == j else ' fill="none"'
            out.append(
                f'<rect x="{x}" y="{y}" width="{_CELL}" height="{_CELL}" stroke="currentColor" '
                f'stroke-opacity="0.25"{own}/>'
            )
            if column in known[row]:
                out.append(f'<circle cx="{x + _CELL / 2}" cy="{y + _CELL / 2}" r="5"/>')
    return "\n".join([*out, "</svg>"])
