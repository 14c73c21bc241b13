"""Several cells checked side by side, by joblib: in processes here, or on somebody's cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..errors import InputError
from ..models import Model
from ..nouns import Cell, Report
from .verbs import verify


def verify_all(
    subjects: Iterable[Cell | Model],
    *,
    jobs: int | None = None,
    progress: Callable[[Report], None] = lambda _: None,
    **options: Any,
) -> tuple[Report, ...]:
    """Verify several cells or models side by side.

    Args:
        subjects: what is verified, each as by `rnnsym.verify`.
        jobs: how many processes work; -1 takes all cores. Without it one does, or what is said by
            `joblib.parallel_config`, which also moves the work to a Dask or Ray cluster.
        progress: is given each report, in the order of the subjects, as soon as it is there.
        **options: as those of `rnnsym.verify`.

    Returns:
        The reports, in the order of the subjects.

    Raises:
        InputError: for a number of jobs that is none, and as `rnnsym.verify` does.
    """
    if jobs is not None and (isinstance(jobs, bool) or not isinstance(jobs, int) or jobs == 0):
        raise InputError(f"jobs is a whole number, or -1 for all cores, not {jobs!r}")
    from joblib import Parallel, delayed

    reports = []
    for report in Parallel(n_jobs=jobs, return_as="generator")(
        delayed(verify)(subject, **options) for subject in subjects
    ):
        progress(report)
        reports.append(report)
    return tuple(reports)
