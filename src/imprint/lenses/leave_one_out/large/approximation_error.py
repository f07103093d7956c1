"""How far approximate self values are off, from records whose values are known exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from imprint.lenses.leave_one_out.posterior.self_influence import SelfInfluence
from imprint.stats.estimate import Estimate
from imprint.stats.quantile import quantile

MEASURES = ("leverage", "kl_out_in", "kl_in_out", "mean_distance")
"""What errors are stated of; all of them at least 0."""


@dataclass(frozen=True)
class RelativeError:
    """|approximate − exact| / exact over all records, from a random sample of them.

    Attributes:
        median: of the records.
        quantile95: 19 of 20 records are off by less.
        bias: mean of (approximate − exact) / exact over the sample, with its sign.
    """

    median: Estimate
    quantile95: Estimate
    bias: float

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        median, most = self.median.to_dict(), self.quantile95.to_dict()
        return {"median": median, "quantile95": most, "bias": self.bias}


def relative_errors(
    approximate: SelfInfluence, exact: SelfInfluence, records: Tensor
) -> dict[str, RelativeError]:
    """Return the error of each of ``MEASURES``.

    Relative to the exact value, or to 1e-9 of the largest one where that is more: a record far from
    everything may have the value 0.

    Args:
        approximate: all n records.
        exact: the sampled ones.
        records: which these are, int64 ``[k]``, drawn at random without replacement.
    """
    found = {}
    for measure in MEASURES:
        values, truth = getattr(approximate, measure), getattr(exact, measure)
        gap = values[records] - truth
        signed = torch.where(gap == 0, 0.0, gap / truth.clamp(min=1e-9 * float(truth.max())))
        off = signed.abs().cpu().numpy()
        median, most = (quantile(off, share, len(values)) for share in (0.5, 0.95))
        found[measure] = RelativeError(median, most, float(signed.mean()))
    return found
