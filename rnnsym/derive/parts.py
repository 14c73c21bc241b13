"""One road for cells and models: a cell is a model of one part, and a verb is done to each part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, overload

from ..errors import InputError
from ..models import Model, Node, seen
from ..nouns import Cell
from .variants import giving

P = ParamSpec("P")
R = TypeVar("R", covariant=True)


class OfParts(Protocol[P, R]):
    """A verb of a cell: it gives one thing; and of a model: one for each part."""

    @overload
    def __call__(self, subject: Cell, *args: P.args, **options: P.kwargs) -> R: ...

    @overload
    def __call__(self, subject: Model, *args: P.args, **options: P.kwargs) -> tuple[R, ...]: ...


def part_of(node: Node, value: str | None = None) -> Cell:
    """The cell of a part of a model, called like the part.

    Args:
        node: the part.
        value: which of the values that the part gives is the output; all that are read, if not
            given.
    """
    assert node.cell is not None
    names = [name for (name, _), v in zip(node.takes, node.gives) if value in (None, v)]
    cell = giving(node.cell, dict.fromkeys(names))
    return replace(cell, name=node.name, title=f"{node.name} ({node.kind})")


def nodes_of(
    subject: Cell | Model, verb: str, needs: Callable[[Cell], bool] = lambda cell: True
) -> tuple[Node, ...]:
    """The parts with equations of a model, or of a cell seen as one.

    Args:
        subject: a cell, network or model.
        verb: who asks, for a refusal.
        needs: whether a part has what is asked for; the others are left out, where some do.

    Raises:
        InputError: for something else, or for a model without an equation.
    """
    if not isinstance(subject, (Cell, Model)):
        raise InputError(f"{verb} takes a cell, network or model, not {type(subject).__name__}")
    found = tuple(seen(subject).equations)
    if not found:
        raise InputError(f"{subject.name} has no equations: nothing in it is a cell")
    return tuple(n for n in found if n.cell is not None and needs(n.cell)) or found[:1]


def has_states(cell: Cell) -> bool:
    """Whether a cell remembers anything."""
    return bool(cell.states)


def has_parameters(cell: Cell) -> bool:
    """Whether a cell has anything to learn."""
    return bool(cell.parameters)


#: The cell of one part of a model, and a verb's options for it, from those for the model.
Given = Callable[[Model, Node, dict[str, Any]], tuple[Cell, dict[str, Any]]]


def of_parts(
    needs: Callable[[Cell], bool] = lambda cell: True,
    last_first: bool = False,
    given: Given = lambda model, node, options: (part_of(node), options),
) -> Callable[[Callable[Concatenate[Cell, P], R]], OfParts[P, R]]:
    """Make a verb of a cell one of models as well.

    Args:
        needs: whether a part has what the verb asks for; the others are left out, where some do.
        last_first: whether the parts come in the order of a gradient, the last one first.
        given: what each part is given, where that is not what the model was given.
    """

    def made(verb: Callable[Concatenate[Cell, P], R]) -> OfParts[P, R]:
        @wraps(verb)
        def each(subject: Any, *args: P.args, **options: P.kwargs) -> Any:
            if isinstance(subject, Cell):  # its one part is itself
                return verb(subject, *args, **options)
            nodes = nodes_of(subject, verb.__name__, needs)
            own: Any = [given(subject, n, options) for n in nodes]
            return tuple(verb(p, *args, **o) for p, o in (own[::-1] if last_first else own))

        return each  # type: ignore[return-value]

    return made
