"""Lines of formulas before they are set: pieces with their widths, and where a line may break."""

from __future__ import annotations

from dataclasses import dataclass, replace

#: How tightly an expression binds: a sum, a product, a factor (no product inside), an atom.
SUM, TERM, FACTOR, ATOM = range(4)


@dataclass(frozen=True)
class Piece:
    """A bit of text and its width in letters; a line may break before it if `depth` is given.

    A line that breaks before a factor starts with `joint`, a product sign.
    """

    text: str
    width: float
    depth: int | None = None
    joint: str = ""


Pieces = list[Piece]
#: Pieces, and how tightly what they spell binds.
Spelled = tuple[Pieces, int]


def join(pieces: Pieces) -> str:
    """The text of pieces in one line."""
    return "".join(p.text for p in pieces)


def measure(pieces: Pieces) -> float:
    """The width of pieces in one line, in letters."""
    return sum(p.width for p in pieces)


def deeper(pieces: Pieces) -> Pieces:
    """Pieces inside one more bracket: a worse place to break."""
    return [p if p.depth is None else replace(p, depth=p.depth + 1) for p in pieces]


def break_lines(pieces: Pieces, first: float, later: float) -> list[str]:
    """Break pieces into lines, each where nesting is least among the places that fit."""
    lines: list[str] = []
    limit = first
    while measure(pieces) > limit:
        width = 0.0
        fits: list[tuple[int, int]] = []
        beyond: int | None = None
        for i, piece in enumerate(pieces):
            if i and piece.depth is not None:
                if width <= limit:
                    fits.append((piece.depth, -i))
                elif beyond is None:
                    beyond = i
            width += piece.width
        # A break in the first third of a line looks worse than a deeper one further on.
        far = [f for f in fits if measure(pieces[: -f[1]]) > limit / 3] or fits
        at = -min(far)[1] if far else beyond
        if at is None:
            break
        lines.append(join(pieces[:at]).rstrip())
        head = pieces[at]
        pieces = [Piece(head.joint + head.text.lstrip(), head.width), *pieces[at + 1 :]]
        limit = later
    lines.append(join(pieces))
    return lines
