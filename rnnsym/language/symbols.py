"""What is known of the names of a text, and who refuses it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NoReturn

from ..errors import LanguageError
from ..names import GREEK
from ..nouns import Role
from .dims import Dim
from .tree import (
    Ref,
    Tree,
)

Pair = tuple[Dim, Dim]


class ShapeError(LanguageError):
    """Shapes that cannot agree; the parser may add what would mend it."""


@dataclass
class Symbols:
    """What is known of the names before shapes are inferred.

    Attributes:
        shapes: the shape of each name, partly unknown.
        scalars: the names that are declared scalars.
        timed: the names with a time index.
        roles: the role of each name, in the order in which a cell lists its variables.
        output: the name of the output.
        column: whether the text is in column form, for messages.
        derived: whether it is of a derivation, where a column may stand for a whole matrix.
        sizes: the dimension of each size of a symbol table.
    """

    text: str
    shapes: dict[str, Pair] = field(default_factory=dict)
    scalars: set[str] = field(default_factory=set)
    timed: set[str] = field(default_factory=set)
    roles: dict[str, Role] = field(default_factory=dict)
    output: str = ""
    column: bool = False
    derived: bool = False
    sizes: dict[str, Dim] = field(default_factory=dict)

    def refuse(self, reason: str, tree: Tree) -> NoReturn:
        raise LanguageError(reason, self.text, tree.start, tree.end)

    def fail(self, reason: str, tree: Tree) -> NoReturn:
        """Refuse for a reason that a declaration or the other convention might mend."""
        raise ShapeError(reason, self.text, tree.start, tree.end)


def walk(tree: Tree) -> Iterable[Tree]:
    """Every node of a tree, in the order written."""
    stack = [tree]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(node.children))


def may_be_scalar(ref: Ref) -> bool:
    """Whether a name is one that people give to scalars: a small letter, at a time a Greek one."""
    base = ref.name.partition("_")[0]
    return base[0].islower() and (ref.lag is None or base in GREEK)
