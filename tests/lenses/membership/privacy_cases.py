"""Findings of a privacy audit with numbers that can be read off the page."""

from imprint.core.missing import Missing
from imprint.lenses.membership.privacy.audit import PrivacyBound
from imprint.lenses.membership.privacy.methods import ONE_RUN_METHODS
from imprint.lenses.membership.privacy_findings import (
    AccountedPrivacy,
    AuditedModel,
    CanaryAccuracies,
    CanaryCounts,
    PrivacyFindings,
)
from imprint.stats.estimate import Estimate

DP = AccountedPrivacy(None, "prv", 0.99, 1e-5, 2.0, 1.0, 0.25, 100)
FREE = AccountedPrivacy("trained without DP-SGD, so no ε bounds what it leaks")


def bound(epsilon, correct):
    return PrivacyBound(
        epsilon, 3.2, 1e-5, 0.95, 200, 120, correct, "one run, binomial", "fixed", None, 104, 0.62
    )


def audited_model(name, accounted, epsilon, correct):
    share = Estimate(0.6, (0.5, 0.7), 100)
    accuracy = CanaryAccuracies(share, share, share, Missing("there are none"))
    bounds = {method: bound(epsilon, correct) for method in ONE_RUN_METHODS}
    return AuditedModel(name, accounted, bounds, accuracy)


def audited(private=0.0, free=2.5):
    """Return an audit of one model trained by DP-SGD and one without."""
    return PrivacyFindings(
        CanaryCounts(200, 104, "mislabelled", 0.62),
        True,
        1e-5,
        0.95,
        "binomial",
        (
            audited_model("epsilon-1", DP, private, 66),
            audited_model("not-private", FREE, free, 110),
        ),
    )
