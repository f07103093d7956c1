"""Estimates of influence on the user's own network: members on tests, members on themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.core.progress import track
from imprint.core.seeds import generator
from imprint.data.records.records import Records
from imprint.lenses.leave_one_out.column_meanings import write_meant
from imprint.lenses.leave_one_out.influence_findings import (
    Agreement,
    EstimatorFindings,
    InfluenceFindings,
    InfluenceOnTest,
    NamedInfluence,
)
from imprint.lenses.leave_one_out.posterior.duplicates import exact_copies
from imprint.lenses.leave_one_out.study.conclude import FindingStep
from imprint.nets.predictor.predictor import NetworkPredictor
from imprint.observation.audited_model import AuditedModel
from imprint.probe.influence_kit.own_network import own_network, own_records, trained_of
from imprint.probe.influence_kit.question import INFLUENCES, Attribution, Trained
from imprint.probe.influence_kit.record_gradients import trained_parameters
from imprint.stats.bootstrap import mean
from imprint.stats.correlation import spearman
from imprint.stats.estimate import Estimate
from imprint.study.counted import uncounted
from imprint.study.finding import write_finding
from imprint.study.tables import Table

INFLUENCE = "influence"
MOST_PARAMETERS = 20_000_000
"""Numbers that estimators look at: of larger networks the last layers, as the findings say."""
NAMED = 20
"""Members by influence on themselves, and tests, that findings name."""
NAMED_PER_TEST = 3


@dataclass(frozen=True)
class AskedRecords:
    """Which records are asked about.

    Attributes:
        members: rows, rising.
        tests: rows, the wrong ones and then those of the largest loss first.
        loss: of the network on those tests.
        correct: whether it is right on them; None where that is not known.
    """

    members: IntArray
    tests: IntArray
    loss: FloatArray
    correct: BoolArray | None


@dataclass(frozen=True, eq=False)
class InfluenceOfMembers(FindingStep[InfluenceFindings]):
    """Write ``members.parquet``, ``tests.parquet``, ``ESTIMATOR.npy`` and ``findings.json``.

    Attributes:
        model: under audit, a network.
        asked: which members and tests.
        estimators: names.
        damping: λ; None for a hundredth of the mean curvature.
        seed: of what is random.
    """

    model: AuditedModel
    asked: AskedRecords
    estimators: tuple[str, ...]
    damping: float
    seed: int
    tests: Records = uncounted()
    folder: str = uncounted(default=INFLUENCE)

    kind = InfluenceFindings

    @property
    def artefact(self) -> str:  # type: ignore[override]
        """Where the tables go."""
        return self.folder

    def build(self, path: Path) -> None:
        """Compute every estimate."""
        path.mkdir(exist_ok=True)
        trained = ask(self.model, self.tests, self.asked, self.damping, self.seed)
        attributions, skipped = estimate(trained, self.estimators)
        members, first = self.model.members, copies_among(self.model.members, self.asked.members)
        columns: Table = {"index": self.asked.members, "copies": copy_counts(first)}
        for name, attribution in attributions.items():
            np.save(path / f"{name}.npy", attribution.table.double().cpu().numpy())
            if attribution.own is not None:
                columns[name] = attribution.own.double().cpu().numpy()
        write_meant(path / "members.parquet", columns)
        tests: Table = {"index": self.asked.tests, "loss": self.asked.loss}
        if self.asked.correct is not None:
            tests["correct"] = self.asked.correct
        write_meant(path / "tests.parquet", tests)
        findings = conclude_influence(
            trained, attributions, skipped, self.asked, first, (members, self.tests), self.seed
        )
        write_finding(path / self.file, findings)


def ask(
    model: AuditedModel, tests: Records, asked: AskedRecords, damping: float, seed: int
) -> Trained:
    """Return the network with the records that are asked about."""
    predictor = model.network
    assert predictor is not None
    network = own_network(predictor, model.task)
    checkpoints = [
        (each, travelled)
        for each, travelled in model.checkpoints
        if isinstance(each, NetworkPredictor)
    ]
    return trained_of(
        network,
        own_records(predictor, model.members, asked.members),
        own_records(predictor, tests, asked.tests),
        model.task,
        checkpoints,
        damping=damping,
        seed=seed,
        most_parameters=MOST_PARAMETERS,
    )


def estimate(
    trained: Trained, names: Sequence[str]
) -> tuple[dict[str, Attribution], dict[str, str]]:
    """Return every estimate that can be made, and why others cannot.

    Raises:
        ImprintError: an unknown estimator.
    """
    attributions: dict[str, Attribution] = {}
    skipped: dict[str, str] = {}
    entries = [INFLUENCES.get(name) for name in names]
    for entry in track(entries, "estimate influence", len(entries), "estimator"):
        try:
            attributions[entry.name] = entry(trained)
        except ImprintError as error:
            skipped[entry.name] = str(error)
    return attributions, skipped


def copies_among(records: Records, rows: IntArray) -> IntArray:
    """Return for each of some records the first of them with the same bytes, int64 ``[m]``."""
    return np.asarray(exact_copies(records.inputs.read(rows)).numpy(), dtype=np.int64)


def copy_counts(first: IntArray) -> IntArray:
    """Return how many others have the same bytes, int64 ``[m]``."""
    return np.asarray(np.bincount(first, minlength=len(first))[first] - 1, dtype=np.int64)


def conclude_influence(
    trained: Trained,
    attributions: Mapping[str, Attribution],
    skipped: Mapping[str, str],
    asked: AskedRecords,
    first: IntArray,
    records: tuple[Records, Records],
    seed: int,
) -> InfluenceFindings:
    """Return the findings of some estimates.

    Args:
        trained: the network with what was asked.
        attributions: by estimator.
        skipped: why others are missing.
        asked: rows of members and tests.
        first: from :func:`copies_among`.
        records: members and tests.
        seed: of bootstraps.
    """
    members, tests = records
    both = np.concatenate([members.inputs.read(asked.members), tests.inputs.read(asked.tests)])
    matches = exact_copies(both).numpy()[len(asked.members) :]
    correct = asked.correct
    return InfluenceFindings(
        records=len(asked.members),
        members=len(members),
        tests=len(asked.tests),
        wrong=None if correct is None else int((~correct).sum()),
        parameters=_parameters(trained, trained.most_parameters),
        trained_parameters=_parameters(trained, None),
        damping=trained.damping,
        copies=int((copy_counts(first) > 0).sum()),
        leaked=int((matches < len(asked.members)).sum()),
        estimators={
            name: _of_estimator(attribution, asked, first, records)
            for name, attribution in attributions.items()
        },
        skipped=dict(skipped),
        agreement=tuple(
            Agreement(one, other, *_agreement(attributions[one], attributions[other], first, seed))
            for one, other in combinations(attributions, 2)
        ),
    )


def _parameters(trained: Trained, most: int | None) -> int:
    return sum(each.numel() for each in trained_parameters(trained.network, most).values())


def _of_estimator(
    attribution: Attribution,
    asked: AskedRecords,
    first: IntArray,
    records: tuple[Records, Records],
) -> EstimatorFindings:
    members, counts = records[0], copy_counts(first)
    distinct = np.flatnonzero(first == np.arange(len(first)))

    def named(places: IntArray, values: FloatArray) -> tuple[NamedInfluence, ...]:
        return tuple(
            NamedInfluence(
                int(asked.members[place]),
                members.name_of(int(asked.members[place])),
                float(values[place]),
                int(counts[place]),
            )
            for place in places.tolist()
        )

    # Copies are one record: what they say together is the sum.
    table = np.zeros(attribution.table.shape)
    np.add.at(table, first, attribution.table.double().cpu().numpy())
    strongest: tuple[NamedInfluence, ...] = ()
    share = None
    if attribution.own is not None:
        own = attribution.own.double().cpu().numpy()
        order = distinct[np.argsort(-own[distinct], kind="stable")]
        strongest, share = named(order[:NAMED], own), _share_of_strongest(own[distinct])
    tests = []
    for place, row in enumerate(asked.tests[:NAMED].tolist()):
        column = table[:, place]
        order = distinct[np.argsort(-column[distinct], kind="stable")]
        helped = order[:NAMED_PER_TEST][column[order[:NAMED_PER_TEST]] > 0]
        worst = order[::-1][:NAMED_PER_TEST]
        tests.append(
            InfluenceOnTest(
                row,
                records[1].name_of(row),
                float(asked.loss[place]),
                None if asked.correct is None else bool(asked.correct[place]),
                named(helped, column),
                named(worst[column[worst] < 0], column),
            )
        )
    return EstimatorFindings(strongest, share, tuple(tests), attribution.facts)


def _share_of_strongest(own: FloatArray) -> float | None:
    """Return what the strongest hundredth has of all; None where influences are not above 0."""
    values = np.sort(np.maximum(own, 0))[::-1]
    total = float(values.sum())
    return float(values[: max(1, len(values) // 100)].sum()) / total if total > 0 else None


def _agreement(
    one: Attribution, other: Attribution, first: IntArray, seed: int
) -> tuple[Estimate | Missing, Estimate | Missing]:
    from scipy.stats import rankdata

    distinct = first == np.arange(len(first))
    random = generator(seed, "agreement")
    members: Estimate | Missing = Missing("one of both has no influence of a record on itself")
    if one.own is not None and other.own is not None:
        try:
            first_own, second_own = (
                each.double().cpu().numpy()[distinct] for each in (one.own, other.own)
            )
            members = spearman(first_own, second_own, random)
        except ImprintError as error:
            members = Missing(str(error))
    tables = [each.table.double().cpu().numpy()[distinct] for each in (one, other)]
    ranks = [rankdata(table.T, axis=1) for table in tables]
    centred = [rank - rank.mean(1, keepdims=True) for rank in ranks]
    norms = np.prod([np.linalg.norm(each, axis=1) for each in centred], axis=0)
    known = norms > 0
    if known.sum() < 2:
        return members, Missing("fewer than 2 tests on which influences differ")
    correlations = (centred[0] * centred[1]).sum(1)[known] / norms[known]
    return members, mean(correlations, random)
