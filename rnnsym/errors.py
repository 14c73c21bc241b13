"""What goes wrong, said in one line each."""

from __future__ import annotations

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


class LanguageError(RnnsymError):
    """An equation text that is refused, pointing at the characters that are at fault.

    Attributes:
        line: 1-based line of the fault.
        column: 1-based column of the fault.
        reason: the message without the place.
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
        excerpt = f"{before}»{found}«{after}".strip()
        super().__init__(f"line {self.line}, column {self.column}: {reason}; at {excerpt}")


class InputError(RnnsymError):
    """A number, array, size, option or path that does not fit."""


class CheckError(AssertionError):
    """A check failed, or was shown to have no power."""
