import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.lenses.dejavu.memorization.attack import attack
from imprint.lenses.dejavu.memorization.two_model import (
    CATEGORIES,
    QUANTITIES,
    Side,
    accuracy_curve,
    categories,
    per_class,
    records,
    significance,
    top5_test,
    two_model,
)
from imprint.lenses.dejavu.memorization.votes import ClassVotes


def votes(predictions, confidence):
    return ClassVotes(np.array(predictions)[:, None], np.array(confidence, dtype=float))


def random_side(seed, n=60, classes=4, name="A"):
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, n)
    guesses = [random.integers(0, classes, n) for _ in range(2)]
    confidences = [-random.integers(0, 5, n) / 4 for _ in range(2)]
    return Side(
        name,
        np.arange(n),
        labels,
        votes(guesses[0], confidences[0]),
        votes(guesses[1], confidences[1]),
    )


def values(estimates):
    """Return the value of every quantity."""
    return {name: getattr(estimates, name).value for name in QUANTITIES}


HAND = Side(
    "A",
    np.arange(4),
    np.array([0, 1, 2, 3]),
    target=votes([0, 1, 2, 0], [0.0, -0.1, -0.2, -0.3]),
    reference=votes([0, 0, 0, 3], [-0.4, -0.1, -0.2, -0.3]),
)


def test_hand_checked_shares():
    found = two_model([HAND], (100, 50), draws=10)
    assert values(found["100"]) == {
        "score": 0.25,
        "paired_score": 0.25,
        "target_accuracy": 0.75,
        "reference_accuracy": 0.5,
        "memorized": 0.5,
        "forgotten": 0.25,
        "correlated": 0.25,
        "unassociated": 0.0,
    }
    # The target's best two are images 0 and 1, both right; the reference's are 1 and 2, both wrong.
    assert found["50"].target_accuracy.value == 1.0
    assert found["50"].reference_accuracy.value == 0.0
    assert found["50"].score.value == 1.0
    assert found["50"].paired_score.value == 0.5
    assert found["50"].score.n == 2


@given(st.integers(0, 1000), st.sampled_from([100, 37, 20, 5]))
@settings(max_examples=25, deadline=None)
def test_shares_sum_to_one_and_give_the_paired_score(seed, percent):
    sides = [random_side(seed), random_side(seed + 1, n=45, name="B")]
    found = two_model(sides, (percent,), draws=5)[f"{percent}"]
    value = values(found)
    assert sum(value[name] for name in CATEGORIES) == pytest.approx(1)
    assert value["paired_score"] == pytest.approx(value["memorized"] - value["forgotten"])
    assert value["target_accuracy"] == pytest.approx(value["correlated"] + value["memorized"])
    if percent == 100:
        assert value["score"] == pytest.approx(value["paired_score"])


@given(st.integers(0, 1000), st.permutations(range(60)))
@settings(max_examples=25, deadline=None)
def test_estimates_do_not_depend_on_the_order_of_rows(seed, order):
    side, rows = random_side(seed), np.array(order)
    shuffled = Side(
        side.name,
        side.index[rows],
        side.labels[rows],
        side.target.rows(rows),
        side.reference.rows(rows),
    )
    one, other = (two_model([each], (100, 20, 5), draws=2) for each in (side, shuffled))
    for percent in one:
        assert values(one[percent]) == pytest.approx(values(other[percent]), abs=1e-12)


def test_intervals_cover_the_truth_as_often_as_they_claim():
    truth, covered, rounds = 0.3 - 0.1, 0, 200
    random = np.random.default_rng(0)
    for _ in range(rounds):
        kinds = random.choice(4, size=150, p=[0.2, 0.3, 0.1, 0.4])
        right = np.zeros(150, dtype=int)
        target = votes(np.where((kinds == 0) | (kinds == 1), 0, 1), np.zeros(150))
        reference = votes(np.where((kinds == 0) | (kinds == 2), 0, 1), np.zeros(150))
        side = Side("A", np.arange(150), right, target, reference)
        low, high = two_model([side], (100,), draws=300)["100"].score.ci95
        covered += low <= truth <= high
    # Binomial(200, 0.95): below 179 with probability 3e-4.
    assert covered >= 179


