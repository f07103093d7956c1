"""Influence tables beside retrained models: every measure of every table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.core.progress import track
from imprint.core.seeds import generator
from imprint.lenses.leave_one_out.influence_quality_findings import (
    Correlations,
    InfluenceQuality,
    InfluenceQualityFindings,
    QualityCeiling,
)
from imprint.lenses.leave_one_out.truth.influence_quality import (
    accuracy_drop,
    leave_one_out_ceiling,
    leave_one_out_correlation,
    random_drop,
    subset_ceiling,
    subset_score,
)
from imprint.lenses.leave_one_out.truth.retrained_models import (
    RetrainedModels,
    effect_records,
    subset_numbers,
)
from imprint.stats.bootstrap import mean_share
from imprint.stats.estimate import Estimate
from imprint.study.tables import write_table

Measure = Callable[[np.random.Generator], Estimate]
MEANINGS = {
    "influence": "name of the table; positive: the record raises the output of the right class",
    "datamodeling": "rank correlation, -1 to 1; above 0: sums of influence predict subsets",
    "leave_one_out_spearman": "from -1 to 1; above 0: influence ranks effects of single records",
    "leave_one_out_pearson": "from -1 to 1; above 0: influence predicts effects of single records",
    "accuracy_drop": "from -1 to 1; above 0: models without the most helpful records err more",
}
"""Of columns; ends of 95 % intervals are called ``_low`` and ``_high``."""


def influence_quality(
    tables: Mapping[str, FloatArray], models: RetrainedModels, top: int, seed: int
) -> InfluenceQualityFindings:
    """Return every measure of every table, and the ceilings.

    Args:
        tables: by name, ``[N, Q]`` each.
        models: to compare with.
        top: most helpful records of each query, for the accuracy drop.
        seed: of groups and halves.

    Raises:
        ImprintError: a table whose shape does not fit the models, or that is not finite.
    """
    shape = (models.members.shape[1], models.outputs.shape[1])
    for name, table in tables.items():
        if table.shape != shape:
            raise ImprintError(
                f"influence {name} is {list(table.shape)}, and the retrained models are about "
                f"{shape[0]} records and {shape[1]} queries: give {list(shape)}"
            )
        if not np.isfinite(table).all():
            raise ImprintError(f"influence {name} holds NaN or infinity: leave such queries out")
    rows = {
        name: _quality(name, table, models, top, seed)
        for name, table in track(tables.items(), "compare influence", len(tables), "table")
    }
    single = [subset_numbers(models.members[~models.in_pairs])] if (~models.in_pairs).any() else []
    accuracy = None
    if models.correct is not None:
        random = generator(seed, "influence quality", "accuracy")
        accuracy = mean_share(models.correct.mean(0), random)
    return InfluenceQualityFindings(
        len(models.members),
        *shape,
        int(single[0].max()) + 1 if single else 0,
        0 if models.pairs is None else len(models.pairs),
        len(effect_records(models)),
        top,
        accuracy,
        rows,
        _ceilings(models, top, seed),
    )


def write_quality(path: Path, findings: InfluenceQualityFindings) -> None:
    """Write one row a table; what is missing is NaN, and ends of intervals stand beside."""
    rows = findings.tables
    columns: dict[str, list[float]] = {}
    for row in rows.values():
        estimates: dict[str, Estimate | Missing] = {
            "datamodeling": row.datamodeling,
            "leave_one_out_spearman": coefficient(row.leave_one_out, "spearman"),
            "leave_one_out_pearson": coefficient(row.leave_one_out, "pearson"),
            "accuracy_drop": row.accuracy_drop,
        }
        for name, estimate in estimates.items():
            for end, part in (("", "value"), ("_low", "low"), ("_high", "high")):
                columns.setdefault(name + end, []).append(getattr(estimate, part, np.nan))
    names = {"index": np.arange(len(rows)), "influence": np.array(list(rows))}
    written = {name: np.array(values) for name, values in columns.items()}
    write_table(path, {**names, **written}, MEANINGS)


def coefficient(correlations: Correlations | Missing, name: str) -> Estimate | Missing:
    """Return one coefficient, or why there is none."""
    if isinstance(correlations, Missing):
        return correlations
    estimate: Estimate = getattr(correlations, name)
    return estimate


def _quality(
    name: str, table: FloatArray, models: RetrainedModels, top: int, seed: int
) -> InfluenceQuality:
    def measured(measure: Measure, what: str) -> Estimate | Missing:
        return _or_missing(measure, generator(seed, "influence quality", name, what))

    return InfluenceQuality(
        measured(lambda random: subset_score(table, models, random), "subsets"),
        _coefficients(
            lambda ranked, random: leave_one_out_correlation(table, models, random, ranked),
            seed,
            name,
        ),
        measured(lambda random: accuracy_drop(table, models, top, random), "drop"),
    )


def _ceilings(models: RetrainedModels, top: int, seed: int) -> QualityCeiling:
    def measured(measure: Measure, what: str) -> Estimate | Missing:
        return _or_missing(measure, generator(seed, "quality ceiling", what))

    return QualityCeiling(
        measured(lambda random: subset_ceiling(models, random), "subsets"),
        _coefficients(
            lambda ranked, random: leave_one_out_ceiling(models, random, ranked), seed, "ceiling"
        ),
        measured(lambda random: random_drop(models, top, random), "drop"),
    )


def _coefficients(
    measure: Callable[[bool, np.random.Generator], Estimate], seed: int, name: str
) -> Correlations | Missing:
    try:
        both = {
            kind: measure(
                kind == "spearman", generator(seed, "influence quality", name, "leave one out")
            )
            for kind in ("pearson", "spearman")
        }
    except ImprintError as error:
        return Missing(str(error))
    return Correlations(**both)


def _or_missing(measure: Measure, random: np.random.Generator) -> Estimate | Missing:
    try:
        return measure(random)
    except ImprintError as error:
        return Missing(str(error))
