import numpy as np

from imprint.data.sources.composite import composite
from imprint.lenses.dejavu.memorization.two_model import Side
from imprint.lenses.dejavu.memorization.votes import ClassVotes
from imprint.lenses.dejavu.options import AttackChoice
from imprint.lenses.dejavu.study.backgrounds import AttackedSet
from imprint.lenses.dejavu.study.guess import Guesser
from imprint.lenses.dejavu.study.two_model_tables import (
    Pair,
    accuracy_by_confidence,
    attack_pair,
    score_by_epoch,
)
from imprint.study.tables import write_table

LABELS = np.array([0, 1, 0, 1])


def side(name, right_of_target, right_of_reference):
    votes = [
        ClassVotes(np.where(right, LABELS, 2)[:, None], np.array([0.0, -1.0, -2.0, -3.0]))
        for right in (right_of_target, right_of_reference)
    ]
    return Side(name, np.arange(4), LABELS, *votes)


def test_each_model_is_the_target_of_its_own_set_and_the_reference_of_the_other(tmp_path):
    images = composite(40)
    index = np.array([0, 1, 2, 3])
    public = np.arange(4, 40)
    for model, offset in (("A", 0.0), ("B", 100.0)):
        values = images.labels.astype(np.float32)[:, None] + offset
        write_table(tmp_path / f"{model}.public.parquet", {"index": public, "backbone": values[4:]})
        write_table(tmp_path / f"{model}.crops.parquet", {"index": index, "backbone": values[:4]})
    attacked = AttackedSet(index, np.zeros((4, 4)), np.array([0, 0, 1, 1]), {})
    guesser = Guesser(tmp_path, images, AttackChoice(k=1, layer="backbone"), "cpu")
    pair = attack_pair(guesser, attacked)
    assert [each.name for each in pair.sides] == ["A", "B"]
    assert [each.index.tolist() for each in pair.sides] == [[0, 1], [2, 3]]
    for each in pair.sides:
        assert each.target.hits(each.labels).all()
    assert images.labels[pair.target_neighbours[:, 0]].tolist() == images.labels[:4].tolist()
    assert guesser.snapshots == []


def test_curves_are_means_of_both_directions():
    sides = [side("A", [1, 1, 1, 1], [0, 0, 0, 0]), side("B", [1, 0, 0, 0], [1, 1, 0, 0])]
    curve = accuracy_by_confidence(sides, top=1)
    assert curve["percent"][[0, -1]].tolist() == [10, 100]
    assert curve["target_accuracy"][[0, -1]].tolist() == [1.0, 0.625]
    assert curve["reference_accuracy"][[0, -1]].tolist() == [0.5, 0.25]


def test_the_score_has_a_row_an_epoch():
    sides = side("A", [1, 1, 1, 1], [0, 0, 0, 0]), side("B", [1, 0, 0, 0], [1, 1, 0, 0])
    pair = Pair(sides, np.zeros((8, 1), int), np.zeros((8, 1), int))
    table = score_by_epoch({10: pair, 20: pair}, top=1, seed=0)
    assert table["index"].tolist() == [10, 20]
    assert table["score"].tolist() == [0.375, 0.375]
    assert (table["score_low"] < 0.375).all()
