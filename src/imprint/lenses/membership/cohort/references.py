"""Signals of a cohort of reference models, for a target inside or outside of it.

A target outside has all K models as references. When a model of the cohort is itself the target, it
is taken out. In an exactly balanced cohort, where every record has the same number of IN models,
that alone would reveal the answer: a member's record has one IN model fewer left than a
non-member's. So a partner of the opposite side is then taken out with it, record by record, and
the counts reveal nothing. (Where masks are drawn independently, counts never reveal anything.)
The same holds for a target whose file is apart from its references, but which completes them to a
balanced cohort (:func:`completes_balanced_cohort`).

What counts do to LiRA: the side with fewer models has the smaller variance (ddof = 0) and looks
the likelier or the less likely for that alone. AUC of LiRA online, own variances, on simulated
records, of a target that learnt nothing / that memorized, for K models and the target among them,
standard errors of .0012 to .0022 (``benchmarks/membership_counts.py``; the release is that of
Carlini et al. 2022, medians, each side cut to the least count of any record):

=====  =================  =====================  ===============  ======================
K      all others         a partner out          release          mean over all partners
=====  =================  =====================  ===============  ======================
4      .695 / .851        –                      .501 / .681      –
8      .431 / .664        .497 / .705            .499 / .701      .587 / .764
16     .487 / .773        .499 / .777            .498 / .771      .513 / .785
64     .501 / .809        .501 / .809            .502 / .807      .502 / .809
=====  =================  =====================  ===============  ======================

Averaging over every possible partner uses all models and leaks: the side with one model more is
smoothed, and members of a target that learnt nothing are "found". With K = 4 a partner leaves one
model a side, which has no variance: LiRA is skipped, and attacks that need none remain.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.special import expit

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.lenses.membership.attack_kit.lira_moments import (
    IN,
    OUT,
    SideMoments,
    Sums,
    moments,
    sums,
)
from imprint.lenses.membership.cohort.partners import Partners, draw_partners, find_complements
from imprint.lenses.membership.cohort.stored_signals import (
    SignalArray,
    StoredSignals,
    each_model,
    part_of,
    pick_models,
    plain_blocks,
    some_records,
    some_views,
    whole,
)

MIN_RECORDS = 40
"""Records of a cohort at least: intervals leave out a twentieth of them at a time."""


LOG_PROBABILITIES = (math.log(1e-300), math.log(1e300))
"""Range of −ℓ whose exponential is a number; densities exceed 1, so losses may be negative."""


def loss(phi: FloatArray) -> FloatArray:
    """Return the cross-entropy −log p of a logit margin φ, softplus(−φ); any shape, in nats."""
    return np.asarray(np.logaddexp(0.0, -phi))


def probability(phi: FloatArray) -> FloatArray:
    """Return the probability of the true class of a logit margin φ, at least 1e-300."""
    return np.asarray(np.maximum(expit(phi), 1e-300))


def columns(signals: Mapping[str, FloatArray]) -> FloatArray:
    """Return φ, log-curvature and log-loss one after the other along the axis before the last."""
    kinds = ("phi", "log_curvature", "log_loss")
    return np.concatenate([signals[kind] for kind in kinds if kind in signals], axis=-2)


def all_losses(signals: Mapping[str, FloatArray]) -> FloatArray:
    """Return the losses of all views: softplus(−φ), or those that were given in its place."""
    return loss(signals["phi"]) if "phi" in signals else signals["loss"]


DERIVED: dict[str, Callable[[Mapping[str, FloatArray]], FloatArray]] = {
    "loss": lambda signals: all_losses(_plain(signals)),
    "log_probability": lambda signals: -all_losses(signals),
    "probability": lambda signals: (
        probability(signals["phi"])
        if "phi" in signals
        else np.exp(np.clip(-signals["loss"], *LOG_PROBABILITIES))
    ),
    "columns": columns,
}
"""Quantities made from signals; ``loss`` is that of the plain record, augmentation 0."""


def _plain(signals: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    return {kind: values[..., :1, :] for kind, values in signals.items()}


def derive_values(signals: Mapping[str, FloatArray], name: str) -> FloatArray:
    """Return the signal or derived quantity ``name``, float64 ``[..., A, N]``."""
    return DERIVED[name](signals) if name in DERIVED else signals[name]


def completes_balanced_cohort(masks: BoolArray, members: BoolArray) -> bool:
    """Return whether references and target together hold every record equally often.

    Then the counts of the references reveal the target's members, and the target must be treated as
    a model of the cohort.

    Args:
        masks: bool ``[K, N]``, of the references.
        members: bool ``[N]``, of the target.
    """
    count = masks.sum(axis=0)
    return bool(np.ptp(count) > 0 and np.ptp(count + members) == 0)


class Cohort:
    """K reference models and what was computed of them so far.

    Args:
        signals: float64 ``[K, A, N]`` by kind (``phi``, ``log_curvature``, ``loss``, ``log_loss``),
            in memory, or read model by model
            (:mod:`imprint.lenses.membership.cohort.stored_signals`).
        members: bool ``[K, N]``, which model was trained on which record.
        population: float64 ``[K, A, Q]`` by kind, on records that no model was trained on.
    """

    def __init__(
        self,
        signals: Mapping[str, SignalArray],
        members: BoolArray,
        population: Mapping[str, FloatArray] | None = None,
    ) -> None:
        self.signals = signals
        self.members = members
        self.population = population or {}
        self._values: dict[str, SignalArray] = {}
        self._sums: dict[str, Sums] = {}
        self._views: dict[int, Cohort] = {}

    def __len__(self) -> int:
        return len(self.members)

    def only(self, kinds: Collection[str]) -> Cohort:
        """Return the same models with some kinds of signal alone."""
        return Cohort(
            {kind: values for kind, values in self.signals.items() if kind in kinds},
            self.members,
            {kind: values for kind, values in self.population.items() if kind in kinds},
        )

    def rows(self, models: IntArray) -> Cohort:
        """Return some of the models, int64 ``[k]``, as a cohort of their own."""
        return Cohort(
            {kind: values[models] for kind, values in self.signals.items()},
            self.members[models],
            {kind: values[models] for kind, values in self.population.items()},
        )

    def view(self, view: int) -> Cohort:
        """Return the same models and records under one view alone, kinds without it left out.

        It is kept, so that what is computed of it serves all targets.
        """
        if view not in self._views:
            one = slice(view, view + 1)
            signals = {
                kind: some_views(values, one)
                for kind, values in self.signals.items()
                if values.shape[1] > view
            }
            population = {
                kind: values[:, one]
                for kind, values in self.population.items()
                if values.shape[1] > view
            }
            self._views[view] = Cohort(signals, self.members, population)
            self._views[view].partners = self.partners
        return self._views[view]

    def records(self, rows: IntArray) -> Cohort:
        """Return all models on some of the records, int64 ``[n]``."""
        return Cohort(
            {kind: some_records(values, rows) for kind, values in self.signals.items()},
            self.members[:, rows],
            self.population,
        )

    @property
    def is_stored(self) -> bool:
        """Whether signals are read model by model."""
        return any(isinstance(values, StoredSignals) for values in self.signals.values())

    def values(self, name: str) -> SignalArray:
        """Return a signal or derived quantity of all models, float64 ``[K, A, N]``."""
        if name not in self._values:
            self._values[name] = (
                self._stored_values(name)
                if self.is_stored
                else derive_values({kind: whole(each) for kind, each in self.signals.items()}, name)
            )
        return self._values[name]

    def _stored_values(self, name: str) -> StoredSignals:
        def read(row: int, records: slice = slice(None)) -> FloatArray:
            return derive_values(_Lazy(self.signals, row, records), name)

        views = read(0, slice(1)).shape[0]
        return StoredSignals((len(self), views, self.members.shape[1]), read, read)

    def sums(self, name: str) -> Sums:
        """Return the power sums of a quantity over all models."""
        if name not in self._sums:
            self._sums[name] = sums(each_model(self.values(name)), self.members)
        return self._sums[name]

    @cached_property
    def population_probability(self) -> FloatArray | None:
        """The true-class probabilities of population records, float64 ``[K, A, Q]``."""
        known = "phi" in self.population or "loss" in self.population
        return derive_values(self.population, "probability") if known else None

    @cached_property
    def products(self) -> FloatArray:
        """Sums of d·dᵀ over the models of each side, d all columns less the shift of their sums.

        float64 ``[2, N, D, D]``.
        """
        shift = self.sums("columns").shift
        width, count = shift.shape
        total = np.zeros((2, count, width, width))
        for values, inside in zip(each_model(self.values("columns")), self.members, strict=True):
            product = _outer(values - shift)
            total[IN] += inside[:, None, None] * product
            total[OUT] += ~inside[:, None, None] * product
        return total

    @cached_property
    def partners(self) -> Partners | None:
        """The model taken out with each target, ``[K, N]``; None unless balanced."""
        return draw_partners(self.members)

    @cached_property
    def complements(self) -> IntArray:
        """The model that was trained on exactly the other records, int64 ``[K]``; -1 for none."""
        return find_complements(self.members)

    def partner_of(self, row: int) -> IntArray | None:
        """Return the model taken out of each record with a target, int64 ``[N]``, if there is one.

        Of a cohort that is not balanced it is the target's complement.
        """
        if self.partners is not None:
            return np.asarray(self.partners[row], dtype=np.int64)
        if self.complements[row] < 0:
            return None
        return np.full(self.members.shape[1], self.complements[row])

    @cached_property
    def sorted_out_losses(self) -> tuple[FloatArray, IntArray]:
        """OUT losses of each record in rising order, +∞ behind them, and each model's place.

        float64 ``[K, N]`` and int64 ``[K, N]``.
        """
        losses = np.where(self.members, np.inf, whole(self.values("loss"))[:, 0])
        order = np.argsort(losses, axis=0, kind="stable")
        places = np.empty_like(order)
        np.put_along_axis(places, order, np.arange(len(self))[:, None], axis=0)
        return np.take_along_axis(losses, order, axis=0), places


@dataclass(frozen=True)
class References:
    """The models of a cohort as references of one target.

    Attributes:
        cohort: all models.
        target: the row of the cohort that is the target itself; None for a target outside.
        pseudo_target: a further row that stands in for the target; its population records and
            those of the target are no reference's.
        removed: further models taken out of each record, int64 ``[N]`` each.
    """

    cohort: Cohort
    target: int | None = None
    pseudo_target: int | None = None
    removed: tuple[IntArray, ...] = ()

    def taken_out(self) -> Iterator[IntArray]:
        """Yield which model is taken out of each record, int64 ``[N]`` each, never one twice."""
        if self.target is not None:
            yield np.full(self.cohort.members.shape[1], self.target)
            partner = self.cohort.partner_of(self.target)
            if partner is not None:
                yield partner
        yield from self.removed

    def records(self, rows: IntArray) -> References:
        """Return the same models on some of the records, int64 ``[n]``."""
        cohort = self.cohort.records(rows)
        if self.removed and self.cohort.partners is not None:
            # Drawn again, they could be among the removed.
            cohort.partners = self.cohort.partners[:, rows]
        removed = tuple(models[rows] for models in self.removed)
        return replace(self, cohort=cohort, removed=removed)

    @property
    def _no_references(self) -> list[int]:
        return [row for row in (self.target, self.pseudo_target) if row is not None]

    @property
    def count(self) -> int:
        """How many reference models a record has at most."""
        return len(self.cohort) - len(self._no_references)

    @cached_property
    def used(self) -> BoolArray:
        """Which model is a reference for which record, bool ``[K, N]``; see :meth:`used_by`."""
        used = np.ones(self.cohort.members.shape, dtype=bool)
        for models in self.taken_out():
            np.put_along_axis(used, models[None], False, axis=0)
        return used

    def used_by(self, row: int) -> BoolArray:
        """Return for which records one model is a reference, bool ``[N]``."""
        used = np.ones(self.cohort.members.shape[1], dtype=bool)
        for models in self.taken_out():
            used &= models != row
        return used

    @cached_property
    def counts(self) -> tuple[IntArray, IntArray]:
        """Reference models of each side by record, int64 ``[N]`` OUT and ``[N]`` IN."""
        inside = self.cohort.members.sum(axis=0)
        both = np.full_like(inside, len(self.cohort))
        for models in self.taken_out():
            inside -= _of_models(self.cohort.members, models)
            both -= 1
        return both - inside, inside

    def sums(self, name: str) -> Sums:
        """Return the power sums of a signal or derived quantity."""
        left = self.cohort.sums(name)
        for values, inside in self._taken_values(name):
            left = left.without(values, inside)
        return left

    def moments(self, name: str) -> tuple[SideMoments, SideMoments]:
        """Return the moments OUT and IN of a signal or derived quantity."""
        return moments(self.sums(name))

    def covariances(self) -> FloatArray:
        """Return the covariances of all columns, OUT and IN, ddof = 0, float64 ``[2, N, D, D]``.

        Zero where a side has no model.
        """
        left = self.sums("columns")
        product = self.cohort.products.copy()
        for values, inside in self._taken_values("columns"):
            outer = _outer(values - left.shift)
            product[IN] -= inside[:, None, None] * outer
            product[OUT] -= ~inside[:, None, None] * outer
        several = np.maximum(left.count, 1)[:, :, None]
        mean = left.total.transpose(0, 2, 1) / several
        covariance = product / several[..., None] - mean[..., :, None] * mean[..., None, :]
        known = (left.count >= 2)[:, :, None, None]
        return np.asarray(np.where(known, covariance, 0.0))

    def _taken_values(self, name: str) -> Iterator[tuple[FloatArray, BoolArray]]:
        values = self.cohort.values(name)
        for models in self.taken_out():
            taken = pick_models(each_model(values), models, values.shape[1:])
            yield taken, _of_models(self.cohort.members, models)

    def population(self, kind: str) -> FloatArray | None:
        """Return a signal of population records, float64 ``[K, A, Q]`` less the target's row."""
        signals = self.cohort.population.get(kind)
        if signals is None:
            return None
        return np.delete(signals, self._no_references, axis=0)

    def population_mean_probability(self) -> FloatArray | None:
        """Return the mean true-class probability of population records, float64 ``[A, Q]``."""
        probabilities = self.cohort.population_probability
        if probabilities is None:
            return None
        weights = np.ones(len(probabilities))
        weights[self._no_references] = 0.0
        return np.asarray(np.einsum("k,kaq->aq", weights, probabilities) / weights.sum())

    def mean_probability(self, only_out: bool) -> FloatArray:
        """Return the mean true-class probability over the references, float64 ``[A, N]``.

        It is summed anew for each target, K·A·N additions of positive numbers: taking a large
        probability out of a sum would leave only rounding of the small ones.

        Args:
            only_out: over OUT models alone; a record without any takes its IN models.
        """
        outside, inside = self.counts
        count = np.where(outside > 0, outside, inside) if only_out else outside + inside
        values = self.cohort.values("probability")
        total = np.zeros(values.shape[1:])
        for row, probability in enumerate(each_model(values)):
            weight = self.used_by(row)
            if only_out:
                weight &= ~self.cohort.members[row] | (outside == 0)
            total += weight * probability
        return np.asarray(total / count)

    def out_loss_quantile(self, level: float) -> FloatArray:
        """Return the quantile of the OUT losses of each record, float64 ``[N]``.

        Linear between order statistics, at level · (n − 1); a record without OUT models takes
        the mean of the other records' quantiles.

        Args:
            level: in [0, 1].
        """
        count = self.counts[0]
        position = level * np.maximum(count - 1, 0)
        low = np.floor(position).astype(np.int64)
        high = np.minimum(low + 1, np.maximum(count - 1, 0))
        below, above = self._ordered_out_losses(low, high)
        known = count > 0
        with np.errstate(invalid="ignore"):
            quantile = below + (position - low) * (above - below)
        return np.asarray(np.where(known, quantile, quantile[known].mean() if known.any() else 0))

    def _ordered_out_losses(self, low: IntArray, high: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return the OUT losses of each record at two places of their rising order, ``[N]``."""
        if not self.removed and not self.cohort.is_stored:
            ordered, gone = self._sorted_out_losses()
            below, above = (
                np.take_along_axis(ordered, (at + (at >= gone))[None], axis=0)[0]
                for at in (low, high)
            )
            return below, above
        below, above = np.empty(len(low)), np.empty(len(low))
        taken = list(self.taken_out())
        rows = np.arange(len(self.cohort))[:, None]
        for part, losses in plain_blocks(self.cohort.values("loss")):
            apart = self.cohort.members[:, part]
            for models in taken:
                apart = apart | (models[part] == rows)
            ordered = np.sort(np.where(apart, np.inf, losses), axis=0)
            for values, at in ((below, low), (above, high)):
                values[part] = np.take_along_axis(ordered, at[None, part], axis=0)[0]
        return below, above

    def _sorted_out_losses(self) -> tuple[FloatArray, IntArray]:
        """Return OUT losses in rising order, ``[K, N]``, and the place to pass over, ``[N]``."""
        gone = np.full(self.cohort.members.shape[1], len(self.cohort))
        ordered, places = self.cohort.sorted_out_losses
        for models in self.taken_out():
            outside = ~_of_models(self.cohort.members, models)
            place = np.take_along_axis(places, models[None], axis=0)[0]
            gone = np.where(outside, place, gone)
        return ordered, gone


def _of_models(members: BoolArray, models: IntArray) -> BoolArray:
    """Return of every record the membership in a model of its own, bool ``[N]``."""
    return np.asarray(np.take_along_axis(members, models[None], axis=0)[0])


class _Lazy(Mapping[str, FloatArray]):
    """The signals of one model on a block of records by kind, each read when it is asked for."""

    def __init__(self, signals: Mapping[str, SignalArray], row: int, records: slice) -> None:
        self._signals, self._row, self._records = signals, row, records

    def __getitem__(self, kind: str) -> FloatArray:
        signals = self._signals[kind]
        if self._records == slice(None):
            return np.asarray(signals[self._row])
        return part_of(signals, self._row, self._records)

    def __iter__(self) -> Iterator[str]:
        return iter(self._signals)

    def __len__(self) -> int:
        return len(self._signals)


def _outer(difference: FloatArray) -> FloatArray:
    """Return d·dᵀ of every record, float64 ``[N, D, D]`` of ``[D, N]``."""
    rows = difference.T
    return rows[:, :, None] * rows[:, None, :]
