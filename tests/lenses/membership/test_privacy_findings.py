import pytest

from imprint.lenses.membership.privacy_findings import PrivacyFindings
from imprint.study.finding import from_json, to_json
from tests.lenses.membership.privacy_cases import audited


def test_findings_come_back_from_their_json():
    findings = audited(private=0.5)
    content = to_json(findings)
    assert from_json(PrivacyFindings, content, "summary.json") == findings
    assert content["runs"][1]["accounted"] == {
        "missing": "trained without DP-SGD, so no ε bounds what it leaks"
    }
    assert "missing" not in content["runs"][0]["accounted"]


@pytest.mark.parametrize(("bound", "exceeds"), [(0.98, False), (0.99, False), (1.0, True)])
def test_only_a_bound_above_the_accounted_epsilon_exceeds_it(bound, exceeds):
    private, free = audited(private=bound).runs
    assert private.exceeds_accounted("binomial") == exceeds
    assert not free.exceeds_accounted("binomial")
