"""Brittleness: retrain without the most helpful records of a query, and see whether it flips.

For each query that networks predict right, the k records whose influence on it is largest are
removed together, and networks of the same starts are trained without them. A control removes k
records at random, another k of the query's own class: losing any records of a class costs it
predictions, whichever they are. (Ilyas, Park, Engstrom, Leclerc, Madry, "Datamodels", 2022.)

Writes ``brittleness/``: ``removals.parquet``, a row per table, number and query.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.lenses.leave_one_out.brittleness_findings import BrittlenessFindings, Removal
from imprint.lenses.leave_one_out.brittleness_options import BrittlenessChoice
from imprint.lenses.leave_one_out.study.conclude import FindingStep
from imprint.lenses.leave_one_out.study.retrain import GroundTruth
from imprint.lenses.leave_one_out.truth.margins import label_margins
from imprint.stats.bootstrap import mean, mean_share
from imprint.study.counted import uncounted
from imprint.study.finding import write_finding
from imprint.study.store import Study
from imprint.study.tables import write_table
from imprint.train.retraining import retrain_without

CONTROLS = ("random", "same_class")
MEANINGS = {
    "index": "row of the held-out queries",
    "influence": "what chose the records that were removed",
    "removed": "records removed together",
    "right": "whether the query is predicted right without them",
    "margin_fall": "nats; above 0: the margin of the right class falls without the records",
}


@dataclass(frozen=True, eq=False)
class CompareBrittleness(FindingStep[BrittlenessFindings]):
    """Write ``brittleness/``.

    Attributes:
        truth: the networks that were trained on every record.
        choice: what is removed.
        tables: influences ``[n, q]`` by name.
        seed: of queries and controls.
        study: where networks are kept as they are trained.
    """

    truth: GroundTruth
    choice: BrittlenessChoice
    tables: Mapping[str, FloatArray]
    seed: int
    study: Study = uncounted()

    artefact = "brittleness"
    kind = BrittlenessFindings

    def build(self, path: Path) -> None:
        """Measure what was retrained, and write it."""
        queries = right_queries(self.truth, self.choice, self.seed)
        labels = _query_labels(self.truth)[queries]
        before = _margins(self.truth.logits.within[: self.choice.networks], self.truth, queries)
        rows: list[tuple[str, int, FloatArray, FloatArray]] = []
        for name, removed, kept in _removals(self, queries):
            logits = _retrained(self, kept, queries)
            right = (logits.mean(0).argmax(1) == labels).astype(np.float64)
            # The same starts with and without: what they owe to initialisation cancels.
            rows.append((name, removed, right, (before - label_margins(logits, labels)).mean(0)))
        random = generator(self.seed, "brittleness", "intervals")
        found: dict[str, list[Removal]] = {}
        for name, removed, right, fall in rows:
            flipped = mean_share(1 - right, random)
            found.setdefault(name, []).append(Removal(removed, flipped, mean(fall, random)))
        tables = {name: tuple(each) for name, each in found.items() if name not in CONTROLS}
        controls = {name: tuple(found[name]) for name in CONTROLS}
        path.mkdir(parents=True, exist_ok=True)
        _write_removals(path / "removals.parquet", rows, queries)
        findings = BrittlenessFindings(len(queries), self.choice.networks, tables, controls)
        write_finding(path / self.file, findings)


def check_brittleness(choice: BrittlenessChoice, truth: GroundTruth) -> None:
    """Check that there are networks, queries and records to remove.

    Raises:
        ImprintError: there are not.
    """
    if not choice.removed:
        return
    records = truth.plan.records
    if choice.networks > truth.plan.pairs:
        raise ImprintError(
            f"--brittleness.networks {choice.networks} is more than --pairs {truth.plan.pairs}: "
            "networks without records start as those that were trained on all of them"
        )
    sizes = np.bincount(truth.plan.data.labels[:records].cpu().numpy())
    least = int(sizes[sizes > 0].min())
    for removed in choice.removed:
        if removed >= least:
            raise ImprintError(
                f"--brittleness.removed {removed} leaves no record of a class of {least}: remove "
                "fewer"
            )


def chosen_tables(
    tables: Mapping[str, FloatArray], choice: BrittlenessChoice
) -> dict[str, FloatArray]:
    """Return the tables that are tested.

    Raises:
        ImprintError: an unknown name.
    """
    if choice.tables == ("all",):
        return dict(tables)
    for name in choice.tables:
        if name not in tables:
            raise ImprintError(
                f"--brittleness.tables {name} is not among the estimates: choose of "
                f"{', '.join(tables)}"
            )
    return {name: tables[name] for name in choice.tables}


def right_queries(truth: GroundTruth, choice: BrittlenessChoice, seed: int) -> IntArray:
    """Return which held-out queries are tested, int64 ``[q]``, rising.

    Raises:
        ImprintError: fewer than two are predicted right.
    """
    logits = truth.logits.within[: choice.networks, truth.plan.records :]
    right = np.flatnonzero(logits.mean(0).argmax(1) == _query_labels(truth))
    if len(right) < 2:
        raise ImprintError(
            f"{len(right)} held-out queries are predicted right, and brittleness needs 2: give "
            "more --queries, or train longer"
        )
    order = generator(seed, "brittleness", "queries").permutation(right)
    return np.sort(order[: choice.queries]).astype(np.int64)


def _removals(step: CompareBrittleness, queries: IntArray) -> Iterator[tuple[str, int, BoolArray]]:
    """Yield name, number and the records kept for each query, bool ``[q, n]``."""
    records = step.truth.plan.records
    own = step.truth.plan.data.labels[:records].cpu().numpy()
    labels = _query_labels(step.truth)[queries]
    for removed in step.choice.removed:
        for name, table in step.tables.items():
            yield name, removed, _without_largest(table[:, queries], removed)
        for name in CONTROLS:
            random = generator(step.seed, "brittleness", name, removed)
            scores = random.random((records, len(queries)))
            if name == "same_class":
                scores += own[:, None] == labels
            yield name, removed, _without_largest(scores, removed)


def _without_largest(scores: FloatArray, removed: int) -> BoolArray:
    kept = np.ones(scores.T.shape, dtype=bool)
    order = np.argsort(-scores, axis=0, kind="stable")[:removed]
    np.put_along_axis(kept, order.T, False, axis=1)
    return kept


def _retrained(step: CompareBrittleness, kept: BoolArray, queries: IntArray) -> FloatArray:
    """Return the logits of each query by its own networks, float64 ``[networks, q, c]``."""
    networks, plan = step.choice.networks, step.truth.plan
    starts = tuple(range(networks)) * len(kept)
    logits = retrain_without(step.study, plan, np.repeat(kept, networks, axis=0), starts)
    each = logits.reshape(len(kept), networks, *logits.shape[1:])
    rows = np.arange(len(queries))
    own: FloatArray = each[rows, :, plan.records + queries].swapaxes(0, 1).astype(np.float64)
    return own


def _margins(logits: np.ndarray, truth: GroundTruth, queries: IntArray) -> FloatArray:
    rows = truth.plan.records + queries
    return label_margins(logits[:, rows], _query_labels(truth)[queries])


def _query_labels(truth: GroundTruth) -> IntArray:
    return truth.plan.data.labels.cpu().numpy()[truth.plan.records :].astype(np.int64)


def _write_removals(
    path: Path, rows: list[tuple[str, int, FloatArray, FloatArray]], queries: IntArray
) -> None:
    count = len(queries)
    write_table(
        path,
        {
            "index": np.tile(queries, len(rows)),
            "influence": np.repeat([name for name, *_ in rows], count),
            "removed": np.repeat([removed for _, removed, *_ in rows], count),
            "right": np.concatenate([right for *_, right, _ in rows]) > 0,
            "margin_fall": np.concatenate([fall for *_, fall in rows]),
        },
        MEANINGS,
    )
