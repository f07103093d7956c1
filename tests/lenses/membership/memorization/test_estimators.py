import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from imprint.core.errors import ImprintError
from imprint.lenses.membership.memorization.estimators import (
    NEVER_IN,
    NEVER_OUT,
    estimate_in_blocks,
    estimate_influence,
    estimate_memorization,
    influence_tiles,
    top_pairs,
)


def slow_effect(members, right):
    """Mean with the record minus mean without it: one record, one example, one model at a time."""
    effect = np.full((right.shape[1], members.shape[1]), np.nan)
    for record in range(members.shape[1]):
        for example in range(right.shape[1]):
            groups = {True: [], False: []}
            for model in range(len(members)):
                groups[bool(members[model, record])].append(float(right[model, example]))
            if groups[True] and groups[False]:
                effect[example, record] = np.mean(groups[True]) - np.mean(groups[False])
    return effect


COIN = st.booleans()
PROBABILITY = st.floats(0, 1, allow_subnormal=False)


@st.composite
def cohorts(draw, values):
    models, records, tests = (draw(st.integers(1, high)) for high in (9, 7, 5))
    dtype = np.bool_ if values is COIN else np.float64
    return (
        draw(arrays(np.bool_, (models, records))),
        draw(arrays(dtype, (models, records), elements=values)),
        draw(arrays(dtype, (models, tests), elements=values)),
    )


