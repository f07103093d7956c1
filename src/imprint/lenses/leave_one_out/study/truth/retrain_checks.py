"""Options of retraining and comparing are checked before any network is trained."""

from __future__ import annotations

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.study.truth.lines import check_lines
from imprint.lenses.leave_one_out.study.truth.retrain_options import (
    ComparisonOptions,
    RetrainingOptions,
)
from imprint.lenses.leave_one_out.truth.paired_auc import fewest_starts
from imprint.probe.influence_kit.question import INFLUENCES

MOST_DAMPING = 1e30
"""In float32, times some numbers of records."""


def check_retraining(options: RetrainingOptions, classes: int) -> None:
    """Check how many networks are asked for, noises and lines.

    Args:
        options: to check.
        classes: of the images that are kept.

    Raises:
        ImprintError: one that will not do.
    """
    check_lines(options)
    if options.input_size < 1:
        raise ImprintError(f"--input-size is {options.input_size}: it must be at least 1 pixel")
    if options.records < 2:
        raise ImprintError(f"--records is {options.records}: it must be at least 2")
    if not 1 <= options.left_out <= options.records:
        raise ImprintError(
            f"--left-out {options.left_out}: leave out 1 to {options.records} records"
        )
    fewest = fewest_starts(classes)
    if options.pairs < fewest:
        raise ImprintError(
            f"--pairs {options.pairs}: logits of {classes} classes need {fewest} or more"
        )
    if options.subsets < 0:
        raise ImprintError(f"--subsets is {options.subsets}: it must not be negative")
    if options.subset_networks < 1:
        raise ImprintError(f"--subset-networks is {options.subset_networks}: it must be at least 1")
    if options.queries < 0:
        raise ImprintError(f"--queries is {options.queries}: it must not be negative")


def check_comparison(options: ComparisonOptions) -> None:
    """Check which estimators are asked for, and their damping.

    Raises:
        ImprintError: one that will not do.
    """
    if not options.estimator:
        raise ImprintError("--estimator is empty: name one or more, or all, or none")
    if options.estimator != ("all",):
        for name in options.estimator:
            if name != "none":
                INFLUENCES.get(name)
    if options.damping is not None and not 0 < options.damping <= MOST_DAMPING:
        raise ImprintError(
            f"--damping is {options.damping:g}: it must be above 0, up to {MOST_DAMPING:g}"
        )
