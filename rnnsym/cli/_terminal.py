"""What commands say: data on standard output, progress and refusals on standard error."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ..errors import CheckError, RnnsymError
from ..spelling import fitting

if TYPE_CHECKING:
    from ..nouns import Report


FAILED, WRONG_USE = 1, 2


def echo(text: str, err: bool = False, nl: bool = True) -> None:
    # Through the stream as it is: click would write UTF-8 to a terminal that has said ASCII.
    print(text, file=sys.stderr if err else sys.stdout, end="\n" if nl else "", flush=True)


def say(line: str) -> None:
    echo(line, err=True)


#: Whether JSON was printed already: whoever asked for it gets one answer, also of what failed.
ANSWERED: list[bool] = []


def answer(message: str, line: int | None = None, column: int | None = None) -> None:
    if "--json" in sys.argv and not ANSWERED:
        error = {"message": " ".join(message.split()), "line": line, "column": column}
        print_json({"passed": False, "error": error})


def heading(title: str, *lines: str) -> None:
    console = console_of()
    console.print(title, style="bold", markup=False, highlight=False)
    for text in filter(None, lines):
        console.print(text, markup=False, highlight=False)


def print_words(text: str) -> None:
    """Lines of words, wrapped to a terminal; a pipe or a file gets each line whole."""
    if not sys.stdout.isatty():
        echo(text)
        return
    width = max(console_of().width, 20)
    for line in text.splitlines():
        indent = " " * (len(line) - len(line.lstrip()) + 4)
        echo("\n".join(textwrap.wrap(line, width, subsequent_indent=indent,
                                      break_long_words=False, break_on_hyphens=False)))  # fmt: skip


def print_line(text: str) -> None:
    # A formula is not broken: whoever pipes it gets it whole.
    echo(text)


def end(reports: list[Report]) -> None:
    """End with the exit code of the worst verdict, which is said once more."""
    bad = [r for r in reports if r.verdict.exit]
    if bad:
        raise CheckError("; ".join(f"{r.subject}: {r.verdict}" for r in bad))


def counter(total: int) -> Callable[[str], None]:
    done = 0

    def say(what: str) -> None:
        nonlocal done
        done += 1
        say_aside(f"[{done}/{total}] {what}")

    return say


def say_aside(what: str) -> None:
    """Progress: on standard error, past anything that keeps libraries quiet."""
    stream = STDERR[-1] if STDERR else sys.stderr
    print(what, file=stream, flush=True)


#: The real standard error, while that of libraries is kept back.
STDERR: list[Any] = []


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Keep back what TensorFlow's C++ writes to standard error; show it if something fails."""
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:
        yield
        return
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        STDERR.append(os.fdopen(os.dup(kept), "w"))
        try:
            yield
        except (RnnsymError, CheckError):
            raise
        except BaseException:
            file.seek(0)
            os.write(kept, file.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            STDERR.pop().close()


def as_json_text(data: Any) -> str:
    def finite(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: finite(v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [finite(v) for v in value]
        if isinstance(value, float) and not -1e308 < value < 1e308:
            return str(value)  # JSON has no infinity and no NaN
        return value

    return json.dumps(finite(data), indent=2, ensure_ascii=False)


def print_json(data: Any) -> None:
    ANSWERED.append(True)
    echo(as_json_text(data))


def console_of() -> Any:
    from rich.console import Console

    # A terminal, or whoever sets COLUMNS, says how wide lines are.
    width = None if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdecimal() else 110
    return Console(width=width)


def table_of(*columns: str) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(column)
    return table


def plain(*cells: str) -> list[Any]:
    """Cells that are shown as they are: a user's text is no markup."""
    from rich.text import Text

    return [Text(fitting(cell, sys.stdout.encoding or "utf-8")) for cell in cells]
