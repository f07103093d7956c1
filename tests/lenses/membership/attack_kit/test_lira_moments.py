import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from imprint.lenses.membership.attack_kit.lira_moments import IN, OUT, moments, sums


def cohort(seed, models=7, augmentations=2, records=11, offset=0.0):
    random = np.random.default_rng(seed)
    signals = random.normal(size=(models, augmentations, records)) + offset
    return signals, random.random((models, records)) < 0.5


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), offset=st.sampled_from([0.0, 1e6]))
@example(seed=338, offset=0.0)  # two models 9e-5 apart, both 1 from the first
def test_moments_are_those_of_each_side(seed, offset):
    signals, members = cohort(seed, offset=offset)
    for side, computed in zip((OUT, IN), moments(sums(signals, members)), strict=True):
        for record in range(members.shape[1]):
            chosen = signals[members[:, record] == side, :, record]
            assert computed.count[record] == len(chosen)
            if len(chosen) >= 1:
                # A mean near 0 keeps the rounding of the values that cancel in it.
                near = 1e-14 * np.abs(chosen).max()
                mean = chosen.mean(axis=0)
                np.testing.assert_allclose(computed.mean[:, record], mean, rtol=1e-12, atol=near)
            if len(chosen) >= 2:
                # Rounding of n squares of distances from the first model, which cancel.
                squares = ((chosen - signals[0, :, record]) ** 2).sum(axis=0).max()
                noise = 4 * np.finfo(np.float64).eps * squares
                variance = chosen.var(axis=0)
                np.testing.assert_allclose(
                    computed.variance[:, record], variance, rtol=1e-12, atol=noise
                )


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), target=st.integers(0, 6))
def test_taking_a_model_out_is_never_having_seen_it(seed, target):
    signals, members = cohort(seed)
    less = sums(signals, members).without(signals[target], members[target])
    rest = np.arange(len(signals)) != target
    for record in range(members.shape[1]):
        for side in (OUT, IN):
            chosen = signals[rest & (members[:, record] == side), :, record]
            shifted = chosen - signals[0, :, record]
            assert less.count[side, record] == len(chosen)
            np.testing.assert_allclose(less.total[side, :, record], shifted.sum(axis=0), atol=1e-12)
            np.testing.assert_allclose(
                less.squares[side, :, record], (shifted**2).sum(axis=0), atol=1e-12
            )


def test_pooled_variance_by_hand():
    signals = np.array([[[0.0, 1.0]], [[2.0, 1.0]], [[5.0, 4.0]]])
    members = np.array([[True, True], [True, True], [False, False]])
    outside, inside = moments(sums(signals, members))
    assert inside.variance.tolist() == [[1.0, 0.0]]
    assert inside.pooled.tolist() == [1.0]  # (2 + 0) / (1 + 1)
    assert outside.pooled.tolist() == [1.0]  # no OUT variance anywhere: the other side's
    assert outside.variance.tolist() == [[1.0, 1.0]]


def test_a_record_without_in_models_takes_the_mean_gap():
    signals = np.array([[[1.0, 10.0, 7.0]], [[4.0, 16.0, 9.0]]])
    members = np.array([[False, False, False], [True, True, False]])
    outside, inside = moments(sums(signals, members))
    assert outside.mean.tolist() == [[1.0, 10.0, 8.0]]
    assert inside.mean.tolist() == [[4.0, 16.0, 8.0 + (3.0 + 6.0) / 2]]


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e9 + 0.1])
def test_equal_values_have_no_variance(value):
    signals = np.full((9, 1, 2), value)
    signals[0] += 0.7
    members = np.zeros((9, 2), dtype=bool)
    members[1:5] = True
    outside, inside = moments(sums(signals, members))
    assert (inside.variance == 0).all()
    assert (outside.variance > 0).all()
