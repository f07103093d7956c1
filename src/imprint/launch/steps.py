"""Steps of a study that do not depend on each other, as tasks of the launcher in use.

On this machine they are done one after another with all cores, as sums round differently on other
numbers of threads and the bytes must not depend on how many steps there are. On a cluster each is a
task; and so it is on this machine where tasks are given their number of cores (``--task-cpus``),
which then is how many threads a step computes with in this process too.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from imprint.core.progress import track
from imprint.launch.launcher import launcher_in_use, run_tasks
from imprint.launch.shards import of_one_task
from imprint.study.step import Step, card_of
from imprint.study.store import Study


def run_steps(study: Study, steps: Sequence[Step], what: str, unit: str) -> list[Path]:
    """Return the artefacts of steps, making those that are missing.

    Args:
        study: where they go.
        steps: of different artefacts; picklable.
        what: a few words for the progress bar.
        unit: what a step is called in it.

    Raises:
        ImprintError: a task failed, or an artefact exists with other settings.
    """
    launcher = launcher_in_use()
    if not (launcher.is_remote or launcher.cpus):
        return [study.run(step) for step in track(steps, what, len(steps), unit)]
    missing = [
        step for step in steps if not study.is_done(step.artefact, card_of(step), step.inputs)
    ]
    if len(missing) == 1:
        with of_one_task():
            study.run(missing[0])
    elif missing:
        for step in missing:
            study.keep_fingerprints(card_of(step))
        run_tasks(
            _run,
            [(study.root, step, what, unit) for step in missing],
            what,
            len(missing),
            unit=unit,
            study=study.root,
            keys=[step.artefact for step in missing],
            threads=torch.get_num_threads(),
        )
    return [study.path(step.artefact) for step in steps]


def _run(root: Path, step: Step, what: str, unit: str) -> None:
    for each in track([step], what, 1, unit):
        Study(root).run(each)
