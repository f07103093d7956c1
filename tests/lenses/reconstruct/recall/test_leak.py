from __future__ import annotations

from math import hypot

import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.reconstruct.recall.leak import RecallClaim
from imprint.lenses.reconstruct.recall.paired import PairedRecall
from imprint.stats.estimate import Estimate


def recall(value: float, low: float, high: float, quantity: str = "share") -> PairedRecall:
    share = Estimate(0.5, (0.4, 0.6), 50)
    return PairedRecall(quantity, share, share, Estimate(value, (low, high), 50), 0.5, (4, 4))


def test_difference_on_training_images_alone_is_claimed() -> None:
    claim = RecallClaim(recall(0.3, 0.2, 0.4), recall(0.01, -0.05, 0.07))
    assert claim.leak_test_passed
    assert claim.claimed
    assert claim.sentence == (
        "The target recalls its training images: the share is higher than for the reference by "
        "+0.300 [+0.200, +0.400]; on 50 images that neither encoder has seen it differs by "
        "+0.010 [-0.050, +0.070], an interval that holds 0."
    )


@pytest.mark.parametrize("outside", [recall(0.1, 0.05, 0.2), recall(-0.1, -0.2, -0.05)])
def test_claim_is_refused_where_the_leak_test_finds_a_difference(outside: PairedRecall) -> None:
    claim = RecallClaim(recall(0.3, 0.2, 0.4), outside)
    assert not claim.leak_test_passed
    assert not claim.claimed
    assert claim.sentence.startswith("No claim: the leak test failed. On 50 images")


@pytest.mark.parametrize(
    ("members", "outside", "verdict"),
    [
        (recall(0.1, -0.1, 0.3), recall(0.0, -0.1, 0.1), "no difference"),
        (recall(-0.2, -0.3, -0.1), recall(0.0, -0.1, 0.1), "reference recalls more"),
        (recall(0.1, 0.02, 0.18), recall(0.1, -0.1, 0.3), "not separated"),
    ],
)
def test_no_claim_without_evidence(
    members: PairedRecall, outside: PairedRecall, verdict: str
) -> None:
    claim = RecallClaim(members, outside)
    assert claim.leak_test_passed
    assert claim.verdict == verdict
    assert not claim.claimed
    assert claim.sentence.startswith("No claim: ")


def test_excess_adds_distances_in_squares() -> None:
    excess = RecallClaim(recall(0.3, 0.2, 0.45), recall(0.1, -0.1, 0.2)).excess
    assert excess.value == pytest.approx(0.2)
    assert excess.low == pytest.approx(0.2 - hypot(0.1, 0.1))
    assert excess.high == pytest.approx(0.2 + hypot(0.15, 0.2))
    assert excess.n == 100


def test_zero_on_the_edge_of_the_leak_test_passes() -> None:
    assert RecallClaim(recall(0.3, 0.2, 0.4), recall(0.1, 0.0, 0.2)).leak_test_passed


def test_two_quantities_do_not_make_a_claim() -> None:
    with pytest.raises(ImprintError, match="measure the same on both"):
        RecallClaim(recall(0, 0, 0), recall(0, 0, 0, "cosine"))
