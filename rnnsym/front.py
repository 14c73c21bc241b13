"""What nouns can do is done in the rooms above them; the front door hands it down here.

A noun that shows or checks itself asks for a verb by its public name. No module below has to know
where that is done, and none imports upwards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_RESOLVE: list[Callable[[str], Any]] = []


def hand(resolve: Callable[[str], Any]) -> None:
    """Say how a public name is found; the front door does, once."""
    _RESOLVE[:] = [resolve]


def verb(name: str) -> Callable[..., Any]:
    """A public function by its name."""
    return _RESOLVE[0](name)  # type: ignore[no-any-return]
