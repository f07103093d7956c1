"""BaVarIA-n: the likelihood ratio of two normals, variances from one prior for all records.

Mean over augmentations of log N(x; IN) − log N(x; OUT), means as in LiRA, not shrunk;
:mod:`imprint.lenses.membership.attack_kit.global_prior`. A baseline as published, whose prior takes
the spread between records for that within. ``offline``: IN is its prior, which is still made of the
IN entries of all records.

arXiv 2603.11799.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.attack_kit.attack import GAUSSIAN_KINDS, Evidence, attack
from imprint.lenses.membership.attack_kit.global_prior import (
    fit_prior,
    normal_predictive,
    without_models,
)


@dataclass(frozen=True)
class BavariaNOptions:
    """Settings of BaVarIA-n."""

    offline: bool = False
    """Use the IN models for the prior alone, not for the record itself."""


@attack("bavaria_n", reads=GAUSSIAN_KINDS, sides="both", options=BavariaNOptions)
def bavaria_n(evidence: Evidence, kind: str, options: BavariaNOptions) -> FloatArray:
    """Return the mean log-likelihood ratio, float64 ``[N]``."""
    values = evidence.target_values(kind)
    outside, inside = evidence.reference_models.moments(kind)
    priors = fit_prior(outside), fit_prior(inside)
    if all(prior.is_constant for prior in priors):
        return np.zeros(values.shape[1])
    inside = without_models(inside) if options.offline else inside
    out, within = normal_predictive(outside, priors[0]), normal_predictive(inside, priors[1])
    return np.asarray((within.log_density(values) - out.log_density(values)).mean(axis=0))
