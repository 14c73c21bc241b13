"""What goes wrong, said in one line each."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any


class RnnsymError(ValueError):
    """Bad input: the message is one line that says where, what was found and what was expected."""

    def __init__(self, message: str) -> None:
        # A name or a piece of text from a user may hold a line break; the promise is one line.
        super().__init__(" ".join(message.split()))

    def __reduce__(self) -> Any:
        # What stands in `args` is the message, and not what a constructor was given.
        return _again, (type(self), self.args, self.__dict__)


def _again(kind: type[RnnsymError], args: tuple[Any, ...], attributes: dict[str, Any]) -> Any:
    error = kind.__new__(kind, *args)
    error.__dict__.update(attributes)
    return error


def suggestion(name: Any, known: Iterable[str], also: Mapping[str, str] | None = None) -> str:
    """What was meant, as the end of a message: `; did you mean lstm?`; or the empty text.

    Args:
        name: what was given.
        known: what there is.
        also: other words for what there is, such as "mse" for squared_error.
    """
    names = {str(k).lower(): k for k in known}
    words = {**(also or {}), **names}
    near = difflib.get_close_matches(str(name).lower(), list(words), 1)
    return f"; did you mean {words[near[0]]}?" if near else ""


class LanguageError(RnnsymError):
    """An equation text that is refused, pointing at the characters that are at fault.

    Attributes:
        line: 1-based line of the fault.
        column: 1-based column of the fault.
        reason: the message without the place.
        excerpt: the line with the characters at fault marked.
    """

    def __init__(self, reason: str, text: str, start: int, end: int | None = None) -> None:
        end = start + 1 if end is None else end
        self.reason = reason
        self.line = text.count("\n", 0, start) + 1
        line_start = text.rfind("\n", 0, start) + 1
        line_end = text.find("\n", start)
        line_end = len(text) if line_end < 0 else line_end
        self.column = start - line_start + 1
        end = min(max(end, start), line_end)
        before, found, after = text[line_start:start], text[start:end], text[end:line_end]
        if len(before) > 40:
            before = "…" + before[-39:]
        if len(found) > 60:
            found = found[:59] + "…"
        if len(after) > 40:
            after = after[:39] + "…"
        self.excerpt = f"{before}»{found}«{after}".strip()
        super().__init__(self._line)

    @property
    def _line(self) -> str:
        return f"line {self.line}, column {self.column}: {self.reason}; at {self.excerpt}"

    def because(self, reason: str) -> LanguageError:
        """The same refusal, at the same place, with another reason."""
        other = LanguageError.__new__(LanguageError)
        other.__dict__.update(self.__dict__)
        other.reason = reason
        other.args = (other._line,)
        return other


class InputError(RnnsymError):
    """A number, array, size, option or path that does not fit.

    Attributes:
        line, column: of a file of equations, where the fault is.
    """

    line: int | None = None
    column: int | None = None


class CheckError(AssertionError):
    """A check failed, or was shown to have no power."""
