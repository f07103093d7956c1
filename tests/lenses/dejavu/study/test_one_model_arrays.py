import json

import numpy as np
import pytest

from imprint.cli import main
from imprint.lenses.dejavu.page import terminal_one_model as one_model_table
from imprint.report import terminal as summary_table
from imprint.study.tables import read_table

GOOD = {
    "public": [[0.0], [1.0], [2.0], [3.0]],
    "public_labels": [0, 1, 2, 2],
    "crops_target": [[0.1], [1.1], [2.4], [0.2]],
    "labels": [0, 1, 2, 1],
    # Right about the first crop alone, and about the last, which the network gets wrong.
    "reference_probs": [[0.8, 0.1, 0.1], [0.6, 0.2, 0.2], [0.5, 0.3, 0.2], [0.1, 0.8, 0.1]],
}


def write(tmp_path, **changes):
    file = tmp_path / "arrays.npz"
    np.savez(file, **{name: value for name, value in {**GOOD, **changes}.items() if value})
    return file


def run(file, out, *more):
    words = ["dejavu", "one-model", "--arrays", str(file), "--out", str(out), "--k", "1", "--json"]
    main([*words, *more])


def test_four_crops_by_hand(tmp_path, capsys):
    run(write(tmp_path), tmp_path / "out", "--confidence", "100")
    summary = json.loads(capsys.readouterr().out)
    assert summary == json.loads((tmp_path / "out" / "summary.json").read_text())
    found = summary["lenses"]["dejavu"]["one_model"]
    test = found["against"]["reference"]["test"]["100"]
    assert test["target_accuracy"]["value"] == 0.75
    assert test["reference_accuracy"]["value"] == 0.5
    assert test["memorized"]["value"] == 0.5
    assert test["forgotten"]["value"] == 0.25
    assert found["best"] == "reference"
    assert found["claims"] == {"memorized": 2, "excluded": 0, "claimed": 2, "listed": 0}
    assert "missing" in found["unseen"]
    records = read_table(tmp_path / "out" / "dejavu" / "one_model" / "records.parquet")
    assert records["strictest_category"].tolist() == [0, 1, 1, 2]
    assert np.load(tmp_path / "out" / "dejavu" / "one_model" / "explained.npy").tolist() == [0, 3]


def test_without_calibration_strength_is_the_plain_entropy(tmp_path, capsys):
    run(write(tmp_path), tmp_path / "out", "--no-calibrate")
    records = read_table(tmp_path / "out" / "dejavu" / "one_model" / "records.parquet")
    rows = np.array(GOOD["reference_probs"])
    np.testing.assert_allclose(
        records["reference_memorization"], -(rows * np.log(rows)).sum(axis=1)
    )


def test_further_references_take_what_they_explain_from_the_claims(tmp_path, capsys):
    other = [[0.1, 0.1, 0.8], [0.1, 0.8, 0.1], [0.4, 0.3, 0.3], [0.8, 0.1, 0.1]]
    file = write(tmp_path, reference_probs_tags=other, index=[5, 6, 7, 8])
    run(file, tmp_path / "out")
    found = json.loads(capsys.readouterr().out)["lenses"]["dejavu"]["one_model"]
    assert list(found["against"]) == ["reference", "tags", "combined", "strictest"]
    assert found["claims"]["memorized"] == 1
    assert found["agreement"][0]["agreed"]["value"] == 0.25
    np.save(tmp_path / "list.npy", np.array([7, 99]))
    run(file, tmp_path / "less", "--exclude", str(tmp_path / "list.npy"))
    found = json.loads(capsys.readouterr().out)["lenses"]["dejavu"]["one_model"]
    assert found["claims"] == {"memorized": 1, "excluded": 1, "claimed": 0, "listed": 1}


