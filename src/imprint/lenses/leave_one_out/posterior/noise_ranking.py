"""What a choice of noise variance does to the ranking of the records."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.core.seeds import generator
from imprint.lenses.leave_one_out.noise_findings import (
    CriterionCurve,
    CriterionMaximum,
    NoiseRanking,
    NoiseSelection,
)
from imprint.lenses.leave_one_out.options import NoiseCriterion
from imprint.lenses.leave_one_out.posterior.noise_selection import ChosenNoise, NoiseCriteria
from imprint.stats.correlation import spearman
from imprint.stats.estimate import Estimate
from imprint.stats.ranks import midranks

DRAWS = 500


def noise_selection(
    criteria: NoiseCriteria,
    chosen: ChosenNoise,
    criterion: NoiseCriterion,
    noises: Sequence[float],
    density_offset: float,
) -> NoiseSelection:
    """Return both choices, the curve of both criteria, and how records rank at each variance.

    Args:
        criteria: of the records.
        chosen: by them.
        criterion: that auto means.
        noises: variances to compare, the fitted one first, ``[m]``.
        density_offset: by how much a density of fitted targets exceeds that of the targets, in
            nats a record.
    """
    count = len(criteria.targets)

    def maximum(noise: float, scale: float, at_edge: bool) -> CriterionMaximum:
        return CriterionMaximum(
            noise,
            scale,
            float(criteria.log_evidence([noise])[0]) - count * density_offset,
            float(criteria.density([noise])[0]) - density_offset,
            at_edge,
        )

    curve = CriterionCurve(
        tuple(chosen.grid.tolist()),
        tuple((chosen.evidences - count * density_offset).tolist()),
        tuple((chosen.densities - density_offset).tolist()),
    )
    density, evidence = chosen.density, chosen.evidence
    names = {density.noise: "density", evidence.noise: "evidence"}
    if density.noise == evidence.noise:
        names = {density.noise: "density and evidence"}
    left_out = criteria.left_out(noises)
    divergences, distances = (
        np.stack([getattr(each, name)[criteria.distinct].cpu().numpy() for each in left_out])
        for name in ("kl_out_in", "mean_distance")
    )
    return NoiseSelection(
        criterion,
        criteria.profiled,
        maximum(density.noise, criteria.density_scale(density.noise), density.at_edge),
        maximum(evidence.noise, criteria.evidence_scale(evidence.noise), evidence.at_edge),
        curve,
        NoiseRanking(
            tuple(noises),
            tuple(names.get(noise, "") for noise in noises),
            tuple((criteria.log_evidence(noises) - count * density_offset).tolist()),
            tuple((criteria.density(noises) - density_offset).tolist()),
            rank_correlations(divergences),
            rank_correlations(distances),
            _with_first(divergences, "kl_out_in"),
            _with_first(distances, "mean_distance"),
        ),
    )


def rank_correlations(values: FloatArray) -> tuple[tuple[float, ...], ...]:
    """Return Spearman's correlation of every two rows, ``[m, m]``; NaN of a constant row is 0.

    >>> rank_correlations(np.array([[1.0, 2.0, 3.0], [1.0, 4.0, 9.0]]))
    ((1.0, 1.0), (1.0, 1.0))

    Args:
        values: ``[m, n]``.
    """
    ranks = np.stack([midranks(row) for row in values])
    centred = ranks - ranks.mean(1, keepdims=True)
    lengths = np.linalg.norm(centred, axis=1)
    unit = centred / np.where(lengths > 0, lengths, 1.0)[:, None]
    table = np.clip(unit @ unit.T, -1, 1).round(12)
    return tuple(tuple(row) for row in table.tolist())


def _with_first(values: FloatArray, name: str) -> tuple[Estimate | Missing, ...]:
    result: list[Estimate | Missing] = []
    for row in values:
        try:
            random = generator(0, "noise ranking", name, str(len(result)))
            result.append(spearman(values[0], row, random, DRAWS))
        except ImprintError as error:
            result.append(Missing(str(error)))
    return tuple(result)
