import numpy as np
import pytest
from scipy.stats import t as student_t

from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack_kit.attack import ATTACKS
from imprint.lenses.membership.attack_kit.run import attack_cohort
from imprint.lenses.membership.cohort.references import Cohort
from imprint.lenses.membership.cohort.saturation import (
    by_references,
    choose_sizes,
    gains,
    over_targets,
    saturated_at,
    strength_of,
)
from imprint.stats.estimate import Estimate
from imprint.stats.roc import auc

LIST = ("lira_shrunk", "lira", "lira_fixed", "rmia", "base", "attack_r", "curvature_lr", "loss")


def coins(seed, models=10, records=400, gap=0.0):
    """A cohort by coins: records differ in place, members are ``gap`` better in φ and curvature."""
    random = np.random.default_rng(seed)
    members = random.random((models, records)) < 0.5
    place = random.normal(0, 2, size=(2, records))
    noise = random.normal(size=(2, models, 1, records))
    signals = {
        "phi": noise[0] + place[0] + gap * members[:, None],
        "log_curvature": noise[1] + place[1] - gap * members[:, None],
    }
    population = {kind: random.normal(0, 2, size=(models, 1, 100)) for kind in signals}
    return Cohort(signals, members, population)


def run(cohort, names=LIST, sizes=(2, 4), orders=2, seed=0):
    attacks = [ATTACKS.get(name) for name in names]
    return by_references(cohort, attacks, sizes, orders, 0.01, {}, {}, seed)


def test_where_nothing_was_learnt_every_attack_is_at_one_half_with_any_number_of_references():
    sizes = (2, 4, 7)
    found = [run(coins(seed, models=8), sizes=sizes, orders=1) for seed in range(5)]
    # 40 targets of 200 against 200 records: an AUC has a deviation of 0.029, their mean of 0.0046;
    # four of these are allowed to each of the 24 means.
    for name in LIST:
        areas = np.stack([one.strengths[name].auc for one in found])
        for place in range(len(sizes)):
            assert abs(areas[:, place].mean() - 0.5) < 0.0184, (name, sizes[place])


def test_more_references_help_and_the_gain_dies_away():
    cohort = coins(1, models=18, gap=1.0)
    found = run(cohort, ("lira_shrunk", "loss"), choose_sizes(18, ()), orders=2)
    assert found.sizes == (2, 4, 8, 16, 17)
    area = found.strengths["lira_shrunk"].auc.mean(axis=(1, 2))
    assert area[-1] > area[0] + 0.05
    strength = found.strengths["lira_shrunk"]
    steps = gains(strength.auc, strength.auc_without)
    assert steps[0].value > 3 * steps[-1].value
    assert (found.strengths["loss"].auc == found.strengths["loss"].auc[0]).all()


def test_all_the_others_are_what_a_cohort_audit_uses():
    cohort = coins(2, gap=1.0)
    found = run(cohort, ("lira_shrunk", "base"), sizes=(9,), orders=2)
    for name in ("lira_shrunk", "base"):
        scores = attack_cohort(cohort, [ATTACKS.get(name)]).scores[name]
        for row in range(10):
            inside = cohort.members[row]
            expected = auc(scores[row][inside], scores[row][~inside]).value
            assert found.strengths[name].auc[0, :, row] == pytest.approx([expected] * 2, abs=1e-9)


def test_what_a_number_of_references_gives_does_not_depend_on_the_other_numbers():
    cohort = coins(3, models=6, gap=1.0)
    alone, among = run(cohort, ("base",), sizes=(3,)), run(cohort, ("base",), sizes=(2, 3, 5))
    assert (alone.strengths["base"].auc[0] == among.strengths["base"].auc[1]).all()
    other = run(cohort, ("base",), sizes=(3,), seed=1)
    assert (alone.strengths["base"].auc != other.strengths["base"].auc).any()


def test_the_target_never_judges_itself():
    """A target that says the same of every record leaves scores that are all alike to BASE."""
    cohort = coins(3, models=6)
    cohort.signals["phi"][1:] = 0.0
    found = run(cohort, ("base",), sizes=(2, 5))
    assert (found.strengths["base"].auc[:, :, 0] != 0.5).all()
    cohort.signals["phi"][0] = 0.0
    assert (run(cohort, ("base",), sizes=(2, 5)).strengths["base"].auc == 0.5).all()


def estimate(value, half):
    return Estimate(value, (value - half, value + half), 8)


def test_saturation_is_where_no_later_step_gains_half_an_interval():
    sizes, values = (2, 4, 8, 16), [estimate(0.6, 0.01)] * 4

    def at(*steps):
        return saturated_at(sizes, values, [estimate(step, 0.001) for step in steps])

    assert at(0.1, 0.02, 0.009) == 8
    assert at(0.1, 0.02, 0.02) is None
    assert at(0.001, 0.0, -0.03) == 2
    assert at(0.001, 0.02, 0.0) == 8
    assert saturated_at((2,), values[:1], []) is None


def test_strength_is_not_interpolated():
    scores = np.array([3.0, 1.0, 2.0, 0.0])
    members = np.array([True, True, False, False])
    assert strength_of(scores, members, 0.5) == (0.75, 1.0)
    assert strength_of(scores, members, 0.4) == (0.75, 0.5)


def test_a_rate_that_non_members_cannot_place_is_not_measured():
    found = run(coins(0, records=300), ("loss",)).strengths["loss"]
    for unknown in (found.tpr, found.tpr_without):
        assert np.isnan(unknown).all()
    for known in (found.auc, found.auc_without):
        assert np.isfinite(known).all()


def test_the_interval_is_over_targets_and_records_of_the_mean_over_orders():
    values = np.array([[0.0, 1.0], [1.0, 0.0]])
    still = np.tile(values, (4, 1, 1))
    assert over_targets(values, still) == Estimate(0.5, (0.5, 0.5), 2)
    moved = still + np.array([-0.1, 0.1, -0.1, 0.1])[:, None, None]
    # All of it from the records: 4 groups, variance 3 · 0.1², Student's t of 3 degrees of freedom.
    reach = student_t.ppf(0.975, 3) * np.sqrt(0.03)
    assert over_targets(values, moved).ci95 == pytest.approx((0.5 - reach, 0.5 + reach))


def test_an_attack_that_lacks_something_is_skipped_with_the_reason():
    cohort = coins(4, models=5)
    found = run(Cohort(cohort.signals, cohort.members), ("attack_p", "loss", "label_only"))
    assert found.skipped == {
        "attack_p": "needs population records, which are not given",
        "label_only": "needs the signal distance, which is not given",
    }
    assert set(found.strengths) == {"loss"}


@pytest.mark.parametrize("wanted", [(1,), (2.5,), (6,)])
def test_impossible_numbers_of_references_are_told(wanted):
    with pytest.raises(ImprintError, match="whole numbers from 2 to 5"):
        choose_sizes(6, wanted)
