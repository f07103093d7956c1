from pathlib import Path

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.importance.importance_files import (
    write_importance,
    write_layer_json,
    write_votes,
)
from imprint.lenses.coverage.importance.ranking import (
    leading_neurons,
    read_ranking,
    scores_among,
)
from imprint.neurons.activations import Layers
from imprint.neurons.importance import ImportanceTable

LAYERS = Layers(("conv", "fc", "out"), (2, 2, 2))
SCORES = np.array([0.1, 0.9, np.nan, 0.5, 7.0, 8.0])


def test_units_of_the_classifier_and_neurons_without_a_score_do_not_lead() -> None:
    leading = leading_neurons(LAYERS, SCORES, 9, "out")
    assert leading.named() == [("conv", 1), ("fc", 1), ("conv", 0)]
    assert leading.missing == 1
    assert leading_neurons(LAYERS, SCORES, 2, None).named() == [("out", 1), ("out", 0)]


def test_layers_without_any_score_are_refused() -> None:
    with pytest.raises(ImprintError, match=r"none of the observed layers \(conv, fc, out\)"):
        leading_neurons(LAYERS, np.full(6, np.nan), 1, None)


def test_scores_of_observed_layers_stand_in_their_order() -> None:
    scores = scores_among(LAYERS, {"fc": np.array([1.0, 2.0]), "other": np.zeros(9)}, "t", 0.0)
    assert scores.tolist() == [0, 0, 1, 2, 0, 0]
    with pytest.raises(ImprintError, match="t has 3 neurons in layer fc, the network 2"):
        scores_among(LAYERS, {"fc": np.zeros(3)}, "t")
    with pytest.raises(ImprintError, match="none of them is observed"):
        scores_among(LAYERS, {"other": np.zeros(3)}, "t")


def test_the_same_scores_are_read_from_every_format(tmp_path: Path) -> None:
    scores = np.array([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]] * 2)
    table = ImportanceTable(LAYERS, scores, np.array([3, 3]), (1, 1, 1), "lrp")
    write_importance(tmp_path / "a.parquet", table)
    write_votes(tmp_path / "a.csv", LAYERS, scores[0])
    write_layer_json(tmp_path / "fc_0.json", 0, scores[:1, 2:4])
    parquet, votes, layer = (
        read_ranking(tmp_path / name, LAYERS.names) for name in ("a.parquet", "a.csv", "fc_0.json")
    )
    assert (parquet.classifier, parquet.source) == ("out", "lrp")
    assert list(votes.scores) == ["conv", "fc"]
    for ranking in (parquet, votes, layer):
        assert ranking.scores["fc"].tolist() == [3.0, 4.0]
    (tmp_path / "fc_0.json").rename(tmp_path / "nowhere.json")
    with pytest.raises(ImprintError, match=r"none of the observed layers .*LAYER_CLASS\.json"):
        read_ranking(tmp_path / "nowhere.json", LAYERS.names)
