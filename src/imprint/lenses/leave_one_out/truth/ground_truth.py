"""What retrained networks say of a record: prediction difference, attack AUC, and their errors.

K pairs of networks, one of each trained with the record (*in*) and one without (*out*), give K
paired differences d_k of the c logits. With their mean d̄ and covariance Σ,

    prediction difference = mean over logits of E[d]², estimated by mean(d̄² − diag Σ / K),

unbiased where d̄² alone is too large by Σ/K, with variance (4 d̄ᵀΣd̄ / K + 2 tr Σ² / K²) / c².

The attack's AUC is that of :mod:`imprint.lenses.leave_one_out.truth.paired_auc`.

Ye, Borovykh, Hayou, Shokri, ICLR 2024, have both over 50 random half splits of independent
networks; the squared difference is then biased, and half of the networks fit each Gaussian.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.truth.paired_auc import (
    fewest_starts,
    jackknife_error,
    paired_auc,
    without_each_start,
)
from imprint.stats.bootstrap import mean, percentile_interval
from imprint.stats.correlation import pearson, spearman
from imprint.stats.estimate import Estimate
from imprint.stats.ranks import midranks


@dataclass(frozen=True, eq=False)
class MeasuredValues:
    """A quantity of each record with its standard error.

    Attributes:
        value: float64 ``[r]``.
        error: float64 ``[r]``.
        less: values without each start, or group of starts, ``[groups, r]``; None where ``error``
            is not from them.
    """

    value: FloatArray
    error: FloatArray
    less: FloatArray | None = None


def prediction_difference(within: ArrayLike, without: ArrayLike) -> MeasuredValues:
    """Return the mean over logits of the squared shift, in squared units of the logits.

    Unbiased, and so now and then below 0 where there is next to no shift.

    >>> measured = prediction_difference([[[1.0], [3.0]]], [[[0.0], [0.0]]])
    >>> measured.value.tolist()  # 2² less the variance 2 over 2 pairs
    [3.0]

    Args:
        within: logits at each record of networks trained with it, ``[r, K, c]``.
        without: of those trained without it, ``[r, K, c]``, of the same starts in the same order.

    Raises:
        ImprintError: shapes that do not fit, fewer than two pairs, values that are not finite.
    """
    with_record, without_record = _pairs(within, without, at_least=2)
    shifts = with_record - without_record
    count, outputs = shifts.shape[1:]
    centre = shifts.mean(1)
    centred = shifts - centre[:, None]
    covariance = centred.transpose(0, 2, 1) @ centred / (count - 1)
    spread = np.trace(covariance, axis1=1, axis2=2) / count
    value = ((centre**2).sum(1) - spread) / outputs
    slope = np.einsum("rc,rcd,rd->r", centre, covariance, centre)
    variance = 4 * slope / count + 2 * (covariance**2).sum((1, 2)) / count**2
    return MeasuredValues(value, np.sqrt(variance) / outputs)


def attack_auc(within: ArrayLike, without: ArrayLike) -> MeasuredValues:
    """Return the AUC of telling networks with a record from those without, by its logits.

    That of :mod:`imprint.lenses.leave_one_out.truth.paired_auc`, with its jackknife error over
    starts.

    Args:
        within: as :func:`prediction_difference`.
        without: likewise.

    Raises:
        ImprintError: also too few pairs for the covariance of c logits, or logits without spread.
    """
    with_record, without_record = _pairs(within, without, at_least=2)
    count, outputs = with_record.shape[1:]
    if count < fewest_starts(outputs):
        raise ImprintError(
            f"{count} pairs of networks do not give a covariance of {outputs} logits: train "
            f"{fewest_starts(outputs)} or more"
        )
    less = without_each_start(paired_auc, with_record, without_record)
    return MeasuredValues(paired_auc(with_record, without_record), jackknife_error(less), less)


def noise_ceiling(
    within: ArrayLike,
    without: ArrayLike,
    measure: Callable[[FloatArray, FloatArray], FloatArray],
    random: np.random.Generator,
    splits: int = 50,
    draws: int = 500,
) -> Estimate:
    """Return the correlation that a perfect estimate could reach with the measured quantity.

    The networks are halved at random; the correlation ρ of the halves over records gives the
    reliability of all of them, 2ρ/(1 + ρ) (Spearman 1910, Brown 1910), and its root is the ceiling.
    The interval is by bootstrap over records. It is 0 where the halves do not agree at all. This is
    for measures that do not depend on the number of networks on average: not the attack's AUC.

    Args:
        within: as :func:`prediction_difference`.
        without: likewise.
        measure: of a half, such as ``root_difference``: arrays ``[r, k, c]`` to ``[r]``.
        random: from :func:`imprint.core.seeds.generator`.
        splits: random halvings to average.
        draws: of the bootstrap.

    Raises:
        ImprintError: as :func:`prediction_difference`, or fewer than three records.
    """
    with_record, without_record = _pairs(within, without, at_least=4)
    records, count = with_record.shape[:2]
    if records < 3:
        raise ImprintError(f"{records} records have no correlation: leave out 3 or more")
    halves = []
    for _ in range(splits):
        order = random.permutation(count)
        parts = (order[: count // 2], order[count // 2 : 2 * (count // 2)])
        halves.append([measure(with_record[:, part], without_record[:, part]) for part in parts])
    measured = np.array(halves)
    rows = np.arange(records, dtype=np.int64)
    drawn = [
        _ceiling(measured, np.asarray(random.integers(0, records, records))) for _ in range(draws)
    ]
    return Estimate(_ceiling(measured, rows), percentile_interval(drawn, count=records), records)


def root_difference(within: FloatArray, without: FloatArray) -> FloatArray:
    """Return the root of the prediction difference, 0 where it was measured below 0, ``[r]``."""
    return np.sqrt(np.maximum(prediction_difference(within, without).value, 0))


def correlations(
    estimate: ArrayLike, truth: ArrayLike, random: np.random.Generator
) -> dict[str, Estimate]:
    """Return Pearson's and Spearman's correlation over records with bootstrap intervals.

    Raises:
        ImprintError: fewer than 3 records, values that are not finite, or a side that is constant.
    """
    return {
        "pearson": pearson(estimate, truth, random),
        "spearman": spearman(estimate, truth, random),
    }


def datamodeling_score(
    influence: ArrayLike, members: ArrayLike, outputs: ArrayLike, random: np.random.Generator
) -> Estimate:
    """Return the linear datamodeling score: do sums of influences rank retrained networks?

    For each query the outputs of networks trained on subsets are rank-correlated with the sums of
    the influences of each subset's records; the mean over queries, with its bootstrap interval over
    queries (Park, Georgiev, Ilyas, Leclerc, Madry, "TRAK", 2023, definition 2.4).

    Args:
        influence: ``[n, q]``, larger where a record raises the output more.
        members: bool ``[S, n]``, records of each subset.
        outputs: ``[S, q]``.
        random: from :func:`imprint.core.seeds.generator`.

    Raises:
        ImprintError: shapes that do not fit, values that are not finite, fewer than 3 subsets, or
            fewer than 2 queries.
    """
    table, inside = np.asarray(influence, dtype=np.float64), np.asarray(members, dtype=bool)
    observed = np.asarray(outputs, dtype=np.float64)
    if (
        table.ndim != 2
        or inside.shape[1:] != table.shape[:1]
        or observed.shape != (len(inside), table.shape[1])
    ):
        raise ImprintError(
            f"influence {list(table.shape)}, members {list(inside.shape)} and outputs "
            f"{list(observed.shape)} do not fit: give [n, q], [S, n] and [S, q]"
        )
    if len(inside) < 3:
        raise ImprintError(
            f"{len(inside)} random subsets give no rank correlation: train on 3 or more"
        )
    if table.shape[1] < 2:
        raise ImprintError("one query has no interval over queries: give 2 or more")
    if not (np.isfinite(table).all() and np.isfinite(observed).all()):
        raise ImprintError("an influence or an output is not finite: leave such queries out")
    predicted = inside.astype(np.float64) @ table
    scores = [_rank_correlation(predicted[:, q], observed[:, q]) for q in range(table.shape[1])]
    return mean(scores, random)


def _rank_correlation(one: FloatArray, other: FloatArray) -> float:
    """Return Spearman's correlation; 0 where all predictions are alike: they rank nothing."""
    first, second = midranks(one), midranks(other)
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def _ceiling(measured: FloatArray, rows: NDArray[np.int64]) -> float:
    """Return the root of the reliability from halves ``[splits, 2, r]``."""
    drawn = measured[:, :, rows]
    centred = drawn - drawn.mean(2, keepdims=True)
    together = (centred[:, 0] * centred[:, 1]).sum(1)
    spread = np.sqrt((centred**2).sum(2).prod(1))
    agreement = np.divide(together, spread, out=np.zeros_like(together), where=spread > 0).mean()
    return float(np.sqrt(max(0.0, 2 * agreement / (1 + agreement)))) if agreement > 0 else 0.0


def _pairs(within: ArrayLike, without: ArrayLike, at_least: int) -> tuple[FloatArray, FloatArray]:
    with_record, without_record = (
        np.asarray(within, dtype=np.float64),
        np.asarray(without, dtype=np.float64),
    )
    if with_record.ndim != 3 or with_record.shape != without_record.shape:
        raise ImprintError(
            f"logits of networks with and without a record have shapes {list(with_record.shape)} "
            f"and {list(without_record.shape)}: both must be [records, pairs, outputs]"
        )
    if with_record.shape[1] < at_least:
        raise ImprintError(
            f"{with_record.shape[1]} pairs of networks are too few: train {at_least} or more"
        )
    if not (np.isfinite(with_record).all() and np.isfinite(without_record).all()):
        raise ImprintError("a logit of a retrained network is not finite: lower the learning rate")
    return with_record, without_record
