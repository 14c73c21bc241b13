"""A PDF of the article, by the pdflatex that is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ..errors import InputError
from .views import CellView

_SECONDS = 120


_MOST_RUNS = 5
#: One document is one PDF, to the byte, whenever and wherever it is made.
_TIMELESS = r"\ifdefined\pdfinfoomitdate\pdfinfoomitdate=1\pdftrailerid{}\fi"
#: How LaTeX asks for another run; its lines are broken at 79 characters.
_AGAIN = re.compile(rb"Rerun\s+LaTeX|Rerun\s+to\s+get|Table\s+widths\s+have\s+changed")


def pdf(views: Sequence[CellView]) -> bytes:
    """The article as a PDF.

    Raises:
        InputError: if there is no pdflatex, or it stops with an error.
    """
    from .rendering import FORMATS

    # A table of contents is known after the first run.
    return compiled(numbered(FORMATS["tex"](views, False)), 2 if len(views) > 1 else 1)


_BLOCK = re.compile(r"\\begin\{align\*\}(.*?)\\end\{align\*\}", re.S)


def numbered(text: str) -> str:
    """An article whose equations have numbers: one for each, beside its last line."""

    def block(match: re.Match[str]) -> str:
        # A line that goes on begins with its mark.
        body = re.sub(r" \\\\\n(?=&)", r" \\notag \\\\*\n", match.group(1))
        return rf"\begin{{align}}{body}\end{{align}}"

    return _BLOCK.sub(block, text)


def compiled(text: str, runs: int = 1) -> bytes:
    """A LaTeX document as a PDF.

    Raises:
        InputError: if there is no pdflatex, or it stops with an error.
    """
    program = shutil.which("pdflatex")
    if program is None:
        raise InputError("a PDF needs pdflatex, which is not installed; --to tex needs nothing")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "document.tex"
        path.write_text(text, encoding="utf-8")
        before = None
        for run in range(_MOST_RUNS):
            command = [program, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape",
                       f"-jobname={path.stem}", rf"{_TIMELESS}\input{{{path.name}}}"]  # fmt: skip
            try:
                done = subprocess.run(  # noqa: S603  our own text, in an empty folder
                    command, cwd=folder, capture_output=True, timeout=_SECONDS
                )
            except subprocess.TimeoutExpired:
                raise InputError(f"pdflatex took more than {_SECONDS} s") from None
            if done.returncode:
                log = done.stdout.decode("utf-8", "replace").splitlines()
                fault = next((line for line in log if line.startswith("!")), "it gives no reason")
                raise InputError(f"pdflatex stopped: {fault.lstrip('! ')}")
            # The widths of tables and the table of contents are those of the run before.
            written = [p.read_bytes() for p in sorted(Path(folder).glob("document.[at][uo][xc]"))]
            settled = written == before or runs == 1
            before = written
            if run + 1 >= runs and settled and not _AGAIN.search(done.stdout):
                break
        return path.with_suffix(".pdf").read_bytes()
