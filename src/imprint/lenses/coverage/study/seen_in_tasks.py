"""What criteria see of tests, by tasks that each see a shard of them.

A shard is a run of the batches that one pass would see. Each task restores the fitted criteria from
a file, sees its batches under the places and numbers that they have among all, and writes what was
seen; the shards merge as measurements of several days do (``coverage merge``). Marks, keys and
counts merge to the very state of one pass, and so do groups of inputs whose batch is whole in one
shard, as all are of up to 81,920 tests. Criteria whose value depends on the order of the inputs see
them in this process.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imprint.core.arrays import IntArray
from imprint.core.progress import track
from imprint.launch.shards import PARTS, make_parts, name_of, of_one_task, remove_parts, shards_of
from imprint.lenses.coverage.fits.fitted_file import (
    FitContext,
    FittedFile,
    MeasuredSets,
    read_fitted,
    read_seen,
    write_fitted,
    write_seen,
)
from imprint.lenses.coverage.measure.fitted_criteria import (
    FittedCriteria,
    SeenCoverage,
    in_random_order,
    merge_seen,
    see_tests,
    with_ordered,
)
from imprint.lenses.coverage.measure.measure import GROUPS, see
from imprint.neurons.activations import ActivationTable
from imprint.probe.neurons.activations import rows_of
from imprint.study.counted import uncounted
from imprint.study.hashing import hash_arrays
from imprint.study.step import Step

FITTED = "fitted.safetensors"
OF_NO_SET = MeasuredSets(())


@dataclass(frozen=True)
class SeeShard(Step):
    """What criteria saw of a run of batches.

    Attributes:
        fitted: hash of the fitted criteria.
        tests: hash of their activations and classes.
        criteria: that see them, by name.
        place: of the first batch among all.
        sizes: of the batches.
        first: number of the first test.
        rows: batches of all.
        file: of the fitted criteria.
        table: the tests, in the order of the batches.
    """

    fitted: str
    tests: str
    criteria: tuple[str, ...]
    place: int
    sizes: tuple[int, ...]
    first: int
    rows: slice = uncounted()
    file: Path = uncounted()
    table: ActivationTable = uncounted()

    @property
    def artefact(self) -> str:  # type: ignore[override]
        """Named by the batches."""
        return f"{name_of(self.rows)}.safetensors"

    def build(self, path: Path) -> None:
        """See the tests."""
        held = read_fitted(self.file)
        criteria = {name: held.fitted.criteria[name] for name in self.criteria}
        ends = np.cumsum(self.sizes)
        runs = np.split(np.arange(len(self.table)), ends[:-1])
        batches = map(self.table.batch, track(runs, "measure tests", len(runs), "batch"))
        seen = see(criteria, batches, GROUPS, self.first, self.place)
        write_seen(path, SeenCoverage(seen, {}, len(self.table)), held, OF_NO_SET)


def see_tests_of_step(
    artefact: str,
    path: Path,
    fitted: FittedCriteria,
    test: ActivationTable,
    seed: int,
    first: int = 0,
) -> SeenCoverage:
    """Return what criteria see of tests, in this process or by tasks.

    Args:
        artefact: that is built, resumable.
        path: where it is in the making.
        fitted: criteria; they stay as they are.
        test: activations of the tests.
        seed: of their order.
        first: number of the first test, unlike those of all that it may be merged with.

    Raises:
        ImprintError: no test inputs, activations that are not finite, or a task failed.
    """
    free, batches = in_random_order(fitted, test, seed)
    shards = shards_of(len(batches), 1)
    if len(shards) == 1 or not free:
        remove_parts(path)
        with of_one_task():
            return see_tests(fitted, test, seed, first)
    file = path / PARTS / FITTED
    write_fitted(file, fitted, FitContext({}))
    held = FittedFile(fitted, FitContext({}), read_fitted(file).digest)
    starts = np.cumsum([0, *map(len, batches)])
    parts = [
        _shard(
            held, file, tuple(sorted(free)), test, batches, rows, first + int(starts[rows.start])
        )
        for rows in shards
    ]
    files = make_parts(artefact, path, parts, "measure tests", len(batches))
    with of_one_task():
        seen = merge_seen([read_seen(file, held)[0] for file in files]).seen
        coverage = with_ordered(fitted, test, seen, first=first)
    remove_parts(path)
    return coverage


def _shard(
    held: FittedFile,
    file: Path,
    criteria: tuple[str, ...],
    test: ActivationTable,
    batches: list[IntArray],
    rows: slice,
    first: int,
) -> SeeShard:
    own = batches[rows]
    table = rows_of(test, np.concatenate(own))
    labels = np.empty(0, dtype=np.int64) if table.labels is None else table.labels
    return SeeShard(
        held.digest,
        hash_arrays(np.asarray(table.values), labels),
        criteria,
        rows.start,
        tuple(map(len, own)),
        first,
        rows,
        file,
        table,
    )
