import numpy as np
import pytest

from imprint.data.sources.composite import composite
from imprint.launch.launcher import using
from imprint.launch.shards import cut_into
from imprint.lenses.dejavu.options import AttackChoice
from imprint.lenses.dejavu.study.guess import Guesser, searched_layer
from imprint.study.tables import write_table
from tests.launch.inline import InlineLauncher


@pytest.mark.parametrize(
    ("changes", "has_projector", "expected"),
    [
        ({}, True, "projector"),
        ({}, False, "backbone"),
        ({"decision": "logits"}, True, "logits"),
        ({"layer": "projector"}, False, "projector"),
        ({"layer": "backbone", "decision": "logits"}, True, "backbone"),
    ],
)
def test_the_layer_is_the_chosen_one_or_else_the_last(changes, has_projector, expected) -> None:
    assert searched_layer(AttackChoice(**changes), has_projector) == expected


@pytest.mark.parametrize("decision", ["neighbours", "logits"])
def test_neighbours_searched_by_tasks_give_the_same_guesses(tmp_path, decision) -> None:
    random, images = np.random.default_rng(0), composite(600)
    tables = tmp_path / "tables/embeddings/point"
    tables.mkdir(parents=True)
    for view, index in (("public", np.arange(599, 9, -1)), ("crops", np.arange(10))):
        vectors = random.integers(0, 4, (len(index), 10)).astype(np.float32)
        write_table(tables / f"A.{view}.parquet", {"index": index, "logits": vectors})
    choice = AttackChoice(layer="logits", decision=decision, k=20, voting=15)
    guesser = Guesser(tables, images, choice, "cpu")
    index = np.array([7, 2, 3])
    expected = guesser.guess("A", index)
    launcher = InlineLauncher()
    with using(launcher), cut_into(2):
        guesses = guesser.guess("A", index)
    assert len(launcher.keys) == 2
    np.testing.assert_array_equal(guesses.neighbours, expected.neighbours)
    np.testing.assert_array_equal(guesses.neighbour_labels, expected.neighbour_labels)
    np.testing.assert_array_equal(guesses.votes.ranked, expected.votes.ranked)
    np.testing.assert_array_equal(guesses.votes.confidence, expected.votes.confidence)
    assert {path.name for path in tmp_path.iterdir()} == {"tables"}
