"""What an audit of DP-SGD by canaries shows: accounted ε, and lower bounds on ε by attack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imprint.core.missing import Missing
from imprint.lenses.membership.privacy.audit import PrivacyBound
from imprint.stats.estimate import Estimate


@dataclass(frozen=True)
class AccountedPrivacy:
    """The accounted privacy of one training.

    Attributes:
        missing: why there is no ε; None where there is one.
        epsilon: upper bound on ε at ``delta``.
        noise: noise multiplier σ.
        clip: norm to which the gradient of each example was clipped.
        sample_rate: chance of a record to be in a batch.
    """

    missing: str | None = None
    accountant: str | None = None
    epsilon: float | None = None
    delta: float | None = None
    noise: float | None = None
    clip: float | None = None
    sample_rate: float | None = None
    steps: int | None = None


@dataclass(frozen=True)
class CanaryCounts:
    """The canaries of an audit.

    Attributes:
        members: how many of them their coins put into the training set.
        kind: ``natural``, or ``mislabelled``.
        coins_p_value: two-sided, of that number of members under fair coins.
    """

    count: int
    members: int
    kind: str
    coins_p_value: float | None = None


@dataclass(frozen=True)
class CanaryAccuracies:
    """The share of records that an audited model gets right.

    Attributes:
        canaries_in: canaries it was trained on, under the label of training.
        canaries_out: canaries it was not trained on, under the label they would have had.
        members: other members, under their own label.
        held_out: canaries it was not trained on, under their own label.
    """

    canaries_in: Estimate | Missing
    canaries_out: Estimate | Missing
    members: Estimate | Missing
    held_out: Estimate | Missing


@dataclass(frozen=True)
class AuditedModel:
    """One model of the audit: ε from above, lower bounds on ε by method, what it gets right."""

    name: str
    accounted: AccountedPrivacy
    bounds: Mapping[str, PrivacyBound]
    accuracy: CanaryAccuracies

    def exceeds_accounted(self, method: str) -> bool:
        """Return whether the lower bound of a method exceeds the accounted ε."""
        limit = self.accounted.epsilon
        return limit is not None and self.bounds[method].refutes(limit)


@dataclass(frozen=True)
class PrivacyFindings:
    """What the canaries of an audit show of every model.

    Attributes:
        calibrated: whether scores are those beyond what a reference model explains.
        confidence: of each bound.
        method: the bound that the verdict rests on.
    """

    canaries: CanaryCounts
    calibrated: bool
    delta: float
    confidence: float
    method: str
    runs: tuple[AuditedModel, ...]
