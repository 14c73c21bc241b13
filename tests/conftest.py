"""What the tests share."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(Path(__file__).parent))


def pytest_configure(config):
    os.environ["RNNSYM_EVIDENCE"] = "off"  # what is tested is computed
    os.environ.setdefault("NO_MKDOCS_2_WARNING", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")


def need(program: str) -> str:
    """The path of a program; a test without it skips and says so, and never in CI."""
    found = shutil.which(program)
    if found is None:
        if os.environ.get("RNNSYM_NO_SKIP"):
            pytest.fail(f"{program} is not installed, and no test may skip here")
        pytest.skip(f"{program} is not installed")
    return found


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture
def command(tmp_path):
    """Run `python -m rnnsym …` in an empty folder."""

    def run(*arguments: str, cwd: Path | None = None, **options) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-m", "rnnsym", *arguments],
            cwd=cwd or tmp_path,
            capture_output=True,
            text=True,
            timeout=600,
            **options,
        )

    return run


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Path:
    """The built site."""
    folder = tmp_path_factory.mktemp("site") / "site"
    done = subprocess.run(
        [sys.executable, "-m", "rnnsym", "docs", "build", "-o", str(folder)],
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    return folder
