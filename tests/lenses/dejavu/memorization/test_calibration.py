import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax

from imprint.core.errors import ImprintError
from imprint.lenses.dejavu.memorization.calibration import calibrate, mean_loss
from imprint.lenses.dejavu.memorization.references import reference_votes


def random_rows(seed, n=50, classes=4, sharpness=2.0):
    random = np.random.default_rng(seed)
    return log_softmax(sharpness * random.normal(size=(n, classes)), axis=1)


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_the_temperature_that_was_planted_is_found(temperature):
    random = np.random.default_rng(0)
    truth = random_rows(1, n=20_000)
    draws = random.random((len(truth), 1))
    labels = (np.exp(truth).cumsum(axis=1) < draws).sum(axis=1).clip(max=3)
    found = calibrate(log_softmax(truth * temperature, axis=1), labels)
    # 20,000 labels tell T to some 2 %; six standard errors.
    assert found.temperature == pytest.approx(temperature, rel=0.1)
    np.testing.assert_allclose(
        found.log_probabilities, log_softmax(truth * temperature / found.temperature, axis=1)
    )


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_no_other_temperature_has_a_smaller_loss(seed):
    rows = random_rows(seed)
    labels = np.random.default_rng(seed + 1).integers(0, 4, len(rows))
    found = calibrate(rows, labels)
    assert found.loss_after <= found.loss_before + 1e-9
    for factor in (0.9, 1.1):
        # Guesses that are worse than none want an endless temperature; 1,000 is the most there is.
        temperature = min(found.temperature * factor, 1000)
        assert mean_loss(rows, labels, temperature) >= found.loss_after - 1e-6


def test_a_reference_at_chance_becomes_all_but_uniform():
    labels = np.random.default_rng(5).integers(0, 4, 4000)
    found = calibrate(random_rows(4, n=4000, sharpness=5), labels)
    uncertainty = -reference_votes(found.log_probabilities).confidence
    assert uncertainty.min() > 0.95 * np.log(4)


def test_labels_that_do_not_fit_are_refused():
    with pytest.raises(ImprintError, match="as many labels"):
        calibrate(random_rows(0, n=3), np.array([0, 1]))
    with pytest.raises(ImprintError, match="has 4 classes"):
        calibrate(random_rows(0, n=2), np.array([0, 4]))
