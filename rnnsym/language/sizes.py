"""Sizes of a text: names for the unknown ones, and those that stand in formulas."""

from __future__ import annotations

import re
from collections import Counter

from sympy import Expr, Integer, Symbol

from ..nouns import Role
from .dims import Dim, constant, is_one, linear
from .symbols import Symbols
from .tree import (
    Ranged,
    Special,
    Tree,
)

#: The usual letters, the first one free: features, units, keys and values of a matrix state,
#: outputs, anything else.
_LETTERS = {
    "features": "DFI",
    "units": "MH",
    "rows": "KP",
    "cols": "VQ",
    "outputs": "KO",
    "other": "PQRLJGE",
}


def name_sizes(symbols: Symbols) -> dict[Dim, str]:
    """Name the unknown sizes; a letter that the text uses as a name is not taken for a size."""
    taken = set(symbols.shapes) | {"N", "T", "t"}
    for pair in symbols.shapes.values():
        for dim in pair:
            taken |= {d.label for d in linear(dim)[0] if d.label}
    names: dict[Dim, str] = {}

    def give(dim: Dim, letters: str, owner: str) -> None:
        for unknown in sorted(linear(dim)[0], key=lambda d: d.nonunit or ""):
            if unknown.label or unknown in names:
                continue
            free = [c for c in _LETTERS[letters] if c not in taken]
            name = free[0] if free else f"{_LETTERS[letters][0]}_{owner}"
            while name in taken:
                name += "x"
            taken.add(name)
            names[unknown] = name

    def having(role: Role) -> list[str]:
        return [name for name, r in symbols.roles.items() if r == role]

    for name in having(Role.INPUT):
        give(symbols.shapes[name][1], "features", name)
    for name in having(Role.STATE):
        if is_one(symbols.shapes[name][0]):
            give(symbols.shapes[name][1], "units", name)
    for name in having(Role.STATE):
        give(symbols.shapes[name][0], "rows", name)
        give(symbols.shapes[name][1], "cols", name)
    if symbols.output:
        give(symbols.shapes[symbols.output][1], "outputs", symbols.output)
    for name, pair in symbols.shapes.items():
        for dim in pair:
            give(dim, "other", name)
    return names


def bounds_of(tree: Ranged, symbols: Symbols) -> tuple[Expr, Expr]:
    """The first column of a range, counted from 0, and the column behind its last."""
    lower, upper = (_sum_of_sizes(part, tree, symbols) for part in tree.bounds.split(":"))
    return lower - 1, upper


def _sum_of_sizes(text: str, tree: Tree, symbols: Symbols) -> Expr:
    terms: list[Expr] = []
    for term in text.split("+"):
        match = re.fullmatch(r"([0-9]*)([A-Za-z][A-Za-z0-9_]*)?", term.replace("{", ""))
        if not match or not term or (match.group(2) and match.group(2) not in symbols.sizes):
            symbols.refuse(f"'{text}' is no bound of a range", tree)
        factor = Integer(int(match.group(1) or 1))
        terms.append(factor * Symbol(match.group(2)) if match.group(2) else factor)
    return sum(terms, Integer(0))


def special_shape(tree: Special, symbols: Symbols) -> tuple[Expr, Expr]:
    """The shape of an identity, of zeros or ones, in row form."""
    letter, _, sizes = tree.text.partition(":")
    parts = [_sum_of_sizes(part, tree, symbols) for part in sizes.split("×")]
    if len(parts) != (1 if letter == "I" else 2):
        symbols.refuse("the identity has one size, zeros and ones have two", tree)
    return (parts[-1], parts[0]) if symbols.column else (parts[0], parts[-1])


def ranged_width(tree: Ranged, symbols: Symbols) -> Dim:
    """How many columns a range has."""
    start, stop = bounds_of(tree, symbols)
    return known_dim(stop - start, symbols.sizes)


def known_dim(size: Expr, names: dict[str, Dim]) -> Dim:
    """A size of a symbol table as a dimension; sums of sizes stay sums."""
    if isinstance(size, Integer):
        return constant(int(size))
    if isinstance(size, Symbol):
        return declared_dim(str(size), names)
    dim = Dim()
    parts: Counter[Dim] = Counter()
    number = 0
    for term, times in size.as_coefficients_dict().items():
        if term == 1:
            number += int(times)
        else:
            parts[declared_dim(str(term), names)] = int(times)
    dim.value = (parts, number)
    return dim


def declared_dim(size: str, names: dict[str, Dim]) -> Dim:
    """The size of a declaration: a number, or a name that is the same size everywhere."""
    if size.isdigit():
        return constant(int(size))
    return names.setdefault(size, Dim(label=size))
