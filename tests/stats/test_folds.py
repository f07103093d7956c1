"""Halves and folds: balance exactly, and draws that depend on nothing but seed and index."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.stats.folds import half_splits, k_fold


@given(st.integers(0, 40), st.integers(2, 9), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_every_image_is_in_half_of_the_sets(n, count, seed):
    member = half_splits(n, count, seed)
    assert member.shape == (count, n)
    assert member.dtype == bool
    assert (member.sum(axis=0) == count // 2).all()


def test_halves_of_an_image_do_not_depend_on_how_many_there_are():
    np.testing.assert_array_equal(half_splits(50, 4, 7), half_splits(90, 4, 7)[:, :50])
    assert (half_splits(50, 4, 7) != half_splits(50, 4, 8)).any()


def test_sets_hold_about_half_and_pairs_of_sets_overlap_by_chance():
    member = half_splits(4000, 8, 0).astype(float)
    assert np.abs(member.mean(axis=1) - 0.5).max() < 5 * 0.5 / 4000**0.5
    together = member @ member.T / 4000
    expected = (4 / 8) * (3 / 7)
    assert np.abs(together[~np.eye(8, dtype=bool)] - expected).max() < 5 * 0.41 / 4000**0.5


@given(st.integers(2, 60), st.integers(0, 99), st.data())
@settings(max_examples=40, deadline=None)
def test_folds_are_even_overall_and_in_every_class(n, seed, data):
    k = data.draw(st.integers(2, n))
    labels = np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    for strata in (None, labels):
        folds = k_fold(n, k, seed, strata)
        sizes = np.bincount(folds, minlength=k)
        assert len(sizes) == k
        assert np.ptp(sizes) <= 1
    for label in np.unique(labels):
        assert np.ptp(np.bincount(folds[labels == label], minlength=k)) <= 1


def test_folds_are_drawn_by_the_seed():
    assert k_fold(20, 4, 0).tolist() == k_fold(20, 4, 0).tolist()
    assert k_fold(20, 4, 0).tolist() != k_fold(20, 4, 1).tolist()


def test_impossible_folds_are_errors():
    with pytest.raises(ImprintError, match="cannot make 1 folds of 5 examples"):
        k_fold(5, 1, 0)
    with pytest.raises(ImprintError, match="cannot make 6 folds of 5 examples"):
        k_fold(5, 6, 0)
    with pytest.raises(ImprintError, match="5 examples need as many labels"):
        k_fold(5, 2, 0, np.zeros(4, dtype=np.int64))
    with pytest.raises(ImprintError, match="at least 2 models, got 1"):
        half_splits(5, 1, 0)
