import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.lenses.dejavu.memorization.cross_fit import cross_fit, fold_of


@given(st.integers(2, 5), st.integers(1, 3), st.integers(0, 50))
@settings(max_examples=20, deadline=None)
def test_no_crop_is_predicted_by_a_reference_that_trained_on_it(folds, seeds, seed):
    random = np.random.default_rng(seed)
    predicted = random.random(40) < 0.6
    labels = random.integers(0, 3, 40)
    seeds_by_name = {}

    def fit_and_predict(train, test, name, run_seed):
        assert not set(train) & set(test)
        assert set(np.flatnonzero(~predicted)) <= set(train)
        assert len(train) + len(test) == 40
        seeds_by_name.setdefault(name, run_seed)
        return np.log(np.stack([1 + test, 100 - test], axis=1) / 101)

    rows_out = cross_fit(fit_and_predict, predicted, labels, folds, seeds, seed)
    rows = np.flatnonzero(predicted)
    np.testing.assert_allclose(np.exp(rows_out), np.stack([1 + rows, 100 - rows], axis=1) / 101)
    assert len(seeds_by_name) == len(set(seeds_by_name.values())) == folds * seeds


def test_seeds_average_probabilities():
    shares = iter([0.9, 0.1])

    def fit_and_predict(train, test, name, seed):
        share = next(shares)
        return np.log(np.tile([share, 1 - share], (len(test), 1)))

    rows_out = cross_fit(fit_and_predict, np.array([True, False]), np.array([0, 0]), 1, 2, 0)
    np.testing.assert_allclose(np.exp(rows_out), [[0.5, 0.5]])


def test_one_fold_trains_once_and_needs_others_to_train_on():
    predicted = np.array([True, False, True])
    assert fold_of(predicted, np.zeros(3, int), 1, 0).tolist() == [0, -1, 0]
    with pytest.raises(ImprintError, match="not attacked"):
        fold_of(np.ones(3, bool), np.zeros(3, int), 1, 0)
    with pytest.raises(ImprintError, match="--folds is 0"):
        fold_of(predicted, np.zeros(3, int), 0, 0)
