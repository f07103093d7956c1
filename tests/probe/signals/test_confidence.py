from decimal import Decimal, getcontext
from math import log

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.probe.signals.confidence import (
    correct,
    log_complements,
    loss_of,
    margin,
    modified_entropy,
    probability,
)

getcontext().prec = 150


def exact(logits: list[float], label: int) -> tuple[float, float, float]:
    """Margin, loss and modified entropy in 150 digits."""
    powers = [Decimal(z).exp() for z in logits]
    p = [power / sum(powers) for power in powers]
    rest = sum(q for c, q in enumerate(p) if c != label)
    complement = [sum(q for d, q in enumerate(p) if d != c) for c in range(len(p))]
    entropy = -rest * p[label].ln() - sum(
        p[c] * complement[c].ln() for c in range(len(p)) if c != label
    )
    return float((p[label] / rest).ln()), float(-p[label].ln()), float(entropy)


def row(*logits: float) -> torch.Tensor:
    return torch.tensor([logits], dtype=torch.float64)


def label(value: int) -> torch.Tensor:
    return torch.tensor([value])


def test_hand_numbers() -> None:
    logits = torch.tensor([[0.5, 0.25, 0.25]], dtype=torch.float64).log()
    assert margin(logits, label(0)).item() == pytest.approx(0, abs=1e-15)
    assert margin(logits, label(1)).item() == pytest.approx(-log(3), abs=1e-15)
    assert loss_of(margin(logits, label(1))).item() == pytest.approx(log(4), abs=1e-15)
    assert probability(logits, label(0)).item() == pytest.approx(0.5, abs=1e-15)
    expected = 0.5 * log(2) + 2 * 0.25 * log(4 / 3)
    assert modified_entropy(logits, label(0)).item() == pytest.approx(expected, abs=1e-15)
    expected = 0.75 * log(4) + 0.5 * log(2) + 0.25 * log(4 / 3)
    assert modified_entropy(logits, label(1)).item() == pytest.approx(expected, abs=1e-15)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-100, 100), min_size=2, max_size=5), st.data())
def test_equals_a_hundred_and_fifty_digits(logits: list[float], data: st.DataObject) -> None:
    y = data.draw(st.integers(0, len(logits) - 1))
    phi, loss, entropy = exact(logits, y)
    assert margin(row(*logits), label(y)).item() == pytest.approx(phi, rel=1e-12, abs=1e-12)
    assert loss_of(row(phi)).item() == pytest.approx(loss, rel=1e-11)
    found = modified_entropy(row(*logits), label(y)).item()
    assert found == pytest.approx(entropy, rel=1e-9, abs=1e-120)


def test_a_sure_label_keeps_its_digits_and_a_sure_error_stays_finite() -> None:
    sure = torch.tensor([[60.0, 0.0, 0.0]])
    assert sure.softmax(1)[0, 0] == 1
    phi = margin(sure, label(0))
    assert phi.item() == pytest.approx(60 - log(2), rel=1e-6)
    assert loss_of(phi).item() == pytest.approx(exact([60, 0, 0], 0)[1], rel=1e-5)
    assert modified_entropy(sure, label(0)).item() == pytest.approx(0, abs=1e-20)
    wrong = torch.tensor([[1e4, 0.0, -1e4]])
    assert modified_entropy(wrong, label(2)).item() == pytest.approx(3e4, rel=1e-6)


def test_complements_of_many_classes() -> None:
    logits = torch.linspace(-3, 9, 50, dtype=torch.float64)[None]
    expected = torch.log(1 - logits.softmax(1))
    torch.testing.assert_close(log_complements(logits), expected, rtol=1e-10, atol=1e-14)


def test_temperature_is_that_of_the_softmax() -> None:
    logits = row(1.0, 2.0, 4.0)
    expected = (logits / 2).softmax(1)[0, 2]
    assert probability(logits, label(2), temperature=2) == pytest.approx(expected.item())
    with pytest.raises(ImprintError, match="temperature must be positive, got 0"):
        probability(logits, label(2), temperature=0)


def test_the_loss_keeps_its_curvature_where_softplus_turns_linear() -> None:
    phi = torch.tensor(-25.0, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(loss_of(phi), phi, create_graph=True)
    (curvature,) = torch.autograd.grad(slope, phi)
    assert curvature.item() == pytest.approx(1.3887943864e-11, rel=1e-6)


def test_the_margin_has_second_derivatives() -> None:
    logits = torch.tensor([[1.0, -2.0, 0.5, 3.0]], dtype=torch.float64)

    def loss(z: torch.Tensor) -> torch.Tensor:
        return loss_of(margin(z[None], label(1))).sum()

    found = torch.autograd.functional.hessian(loss, logits[0])
    p = logits.softmax(1)[0]
    torch.testing.assert_close(found, p.diag() - p.outer(p), rtol=1e-12, atol=1e-14)


def test_ties_are_not_correct() -> None:
    logits = torch.tensor([[1.0, 1.0, 0.0], [0.0, 2.0, 1.0], [0.0, 2.0, 1.0]])
    assert correct(logits, torch.tensor([0, 1, 2])).tolist() == [False, True, False]


def test_labels_must_fit() -> None:
    with pytest.raises(ImprintError, match=r"labels 0…3 do not fit a network of 3 classes"):
        margin(torch.zeros(2, 3), torch.tensor([0, 3]))
    with pytest.raises(ImprintError, match="at least two classes"):
        margin(torch.zeros(2, 1), torch.tensor([0, 0]))
