import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.neurons.activations import Layers
from imprint.neurons.importance import (
    ImportanceTable,
    scale,
    select,
    select_in_model,
)

LAYERS = Layers(("a", "b", "c", "out"), (2, 3, 1, 2))


def test_ties_go_to_the_first_and_missing_scores_come_last():
    scores = np.array([1.0, np.nan, 3.0, 3.0, -np.inf, 1.0, 9.0, 9.0])
    found = select_in_model(LAYERS, scores, -1)
    assert found.neurons.tolist() == [2, 3, 0, 5, 4, 1]
    assert found.missing == 1
    assert found.named()[:2] == [("b", 0), ("b", 1)]
    assert select(LAYERS, scores, 1).named() == [("out", 0)]


def test_scopes():
    scores = np.array([1.0, 2.0, 5.0, 4.0, 6.0, 3.0, 9.0, 9.0])
    assert select(LAYERS, scores, 2, ("a",)).by_layer() == {"a": [1, 0]}
    assert select(LAYERS, scores, 20, ("c",)).neurons.tolist() == [5]
    for wrong in (lambda: select(LAYERS, scores, 0), lambda: select(LAYERS, scores, 1, ("d",))):
        with pytest.raises(ImprintError):
            wrong()


@given(
    st.lists(st.sampled_from([0.0, 1.0, 2.0, np.nan]), min_size=8, max_size=8), st.integers(1, 8)
)
def test_selection_is_the_plain_sort(scores, m):
    order = sorted(range(8), key=lambda j: (-np.inf if np.isnan(scores[j]) else scores[j], -j))
    wanted = order[::-1]
    assert select(LAYERS, np.array(scores), m).neurons.tolist() == wanted[:m]


def test_scaling_by_hand():
    scores = np.array([1.0, -3.0, 2.0, 4.0, 6.0, 5.0, 0.0, 0.0])
    assert scale(LAYERS, scores, "layer_sum")[:2].tolist() == [0.25, -0.75]
    assert scale(LAYERS, scores, "layer_sum")[5:].tolist() == [1.0, 0.0, 0.0]
    z = scale(LAYERS, scores, "layer_z")
    assert z[:2].tolist() == [1.0, -1.0]
    assert z[5] == 0
    places = scale(LAYERS, scores, "per_position", (4, 2, 1, 1))
    assert places[:4].tolist() == [0.25, -0.75, 1.0, 2.0]


def test_tables():
    table = ImportanceTable(LAYERS, np.ones((3, 8)), np.array([1, 1, 2]), (1, 1, 1, 1), "la")
    assert table.of(1).tolist() == [1.0] * 8
    assert table.scaled("layer_sum").of()[2] == pytest.approx(1 / 3)
    with pytest.raises(ImprintError, match="already"):
        table.scaled("layer_sum").scaled("layer_z")
    with pytest.raises(ImprintError, match="no class 2"):
        table.of(2)
    with pytest.raises(ImprintError, match="need scores"):
        ImportanceTable(LAYERS, np.ones((2, 8)), np.array([1, 1, 2]), (1, 1, 1, 1), "la")
