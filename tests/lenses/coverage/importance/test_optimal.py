import numpy as np
import pytest

from imprint.lenses.coverage.importance.optimal import MAX_LABELS, optimal_rates, optimal_shares

GAINS = np.array(
    [
        [[1.0, 3.0], [2.0, 2.0]],
        [[4.0, 3.0], [0.0, -1.0]],
        [[0.0, 5.0], [1.0, 0.5]],
    ]
)


def test_equal_attributions_share_an_input_and_none_is_optimal_without_a_gain() -> None:
    shares = optimal_shares(GAINS)
    assert shares[:, 0].tolist() == [[0, 1], [1, 0], [0, 1]]
    assert shares[:, 1].tolist() == [[0.5, 0.5], [0, 0], [1, 0]]


def test_rates_by_class_and_by_scope_by_hand() -> None:
    labels = np.array([7, 7, 2])
    classes = [str(number) for number in range(8)]
    rates = optimal_rates(GAINS, labels, ["la", "lrp"], ["conv", "fc"], classes)
    assert rates.by_label == {"2": (0.5, 0.5), "7": (0.375, 0.375)}
    assert rates.by_scope["conv"] == pytest.approx((1 / 3, 2 / 3))
    assert rates.by_scope["fc"] == pytest.approx((0.5, 1 / 6))


def test_classes_of_most_inputs_are_kept() -> None:
    labels = np.array([*range(30), 29])
    rates = optimal_rates(np.ones((31, 1, 2)), labels, "ab", ["model"], list(map(str, range(30))))
    assert len(rates.by_label) == MAX_LABELS
    assert "29" in rates.by_label
