from dataclasses import replace

from imprint.lenses.membership.cohort_findings import CohortFindings
from imprint.stats.estimate import Estimate
from imprint.study.finding import from_json, to_json
from tests.lenses.membership.cohort_finding_cases import cohort


def test_findings_come_back_from_their_json():
    findings = cohort()
    content = to_json(findings)
    assert from_json(CohortFindings, content, "summary.json") == findings
    assert "warnings" not in content
    assert to_json(replace(findings, warnings=("a",)))["warnings"] == ["a"]


def test_memorization_exceeds_chance_when_its_interval_does():
    memorization = cohort().memorization
    assert memorization.share_by_chance == 0.1
    for low, exceeds in ((0.09, False), (0.11, True)):
        share = Estimate(0.2, (low, 0.3), 96)
        assert replace(memorization, share_memorized=share).exceeds_chance == exceeds
