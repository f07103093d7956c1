import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from imprint.core.errors import ImprintError
from imprint.probe.record_outputs import (
    RecordSignals,
    as_logits,
    error_scale,
    logit_of_likelihood,
    probability_floor,
    record_signals,
)
from imprint.probe.signals.confidence import correct, margin, modified_entropy

LOGITS = arrays(np.float64, (5, 4), elements=st.floats(-30, 30))


@given(LOGITS)
def test_signals_of_logits_are_those_of_a_forward_pass(logits):
    labels = np.array([0, 1, 2, 3, 0])
    signals = record_signals(logits, labels, "classification", "logits")
    tensor, truth = torch.from_numpy(logits), torch.from_numpy(labels)
    np.testing.assert_allclose(signals.phi, margin(tensor, truth).numpy(), atol=1e-12)
    np.testing.assert_allclose(
        signals.mentr, modified_entropy(tensor, truth), rtol=1e-12, atol=1e-12
    )
    assert signals.correct.tolist() == correct(tensor, truth).tolist()
    assert (signals.loss >= 0).all()
    assert (signals.entropy >= -1e-12).all()


def test_entropy_and_modified_entropy_of_a_known_distribution():
    logits = np.log([[0.7, 0.2, 0.1]])
    signals = record_signals(logits, np.array([0]), "classification", "logits")
    assert signals.entropy[0] == pytest.approx(0.8018, abs=1e-4)
    assert signals.mentr[0] == pytest.approx(0.1622, abs=1e-4)


def test_probabilities_give_the_margins_of_their_logarithms():
    p = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
    signals = record_signals(p, np.array([0, 0]), "classification", "probabilities")
    np.testing.assert_allclose(signals.phi, np.log(p[:, 0] / (1 - p[:, 0])))


@pytest.mark.parametrize("kind", ["logits", "probabilities"])
def test_one_column_is_the_second_of_two_classes(kind):
    column = np.array([[2.0], [-1.0]]) if kind == "logits" else np.array([[0.8], [0.3]])
    signals = record_signals(column, np.array([1, 0]), "classification", kind)
    expected = [2.0, 1.0] if kind == "logits" else [np.log(4), np.log(7 / 3)]
    np.testing.assert_allclose(signals.phi, expected)


def test_labels_of_a_record_share_one_loss():
    logits, labels = np.array([[2.0, -1.0, 0.5]]), np.array([[1, 0, 0]])
    signals = record_signals(logits, labels, "multi_label", "logits")
    assert signals.loss[0] == pytest.approx(1.4143, abs=1e-4)
    assert signals.correct.tolist() == [False]
    joint = np.exp(-signals.loss[0])
    assert signals.phi[0] == pytest.approx(np.log(joint / (1 - joint)))


def test_a_squared_error_is_a_likelihood_of_one_degree_of_freedom():
    values, targets = np.array([[1.0], [2.0], [4.0]]), np.array([3.0, 2.0, 3.0])
    signals = record_signals(values, targets, "regression", "values")
    assert signals.loss.tolist() == [4.0, 0.0, 1.0]
    assert signals.correct is None
    assert error_scale(values, targets) == 1.0
    np.testing.assert_allclose(1 / (1 + np.exp(-signals.phi)), [0.2, 1.0, 0.5], atol=1e-5)


def test_losses_are_taken_as_they_are():
    loss = np.array([0.0, 0.5, 3.0])
    signals = record_signals(loss, None, "classification", "losses")
    p = np.exp(-loss[1:])
    np.testing.assert_allclose(signals.phi[1:], np.log(p / (1 - p)))
    assert np.isfinite(signals.phi).all()
    negative = record_signals(-loss, None, "regression", "losses")
    assert negative.phi.tolist() == loss.tolist()


@given(arrays(np.float64, 6, elements=st.floats(0, 700)))
def test_the_logit_of_a_likelihood_falls_with_the_loss(loss):
    phi = logit_of_likelihood(loss)
    assert np.isfinite(phi).all()
    order = np.argsort(loss)
    assert (np.diff(phi[order]) <= 0).all()


@pytest.mark.parametrize(
    ("outputs", "targets", "task", "kind", "message"),
    [
        ([[0.2, 0.2]], [0], "classification", "probabilities", "sum to 1"),
        ([[1.0, np.nan]], [0], "classification", "logits", "not finite, first for record 0"),
        ([[1.0, 0.0]], [2], "classification", "logits", "2 outputs"),
        ([[1.0, 0.0]], [0.5], "classification", "logits", "one class a record"),
        ([[1.0, 0.0]], [[1, 2]], "multi_label", "logits", "0 or 1"),
        ([[1.0, 0.0]], [1.0], "regression", "values", "2 values a record"),
        ([[1.0, 0.0]], None, "classification", "logits", "needs the targets"),
    ],
)
def test_outputs_and_targets_that_do_not_fit_are_refused(outputs, targets, task, kind, message):
    targets = None if targets is None else np.array(targets)
    with pytest.raises(ImprintError, match=message):
        record_signals(np.array(outputs), targets, task, kind)


def test_probabilities_of_zero_have_finite_logits():
    logits = as_logits(np.array([[1.0, 0.0]]), "probabilities", "classification", "m")
    assert np.isfinite(logits).all()


def test_a_probability_of_zero_counts_as_half_the_smallest():
    votes = np.array([[1.0, 0.0], [0.9999999999999999, 0.0], [0.97, 0.03]])
    assert probability_floor([votes]) == pytest.approx(0.015)
    signals = record_signals(
        votes, np.array([0, 1, 0]), "classification", "probabilities", floor=0.015
    )
    np.testing.assert_allclose(signals.phi[:2], [np.log(1 / 0.015), np.log(0.015)])
    assert probability_floor([np.array([[1.0, 0.0]])]) == 0.5


def test_signals_of_two_sets_are_joined_where_both_have_them():
    first = record_signals(np.zeros((2, 2)), np.array([0, 1]), "classification", "logits")
    second = RecordSignals(np.zeros(1), np.zeros(1))
    joined = RecordSignals.joined([first, second])
    assert joined.loss.shape == (3,)
    assert joined.correct is None
