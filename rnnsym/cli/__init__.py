"""The command line: a file a command, found by looking.

A file of this folder whose name has no underscore in front holds one command, as `command`. Heavy
modules are imported inside commands, so that help is instant.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from ..errors import CheckError, RnnsymError
from ..spelling import register
from ._terminal import FAILED, WRONG_USE, answer, echo, say

FOLDER = Path(__file__).parent


class Found(click.Group):
    """The commands that the folder holds."""

    def list_commands(self, context: Any) -> list[str]:
        """Their names, in alphabetical order."""
        return sorted(p.stem for p in FOLDER.glob("*.py") if not p.stem.startswith("_"))

    def get_command(self, context: Any, name: str) -> click.Command | None:
        """A command by its name; None if there is none."""
        if name not in self.list_commands(context):
            return None
        found: click.Command = importlib.import_module(f".{name}", __name__).command
        return found


@click.group(
    cls=Found,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="rnnsym", prog_name="rnnsym")
def main_group() -> None:
    """Write a recurrent cell's equations once; get its derivation, LaTeX, code and proof."""


def main() -> NoReturn:
    """Run a command; whatever goes wrong is one line on standard error and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that knows no Greek shows the spellings of the language in ASCII.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=register())
    try:
        code = main_group.main(standalone_mode=False, prog_name="rnnsym")
    except click.exceptions.NoArgsIsHelpError as error:
        echo(error.format_message())
        code = 0
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        where = context.command_path if context else "rnnsym"
        say(f"{where}: {' '.join(error.format_message().split())}")
        code = WRONG_USE
        answer(error.format_message())
    except (click.Abort, KeyboardInterrupt):
        say("rnnsym: stopped")
        code = 130
    except CheckError as error:
        say(f"rnnsym: {error}")
        answer(str(error))
        code = FAILED
    except RnnsymError as error:
        say(f"rnnsym: {error}")
        answer(str(error), getattr(error, "line", None), getattr(error, "column", None))
        code = WRONG_USE
    except BrokenPipeError:
        # Whoever reads has had enough; Python would complain once more while it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except OSError as error:
        words = f"{error.filename or 'cannot write the output'}: {error.strerror or error}"
        say(f"rnnsym: {words}")
        answer(words)
        code = WRONG_USE
    sys.exit(code if isinstance(code, int) else 0)