def test_images_that_were_not_seen_tell_the_bias(tmp_path, capsys):
    run(write(tmp_path, seen=[1, 1, 0, 0]), tmp_path / "out")
    found = json.loads(capsys.readouterr().out)["lenses"]["dejavu"]["one_model"]
    assert found["against"]["reference"]["test"]["100"]["score"]["value"] == 0.5
    unseen = found["unseen"]["against"]["reference"]
    assert unseen["test"]["100"]["score"]["value"] == 0.0
    assert unseen["excess"]["value"] == 0.5
    assert found["unseen"]["claimed_by_chance"]["value"] == 0.5
    # The list takes unseen images from the claims too, or chance would look larger than it is.
    np.save(tmp_path / "list.npy", np.array([2]))
    file = write(tmp_path, seen=[1, 1, 0, 0])
    run(file, tmp_path / "less", "--exclude", str(tmp_path / "list.npy"))
    found = json.loads(capsys.readouterr().out)["lenses"]["dejavu"]["one_model"]
    assert found["claims"]["claimed"] == 1
    assert found["unseen"]["claimed_by_chance"]["value"] == 0.0


def test_seen_may_be_bool(tmp_path, capsys):
    run(write(tmp_path, seen=[True, True, False, False]), tmp_path / "out")
    found = json.loads(capsys.readouterr().out)["data"]
    assert (found["attacked"], found["unseen"]) == (2, 2)


def test_people_are_shown_a_table(tmp_path, capsys):
    file = write(tmp_path)
    main(["dejavu", "one-model", "--arrays", str(file), "--out", str(tmp_path / "out"), "--k", "1"])
    told = capsys.readouterr().out
    assert "→ reference" in told
    assert "images that no reference explains: 2" in told


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reference_probs": None}, "has no array 'reference_probs'"),
        ({"guess": [1.0]}, "unknown array 'guess'"),
        ({"reference_probs": [[0.5, 0.5, 0.0]]}, "reference_probs has shape"),
        ({"reference_probs": [[0.5, 0.1, 0.1]] * 4}, "row 0 sum to 0.7"),
        ({"reference_probs": [[0.5, 0.5]] * 4}, "has 2 classes"),
        ({"reference_probs_combined": [[0.5, 0.5, 0.0]] * 4}, "cannot be called combined"),
        ({"seen": [0, 0, 0, 0]}, "no crop is marked as seen"),
        ({"labels": [0, 1, 2, -1]}, "whole numbers from 0"),
        ({"public": 3.0}, "public has shape []: it must have 2 axes, rows and columns"),
        ({"labels": 3}, "labels has shape []: it must have 1 axis, one value a row"),
        ({"public": [GOOD["public"]]}, "it must have 2 axes, rows and columns"),
        ({"public": [[float("nan")]] * 4}, "arrays.npz: public[0, 0] is nan"),
        ({"index": [-1, 0, 1, 2]}, "index must hold whole numbers from 0"),
        ({"seen": [0, 1, 2, 1]}, "seen must be bool, or 0 and 1"),
    ],
)
def test_arrays_that_do_not_fit_are_told(tmp_path, capsys, changes, message):
    with pytest.raises(SystemExit) as left:
        run(write(tmp_path, **changes), tmp_path / "out")
    assert left.value.code == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--decision", "logits"),
        ("--folds", "3"),
        ("--references", "naive_bayes"),
        ("--split", "parts"),
        ("--classifier.epochs", "3"),
        ("--composite-count", "200"),
    ],
)
def test_what_says_something_about_a_network_is_refused(tmp_path, capsys, flag, value):
    with pytest.raises(SystemExit, match="2"):
        run(write(tmp_path), tmp_path / "out", flag, value)
    told = flag.split(".")[0]
    assert f"{told} needs a network" in capsys.readouterr().err


def test_a_network_or_arrays_must_be_given(tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        main(["dejavu", "one-model", "--out", str(tmp_path / "out")])
    assert left.value.code == 2
    assert "--subject" in capsys.readouterr().err


def test_what_rounds_to_nothing_has_no_minus():
    estimate = {"value": -1e-9, "ci95": [-0.1, -1e-9]}
    assert summary_table.in_percent(estimate) == "0.0 [-10.0, 0.0]"
    assert one_model_table.in_points(estimate) == "+0.0 [-10.0, 0.0]"