def test_a_few_images_that_agree_are_not_certainty():
    """8 of 40 images at 20 %, all correlated: Clopper and Pearson's 0 of 8 ends at 0.369."""
    sure = np.linspace(0, -1, 40)
    both = votes(np.zeros(40, dtype=int), sure)
    side = Side("A", np.arange(40), np.zeros(40, dtype=int), both, both)
    findings = two_model([side], (20,))["20"]
    assert findings.memorized.ci95 == pytest.approx((0, 0.3694), abs=1e-4)
    assert findings.target_accuracy.ci95 == pytest.approx((1 - 0.3694, 1), abs=1e-4)
    low, high = findings.paired_score.ci95
    assert low == pytest.approx(-0.3694, abs=1e-4)
    assert high == pytest.approx(0.3694, abs=1e-4)


@pytest.mark.parametrize("percent", [100, 10])
def test_intervals_of_rare_memories_cover(percent):
    """2 % memorized, 1 % forgotten, 60 images: of 150, fewer than 132 once in 10,000 at 95 %."""
    random, covered = np.random.default_rng(4), {"memorized": 0, "paired_score": 0, "forgotten": 0}
    for _ in range(150):
        kinds = random.choice(4, size=60, p=[0.57, 0.02, 0.01, 0.4])
        sure = -random.random(60)
        target = votes(np.where(kinds <= 1, 0, 1), sure)
        reference = votes(np.where((kinds == 0) | (kinds == 2), 0, 1), sure)
        side = Side("A", np.arange(60), np.zeros(60, dtype=int), target, reference)
        findings = two_model([side], (percent,), draws=200)[f"{percent}"]
        for name, truth in (("memorized", 0.02), ("forgotten", 0.01), ("paired_score", 0.01)):
            low, high = getattr(findings, name).ci95
            assert low < high
            covered[name] += low <= truth <= high
    assert min(covered.values()) >= 132


def test_a_planted_identity_is_found_and_nothing_else():
    random = np.random.default_rng(0)
    labels = random.integers(0, 10, 200)
    public = np.repeat(np.eye(10), 20, axis=0).astype(np.float32)
    public_labels = np.repeat(np.arange(10), 20)
    knows = np.eye(10)[labels].astype(np.float32)
    knows_not = random.normal(size=(200, 10)).astype(np.float32)
    rows = np.arange(200)
    seen, unseen = (
        attack(crops, public, rows, public_labels, 10, k=10).votes for crops in (knows, knows_not)
    )
    found = two_model([Side("A", rows, labels, seen, unseen)], (100,))["100"]
    assert found.target_accuracy.value == 1.0
    assert found.score.value > 0.8
    assert found.forgotten.value == 0.0


def test_significance_counts_discordant_images():
    found = significance([HAND, HAND])
    assert (found.memorized, found.forgotten) == (4, 2)
    assert found.p_value == pytest.approx(44 / 64)


def test_five_classes_count_as_right_where_there_are_more_and_one_was_chosen():
    side = random_side(0, classes=7)
    ranked = np.stack([side.labels, *[(side.labels + shift) % 7 for shift in (1, 2, 3, 4)]], axis=1)
    both = ClassVotes(ranked, np.zeros(len(ranked)))
    sides = [Side("A", side.index, side.labels, both, both)]
    assert values(top5_test(sides, 7, (100,), 1, 0)["100"])["correlated"] == 1
    assert top5_test(sides, 5, (100,), 1, 0) is None
    assert top5_test(sides, 7, (100,), 2, 0) is None


def test_records_hold_one_row_an_image_side_after_side():
    table = records([HAND, random_side(0, n=3)], top=1)
    assert table["category"][:4].tolist() == [0, 1, 1, 2]
    assert table["target_prediction"][:4].tolist() == [0, 1, 2, 0]
    assert {len(column) for column in table.values()} == {7}


def test_per_class_gaps():
    found = per_class([HAND], classes=5)
    assert found["gap"].tolist()[:4] == [0, 1, 1, -1]
    assert np.isnan(found["gap"][4])
    assert found["confidence_gap"][1] == pytest.approx(0.0)


def test_the_curve_ends_at_the_whole_set():
    curve = accuracy_curve(HAND.target, HAND.labels, np.array([25.0, 100.0]))
    assert curve.tolist() == [1.0, 0.75]


def test_categories_are_exclusive():
    assert (categories(random_side(3)).sum(axis=1) == 1).all()


def test_bad_percentages_and_empty_sides_are_refused():
    with pytest.raises(ImprintError, match=r"percentage 0 must lie in \(0, 100\]"):
        two_model([HAND], (0,))
    with pytest.raises(ImprintError, match="no image of side A can be attacked"):
        Side(
            "A",
            np.zeros(0, int),
            np.zeros(0, int),
            votes(np.zeros(0, int), []),
            votes(np.zeros(0, int), []),
        )
