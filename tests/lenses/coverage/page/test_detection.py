"""The main finding of ``coverage detection`` in words."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from imprint.lenses.coverage.detection.found import METRICS
from imprint.lenses.coverage.detectors.findings import AblatedDetector, Detection, QualityDrop
from imprint.lenses.coverage.experiments.ablation_findings import RandomDrop
from imprint.lenses.coverage.page.detection import detection_headline
from imprint.stats.estimate import Estimate


def detection(p: float, quality: Mapping[str, Estimate]) -> Detection:
    matched = RandomDrop(0.1, 0.0, 0.2)
    drops = {
        name: QualityDrop(Estimate(0.3, (0.2, 0.4), 3), matched, matched, p) for name in METRICS
    }
    ablated = (AblatedDetector(2, drops),)
    return Detection(3, 3, 5, 0, 0.5, "lrp", "kmnc", quality, (), 30, ablated)


GOOD = {name: Estimate(0.7, (0.5, 0.9), 3) for name in METRICS}


@pytest.mark.parametrize(
    ("p", "headline"),
    [
        (0.03, "cost more mean IoU, confidence, recall and mAP than random ones of the same"),
        (0.06, "do not cost more than random ones of the same layers at every size"),
    ],
)
def test_measures_that_fall_further_are_named(p: float, headline: str) -> None:
    assert headline in detection_headline(detection(p, GOOD))


def test_a_detector_that_finds_nothing_has_nothing_to_lose() -> None:
    none, few = Estimate(0.0, (0.0, 0.1), 3), Estimate(0.001, (0.0, 0.1), 3)
    blind = {**GOOD, "recall": none, "mean_average_precision": none}
    assert detection_headline(detection(0.06, blind)) == (
        "The detector finds none of the 5 objects at a threshold of 0.5, so it has nothing to lose"
    )
    assert "nothing" not in detection_headline(detection(0.06, {**blind, "recall": few}))
