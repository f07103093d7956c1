"""How far approximate self values are off, from records whose values are known exactly."""

from __future__ import annotations

import torch
from torch import Tensor

from imprint.lenses.leave_one_out.findings import RelativeError
from imprint.lenses.leave_one_out.posterior.self_influence import SelfInfluence
from imprint.stats.quantile import quantile

MEASURES = ("leverage", "kl_out_in", "kl_in_out", "mean_distance")
"""What errors are stated of; all of them at least 0."""


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
    errors = {}
    for measure in MEASURES:
        values, truth = getattr(approximate, measure), getattr(exact, measure)
        gap = values[records] - truth
        signed = torch.where(gap == 0, 0.0, gap / truth.clamp(min=1e-9 * float(truth.max())))
        off = signed.abs().cpu().numpy()
        median, most = (quantile(off, share, len(values)) for share in (0.5, 0.95))
        errors[measure] = RelativeError(median, most, float(signed.mean()))
    return errors
