import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack_kit.triage import MAX_SLOPE, calibration_slope, triage
from imprint.study.finding import to_json

HALF = np.arange(400) < 200


def margins(gap, seed=0):
    return np.random.default_rng(seed).normal(1, 2, 400) + gap * HALF


def test_slope_is_where_the_mean_loss_is_least():
    phi = margins(0)
    minimum = minimize_scalar(
        lambda s: np.logaddexp(0, -s * phi).mean(), bounds=(0, 5), options={"xatol": 1e-9}
    )
    assert calibration_slope(phi) == pytest.approx(minimum.x, abs=1e-5)
    assert calibration_slope(phi / 3) == pytest.approx(3 * calibration_slope(phi))


def test_slope_at_its_bounds():
    assert calibration_slope(np.ones(3)) == MAX_SLOPE
    assert calibration_slope(-np.ones(3)) == 0


def test_members_who_stand_out_are_worth_an_audit():
    first_look = triage(margins(3), margins(3) > 0, HALF)
    assert first_look.worth_it
    assert "stand out by their loss" in first_look.verdict
    assert first_look.loss_gap > 0
    assert first_look.accuracy.members > first_look.accuracy.non_members
    assert first_look.calibration_slope.members > first_look.calibration_slope.non_members
    assert first_look.tail.fpr == 5 / 200
    assert first_look.tail.tpr.low > first_look.tail.fpr


def test_a_shift_of_all_differs_from_a_tail():
    phi = np.minimum(margins(0.9), 3)  # the easiest of both are equally easy
    first_look = triage(phi, phi > 0, HALF)
    assert first_look.worth_it
    assert first_look.auc.value > 0.6
    assert first_look.verdict.startswith("Clear average signal: members have lower loss on average")
    assert f"AUC {100 * first_look.auc.value:.1f}%" in first_look.verdict
    assert "FPR is 0.0% [0.0%, " in first_look.verdict
    assert "which guessing may reach as well" in first_look.verdict
    assert first_look.tail.tpr.value == 0


def test_a_small_shift_is_a_weak_signal():
    random = np.random.default_rng(0)
    members = np.arange(4000) < 2000
    first_look = triage(random.normal(size=4000) + 0.15 * members, members, members)
    assert first_look.verdict.startswith("Weak signal: members have lower loss on average (AUC 5")
    assert "no record can be named with confidence" in first_look.verdict


def test_ten_records_are_too_few():
    first_look = triage(np.arange(10.0), np.ones(10, dtype=bool), np.arange(10) >= 5)
    assert first_look.verdict.startswith(
        "Too few records to say whether the loss separates members"
    )


def test_members_that_are_harder_are_below_chance():
    first_look = triage(margins(-1), margins(-1) > 0, HALF)
    assert (
        "the opposite of what training does: check the order of the classes" in first_look.verdict
    )


def test_no_difference_is_not_worth_it():
    first_look = triage(margins(0), margins(0) > 0, HALF)
    assert not first_look.worth_it
    assert to_json(first_look)["worth_it"] is False
    assert abs(first_look.auc.value - 0.5) < 0.06


def test_few_non_members_show_no_small_rate():
    few = np.arange(30) < 10
    first_look = triage(np.linspace(1, 0, 30), few, few)
    tail = to_json(first_look)["tail"]
    assert "cannot be said, since 20 non-members give 2 expected" in first_look.verdict
    assert tail["fpr"] == 0.1
    assert tail["tpr"]["missing"].endswith("use at least 50 non-members")
    with pytest.raises(ImprintError, match="at least two of each"):
        triage(np.zeros(3), np.ones(3, dtype=bool), np.ones(3, dtype=bool))


def test_a_calibrated_network_of_ten_classes_has_a_slope_below_one():
    random = np.random.default_rng(0)
    p = random.dirichlet(np.ones(10), size=4000)
    labels = np.array([random.choice(10, p=row) for row in p])
    q = p[np.arange(4000), labels]
    assert calibration_slope(np.log(q / (1 - q))) < 0.5  # calibrated, and yet far below 1


def test_percentages_stand_as_in_the_rest_of_the_page():
    assert " %" not in triage(margins(0.9), margins(0.9) > 0, HALF).verdict
    assert " %" not in triage(margins(3), margins(3) > 0, HALF).verdict
