import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.lenses.membership.memorization import ensemble as module
from imprint.lenses.membership.memorization.chance import count_cases, memorized_by_chance
from imprint.lenses.membership.memorization.ensemble import (
    ModelEnsemble,
    ensemble_memorization,
    ensemble_pairs,
    expected_by_chance,
    measure_accuracies,
    pack,
)
from imprint.lenses.membership.memorization.estimators import estimate_memorization, top_pairs


def random_ensemble(models, records, tests, seed=0):
    """Masks, correctness and test correctness, where memorized records carry test examples."""
    random = np.random.default_rng(seed)
    members = random.random((models, records)) < 0.7
    correct = random.random((models, records)) < np.where(members, 0.9, 0.4)
    carried = members[:, random.integers(0, records, tests)]
    return members, correct, random.random((models, tests)) < np.where(carried, 0.9, 0.3)


def packed(members, correct, test_correct):
    bits = [np.stack([pack(row) for row in flags]) for flags in (members, correct)]
    return ModelEnsemble(
        tuple(map(str, range(len(members)))), members.shape[1], *bits, test_correct
    )


@given(records=st.integers(1, 40), start=st.integers(0, 4), seed=st.integers(0, 9))
def test_blocks_and_choices_are_the_flags_that_were_packed(records, start, seed):
    members, correct, tests = random_ensemble(3, records, 2, seed)
    ensemble = packed(members, correct, tests)
    begin = min(8 * start, (records - 1) // 8 * 8)
    for found in (
        ensemble.block(begin, records),
        ensemble.take(np.arange(begin, records)),
    ):
        assert np.array_equal(found[0], members[:, begin:])
        assert np.array_equal(found[1], correct[:, begin:])
    order = np.random.default_rng(seed).permutation(records)
    assert np.array_equal(ensemble.take(order)[0], members[:, order])


@pytest.mark.parametrize("block_bytes", [1, 200, 1 << 26])
def test_memorization_is_that_of_the_whole_whatever_the_block(monkeypatch, block_bytes):
    monkeypatch.setattr(module, "BLOCK_BYTES", block_bytes)
    members, correct, tests = random_ensemble(10, 61, 2)
    members[:, 5], members[:, 60] = True, False
    found, whole = (
        ensemble_memorization(packed(members, correct, tests)),
        estimate_memorization(members, correct),
    )
    for name in ("score", "error", "models_in", "models_out"):
        np.testing.assert_array_equal(getattr(found, name), getattr(whole, name))
    assert np.flatnonzero(found.missing).tolist() == [5, 60]


def test_pairs_are_those_of_the_whole():
    members, correct, tests = random_ensemble(40, 90, 30)
    random = np.random.default_rng(1)
    labels, test_labels = random.integers(0, 4, 90), random.integers(0, 5, 30)
    whole = top_pairs(members, correct, tests, labels, test_labels, 0.2, 0.1)
    ensemble = packed(members, correct, tests)
    score = ensemble_memorization(ensemble).score
    found = ensemble_pairs(ensemble, score, labels, test_labels, 0.2, 0.1)
    assert len(whole) > 20
    for name in ("train", "test", "influence", "memorization", "error"):
        np.testing.assert_array_equal(getattr(found, name), getattr(whole, name))


def test_without_memorized_records_there_are_no_pairs():
    members, correct, tests = random_ensemble(4, 9, 3)
    ensemble = packed(members, correct, tests)
    found = ensemble_pairs(ensemble, np.zeros(9), np.zeros(9, int), np.zeros(3, int))
    assert len(found) == 0
    assert found.train.dtype == np.int64
    with pytest.raises(ImprintError, match="8 labels and 3 test labels do not fit"):
        ensemble_pairs(ensemble, np.zeros(9), np.zeros(8, int), np.zeros(3, int))


def test_accuracies_by_hand():
    members = np.array([[1, 1, 0, 0, 0], [1, 1, 1, 1, 1]], dtype=bool)
    correct = np.array([[1, 0, 1, 1, 0], [0, 1, 0, 0, 0]], dtype=bool)
    found = measure_accuracies(packed(members, correct, np.array([[1, 0], [1, 1]], dtype=bool)))
    np.testing.assert_allclose(found.members, [1 / 2, 1 / 5])
    np.testing.assert_allclose(found.others, [2 / 3, np.nan])
    np.testing.assert_allclose(found.test, [0.5, 1])
    np.testing.assert_allclose(found.inclusion, [0.4, 1])


def test_the_count_by_chance_is_that_of_all_blocks_together(monkeypatch):
    random = np.random.default_rng(2)
    members, correct = random.random((2, 6, 43)) < 0.5
    tests = np.zeros((6, 1), dtype=bool)
    expected = memorized_by_chance(count_cases(members, correct), 0.25)
    monkeypatch.setattr(module, "BLOCK_BYTES", 6 * 8)
    assert expected_by_chance(packed(members, correct, tests), 0.25) == expected
