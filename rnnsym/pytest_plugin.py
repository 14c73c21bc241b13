"""The pytest plugin: one test for every line that follows from a cell.

Name a cell's file on the command line (`pytest my.cell`), or mark a test:

    @pytest.mark.rnnsym("my.cell")
    def test_my_cell(rnnsym_line):
        rnnsym_line.check()

A marker takes the path of a `.cell` file (relative to the test's folder), the name of a cell of
the catalogue, a `Cell` or a `Derivation`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .checking.lines import Line

SUFFIX = ".cell"


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        "rnnsym(*subjects): run the test for every line that follows from a cell "
        "(a file, a name of the catalogue, a Cell or a Derivation)",
    )


def lines_of(subject: Any, folder: Path) -> list[Line]:
    """Every line that follows from a subject: forward, backward, Jacobian, forward mode."""
    import rnnsym

    from .checking.lines import LineChecker
    from .derive.kinds import derivations_of

    if isinstance(subject, rnnsym.Derivation):
        return LineChecker(subject).lines
    if isinstance(subject, (str, Path)):
        path = folder / subject
        named = str(subject) in rnnsym.cells.names()
        subject = rnnsym.cells.get(str(subject)) if named else rnnsym.cells.read_file(path)
    found: dict[str, Line] = {}
    for derivation in derivations_of(subject):
        for line in LineChecker(derivation).lines:
            found.setdefault(str(line.step.equation), line)
    return list(found.values())


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a marked test its lines."""
    marker = metafunc.definition.get_closest_marker("rnnsym")
    if marker is None or "rnnsym_line" not in metafunc.fixturenames:
        return
    folder = Path(str(metafunc.definition.path)).parent
    from .errors import RnnsymError

    try:
        lines = [line for subject in marker.args for line in lines_of(subject, folder)]
    except RnnsymError as error:
        pytest.fail(f"mark rnnsym: {error}", pytrace=False)
    metafunc.parametrize("rnnsym_line", lines, ids=[line.name for line in lines])


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> CellFile | None:
    """Collect a cell's file that was named on the command line."""
    if file_path.suffix == SUFFIX and parent.session.isinitpath(file_path):
        return CellFile.from_parent(parent, path=file_path)  # type: ignore[no-any-return]
    return None


class CellFile(pytest.File):
    """A cell's file as a collection of tests."""

    def collect(self) -> Iterator[LineItem]:
        from .errors import RnnsymError

        try:
            lines = lines_of(self.path, self.path.parent)
        except RnnsymError as error:
            raise self.CollectError(str(error)) from None
        for line in lines:
            item: Any = LineItem.from_parent(self, name=line.name)
            item.line = line
            yield item


class LineItem(pytest.Item):
    """The test of one line."""

    line: Line

    def runtest(self) -> None:
        self.line.check()

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        from .errors import CheckError

        if isinstance(excinfo.value, CheckError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        return self.path, None, f"{self.path.name}: {self.line.step.equation}"
