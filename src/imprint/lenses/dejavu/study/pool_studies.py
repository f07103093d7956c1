"""``imprint dejavu pool``: two-model tests that lie in several studies, pooled."""

from __future__ import annotations

import os
from pathlib import Path

from imprint.core.errors import ImprintError
from imprint.lenses.dejavu.pool_options import PoolOptions
from imprint.lenses.dejavu.pooled_findings import PooledFindings
from imprint.lenses.dejavu.study.pool import TABLES, PoolSeeds
from imprint.report.summary import finish
from imprint.report.summary_file import read_summary
from imprint.study.finding import read_finding, to_json
from imprint.study.json_io import read_json
from imprint.study.plain import JsonObject
from imprint.study.store import Study, card_path

LENS = "dejavu_pooled"
COVERS = (
    "The studies share images, partition, crops and settings of the attack; whatever else differs "
    "between their encoders, their training seeds or more, counts as the seed here"
)


def pool_studies(options: PoolOptions) -> JsonObject:
    """Pool the tests; return the content of ``summary.json``.

    Raises:
        ImprintError: a folder without a two-model test, or tests of other images, crops or
            settings of the attack.
    """
    folders = [Path(name) for name in options.studies]
    for folder in folders:
        if not (folder / TABLES / "records.parquet").is_file():
            raise ImprintError(
                f"{folder} holds no two-model test: --studies names folders of imprint dejavu "
                "two-model or imprint audit that ran to their end"
            )
    _check_same_attack(folders)
    summary = read_summary(folders[0])
    step = PoolSeeds(
        names=tuple(short_names(folders)),
        top_percent=tuple(options.top_percent),
        seed=options.seed,
        covers=COVERS,
        hashes=tuple(Study(folder).hash_of(TABLES) for folder in folders),
        tables=tuple(folder / TABLES for folder in folders),
    )
    study = Study(options.out)
    with study.locked():
        findings = read_finding(PooledFindings, study.run(step) / "findings.json")
        return finish(study, options, summary["data"], {LENS: to_json(findings)})


def _check_same_attack(folders: list[Path]) -> None:
    """Check that cards name the same images and the same settings of the attack.

    Raises:
        ImprintError: they do not.
    """
    settings = []
    for folder in folders:
        card = card_path(folder / TABLES)
        try:
            content = read_json(card)
            settings.append((content["settings"]["images"], content["settings"]["attack"]))
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise ImprintError(
                f"{card} is missing or no card of a two-model test: run {folder} again"
            ) from error
    for folder, (images, attack) in zip(folders[1:], settings[1:], strict=True):
        if images != settings[0][0]:
            raise ImprintError(
                f"{folder} tests other images than {folders[0]}: pool pairs of models that were "
                "trained on one partition of the same images"
            )
        if attack != settings[0][1]:
            changed = sorted(
                name for name in attack if attack[name] != settings[0][1].get(name, attack[name])
            )
            raise ImprintError(
                f"{folder} was attacked with other settings than {folders[0]} "
                f"({', '.join(changed) or 'others'}): run the test of both with the same"
            )


def short_names(folders: list[Path]) -> list[str]:
    """Return a short name of each folder: its path without what all of them share.

    Where one folder holds the others, as that of an audit over seeds does, it keeps its own name.
    """
    paths = [str(folder.resolve()) for folder in folders]
    shared = os.path.commonpath(paths)
    if shared in paths:
        shared = os.path.dirname(shared)
    return [os.path.relpath(path, shared) for path in paths]
