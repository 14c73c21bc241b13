"""A text as trees, before anything is known of its names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from ..errors import LanguageError
from .scan import scan
from .symbols import walk
from .tokens import CELL, Scanned
from .tree import (
    DeclarationTree,
    EquationTree,
    Identity,
    Ref,
    parse_statement,
)


@dataclass
class ParsedText:
    """A parsed text before its shapes are known."""

    scanned: Scanned
    equations: list[EquationTree]
    declarations: list[DeclarationTree]

    @property
    def text(self) -> str:
        return self.scanned.text

    def line(self, equation: EquationTree) -> str:
        """An equation as it was written, with the number of its line."""
        written = " ".join(self.text[equation.start : equation.end].split())
        return f"line {self.text.count(chr(10), 0, equation.start) + 1}: {written}"


def parse_text(
    text: str, latex: bool | None = None, kind: str = CELL, tight: bool = False
) -> ParsedText:
    """Scan a text and parse its statements; see `scan`."""
    scanned = scan(text, latex, kind)
    equations: list[EquationTree] = []
    declarations: list[DeclarationTree] = []
    for statement in scanned.statements:
        tree = parse_statement(statement, scanned, tight)
        if isinstance(tree, DeclarationTree):
            declarations.append(tree)
        else:
            equations.append(tree)
    if not equations:
        raise LanguageError(
            "there is no equation; a cell needs at least one, such as h_t = tanh(x_t W + b)",
            "",
            0,
        )
    return ParsedText(scanned, equations, declarations)


def refs(parsed: ParsedText) -> Iterable[Ref]:
    """Every name that stands in the equations, in the order written."""
    for equation in parsed.equations:
        yield equation.name
        for node in walk(equation.right):
            if isinstance(node, Ref):
                yield node


def identity_of(name: str) -> str | None:
    """Of a name that is free to be the identity, I or I_K, the size that is written, or ""."""
    base, _, size = name.partition("_")
    sized = not size or (len(size) == 1 and (size.isupper() or size in "dkmn"))
    return size if base == "I" and sized else None


def with_identities(parsed: ParsedText) -> ParsedText:
    """I, where no equation defines it and no declaration says that it is a parameter."""
    taken = {e.name.name for e in parsed.equations}
    for declaration in parsed.declarations:
        # I: K × K says how wide the identity is; all else that is said of I makes it another.
        shape = isinstance(declaration.kind, tuple)
        taken |= {r.name for r in declaration.names if not (shape and identity_of(r.name) == "")}

    def known(node: Any) -> Any:
        if isinstance(node, Ref):
            size = None if node.name in taken or node.lag is not None else identity_of(node.name)
            return node if size is None else Identity(node.start, node.end, node.grouped, size)
        if node.children:
            return replace(node, items=tuple(known(item) for item in node.items))
        return node

    equations = [replace(e, right=known(e.right)) for e in parsed.equations]
    return ParsedText(parsed.scanned, equations, parsed.declarations)
