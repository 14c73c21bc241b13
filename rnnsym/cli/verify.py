"""`rnnsym verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..errors import InputError
from ._options import cell_options
from ._subjects import several_subjects
from ._terminal import end, print_json, print_words, quiet_stderr, say_aside

if TYPE_CHECKING:
    from ..nouns import Report


@click.command()
@cell_options(many=True)
@click.option("--against", metavar="keras|latex", default="keras", show_default=True,
              help="keras, or latex for the printed formula alone (no TensorFlow).")  # fmt: skip
@click.option("--seed", default=0, show_default=True, help="Seed of the random numbers.")
@click.option("--gradient", is_flag=True,
              help="Check the backward pass as well: gradients, and every line.")  # fmt: skip
@click.option("--as", "claim", metavar="CLAIM",
              help="What the cell is said to be: a layer such as keras.layers.GRU, or a cell "
              "of the catalogue.")  # fmt: skip
@click.option("--jobs", default=1, show_default=True, metavar="N",
              help="Check so many cells side by side; -1 takes all cores.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(
    cells: tuple[str, ...],
    claim: str | None,
    against: str,
    seed: int,
    gradient: bool,
    jobs: int,
    as_json: bool,
    equations: str | None,
    path: tuple[str, ...],
    convention: str | None,
    sizes: Any,
    part: str | None,
) -> None:
    """Compare cells with Keras: all of the catalogue, if none is named.

    CELLS are named as for `show`; of a Keras model the whole is compared, and every part.

    The verdict is one of: verified (a framework's own layer agrees), consistent (our own ways
    agree with each other; nobody else was asked), equal under a change of parameters, equal where
    defined, wrong, no power. The last two end with exit code 1.
    """
    from ..cells import names

    every = equations is None and not path and not cells
    subjects = several_subjects(
        tuple(names()) if every else cells, equations, path, convention, sizes, part
    )
    if seed < 0:
        raise InputError(f"a seed is a whole number from 0 on, not {seed}")
    from ..checking import verify as compare
    from ..checking import verify_all

    reports: list[Report] = []

    def done(report: Report) -> None:
        reports.append(report)
        say_aside(f"[{len(reports)}/{len(subjects)}] {report.subject}: {report.verdict}")
        if not as_json:
            print_words(str(report))

    if jobs != 1:
        with quiet_stderr():
            verify_all(subjects, jobs=jobs, progress=done, against=against, claim=claim, seed=seed,
                       gradient=gradient)  # fmt: skip
        subjects = []
    for i, subject in enumerate(subjects, 1):
        with quiet_stderr():
            report = compare(
                subject,
                against,
                claim=claim,
                seed=seed,
                gradient=gradient,
                progress=lambda what, i=i, subject=subject: say_aside(  # type: ignore[misc]
                    f"[{i}/{len(subjects)}] {subject.name}: {what}"
                ),
            )
        reports.append(report)
        if not as_json:
            print_words(str(report))
    if as_json:
        print_json({"passed": all(reports), "reports": [r.to_dict() for r in reports]})
    end(reports)


#: What the command line finds.
command = verify
