from __future__ import annotations

import pytest

from imprint.lenses.reconstruct.evaluation import evaluate_samples
from imprint.lenses.reconstruct.page.verdict import recall_verdict
from tests.lenses.reconstruct.test_evaluation import readings


@pytest.mark.parametrize(
    ("originals", "leak", "accuracy", "kind"),
    [
        ((0.9, 0.3), (0.3, 0.3), 1, "found"),
        ((0.9, 0.3), None, 1, "found"),
        ((0.9, 0.3), (0.9, 0.3), 1, "leak"),
        ((0.5, 0.5), (0.9, 0.3), 1, "leak"),
        ((0.3, 0.9), (0.3, 0.3), 1, "reversed"),
        ((0.5, 0.5), (0.3, 0.3), 1, "nothing"),
        ((0.9, 0.3), (0.3, 0.3), 0.6, "weak classifier"),
        ((0.9, None), None, 1, "no reference"),
    ],
)
def test_kind_of_verdict(
    originals: tuple[float, float | None],
    leak: tuple[float, float] | None,
    accuracy: float,
    kind: str,
) -> None:
    outside = None if leak is None else readings(*leak, seed=5)
    findings = evaluate_samples(readings(*originals, accuracy=accuracy), outside)
    assert recall_verdict(findings).kind == kind


def test_heading_ends_with_its_number() -> None:
    heading = recall_verdict(evaluate_samples(readings(1, 0))).heading
    assert heading.startswith(
        "Samples of the target hold the original’s class more often than those of the reference: "
        "+100.0 points ["
    )


def test_weak_classifier_is_named_with_the_bound() -> None:
    findings = evaluate_samples(readings(1, 0, accuracy=0.6), classifier="resnet")
    heading = recall_verdict(findings).heading
    assert heading.startswith(
        "No claim, since resnet names too few of the originals right: 60.0% ["
    )
    assert heading.endswith("the whole interval must lie above 66.4%")


def test_failed_leak_test_refuses_the_claim_and_says_both_numbers() -> None:
    verdict = recall_verdict(evaluate_samples(readings(0.9, 0.3), readings(0.9, 0.3, seed=5)))
    assert verdict.heading.startswith("No claim, since the leak test failed")
    assert "(originals: +" in verdict.heading
