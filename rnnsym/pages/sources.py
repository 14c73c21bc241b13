"""Where the site's own sources lie, and building it."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from ..documents.environment import site_sources
from ..errors import InputError


def site_folder() -> Path:
    """The folder with `mkdocs.yml` and `docs/`."""
    return site_sources()


def _configuration(output: Path | None, **options: Any) -> Any:
    os.environ.setdefault("NO_MKDOCS_2_WARNING", "1")
    try:
        from mkdocs.config import load_config
        from mkdocs.exceptions import ConfigurationError
    except ImportError:
        raise InputError(
            "MkDocs is not installed; install rnnsym with the extra [all]: "
            "pip install 'rnnsym[all]'"
        ) from None
    source = site_folder() / "mkdocs.yml"
    if output is not None:
        options["site_dir"] = str(output.resolve())
    try:
        return load_config(str(source), **options)
    except ConfigurationError as error:
        raise InputError(f"{source}: {error}") from None


def build_site(output: Path) -> list[str]:
    """Build the site into a folder.

    Args:
        output: the folder; what MkDocs wrote there before is replaced.

    Returns:
        The warnings of the build; a strict build has none.

    Raises:
        InputError: if an extra is missing or the folder cannot be written.
    """
    config = _configuration(output)
    _refuse_foreign(output)
    from mkdocs.commands.build import build
    from mkdocs.exceptions import Abort, BuildError

    logger = logging.getLogger("mkdocs")
    collected = _Collector()
    logger.addHandler(collected)
    logger.setLevel(logging.WARNING)
    config.plugins.on_startup(command="build", dirty=False)
    try:
        build(config)
    except (Abort, BuildError) as error:
        raise InputError(f"the site cannot be built: {error}") from None
    except OSError as error:
        raise InputError(f"cannot write {output}: {error.strerror or error}") from None
    finally:
        config.plugins.on_shutdown()
        logger.removeHandler(collected)
    return collected.messages


def _refuse_foreign(output: Path) -> None:
    """MkDocs empties the folder first: it must be new, empty or a site."""
    if not output.exists():
        return
    if not output.is_dir():
        raise InputError(f"cannot write the site to {output}: it is no folder")
    if any(output.iterdir()) and not (output / "index.html").is_file():
        raise InputError(f"{output} holds something else; name a new or empty folder")


def serve_site(address: str) -> None:
    """Serve the site and rebuild it when its sources change.

    Args:
        address: host and port, such as `127.0.0.1:8000`.
    """
    _configuration(None)
    from mkdocs.commands.serve import serve

    serve(str(site_folder() / "mkdocs.yml"), dev_addr=address)


class _Collector(logging.Handler):
    """Keeps warnings, so that a build can be held to have none."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())
