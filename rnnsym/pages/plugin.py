"""The MkDocs plugin: hands the generated pages to MkDocs, without writing them anywhere."""

from __future__ import annotations

from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import BasePlugin
from mkdocs.structure.files import File, Files

from .generate import NAVIGATION, site_files
from .house import house_svg

#: Where a page shows the picture of the house.
_HOUSE = "<!-- the house -->"


class Pages(BasePlugin):  # type: ignore[type-arg]
    """Adds what `site_files` gives, and puts the cells into the navigation."""

    def __init__(self) -> None:
        self._pages: dict[str, str | bytes] | None = None

    def on_config(self, config: MkDocsConfig) -> MkDocsConfig:
        if config.nav:
            config.nav = [_filled(entry) for entry in config.nav]
        return config

    def on_files(self, files: Files, *, config: MkDocsConfig) -> Files:
        # `mkdocs serve` builds many times; the numbers on the pages are computed once.
        if self._pages is None:
            self._pages = site_files()
        for path, text in self._pages.items():
            files.append(File.generated(config, path, content=text))
        return files

    def on_page_markdown(self, markdown: str, **_: Any) -> str:
        # The page of the design shows the house as the sources have it now.
        return markdown.replace(_HOUSE, house_svg()) if _HOUSE in markdown else markdown

    def on_page_content(self, html: str, **_: Any) -> str:
        # How mkdocs-click prints that an option of click has no default.
        return html.replace("<code>Sentinel.UNSET</code>", "")


def _filled(entry: Any) -> Any:
    if isinstance(entry, dict) and len(entry) == 1:
        title, what = next(iter(entry.items()))
        if isinstance(what, str) and what in NAVIGATION:
            return {title: NAVIGATION[what]()}
    return entry
