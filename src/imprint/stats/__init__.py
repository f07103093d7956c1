"""Statistics, each with its interval; arrays in, numbers out.

Conventions: a higher score means more likely a member; intervals are two-sided and 95 % unless
told; entropies are in nats; the first example of a pair stays beside its second in every resample.
"""

from imprint.stats.bootstrap import (
    bootstrap_means,
    mean,
    mean_count,
    mean_difference,
    mean_share,
    mean_share_difference,
    percentile_interval,
    resamples,
)
from imprint.stats.correlation import pearson, spearman
from imprint.stats.cut import cut_means, cut_size
from imprint.stats.entropy import entropy
from imprint.stats.estimate import Estimate, within_unit
from imprint.stats.median import median
from imprint.stats.proportion import (
    clopper_pearson,
    mcnemar,
    proportion,
    widen_rare_difference,
    widen_rare_share,
    wilson,
)
from imprint.stats.roc import (
    Roc,
    area,
    auc,
    balanced_accuracy,
    best_threshold,
    max_balanced_accuracy,
    roc,
    tpr_at_fpr,
)
from imprint.stats.tpr import LEAST_FALSE_POSITIVES, too_few_negatives, true_positive_rate

__all__ = [
    "LEAST_FALSE_POSITIVES",
    "Estimate",
    "Roc",
    "area",
    "auc",
    "balanced_accuracy",
    "best_threshold",
    "bootstrap_means",
    "clopper_pearson",
    "cut_means",
    "cut_size",
    "entropy",
    "max_balanced_accuracy",
    "mcnemar",
    "mean",
    "mean_count",
    "mean_difference",
    "mean_share",
    "mean_share_difference",
    "median",
    "pearson",
    "percentile_interval",
    "proportion",
    "resamples",
    "roc",
    "spearman",
    "too_few_negatives",
    "tpr_at_fpr",
    "true_positive_rate",
    "widen_rare_difference",
    "widen_rare_share",
    "wilson",
    "within_unit",
]
