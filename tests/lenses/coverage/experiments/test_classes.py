"""``imprint coverage classes``: neurons of classes, and what classes lose without them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imprint.cli import main
from imprint.core.missing import Missing
from imprint.lenses.coverage.experiments.classes import class_drop, largest_classes
from imprint.lenses.coverage.importance.common_neurons import overlaps
from imprint.study.json_io import read_json
from imprint.study.tables import read_table
from tests.lenses.coverage.commands_on_files import words_of


def test_drops_of_a_class_by_hand() -> None:
    own = np.array([True, True, True, True, False, False])
    whole = np.array([True, True, True, False, True, True])
    right = np.array(
        [
            [False, False, True, False, True, False],
            [True, True, True, False, True, True],
            [True, False, True, False, True, True],
        ]
    )
    drop = class_drop(own, right, whole, 0)
    assert not isinstance(drop.own, Missing)
    assert (drop.tests, drop.own.value, drop.others) == (4, 0.5, 0.5)
    assert (drop.random.mean, drop.accuracy) == (0.125, 0.75)
    alone = class_drop(np.array([True] + [False] * 5), right, whole, 0)
    assert isinstance(alone.own, Missing)


def test_classes_of_most_tests_are_chosen() -> None:
    assert largest_classes(np.array([3, 3, 1, 1, 0, 2, 2, 2]), 2).tolist() == [1, 2]


def test_classes_share_neurons_and_lose_accuracy_without_their_own(
    world: Path, tmp_path: Path
) -> None:
    few = ("--attributions", "lrp,la", "--top-neurons", "4", "--draws", "2")
    tests = ("--tests", str(world / "test.npz"), "--importance-records", "32")
    main(words_of(world, "classes", *few, *tests, "--out", str(tmp_path)))
    study = read_json(tmp_path / "summary.json")["lenses"]["coverage"]["by_class"]
    assert (study["tests"], study["neurons"], len(study["classes"])) == (48, 4, 3)
    drops = read_table(tmp_path / "classes" / "drops.parquet")
    assert drops["method"].tolist() == ["lrp"] * 3 + ["la"] * 3
    assert drops["tests"].tolist()[:3] == drops["tests"].tolist()[3:]
    common = read_table(tmp_path / "classes" / "common.parquet")
    assert common["classes"][common["method"] == "lrp"].sum() == 3 * 4
    assert np.diag(study["methods"]["lrp"]["overlap"]).tolist() == [1, 1, 1]
    leading = read_table(tmp_path / "classes" / "leading.parquet")
    assert leading["rank"].tolist() == [1, 2, 3, 4] * 6
    by_method = [
        {
            (label, layer, neuron)
            for method, label, layer, neuron in zip(
                leading["method"],
                leading["class"],
                leading["layer"],
                leading["neuron"],
                strict=True,
            )
            if method == name
        }
        for name in ("lrp", "la")
    ]
    shared, union = by_method[0] & by_method[1], by_method[0] | by_method[1]
    for part, place in (("class", 0), ("layer", 1)):
        for name, counts in study[f"shared_by_{part}"].items():
            assert counts["every"] == sum(each[place] == name for each in shared)
            assert counts["some"] == sum(each[place] == name for each in union)
    page = (tmp_path / "report.html").read_text()
    assert 'id="coverage-class-lrp"' in page
    assert "Which neurons lead for each class?" in page


def test_more_neurons_than_there_are_is_refused(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tests = ("--tests", str(world / "test.npz"), "--importance-records", "16")
    many = ("--attributions", "la", "--top-neurons", "100000", "--out", str(tmp_path))
    with pytest.raises(SystemExit):
        main(words_of(world, "classes", *tests, *many))
    assert "--top-neurons 100000 is more than" in capsys.readouterr().err


def test_overlap_is_symmetric_and_whole_with_itself() -> None:
    matrix = overlaps(np.array([[0, 1, 2], [2, 1, 5], [7, 8, 9]]))
    assert matrix.tolist() == [[1, 2 / 3, 0], [2 / 3, 1, 0], [0, 0, 1]]
