"""A pass over many rows as tasks: shards of the rows, a part of each, the parts put together.

The step of a study that makes the pass stays one step with one artefact. Its ``build`` asks
:func:`shards_of` how the rows are cut; where that is more than one shard, :func:`make_parts` runs a
step of each in a task of the launcher in use. The parts lie in the unfinished folder of the
artefact, which has its card's hash in its name: a pass that was killed goes on with the parts that
are missing, and parts made by other settings lie elsewhere and are never read.

The artefact has the same bytes however it is cut. Shards begin where batches begin, so that every
row is computed among the same others; and a task computes with as many threads as this process
would (:func:`of_one_task`), since sums round differently on other numbers of them. That many
threads a task leave room for one task at a time on this machine, unless tasks are given fewer
cores (``--task-cpus``), which then also holds for a pass in this process.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from pathlib import Path, PurePath

from imprint.core.threads import computing_with
from imprint.launch.launcher import launcher_in_use, run_tasks
from imprint.study.step import Step, card_of
from imprint.study.store import Study

PARTS = ".parts"
_shards: ContextVar[int] = ContextVar("shards", default=1)


@contextmanager
def cut_into(shards: int) -> Iterator[None]:
    """Cut passes within the block into so many tasks, at least 1."""
    token = _shards.set(shards)
    try:
        yield
    finally:
        _shards.reset(token)


def are_cut() -> bool:
    """Return whether passes are cut into more than one task."""
    return _shards.get() > 1


def shards_of(count: int, batch: int) -> list[slice]:
    """Return the rows of each shard, in order: as even as whole batches allow.

    >>> with cut_into(2):
    ...     shards_of(10, 4)
    [slice(0, 8, None), slice(8, 10, None)]

    Args:
        count: of rows.
        batch: rows that are computed together.

    Returns:
        at least one, and no more than there are batches.
    """
    batches = -(-count // batch)
    shards = max(1, min(_shards.get(), batches))
    sizes = [batches // shards + (shard < batches % shards) for shard in range(shards)]
    stops = [min(count, batch * sum(sizes[: shard + 1])) for shard in range(shards)]
    return [slice(start, stop) for start, stop in zip([0, *stops[:-1]], stops, strict=True)]


def name_of(rows: slice) -> str:
    """Return what the part of a shard is called, ``512-1024``."""
    return f"{rows.start}-{rows.stop}"


def of_one_task() -> AbstractContextManager[None]:
    """Compute within the block with the threads of a task: as always, unless tasks have fewer."""
    cpus = launcher_in_use().cpus
    return computing_with(cpus) if cpus else nullcontext()


def make_parts(
    artefact: str, path: Path, parts: Sequence[Step], what: str, total: int, unit: str = "batch"
) -> list[Path]:
    """Make parts of an artefact by tasks, unless they are there; return where they lie.

    Args:
        artefact: name of the whole.
        path: where it is in the making, as ``build`` was given it; the step is resumable.
        parts: one step each, of different artefacts.
        what: a few words for the progress bar.
        total: how many tracked items all parts have together.
        unit: what one of them is called.

    Raises:
        ImprintError: a task failed.
    """
    import torch

    store = Study(path / PARTS)
    root = path.parents[len(PurePath(artefact).parts) - 1]
    missing = [part for part in parts if not store.is_done(part.artefact, card_of(part))]
    if missing:
        run_tasks(
            _make_part,
            [(store.root, part) for part in missing],
            what,
            total * len(missing) // len(parts),
            unit=unit,
            study=root,
            keys=[f"{artefact}/{part.artefact}" for part in missing],
            threads=torch.get_num_threads(),
        )
    return [store.path(part.artefact) for part in parts]


def remove_parts(path: Path) -> None:
    """Remove the parts of what was put together at ``path``."""
    shutil.rmtree(path / PARTS, ignore_errors=True)


def _make_part(root: Path, part: Step) -> None:
    Study(root).run(part)
