import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack_kit.attack import ATTACKS, Evidence
from imprint.lenses.membership.attack_kit.run import cohort_target
from imprint.lenses.membership.attack_kit.usage import (
    Rates,
    check_separation,
    estimate_usage,
    independent_deviation,
    rates_of,
)
from imprint.lenses.membership.cohort.references import Cohort, References
from tests.lenses.membership.attack_cases import simulate


def rates(called, tpr, fpr, records=100, each=400):
    return Rates(called, np.atleast_1d(tpr), np.atleast_1d(fpr), records, each, each)


@pytest.mark.parametrize(("called", "proportion"), [(0.5, 0.5), (0.1, -1 / 6), (0.8, 1.0)])
def test_the_proportion_by_hand(called, proportion):
    assert rates(called, 0.8, 0.2).proportion == pytest.approx(proportion)


def test_the_deviation_of_independent_records_by_hand():
    assert independent_deviation(rates(0.5, 0.8, 0.2)) == pytest.approx(0.0866, abs=5e-5)


def test_the_interval_is_the_prediction_interval_of_the_references():
    # At p = ½ each reference would be off by half of what its rates are off by.
    few = rates(0.5, [0.7, 0.9], [0.1, 0.3], records=10**9, each=10**9)
    spread = np.std([-0.1, 0.1], ddof=1) * np.sqrt(1.5) / 0.6
    low, high = estimate_usage(few).ci95
    assert high - 0.5 == pytest.approx(12.7062 * spread, rel=1e-4)
    assert (low + high) / 2 == pytest.approx(0.5)


def test_references_that_agree_leave_the_interval_of_independent_records():
    low, high = estimate_usage(rates(0.5, [0.8] * 5, [0.2] * 5)).ci95
    assert (high - low) / 2 == pytest.approx(2.77645 * 0.0866, rel=1e-3)


def test_a_weak_attack_is_refused():
    check_separation(rates(0.5, 0.53, 0.5))
    with pytest.raises(ImprintError, match=r"0.515 of the members .* 0.500 of the others"):
        check_separation(rates(0.5, 0.515, 0.5))


def test_rates_are_those_of_each_reference_scored_with_the_others():
    evidence, _ = simulate(2, records=30)
    attack, cohort = ATTACKS.get("base"), evidence.references.cohort
    result, threshold = rates_of(evidence, attack, {})
    scores = np.stack([attack.score(cohort_target(cohort, row)) for row in range(len(cohort))])
    members = cohort.members
    gains = {
        value: np.mean(scores[members] >= value) - np.mean(scores[~members] >= value)
        for value in np.unique(scores)
    }
    assert gains[threshold] == pytest.approx(max(gains.values()))
    assert result.tpr.tolist() == pytest.approx(
        [np.mean(row[inside] >= threshold) for row, inside in zip(scores, members, strict=True)]
    )
    assert result.fpr.mean() == pytest.approx(np.mean(scores[~members] >= threshold), abs=0.05)


def test_a_target_that_equals_a_reference_has_its_rates():
    # The same references, the same signals: what is called on the target is what is called on it.
    evidence, _ = simulate(3, models=2, records=50, augmentations=1)
    random = np.random.default_rng(0)
    members = random.random((3, 50)) < 0.5
    phi = random.normal(size=(3, 1, 50)) + 2 * members[:, None]
    phi[:] = phi[:1]
    evidence = Evidence({"phi": phi[0]}, References(Cohort({"phi": phi}, members)))
    result, _ = rates_of(evidence, ATTACKS.get("loss"), {})
    called = result.tpr * members.mean(axis=1) + result.fpr * (1 - members.mean(axis=1))
    assert called.tolist() == pytest.approx([result.called] * 3)


@pytest.mark.parametrize(
    ("models", "change", "message"),
    [
        (1, None, "usage needs two reference models or more"),
        (3, True, "reference 0 was trained on all records or on none"),
        (3, False, "reference 0 was trained on all records or on none"),
    ],
)
def test_references_that_show_no_rates_are_refused(models, change, message):
    members = np.arange(12).reshape(3, 4)[:models] % 2 == 0
    if change is not None:
        members[0] = change
    phi = np.random.default_rng(0).normal(size=(models, 1, 4))
    evidence = Evidence({"phi": phi[0]}, References(Cohort({"phi": phi}, members)))
    with pytest.raises(ImprintError, match=message):
        rates_of(evidence, ATTACKS.get("loss"), {})


@pytest.mark.parametrize("used", [0.0, 0.1, 0.5, 0.95])
@pytest.mark.parametrize("models", [3, 10])
def test_intervals_cover_the_proportion(used, models):
    """100 networks whose gaps differ: at least 88 % covered (95 % less 3.2 standard errors)."""
    random = np.random.default_rng(int(100 * used) + models)
    attack, covered, off = ATTACKS.get("base"), 0, []
    for _ in range(100):
        place = random.normal(0, 1.5, 150)
        share = np.append(np.full(models, 0.5), used)
        members = random.random((models + 1, 150)) < share[:, None]
        gap = random.normal(1.5, 0.3, size=(models + 1, 1))
        phi = place + gap * members + random.normal(size=members.shape)
        references = References(Cohort({"phi": phi[:-1, None]}, members[:-1]))
        result, _ = rates_of(Evidence({"phi": phi[-1:]}, references), attack, {})
        estimate = estimate_usage(result)
        covered += estimate.low <= members[-1].mean() <= estimate.high
        off.append(estimate.value - members[-1].mean())
    assert covered / 100 >= 0.88
    assert abs(np.mean(off)) < 4 * np.std(off) / np.sqrt(100) + 0.02
