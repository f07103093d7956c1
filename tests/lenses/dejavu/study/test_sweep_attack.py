import json

import numpy as np
import pytest

from imprint.data.sources.composite import composite
from imprint.lenses.dejavu.options import SweepOptions
from imprint.lenses.dejavu.study.backgrounds import AttackedSet
from imprint.lenses.dejavu.study.sweep_attack import AttackedPoint, AttackSweep
from imprint.lenses.dejavu.study.sweep_points import Setting
from imprint.study.step import card_of
from imprint.study.tables import read_table


def test_every_point_and_snapshot_has_its_row(swept):
    _, rows = swept
    named = [(row["axis"], row["value"], row["epoch"], row["last"]) for row in rows]
    assert named == [
        (axis, value, epoch, epoch == 4)
        for axis, value in (
            ("epochs", ""),
            ("layer", "backbone"),
            ("layer", "projector"),
            ("train.objective_options.invariance", "5"),
            ("crop", "corner"),
            ("per_class", "2"),
        )
        for epoch in (2, 4)
    ]
    for row in rows:
        findings = row["two_model"]["100"]
        gap = findings["memorized"]["value"] - findings["forgotten"]["value"]
        assert findings["score"]["value"] == pytest.approx(gap, abs=1e-12)
        assert 0 <= row["linear_probe"]["A"]["train"]["top1"] <= 1


def test_the_table_says_what_the_summary_says(swept):
    out, rows = swept
    table = read_table(out / "tables" / "dejavu_sweep" / "points.parquet")
    assert len(table["index"]) == len(rows) * 2 * 2
    first = (table["percent"] == 100) & (table["top"] == 1)
    np.testing.assert_array_equal(table["epoch"][first], [row["epoch"] for row in rows])
    np.testing.assert_array_equal(
        table["score"][first], [row["two_model"]["100"]["score"]["value"] for row in rows]
    )
    probed = np.mean([rows[0]["linear_probe"][side]["held_out"]["top1"] for side in "AB"])
    assert table["probe_held_out"][0] == probed


def test_all_sizes_share_one_public_set(swept):
    out, _ = swept
    tables = out / "tables" / "embeddings"
    seen = [read_table(file)["index"] for file in tables.rglob("*.public-1.parquet")]
    assert len(seen) == 3 * 2 * 2
    for index in seen[1:]:
        np.testing.assert_array_equal(index, seen[0])
    trained = np.load(out / "split" / "3_per_class" / "train_A.npy")
    assert not np.isin(trained, seen[0]).any()


def test_the_card_of_a_sweep_names_no_folder(tmp_path):
    options = SweepOptions(out=tmp_path, data="/home/me/photos", layer="backbone")
    attacked = AttackedSet(np.arange(2), np.zeros((2, 4)), np.array([0, 1]), {})
    point = AttackedPoint.of(Setting("epochs", "", options), "base", attacked)
    step = AttackSweep(composite(10), (point,), {}, tmp_path, "cpu")
    card = card_of(step)
    assert card["points"][0]["attack"]["k"] == options.k
    assert "/home/me" not in json.dumps(card)
