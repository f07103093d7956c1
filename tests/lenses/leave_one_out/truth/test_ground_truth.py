import numpy as np
import pytest
from scipy.stats import spearmanr

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.truth.ground_truth import (
    attack_auc,
    datamodeling_score,
    noise_ceiling,
    prediction_difference,
    root_difference,
)


def draw(records, pairs, outputs=2, shift=0.5, start=1.0, own=0.3, seed=0):
    """Logits of pairs that share a start of deviation ``start`` and differ by ``own`` alone."""
    random = np.random.default_rng(seed)
    common = start * random.standard_normal((records, pairs, outputs))
    noise = own * random.standard_normal((2, records, pairs, outputs))
    return common + noise[0] + shift, common + noise[1]


def test_difference_is_unbiased_and_its_error_is_right():
    """20,000 records of the same truth: mean within 4 errors, spread within 5 % of the error."""
    within, without = draw(20_000, 6, shift=0.1)
    found = prediction_difference(within, without)
    assert found.value.mean() == pytest.approx(0.01, abs=4 * found.value.std() / 20_000**0.5)
    plain = ((within - without).mean(1) ** 2).mean(1)
    assert plain.mean() == pytest.approx(0.01 + 2 * 0.3**2 / 6, rel=0.02)
    # E[error²] is the variance, less nothing to first order: 4 d̄ᵀΣd̄ is itself too large by Σ².
    several = prediction_difference(*draw(20_000, 40, shift=0.5))
    assert np.sqrt((several.error**2).mean()) == pytest.approx(several.value.std(), rel=0.05)


def test_a_common_start_cancels():
    quiet, loud = (prediction_difference(*draw(50, 10, start=size)) for size in (0.0, 100.0))
    np.testing.assert_allclose(quiet.value, loud.value, rtol=1e-9)
    np.testing.assert_allclose(quiet.error, loud.error, rtol=1e-9)


def test_noise_ceiling_is_the_correlation_of_the_truth_with_its_measurement():
    random = np.random.default_rng(5)
    truth = np.abs(random.standard_normal(400)) + 0.5
    within, without = draw(400, 20, own=2.0, seed=6)
    within = within - 0.5 + truth[:, None, None]
    reached = np.corrcoef(truth, root_difference(within, without))[0, 1]
    found = noise_ceiling(within, without, root_difference, random, draws=100)
    assert found.value == pytest.approx(reached, abs=0.05)
    assert found.ci95[0] < found.value < found.ci95[1]


def test_without_signal_the_ceiling_is_low():
    random = np.random.default_rng(7)
    within, without = draw(400, 20, seed=8)
    assert noise_ceiling(within, without, root_difference, random, draws=100).value < 0.3


def test_datamodeling_score_of_a_linear_world_is_one():
    random = np.random.default_rng(9)
    influence = random.standard_normal((12, 5))
    members = random.random((30, 12)) < 0.5
    outputs = members @ influence
    assert datamodeling_score(influence, members, outputs, random).value == pytest.approx(1)
    assert datamodeling_score(-influence, members, outputs, random).value == pytest.approx(-1)
    noisy = outputs + random.standard_normal(outputs.shape)
    by_hand = [spearmanr(members @ influence[:, q], noisy[:, q])[0] for q in range(5)]
    found = datamodeling_score(influence, members, noisy, random)
    assert found.value == pytest.approx(np.mean(by_hand), rel=1e-12)
    alike = np.tile(np.arange(12) < 6, (4, 1))
    assert datamodeling_score(influence, alike, outputs[:4], random).value == 0


def test_fewer_than_three_subsets_have_no_datamodeling_score():
    random = np.random.default_rng(10)
    for count in (1, 2):
        members, outputs = random.random((count, 12)) < 0.5, random.standard_normal((count, 5))
        with pytest.raises(ImprintError, match=f"{count} random subsets give no rank correlation"):
            datamodeling_score(np.ones((12, 5)), members, outputs, random)


def test_bad_input():
    with pytest.raises(ImprintError, match="train 6 or more"):
        attack_auc(*draw(3, 4))
    with pytest.raises(ImprintError, match="no spread"):
        attack_auc(np.ones((1, 9, 2)), np.ones((1, 9, 2)))
    with pytest.raises(ImprintError, match="both must be"):
        prediction_difference(np.ones((2, 3, 1)), np.ones((2, 4, 1)))
    with pytest.raises(ImprintError, match="not finite"):
        prediction_difference(np.full((1, 3, 1), np.nan), np.ones((1, 3, 1)))
