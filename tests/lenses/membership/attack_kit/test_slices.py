import numpy as np
import pytest
from scipy.stats import binom, mannwhitneyu

from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.lenses.membership.attack_kit.evaluation import evaluate
from imprint.lenses.membership.attack_kit.slices import (
    Grouping,
    difference_p_value,
    make_grouping,
    right_and_wrong,
    slice_attack,
)
from imprint.stats.estimate import Estimate
from imprint.stats.holm import holm
from imprint.stats.roc import auc

FAR = 1e-6


def simulated(draw, slices, size, shift=0.0):
    codes = np.repeat(np.arange(slices), 2 * size)
    members = np.tile(np.arange(2 * size) < size, slices)
    scores = draw.standard_normal(len(codes)) + shift * members
    return scores, members, Grouping(tuple(map(str, range(slices))), codes)


def test_figures_of_a_slice_are_those_of_its_records_alone():
    draw = np.random.default_rng(0)
    scores, members, grouping = simulated(draw, 3, 200, 1.0)
    found = slice_attack(scores, members, {"class": grouping}, "loss")
    one, own = found.groupings["class"]["1"], grouping.codes == 1
    alone = evaluate(scores[own], members[own])
    assert (one.members, one.non_members) == (200, 200)
    assert one.auc == alone.auc
    assert one.tpr_at_fpr == alone.tpr_at_fpr
    assert isinstance(one.tpr_at_fpr["0.01"], Missing)
    assert one.balanced_accuracy.n == 200
    assert (found.attack, found.fpr, found.claims) == ("loss", "0.01", 6)


def test_exposed_members_are_those_above_the_threshold_of_all_non_members():
    scores = np.concatenate([np.arange(100.0), [98.5, 99.5, 50.0, 0.5]])
    members = np.arange(104) >= 100
    grouping = make_grouping(["a"] * 100 + ["b", "b", "b", "a"], 104, "groups")
    found = slice_attack(scores, members, {"groups": grouping}, fprs=(0.1, 0.05))
    # At 5 % the threshold lies between the non-members 94 and 95.
    assert found.fpr == "0.05"
    assert found.groupings["groups"]["b"].number_exposed == 2
    assert found.groupings["groups"]["b"].exposed.value == pytest.approx(2 / 3)
    assert found.groupings["groups"]["a"].number_exposed == 0


def test_small_slices_are_missing_with_the_reason():
    draw = np.random.default_rng(1)
    scores, members = draw.standard_normal(100), np.arange(100) % 2 == 0
    grouping = make_grouping(np.arange(100) < 12, 100, "groups")
    small = slice_attack(scores, members, {"groups": grouping}).groupings["groups"]["True"]
    assert "6 members and 6 non-members: slices of fewer than 10" in small.auc.missing
    assert isinstance(small.above_chance, Missing)
    assert isinstance(small.differs, Missing)
    assert not isinstance(small.exposed, Missing)


def test_claims_are_mann_whitney_and_the_rest_adjusted_by_holm():
    scores, members, grouping = simulated(np.random.default_rng(2), 2, 50, 0.5)
    found = slice_attack(scores, members, {"class": grouping}).groupings["class"]
    raw = []
    for code in (0, 1):
        own, rest = grouping.codes == code, grouping.codes != code
        inside, outside = scores[own & members], scores[own & ~members]
        raw.append(mannwhitneyu(inside, outside, alternative="greater").pvalue)
        other = auc(scores[rest & members], scores[rest & ~members])
        raw.append(difference_p_value(auc(inside, outside), other))
    expected = holm(np.array(raw))
    got = [p for name in "01" for p in (found[name].above_chance, found[name].differs)]
    np.testing.assert_allclose(got, expected)
    # 4 × the least, 3 × the next, …, never falling.
    assert expected.min() == pytest.approx(4 * min(raw))


def test_hand_checked_difference():
    # Distances 0.1 and 0.1 to the limits: 0.3 / √0.02 · 1.96 = 4.158 deviations.
    p = difference_p_value(Estimate(0.8, (0.7, 0.9), 9), Estimate(0.5, (0.4, 0.6), 9))
    assert p == pytest.approx(3.2e-5, rel=0.01)
    same = Estimate(0.5, (0.4, 0.6), 9)
    assert difference_p_value(same, same) == 1


@pytest.mark.parametrize(("shift", "size"), [(0.0, 10), (0.0, 40), (1.0, 25)])
def test_claims_err_in_at_most_five_percent_of_families(shift, size):
    """12 slices alike: no claim that one differs; at no signal none that one is above chance."""
    draw = np.random.default_rng(3)
    repeats, wrong = 40, 0
    for _ in range(repeats):
        scores, members, grouping = simulated(draw, 12, size, shift)
        found = slice_attack(scores, members, {"class": grouping}, fprs=()).groupings["class"]
        false = [each.differs for each in found.values()]
        false += [each.above_chance for each in found.values()] if shift == 0 else []
        wrong += min(false) <= 0.05
    assert wrong <= binom.isf(FAR, repeats, 0.05)


def test_intervals_of_slices_cover_and_uncorrected_claims_would_not():
    """Nominal 95 % for each slice: most families of 20 have one that misses."""
    draw = np.random.default_rng(4)
    covered = exposed = count = families = 0
    true_auc = 0.7602499
    for _ in range(12):
        scores, members, grouping = simulated(draw, 20, 30, 1.0)
        found = slice_attack(scores, members, {"class": grouping}, fprs=(0.1,)).groupings["class"]
        inside = [each.auc.low <= true_auc <= each.auc.high for each in found.values()]
        covered, count, families = covered + sum(inside), count + 20, families + (not all(inside))
        # TPR at 10 % FPR of two normals one apart: Φ(1 − 1.2816) = 0.3891.
        exposed += sum(each.exposed.low <= 0.3891 <= each.exposed.high for each in found.values())
    assert binom.ppf(FAR, count, 0.95) <= covered
    assert binom.ppf(FAR, count, 0.95) <= exposed
    assert families > 5


def test_right_and_wrong_predictions_are_two_slices():
    grouping = right_and_wrong(np.array([True, False, True]))
    assert grouping.names == ("wrong", "right")
    assert grouping.codes.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.5, 2.5, 3.5], "groups must be one text or whole number for each of the 3 records"),
        (["a", "b"], r"for each of the 3 records, got <U1 \[2\]"),
        ([["a"], ["b"], ["c"]], r"got <U1 \[3, 1\]"),
        ([None, "a", "b"], "one text or whole number"),
    ],
)
def test_columns_that_are_no_groups_are_refused(values, message):
    with pytest.raises(ImprintError, match=message):
        make_grouping(values, 3, "groups")


def test_a_column_of_names_is_refused():
    with pytest.raises(ImprintError, match="1001 different values: give a column of at most 1000"):
        make_grouping(np.arange(1001), 1001, "groups")
