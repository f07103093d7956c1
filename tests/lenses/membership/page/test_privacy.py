import re

import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.membership.page.privacy import build, privacy_table
from imprint.report.terminal import to_text
from imprint.study.finding import to_json
from tests.lenses.membership.privacy_cases import audited


def section(findings):
    content = findings if isinstance(findings, dict) else to_json(findings)
    return build(None, {"lenses": {"membership": {"privacy": content}}})


def text_of(html):
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_every_model_has_a_row_with_both_bounds():
    private, free = privacy_table(audited()).records()
    assert private["model"] == "epsilon-1"
    assert (private["accounted_epsilon"], private["epsilon_bound"]) == (0.99, 0)
    assert (free["accounted_epsilon"], free["epsilon_bound"]) == (None, 2.5)
    text = to_text([privacy_table(audited())], 80)
    assert "66 of 120" in text
    assert "200 mislabelled canaries" in text


def test_bound_below_the_accounted_epsilon_contradicts_nothing():
    text = text_of(section(audited()).html)
    assert "Nothing contradicts the accounted ε" in text
    assert "104 were (the test of fair coins gives p = 0.62)" in text
    assert "With accounted ε = 0.99, no lower bound above 0 is proven." in text
    assert (
        "Without DP, ε is proven to be at least 2.50; the ceiling of this number of guesses is "
        "3.20" in text
    )
    assert "The attack proves no bound" not in text


def test_bound_above_the_accounted_epsilon_stands_first_and_warns():
    text = text_of(section(audited(private=1.5)).html)
    assert "The private training leaks more than it accounts for" in text
    assert "The lower bound exceeds the accounted ε: 1.50 above 0.99." in text


def test_attack_that_proves_nothing_without_dp_warns():
    text = text_of(section(audited(free=0.0)).html)
    assert "The attack proves no bound even without DP," in text


def test_figure_names_both_bounds_for_screen_readers():
    html = section(audited()).html
    label = re.search(r'aria-label="(Lower bounds on ε[^"]+)"', html)[1]
    assert "DP-SGD, accounted ε = 0.99: accounted 0.99, binomial at least 0.00 of 3.20" in label
    assert "without DP: not bounded, binomial at least 2.50 of 3.20" in label


def test_study_without_an_audit_has_no_section():
    assert build(None, {"lenses": {"membership": {"attacks": {}}}}) is None
    assert build(None, {"lenses": {}}) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda found: found.pop("runs"), "there is no 'runs'"),
        (lambda found: found.update(runs=[]), "has no model"),
        (lambda found: found["runs"][0].pop("accounted"), "there is no 'accounted'"),
        (lambda found: found["runs"][0]["bounds"].pop("binomial"), "has no bound of the method"),
    ],
)
def test_damaged_findings_are_named(change, message):
    content = to_json(audited())
    change(content)
    with pytest.raises(ImprintError, match=message):
        section(content)
