import numpy as np
import pytest

from imprint.lenses.coverage.findings import Vote
from imprint.lenses.coverage.importance.optimal import OptimalRates
from imprint.lenses.coverage.page.figures.methods import rate_matrices, win_bars


def test_wins_are_shares_of_the_batches_the_most_first() -> None:
    vote = Vote(
        leading=(), votes=0, batches=4, skipped=0, settled=True, wins={"la": 1, "lrp": 3},
        mean_gains={},
    )  # fmt: skip
    bars = win_bars(vote).bars
    assert [(bar.name, bar.value, bar.text) for bar in bars] == [
        ("lrp", 0.75, "3 of 4"),
        ("la", 0.25, "1 of 4"),
    ]


def test_rates_are_drawn_by_class_and_by_layer_with_what_none_gets() -> None:
    rates = OptimalRates(
        ("la", "lrp"), {"ant": (0.5, 0.25)}, {"conv": (0.2, 0.8), "fc": (1.0, 0.0)}
    )
    by_class, by_layer = rate_matrices(rates)
    assert (by_class.names, by_class.columns) == (["ant"], ["la", "lrp", "none"])
    assert by_class.values.tolist() == [[0.5, 0.25, 0.25]]
    assert by_layer.values == pytest.approx(np.array([[0.2, 0.8, 0.0], [1.0, 0.0, 0.0]]))
    assert "ant la 50%" in by_class.description
    assert "<svg" in by_layer.svg()
    whole = OptimalRates(("la", "lrp"), rates.by_label, {"model": (0.5, 0.25)})
    assert [figure.name for figure in rate_matrices(whole)] == ["coverage-optimal-by-class"]
