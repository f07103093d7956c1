"""How much of a data set a network used, in the public API: signals in, a proportion out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from imprint.core.errors import ImprintError
from imprint.core.user_arrays import as_array
from imprint.lenses.membership.attack_kit.attack import ATTACKS
from imprint.lenses.membership.attack_kit.usage import check_separation, estimate_usage, rates_of
from imprint.lenses.membership.scoring import check_arrays, make_settings
from imprint.lenses.membership.study.case import SignalKind, collect_evidence
from imprint.report.result import Result
from imprint.report.table import Column, Table
from imprint.report.wording import percent
from imprint.stats.estimate import Estimate


@dataclass(frozen=True, repr=False)
class UsageProportion(Result):
    """How much of a data set a network was trained on.

    Attributes:
        raw: p̂ = (called − fpr) / (tpr − fpr) with its interval; it may lie outside of [0, 1].
        proportion: the same cut to [0, 1].
        called: share of the records that the attack calls members.
        tpr: of the attack on the reference models.
        fpr: likewise.
        threshold: from which score on a record is called.
        references: how many reference models there are.
        attack: which attack.
    """

    raw: Estimate
    proportion: Estimate
    called: float
    tpr: float
    fpr: float
    threshold: float
    references: int
    attack: str

    def tables(self) -> Sequence[Table]:
        """Return the proportion with what it rests on."""
        columns = [
            Column("Attack"),
            Column("Used", percent, key="proportion"),
            Column("Not cut", percent, key="raw"),
            Column("Called", percent),
            Column("TPR", percent),
            Column("FPR", percent),
            Column("References"),
        ]
        row: list[Any] = [self.attack, self.proportion, self.raw, self.called, self.tpr, self.fpr]
        return [Table(columns, [[*row, str(self.references)]], title="Usage of the data set")]


def usage_proportion(
    target: ArrayLike,
    *,
    signals: ArrayLike,
    members: ArrayLike,
    population: ArrayLike | None = None,
    population_signals: ArrayLike | None = None,
    signal: SignalKind = "phi",
    attack: str = "rmia",
    settings: Mapping[str, Any] | None = None,
) -> UsageProportion:
    """Return which proportion of a data set a network was trained on (DUCI).

    Args:
        target: array-like ``[n_records]`` or ``[n_views, n_records]``, signals of the network on
            the data set.
        signals: ``[n_models, n_records]`` or with views between, of two or more reference models,
            each trained on some of the records and not on others.
        members: bool ``[n_models, n_records]``, whether each was trained on each record.
        population: ``[n_population]``, of the network on records that no model was trained on.
        population_signals: ``[n_models, n_population]``, likewise of the references.
        signal: what the signals are, as in :func:`imprint.membership.attack`.
        attack: which attack scores records, see :func:`imprint.membership.list_attacks`.
        settings: of that attack.

    Returns:
        The proportion with a 95% interval over networks trained like the references. It assumes
        that the used records are no easier and no harder to infer than the others.

    Raises:
        ImprintError: arrays that do not fit one another, an attack that cannot be run on one
            reference with the others, or one that hardly tells their members from others.

    References:
        Tong, Ye, Zarifzadeh, Shokri 2025, "How Much of My Dataset Did You Use?", ICLR.

    Examples:
        >>> random = np.random.default_rng(0)
        >>> members = random.random((8, 2000)) < 0.5
        >>> used = random.random(2000) < 0.25
        >>> place = random.normal(size=2000)
        >>> signals = place + 2 * members + random.normal(size=(8, 2000))
        >>> usage = usage_proportion(
        ...     place + 2 * used + random.normal(size=2000), signals=signals, members=members
        ... )
        >>> bool(usage.proportion.low < used.mean() < usage.proportion.high)
        True
    """
    first = np.atleast_2d(as_array(target, "target"))
    arrays = {"target": first, "signals": signals, "members": members, "population": population}
    arrays["target_members"] = np.zeros(first.shape[-1], dtype=bool)
    checked = check_arrays({**arrays, "population_signals": population_signals})
    evidence = collect_evidence(checked, signal)
    entry = ATTACKS.get(attack)
    options = make_settings(attack, settings or {})
    reason = entry.missing(evidence)
    if reason is not None:
        raise ImprintError(f"{attack} {reason}: give it or choose another attack")
    rates, threshold = rates_of(evidence, entry, {attack: options})
    check_separation(rates)
    raw = estimate_usage(rates)
    return UsageProportion(
        raw=raw,
        proportion=_cut(raw),
        called=rates.called,
        tpr=float(rates.tpr.mean()),
        fpr=float(rates.fpr.mean()),
        threshold=threshold,
        references=len(rates.tpr),
        attack=attack,
    )


def _cut(estimate: Estimate) -> Estimate:
    """Return an estimate whose value and interval are cut to [0, 1]."""
    value, low, high = (min(max(x, 0.0), 1.0) for x in (estimate.value, *estimate.ci95))
    return Estimate(value, (low, high), estimate.n)