@given(st.one_of(cohorts(COIN), cohorts(PROBABILITY)), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_estimates_equal_the_slow_form_whatever_the_tile(cohort, tile):
    members, correct, test_correct = cohort
    found = estimate_memorization(members, correct)
    np.testing.assert_allclose(found.score, np.diag(slow_effect(members, correct)), atol=1e-12)
    expected = slow_effect(members, test_correct)
    np.testing.assert_allclose(estimate_influence(members, test_correct), expected, atol=1e-12)
    tiled = np.full(expected.shape, 9.0)
    for tests, records, values in influence_tiles(members, test_correct, tile):
        assert max(values.shape) <= tile
        tiled[tests, records] = values
    np.testing.assert_allclose(tiled, expected, atol=1e-12)


def test_influence_of_a_record_on_itself_is_its_memorization():
    draw = np.random.default_rng(0)
    members, correct = draw.random((40, 30)) < 0.5, draw.random((40, 30)) < 0.7
    np.testing.assert_array_equal(
        np.diag(estimate_influence(members, correct)), estimate_memorization(members, correct).score
    )


def test_records_never_in_or_never_out_are_missing_with_a_reason():
    members = [[0, 1, 1], [0, 1, 0]]
    found = estimate_memorization(members, np.ones((2, 3), dtype=bool))
    assert found.missing.tolist() == [True, True, False]
    assert found.reason.tolist() == [NEVER_IN, NEVER_OUT, ""]
    assert np.isnan(found.score).tolist() == [True, True, False]
    assert np.isnan(found.error).tolist() == [True, True, False]
    assert np.isnan(found.error_bound).tolist() == [True, True, False]
    assert np.isnan(estimate_influence(members, [[1], [0]])).tolist() == [[True, True, False]]


def test_hand_checked_standard_error():
    members = np.array([[1], [1], [1], [0]], dtype=bool)
    found = estimate_memorization(members, np.array([[1], [1], [0], [0]], dtype=bool))
    # (2 + 1) / (3 + 2) = 0.6 with the record, (0 + 1) / (1 + 2) = 1/3 without it.
    assert found.error[0] == pytest.approx(np.sqrt(0.6 * 0.4 / 5 + (2 / 9) / 3), abs=1e-15)
    assert found.error_bound[0] == pytest.approx(0.5 * np.sqrt(1 / 3 + 1), abs=1e-15)


@pytest.mark.parametrize(("models", "share", "bound"), [(64, 0.5, 0.125), (2000, 0.7, 0.0244)])
def test_error_bound_of_known_designs(models, share, bound):
    members = np.arange(models)[:, None] < models * share
    found = estimate_memorization(members, members)
    assert found.error_bound[0] == pytest.approx(bound, abs=1e-4)
    assert 0 < found.error[0] < found.error_bound[0]


def test_standard_errors_are_those_seen_over_repeated_cohorts():
    draw = np.random.default_rng(1)
    members = np.arange(60)[:, None] % 2 == np.zeros(4000)
    correct = draw.random((60, 4000)) < np.where(members, 0.9, 0.4)
    found = estimate_memorization(members, correct)
    assert found.score.mean() == pytest.approx(0.5, abs=0.01)
    assert found.error.mean() == pytest.approx(found.score.std(), rel=0.05)


@given(cohorts(COIN), st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_top_pairs_are_every_pair_past_both_cuts(cohort, seed):
    members, correct, test_correct = cohort
    draw = np.random.default_rng(seed)
    labels, tests = (draw.integers(0, 2, a.shape[1]) for a in (correct, test_correct))
    pairs = top_pairs(members, correct, test_correct, labels, tests, 0.2, 0.1)
    strength = slow_effect(members, test_correct)
    score = np.diag(slow_effect(members, correct))
    expected = {
        (test, train)
        for test in range(len(tests))
        for train in range(len(labels))
        if labels[train] == tests[test] and score[train] >= 0.2 and strength[test, train] >= 0.1
    }
    assert set(zip(pairs.test.tolist(), pairs.train.tolist(), strict=True)) == expected
    assert len(pairs) == len(expected)
    assert np.all(np.diff(pairs.influence) <= 0)
    np.testing.assert_allclose(pairs.influence, strength[pairs.test, pairs.train], atol=1e-12)
    np.testing.assert_allclose(pairs.memorization, score[pairs.train], atol=1e-12)
    for row in range(len(pairs)):
        alone = estimate_memorization(
            members[:, pairs.train[[row]]], test_correct[:, pairs.test[[row]]]
        )
        assert pairs.error[row] == alone.error[0]


def test_equal_pairs_stand_by_test_example_then_by_record():
    members = np.array([[1, 1], [0, 0]], dtype=bool)
    right = np.array([[1, 1], [0, 0]], dtype=bool)
    pairs = top_pairs(members, right, right, [5, 5], [5, 5])
    assert pairs.test.tolist() == [0, 0, 1, 1]
    assert pairs.train.tolist() == [0, 1, 0, 1]


def test_order_of_models_and_records_does_not_matter():
    draw = np.random.default_rng(2)
    members, right = draw.random((30, 20)) < 0.5, draw.random((30, 6)) < 0.6
    models, records = draw.permutation(30), draw.permutation(20)
    np.testing.assert_array_equal(
        estimate_influence(members[models][:, records], right[models]),
        estimate_influence(members, right)[:, records],
    )


@pytest.mark.parametrize(
    ("members", "correct", "message"),
    [
        ([1, 0], [[1], [0]], r"members is \[2\]"),
        (np.empty((0, 2)), np.empty((0, 2)), r"members is \[0, 2\]"),
        ([[2]], [[1]], "other values than 0 and 1"),
        ([[1], [0]], [[1]], "a row for each of the 2 models"),
        ([[1], [0]], [[1, 1], [0, 1]], r"correct is \[2, 2\] and members \[2, 1\]"),
        ([[1], [0]], [[np.nan], [1]], r"probability in \[0, 1\]"),
        ([[1], [0]], [[1.5], [1]], r"probability in \[0, 1\]"),
    ],
)
def test_bad_arrays_are_named(members, correct, message):
    with pytest.raises(ImprintError, match=message):
        estimate_memorization(members, correct)


def test_bad_labels_and_tiles_are_named():
    one = [[1], [0]]
    with pytest.raises(ImprintError, match="test_labels must be 1 integers"):
        top_pairs(one, one, one, [0], [0.5])
    with pytest.raises(ImprintError, match="a tile of side 0"):
        influence_tiles(one, one, tile=0)


@pytest.mark.parametrize("size", [1, 7, 40])
@pytest.mark.parametrize("is_share", [False, True])
def test_blocks_of_records_have_the_bytes_of_all_at_once(size, is_share):
    random = np.random.default_rng(0)
    members = random.random((33, 40)) < 0.5
    members[:, 5], members[:, 6] = True, False
    correct = random.random((33, 40)) if is_share else random.random((33, 40)) < 0.7
    whole = estimate_memorization(members, correct)
    blocks = (
        (members[:, start : start + size], correct[:, start : start + size])
        for start in range(0, 40, size)
    )
    parts = estimate_in_blocks(blocks)
    for name in ("score", "error", "models_in", "models_out"):
        assert getattr(parts, name).tobytes() == getattr(whole, name).tobytes()


def test_no_block_of_records_is_refused():
    with pytest.raises(ImprintError, match="no block of records"):
        estimate_in_blocks([])
