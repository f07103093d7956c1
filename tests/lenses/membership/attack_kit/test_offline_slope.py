import numpy as np
import pytest
from scipy.special import logit

import tests.lenses.membership.slow_forms as slow
from imprint.lenses.membership.attack_kit.attack import Evidence
from imprint.lenses.membership.attack_kit.offline_slope import (
    DEFAULT_SLOPE,
    SLOPES,
    estimate_slope,
    mean_from_out,
    offline_mean,
    out_from_in,
    slope_of_references,
    tune_slope,
)
from imprint.lenses.membership.attack_kit.pseudo_targets import pseudo_targets
from imprint.lenses.membership.cohort.references import Cohort, References
from imprint.stats.roc import area
from tests.lenses.membership.attack_cases import simulate


@pytest.mark.parametrize(
    ("slope", "mean", "ratio"), [(0.3, 0.48, 1.875), (1, 0.2, 4.5), (0, 0.6, 1.5)]
)
def test_the_mean_from_out_models_by_hand(slope, mean, ratio):
    value = mean_from_out(np.array([0.2]), slope).item()
    assert value == pytest.approx(mean)
    assert 0.9 / value == pytest.approx(ratio)


def test_a_negative_inverse_is_cut_at_zero():
    # (.5 + .3 − 1) / .3 = −.667
    assert out_from_in(np.array([0.5, 0.85, 1.0]), 0.3).tolist() == pytest.approx([0, 0.5, 1])
    assert out_from_in(np.array([0.5]), 0.0).tolist() == [0.5]
    assert out_from_in(np.array([0.5]), 1.0).tolist() == [0.5]


def test_a_record_of_in_models_alone_takes_the_inverse():
    phi = logit(np.array([[[0.5, 0.85, 0.2]]]))
    references = References(Cohort({"phi": phi}, np.array([[True, True, False]])))
    expected = mean_from_out(np.array([0, 0.5, 0.2]), 0.3)
    np.testing.assert_allclose(offline_mean(references, 0.3)[0], expected)


def test_points_on_a_line_give_its_slope():
    outside = np.array([0.1, 0.4, 0.7])
    assert estimate_slope(0.4 * outside + 0.6, outside) == pytest.approx(0.4)


def test_estimates_stay_in_the_unit_interval():
    outside = np.array([0.5, 0.6])
    assert estimate_slope(np.zeros(2), outside) == 1
    assert estimate_slope(np.ones(2), outside) == 0
    assert estimate_slope(np.zeros(2), np.ones(2)) == DEFAULT_SLOPE


def test_noise_in_out_probabilities_biases_the_estimate_low():
    random = np.random.default_rng(0)
    outside = random.uniform(0.2, 0.8, 20_000)
    noisy = outside + random.normal(0, 0.2, 20_000)
    assert 0.25 < estimate_slope(0.4 * outside + 0.6, noisy) < 0.38


def test_the_estimate_of_references_is_that_of_their_mean_probabilities():
    evidence, _ = simulate(2)
    cohort = evidence.references.cohort
    probabilities = 1 / (1 + np.exp(-cohort.signals["phi"]))
    inside = np.where(cohort.members[:, None], probabilities, np.nan)
    outside = np.where(cohort.members[:, None], np.nan, probabilities)
    expected = estimate_slope(np.nanmean(inside, axis=0), np.nanmean(outside, axis=0))
    assert slope_of_references(evidence.references) == pytest.approx(expected)


@pytest.mark.parametrize("target", [None, 2])
@pytest.mark.parametrize("balanced", [True, False])
def test_tuning_is_the_best_mean_area_over_references(target, balanced):
    evidence, _ = simulate(9, models=7 if balanced else 6, records=60, target=target)
    if not balanced:
        cohort = evidence.references.cohort
        masks = np.random.default_rng(1).random(cohort.members.shape) < 0.5
        cohort = Cohort(cohort.signals, masks, cohort.population)
        evidence = Evidence(evidence.target, References(cohort, target), evidence.population)
    assert tune_slope(evidence) == brute_force(evidence)


def brute_force(evidence):
    """Attack every reference by all models but the target, itself and the partners of both."""
    total = np.zeros(len(SLOPES))
    for pseudo in pseudo_targets(evidence):
        references = pseudo.evidence.references
        phi, members = references.cohort.signals["phi"], references.cohort.members
        rows = np.flatnonzero(pseudo.usable)
        labels = pseudo.members[rows]
        for place, slope in enumerate(SLOPES):
            scores = [
                log_ratio(slow.Slow(phi, members, references.used, phi[pseudo.row], row), slope)
                for row in rows
            ]
            total[place] += area(np.array(scores)[labels], np.array(scores)[~labels])
    return SLOPES[int(np.argmax(total))]


def log_ratio(one, slope):
    """Return the mean log of p over ½[(1 + a) P_out + 1 − a] of one record."""
    logs = []
    for x, outs, ins in zip(one.target, one.outs.T, one.ins.T, strict=True):
        if len(outs):
            outside = np.mean([slow.p(y) for y in outs])
        else:
            outside = np.mean([slow.p(y) for y in ins])
            outside = max(0, (outside + slope - 1) / slope) if slope else outside
        logs.append(np.log(slow.p(x) / max(((1 + slope) * outside + 1 - slope) / 2, 1e-300)))
    return np.mean(logs)


def test_members_of_the_target_and_its_signals_do_not_change_the_slope():
    evidence, _ = simulate(3, records=100)
    other = Evidence({"phi": -evidence.target["phi"]}, evidence.references, evidence.population)
    assert tune_slope(other) == tune_slope(evidence)


def test_flat_or_hard_records_pull_the_slope_to_its_ends():
    # With P_in = P_out whatever the record, the ratio to the OUT mean is best: a = 1.
    random = np.random.default_rng(0)
    place = random.normal(0, 2.5, 2000)
    members = random.random((12, 2000)) < 0.5
    phi = place + 0.4 * members + random.normal(0, 0.3, size=members.shape)
    evidence = Evidence({"phi": phi[:1]}, References(Cohort({"phi": phi[:, None]}, members), 0))
    assert tune_slope(evidence) >= 0.7


def test_no_reference_to_attack_gives_the_default():
    phi = np.zeros((1, 1, 5))
    evidence = Evidence(
        {"phi": phi[0]}, References(Cohort({"phi": phi}, np.zeros((1, 5), dtype=bool)))
    )
    assert tune_slope(evidence) == DEFAULT_SLOPE
