"""``membership ensemble``: from the files of others' models to memorization and influence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from imprint import __version__
from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.data.sources.imagenet_index import ImagenetIndex, read_index
from imprint.lenses.membership.memorization.ensemble import (
    Accuracies,
    Ensemble,
    accuracies,
    ensemble_memorization,
    ensemble_pairs,
    expected_by_chance,
)
from imprint.lenses.membership.memorization.estimators import InfluencePairs, Memorization
from imprint.lenses.membership.memorization.published_ensemble import (
    checksums,
    find_runs,
    read_ensemble,
)
from imprint.stats.estimate import Estimate
from imprint.study.hashing import hash_file, hash_json
from imprint.study.json_io import read_json, write_json
from imprint.study.store import Study
from imprint.study.tables import write_table

STEP = "membership"
TOP = 10
QUANTILES = (0.05, 0.5, 0.95)
NO_SCORE = "no record was in some models and out of others"
NO_INDEX = "no --index, so the classes of the records are not known"


def audit_ensemble(
    runs: Path,
    out: Path,
    index: Path | None = None,
    memorization_cut: float = 0.25,
    influence_cut: float = 0.15,
) -> dict[str, Any]:
    """Estimate memorization and influence from an ensemble; return the content of ``summary.json``.

    ``membership/memorization.parquet`` holds ``index``, ``memorization`` and its
    ``standard_error`` (NaN where there is no estimate), ``in_models``, ``out_models``;
    ``membership/pairs.parquet`` holds ``index`` (the record), ``test``, ``influence``, its
    ``standard_error`` and the record's ``memorization``. With an index also ``file``, ``label`` and
    ``test_file``.

    Args:
        runs: the folder of ``RUN/aux_arrays.npz``.
        out: folder for the results.
        index: ``imagenet_index.npz``, which names records and their classes; without it there are
            no pairs.
        memorization_cut: least memorization of the record of a pair.
        influence_cut: least influence of a pair.

    Raises:
        ImprintError: runs or an index that cannot be read or do not fit one another, or a cut out
            of range.
    """
    for name, cut in (("memorization", memorization_cut), ("influence", influence_cut)):
        if not 0 <= cut <= 1:
            raise ImprintError(f"--{name}-cut is {cut:g}: it must lie in [0, 1]")
    files = find_runs(runs)
    settings = {
        "runs": len(files),
        "files": hash_json([[file.parent.name, *checksums(file)] for file in files]),
        "index": None if index is None else hash_file(index),
        "memorization_cut": memorization_cut,
        "influence_cut": influence_cut,
    }

    def build(folder: Path) -> None:
        names = None if index is None else read_index(index)
        ensemble = read_ensemble(files)
        _check_index(ensemble, names)
        found = ensemble_memorization(ensemble)
        pairs = None
        if names is not None:
            pairs = ensemble_pairs(
                ensemble,
                found.score,
                names.train_labels,
                names.test_labels,
                memorization_cut,
                influence_cut,
            )
            write_table(folder / "pairs.parquet", _pair_columns(pairs, names))
        write_table(folder / "memorization.parquet", _columns(found, names))
        cuts = (memorization_cut, influence_cut)
        write_json(folder / "findings.json", _findings(ensemble, found, pairs, cuts, names))

    study = Study(out)
    with study.locked():
        findings = read_json(study.step(STEP, settings, build) / "findings.json")
        summary = {
            "imprint": __version__,
            "data": {"name": runs.name, "records": findings["records"], "runs": findings["runs"]},
            "settings": {
                "memorization_cut": memorization_cut,
                "influence_cut": influence_cut,
            },
            "lenses": {"membership": {"memorization": findings}},
        }
        write_json(study.path("summary.json"), summary)
    return summary


def _check_index(ensemble: Ensemble, names: ImagenetIndex | None) -> None:
    if names is None:
        return
    listed = (len(names.train), len(names.test))
    held = (ensemble.records, ensemble.test_correct.shape[1])
    if listed != held:
        raise ImprintError(
            f"the index lists {listed[0]} records and {listed[1]} test examples, but the runs are "
            f"on {held[0]} and {held[1]}: give the index of these runs"
        )


def _columns(found: Memorization, names: ImagenetIndex | None) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "index": np.arange(len(found.score), dtype=np.int64),
        "memorization": found.score,
        "standard_error": found.error,
        "in_models": found.models_in,
        "out_models": found.models_out,
    }
    if names is not None:
        columns |= {"file": names.train, "label": names.train_labels}
    return columns


def _pair_columns(pairs: InfluencePairs, names: ImagenetIndex) -> dict[str, Any]:
    return {
        "index": pairs.train,
        "test": pairs.test,
        "influence": pairs.influence,
        "standard_error": pairs.error,
        "memorization": pairs.memorization,
        "file": names.train[pairs.train],
        "test_file": names.test[pairs.test],
    }


def _findings(
    ensemble: Ensemble,
    found: Memorization,
    pairs: InfluencePairs | None,
    cuts: tuple[float, float],
    names: ImagenetIndex | None,
) -> dict[str, Any]:
    right = accuracies(ensemble)
    reasons, counts = np.unique(found.reason[found.missing], return_counts=True)
    return {
        "runs": len(ensemble),
        "records": ensemble.records,
        "test_examples": ensemble.test_correct.shape[1],
        "inclusion": float(right.inclusion.mean()),
        "accuracy": _accuracy(right),
        **_scores(found),
        "memorized": _memorized(ensemble, found, cuts[0]),
        "missing": dict(zip(reasons.tolist(), counts.tolist(), strict=True)),
        "most_memorized": _most_memorized(found, names),
        "pairs": _pairs(pairs, cuts, names),
    }


def _accuracy(right: Accuracies) -> dict[str, Any]:
    """Return shares over models; the gap estimates the mean memorization of a member."""
    kinds = {
        "members": right.members,
        "others": right.others,
        "test": right.test,
        "gap": right.members - right.others,
    }
    return {kind: over_models(shares) for kind, shares in kinds.items()}


def over_models(shares: FloatArray) -> dict[str, Any]:
    """Return the mean over models with its interval by Student's t, as models are independent.

    Args:
        shares: float64 ``[K]``, one of each model; NaN where a model has none.
    """
    known = shares[np.isfinite(shares)]
    if len(known) < 2:
        return {"missing": f"{len(known)} of {len(shares)} models have one"}
    mean = float(known.mean())
    reach = float(stats.t.ppf(0.975, len(known) - 1) * stats.sem(known))
    return Estimate(mean, (mean - reach, mean + reach), len(known)).to_dict()


def _scores(found: Memorization) -> dict[str, Any]:
    known = ~found.missing
    score, error = found.score[known], found.error[known]
    if not len(score):
        return {"scores": {"missing": NO_SCORE}}
    return {
        "scores": {
            "count": len(score),
            "mean": float(score.mean()),
            "quantiles": {
                f"{share:g}": float(value)
                for share, value in zip(QUANTILES, np.quantile(score, QUANTILES), strict=True)
            },
            "standard_error": {"median": float(np.median(error)), "largest": float(error.max())},
        },
    }


def _memorized(ensemble: Ensemble, found: Memorization, cut: float) -> dict[str, Any]:
    """Return how many records reach the cut, and how many would if nothing were memorized."""
    if found.missing.all():
        return {"missing": NO_SCORE}
    return {
        "cut": cut,
        "count": int(np.count_nonzero(found.score >= cut)),
        "of": int(np.count_nonzero(~found.missing)),
        "by_chance": expected_by_chance(ensemble, cut),
    }


def _most_memorized(found: Memorization, names: ImagenetIndex | None) -> list[dict[str, Any]]:
    """Return the records of highest score; of equal ones, those of least error, then by index."""
    score = np.where(found.missing, -np.inf, found.score)
    order = np.lexsort((found.error, -score))[: min(TOP, np.count_nonzero(~found.missing))]
    return [
        {
            "index": int(row),
            "memorization": float(found.score[row]),
            "standard_error": float(found.error[row]),
            **({} if names is None else {"file": str(names.train[row])}),
        }
        for row in order
    ]


def _pairs(
    pairs: InfluencePairs | None, cuts: tuple[float, float], names: ImagenetIndex | None
) -> dict[str, Any]:
    if pairs is None or names is None:
        return {"missing": NO_INDEX}
    strongest: list[Mapping[str, Any]] = [
        {
            "index": int(pairs.train[row]),
            "test": int(pairs.test[row]),
            "influence": float(pairs.influence[row]),
            "standard_error": float(pairs.error[row]),
            "file": str(names.train[pairs.train[row]]),
            "test_file": str(names.test[pairs.test[row]]),
        }
        for row in range(min(TOP, len(pairs)))
    ]
    return {
        "count": len(pairs),
        "records": len(np.unique(pairs.train)),
        "test_examples": len(np.unique(pairs.test)),
        "memorization_cut": cuts[0],
        "influence_cut": cuts[1],
        "strongest": strongest,
    }
