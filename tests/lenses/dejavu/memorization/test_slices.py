import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.lenses.dejavu.memorization.slices import (
    SlicedImages,
    by_class,
    by_crop_size,
    class_scores,
    score_slices,
)

CORRELATED, MEMORIZED, FORGOTTEN, UNASSOCIATED = range(4)


def images(labels, kinds, seen_px=None):
    return SlicedImages(np.array(labels), seen_px, np.eye(4, dtype=bool)[np.array(kinds)])


def drawn(random, labels, memorized, forgotten=0.1, seen_px=None):
    """Return images of which a share is memorized and a share forgotten."""
    chance = random.random(len(labels))
    share = np.broadcast_to(memorized, len(labels))
    kinds = np.where(
        chance < share,
        MEMORIZED,
        np.where(chance < share + forgotten, FORGOTTEN, UNASSOCIATED),
    )
    return images(labels, kinds, seen_px)


def test_scores_of_three_classes_by_hand():
    labels = [0] * 4 + [1] * 4
    kinds = [MEMORIZED] * 3 + [FORGOTTEN] + [CORRELATED] * 4
    table = class_scores(images(labels, kinds), 3)
    assert table["n"].tolist() == [4, 4, 0]
    assert table["gap"][:2].tolist() == [0.5, 0.0]
    assert np.isnan(table["gap"][2])
    # (3 + 1)/6 − (1 + 1)/6 = 1/3, with the variance (1 − 1/9)/6 of raised shares.
    reach = 1.959964 * np.sqrt((1 - 1 / 9) / 6)
    assert table["gap_low"][0] == pytest.approx(1 / 3 - reach, abs=1e-6)
    assert table["p_value"][:2] == pytest.approx([0.625, 1.0])
    assert table["gap_low_all"][0] < table["gap_low"][0]


def test_a_single_memorized_class_among_many_stands_out():
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(50), 40)
    memorized = np.where(labels == 7, 0.8, 0.1)
    sliced = drawn(random, labels, memorized)
    findings = by_class(sliced, 50)
    assert findings.classes == 50
    assert (findings.above.corrected, findings.below.corrected) == (1, 0)
    assert findings.outliers == 1
    assert findings.differ_p_value == 0.001
    table = class_scores(sliced, 50)
    assert int(np.nanargmin(table["p_differs"])) == 7


def test_without_differences_claims_are_as_rare_as_they_say():
    """100 sets of 40 classes: any claim in at most 5 % of them, up to chance once in 1,000."""
    random, trials = np.random.default_rng(1), 100
    labels = np.repeat(np.arange(40), 30)
    claimed = differing = outlying = 0
    single, expected = [], []
    for trial in range(trials):
        findings = by_class(drawn(random, labels, 0.1), 40, trial)
        claimed += findings.above.corrected + findings.below.corrected > 0
        differing += findings.differ_p_value <= 0.05
        outlying += findings.outliers > 0
        single.append(findings.above.single)
        expected.append(findings.above.by_chance)
    assert claimed <= 13
    assert differing <= 13
    assert outlying <= 13
    assert np.mean(single) == pytest.approx(np.mean(expected), rel=0.25)


def test_memorization_alike_in_all_classes_is_no_difference_between_them():
    labels = np.repeat(np.arange(20), 50)
    findings = by_class(drawn(np.random.default_rng(2), labels, 0.6), 20)
    assert findings.above.corrected == 20
    assert findings.differ_p_value > 0.05
    assert findings.outliers == 0


def test_claims_are_of_the_excess_where_there_are_non_members():
    """A weak reference gives all images a score; one class is memorized beyond it."""
    random = np.random.default_rng(3)
    labels = np.repeat(np.arange(10), 80)
    members = drawn(random, labels, np.where(labels == 4, 0.9, 0.4))
    others = drawn(random, labels, 0.4)
    findings = by_class(members, 10, non_members=others)
    assert findings.of_excess
    assert findings.above.corrected == 1
    assert findings.above.by_chance == pytest.approx(0.25)
    assert isinstance(findings.differ_p_value, Missing)
    table = class_scores(members, 10, non_members=others)
    assert int(np.argmax(table["excess"])) == 4
    assert table["excess_low"][4] > 0
    np.testing.assert_allclose(table["excess"], table["gap"] - table["non_member_gap"])


def test_sizes_are_cut_into_slices_of_about_equally_many_images():
    sizes = np.arange(1.0, 101.0)
    kinds = np.where(sizes > 60, MEMORIZED, UNASSOCIATED)
    findings = by_crop_size(images(np.zeros(100, int), kinds, sizes))
    assert [each.score.n for each in findings.slices] == [20] * 5
    assert [each.score.value for each in findings.slices] == [0, 0, 0, 1, 1]
    assert (findings.slices[0].least_px, findings.slices[-1].most_px) == (1, 100)
    assert findings.per_doubling.low > 0


def test_equal_sizes_stay_in_one_slice():
    sizes = np.array([8.0] * 70 + [16.0] * 30)
    findings = by_crop_size(images(np.zeros(100, int), [UNASSOCIATED] * 100, sizes))
    assert [(each.least_px, each.most_px) for each in findings.slices] == [(8, 8), (16, 16)]


def test_the_slope_is_that_of_two_sizes():
    """A fifth is memorized at 10 px, three fifths at 40 px: 20 points a doubling."""
    sizes = np.repeat([10.0, 40.0], 50)
    kinds = [MEMORIZED] * 10 + [UNASSOCIATED] * 40 + [MEMORIZED] * 30 + [UNASSOCIATED] * 20
    slope = by_crop_size(images(np.zeros(100, int), kinds, sizes)).per_doubling
    assert slope.value == pytest.approx(0.2)
    # Half the standard error of a difference of the two shares, about.
    error = np.sqrt(0.2 * 0.8 / 49 + 0.6 * 0.4 / 49) / 2
    assert slope.high - slope.value == pytest.approx(1.98 * error, rel=0.03)


def test_slopes_of_nothing_cover_nothing():
    random, trials = np.random.default_rng(5), 300
    hits = 0
    for _ in range(trials):
        sizes = np.exp(random.normal(3, 0.5, 60))
        slope = by_crop_size(drawn(random, np.zeros(60, int), 0.2, seen_px=sizes)).per_doubling
        hits += slope.low <= 0 <= slope.high
    assert hits >= 0.9 * trials


@pytest.mark.parametrize(
    ("sizes", "reason"),
    [
        (None, "not known"),
        (np.full(30, 8.0), "of one size"),
        (np.arange(1.0, 6.0), "too few images"),
    ],
)
def test_sizes_that_say_nothing_are_missing(sizes, reason):
    count = 30 if sizes is None else len(sizes)
    findings = by_crop_size(images(np.zeros(count, int), [MEMORIZED] * count, sizes))
    assert isinstance(findings, Missing)
    assert reason in findings.missing


def test_one_class_alone_is_missing():
    findings = score_slices(images([3] * 20, [MEMORIZED] * 20), 5)
    assert isinstance(findings.by_class, Missing)


def test_a_crop_without_size_is_refused():
    with pytest.raises(ImprintError, match="seen_px must be positive"):
        images([0], [MEMORIZED], np.array([0.0]))
