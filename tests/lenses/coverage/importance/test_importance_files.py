import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.importance.importance_files import (
    read_importance,
    read_layer_json,
    read_votes,
    write_importance,
    write_layer_json,
    write_votes,
)
from imprint.neurons.activations import Layers
from imprint.neurons.importance import ImportanceTable, select_in_model
from imprint.study.tables import read_table, write_table

LAYERS = Layers(("z", "a", "out"), (2, 3, 2), ("Conv2d", "Linear", "Linear"))


def table():
    scores = np.arange(21, dtype=np.float64).reshape(3, 7)
    scores[1] = np.nan
    return ImportanceTable(
        LAYERS,
        scores,
        np.array([4, 0, 4]),
        (9, 1, 1),
        "lgxa",
        facts={"weights": "abc", "images": "i", "indices": "j", "gap": 0.5},
    )


def test_parquet_round_trip(tmp_path):
    path = tmp_path / "importance.parquet"
    write_importance(path, table())
    found = read_importance(path)
    assert found.layers == LAYERS
    np.testing.assert_array_equal(found.scores, table().scores)
    assert found.counts.tolist() == [4, 0, 4]
    assert (found.method, found.target, found.scaling) == ("lgxa", "true", "none")
    assert found.positions == (9, 1, 1)
    assert found.facts == table().facts
    columns = read_table(path)
    assert list(columns)[:5] == ["index", "layer", "class", "score", "n_inputs"]
    assert set(columns["model"]) == {"abc"}
    assert columns["class"].tolist() == [0] * 7 + [1] * 7 + [-1] * 7


def test_other_tables_are_refused(tmp_path):
    path = tmp_path / "other.parquet"
    write_table(path, {"index": np.arange(3)})
    with pytest.raises(ImprintError, match="no column 'layer'"):
        read_importance(path)
    with pytest.raises(ImprintError, match="no table at"):
        read_importance(tmp_path / "nothing.parquet")


@pytest.mark.parametrize(
    ("column", "value"),
    [("facts", "x"), ("facts", "3"), ("facts", 1.5), ("score", "high"), ("positions", "few")],
)
def test_edited_tables_are_refused(tmp_path, column, value):
    write_importance(path := tmp_path / "importance.parquet", table())
    columns = read_table(path)
    columns[column] = np.full(len(columns["index"]), value)
    write_table(path, columns)
    with pytest.raises(ImprintError, match=r"importance\.parquet is damaged"):
        read_importance(path)


def test_vote_csv_round_trip(tmp_path):
    path = tmp_path / "votes.csv"
    votes = np.array([5, 0, 7, 0, 1, 3, 3])
    write_votes(path, LAYERS, votes)
    text = path.read_bytes()
    assert text.startswith(b"LayerName,NeuronIndex,Score\r\nz,0,5\r\nz,1,0\r\na,0,7\r\n")
    assert b"out" not in text
    found = read_votes(path)
    assert list(found) == ["z", "a"]
    assert np.concatenate(list(found.values())).tolist() == votes[:5].tolist()
    best = select_in_model(LAYERS, votes.astype(np.float64), 2)
    assert best.named() == [("a", 0), ("z", 0)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Layer,Index,Score\r\n", "must start with"),
        ("LayerName,NeuronIndex,Score\r\nz,0\r\n", "line 2"),
        ("LayerName,NeuronIndex,Score\r\nz,0,many\r\n", "line 2"),
        ("LayerName,NeuronIndex,Score\r\nz,0,1\r\nz,0,2\r\n", "duplicated"),
        ("LayerName,NeuronIndex,Score\r\nz,1,1\r\n", "missing"),
        ("LayerName,NeuronIndex,Score\r\nz,0,nan\r\n", "line 2: the score nan"),
        ("LayerName,NeuronIndex,Score\r\n", "has no votes"),
    ],
)
def test_damaged_votes_are_refused(tmp_path, text, message):
    path = tmp_path / "votes.csv"
    path.write_text(text)
    with pytest.raises(ImprintError, match=message):
        read_votes(path)


def test_old_json(tmp_path):
    path = tmp_path / "net_fc1.json"
    write_layer_json(path, 3, np.array([[1.0, 2.0], [3.0, 6.0]]))
    found = read_layer_json(path)
    assert (found.class_label, found.mean.tolist()) == (3, [2.0, 4.0])
    maps = '{"class_label": "cat", "importance_scores": [[[1, 2], [3, 4]]], '
    path.write_text(maps + '"mean_importance": [[1, 2], [3, 4]]}')
    found = read_layer_json(path)
    assert found.scores.tolist() == [[3.0, 7.0]]
    assert found.mean.tolist() == [3.0, 7.0]
    path.write_text('{"class_label": "cat"}')
    with pytest.raises(ImprintError, match="importance_scores"):
        read_layer_json(path)
