"""``membership ensemble``: from the files of others' models to memorization and influence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.data.sources.imagenet_index import ImagenetIndex, read_index
from imprint.lenses.membership.ensemble_findings import (
    EnsembleAccuracy,
    EnsembleFindings,
    ErrorSpread,
    InfluencePairFindings,
    InfluentialPair,
    MemorizedCount,
    MemorizedRecord,
    ScoreSpread,
)
from imprint.lenses.membership.memorization.ensemble import (
    ModelEnsemble,
    ensemble_memorization,
    ensemble_pairs,
    expected_by_chance,
    measure_accuracies,
)
from imprint.lenses.membership.memorization.estimators import InfluencePairs, Memorization
from imprint.lenses.membership.memorization.published_ensemble import (
    checksums,
    find_runs,
    read_ensemble,
)
from imprint.lenses.membership.study.options import EnsembleOptions
from imprint.report.summary import new_summary
from imprint.stats.estimate import Estimate
from imprint.study.counted import uncounted
from imprint.study.finding import read_finding, to_json, write_finding
from imprint.study.hashing import hash_file, hash_json
from imprint.study.json_io import write_json
from imprint.study.plain import JsonObject
from imprint.study.step import Step
from imprint.study.store import Study
from imprint.study.tables import write_table

TOP = 10
QUANTILES = (0.05, 0.5, 0.95)
NO_SCORE = "no record was in some models and out of others"
NO_INDEX = "no --index, so the classes of the records are not known"


def audit_ensemble(options: EnsembleOptions) -> tuple[EnsembleFindings, JsonObject]:
    """Estimate memorization and influence; return findings and the content of ``summary.json``.

    Raises:
        ImprintError: runs or an index that cannot be read or do not fit one another.
    """
    files = find_runs(options.runs)
    step = EstimateMemorization(
        runs=len(files),
        files_hash=hash_json([[file.parent.name, *checksums(file)] for file in files]),
        index_hash=None if options.index is None else hash_file(options.index),
        memorization_cut=options.memorization_cut,
        influence_cut=options.influence_cut,
        files=tuple(files),
        index=options.index,
    )
    study = Study(options.out)
    with study.locked():
        findings = read_finding(EnsembleFindings, study.run(step) / "findings.json")
        summary = new_summary(
            {"name": options.runs.name, "records": findings.records, "runs": findings.runs},
            {"membership": {"memorization": to_json(findings)}},
            {
                "memorization_cut": options.memorization_cut,
                "influence_cut": options.influence_cut,
            },
        )
        write_json(study.path("summary.json"), summary)
    return findings, summary


@dataclass(frozen=True, kw_only=True)
class EstimateMemorization(Step):
    """Estimate memorization and influence: the folder ``membership``.

    ``memorization.parquet`` holds ``index``, ``memorization`` and its ``standard_error`` (NaN where
    there is no estimate), ``in_models``, ``out_models``; ``pairs.parquet`` holds ``index`` (the
    record), ``test``, ``influence``, its ``standard_error`` and the record's ``memorization``. With
    an index also ``file``, ``label`` and ``test_file``.

    Attributes:
        runs: models.
        files_hash: of the content of their files.
        index_hash: of the index; None without.
        memorization_cut: least memorization of the record of a pair.
        influence_cut: least influence of a pair.
        files: of the runs.
        index: names records and their classes; without it there are no pairs.
    """

    runs: int
    files_hash: str
    index_hash: str | None
    memorization_cut: float
    influence_cut: float
    files: tuple[Path, ...] = uncounted()
    index: Path | None = uncounted()

    artefact = "membership"

    def build(self, path: Path) -> None:
        """Write tables and findings.

        Raises:
            ImprintError: runs or an index that cannot be read or do not fit one another.
        """
        names = None if self.index is None else read_index(self.index)
        ensemble = read_ensemble(self.files)
        _check_index(ensemble, names)
        memorized = ensemble_memorization(ensemble)
        pairs = None
        if names is not None:
            pairs = ensemble_pairs(
                ensemble,
                memorized.score,
                names.train_labels,
                names.test_labels,
                self.memorization_cut,
                self.influence_cut,
            )
            write_table(path / "pairs.parquet", _pair_columns(pairs, names))
        write_table(path / "memorization.parquet", _columns(memorized, names))
        reasons, counts = np.unique(memorized.reason[memorized.missing], return_counts=True)
        accuracies = measure_accuracies(ensemble)
        findings = EnsembleFindings(
            runs=len(ensemble),
            records=ensemble.records,
            test_examples=ensemble.test_correct.shape[1],
            inclusion=float(accuracies.inclusion.mean()),
            accuracy=EnsembleAccuracy(
                mean_over_models(accuracies.members),
                mean_over_models(accuracies.others),
                mean_over_models(accuracies.test),
                mean_over_models(accuracies.members - accuracies.others),
            ),
            scores=_scores(memorized),
            memorized=_memorized(ensemble, memorized, self.memorization_cut),
            missing=dict(zip(reasons.tolist(), counts.tolist(), strict=True)),
            most_memorized=_most_memorized(memorized, names),
            pairs=_pairs(pairs, self.memorization_cut, self.influence_cut, names),
        )
        write_finding(path / "findings.json", findings)


def _check_index(ensemble: ModelEnsemble, names: ImagenetIndex | None) -> None:
    if names is None:
        return
    listed = (len(names.train), len(names.test))
    held = (ensemble.records, ensemble.test_correct.shape[1])
    if listed != held:
        raise ImprintError(
            f"the index lists {listed[0]} records and {listed[1]} test examples, but the runs are "
            f"on {held[0]} and {held[1]}: give the index of these runs"
        )


def _columns(memorized: Memorization, names: ImagenetIndex | None) -> dict[str, NDArray[Any]]:
    columns: dict[str, NDArray[Any]] = {
        "index": np.arange(len(memorized.score), dtype=np.int64),
        "memorization": memorized.score,
        "standard_error": memorized.error,
        "in_models": memorized.models_in,
        "out_models": memorized.models_out,
    }
    if names is not None:
        columns |= {"file": names.train, "label": names.train_labels}
    return columns


def _pair_columns(pairs: InfluencePairs, names: ImagenetIndex) -> dict[str, NDArray[Any]]:
    return {
        "index": pairs.train,
        "test": pairs.test,
        "influence": pairs.influence,
        "standard_error": pairs.error,
        "memorization": pairs.memorization,
        "file": names.train[pairs.train],
        "test_file": names.test[pairs.test],
    }


def mean_over_models(shares: FloatArray) -> Estimate | Missing:
    """Return the mean over models with its interval by Student's t, as models are independent.

    Args:
        shares: float64 ``[K]``, one of each model; NaN where a model has none.
    """
    known = shares[np.isfinite(shares)]
    if len(known) < 2:
        return Missing(f"{len(known)} of {len(shares)} models have one")
    mean = float(known.mean())
    reach = float(stats.t.ppf(0.975, len(known) - 1) * stats.sem(known))
    return Estimate(mean, (mean - reach, mean + reach), len(known))


def _scores(memorized: Memorization) -> ScoreSpread | Missing:
    known = ~memorized.missing
    score, error = memorized.score[known], memorized.error[known]
    if not len(score):
        return Missing(NO_SCORE)
    quantiles = zip(QUANTILES, np.quantile(score, QUANTILES), strict=True)
    return ScoreSpread(
        len(score),
        float(score.mean()),
        {f"{share:g}": float(value) for share, value in quantiles},
        ErrorSpread(float(np.median(error)), float(error.max())),
    )


def _memorized(
    ensemble: ModelEnsemble, memorized: Memorization, cut: float
) -> MemorizedCount | Missing:
    """Return how many records reach the cut, and how many would if nothing were memorized."""
    if memorized.missing.all():
        return Missing(NO_SCORE)
    return MemorizedCount(
        cut,
        int(np.count_nonzero(memorized.score >= cut)),
        int(np.count_nonzero(~memorized.missing)),
        expected_by_chance(ensemble, cut),
    )


def _most_memorized(
    memorized: Memorization, names: ImagenetIndex | None
) -> tuple[MemorizedRecord, ...]:
    """Return the records of highest score; of equal ones, those of least error, then by index."""
    score = np.where(memorized.missing, -np.inf, memorized.score)
    known = int(np.count_nonzero(~memorized.missing))
    order = np.lexsort((memorized.error, -score))[: min(TOP, known)]
    return tuple(
        MemorizedRecord(
            int(row),
            float(memorized.score[row]),
            float(memorized.error[row]),
            None if names is None else str(names.train[row]),
        )
        for row in order
    )


def _pairs(
    pairs: InfluencePairs | None,
    memorization_cut: float,
    influence_cut: float,
    names: ImagenetIndex | None,
) -> InfluencePairFindings | Missing:
    if pairs is None or names is None:
        return Missing(NO_INDEX)
    strongest = tuple(
        InfluentialPair(
            int(pairs.train[row]),
            int(pairs.test[row]),
            float(pairs.influence[row]),
            float(pairs.error[row]),
            str(names.train[pairs.train[row]]),
            str(names.test[pairs.test[row]]),
        )
        for row in range(min(TOP, len(pairs)))
    )
    return InfluencePairFindings(
        len(pairs),
        len(np.unique(pairs.train)),
        len(np.unique(pairs.test)),
        memorization_cut,
        influence_cut,
        strongest,
    )
