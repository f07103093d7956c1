import json

import numpy as np
import pytest
import torch

from imprint.cli import main
from imprint.core.errors import ImprintError
from imprint.lenses.dejavu.commands import AttackArrays
from imprint.lenses.dejavu.study.arrays import attack_arrays
from imprint.study.tables import read_table


@pytest.fixture
def arrays(tmp_path):
    """One crop whose nearest public image, and no other, is of its class under the target."""
    file = tmp_path / "arrays.npz"
    np.savez(
        file,
        public=[[0.0], [1.0], [2.0], [3.0]],
        public_labels=[2, 0, 0, 1],
        crops_target=[[0.1]],
        crops_reference=[[2.9]],
        labels=[2],
    )
    return file


def words(arrays, out, *more):
    return ["dejavu", "attack", "--arrays", str(arrays), "--out", str(out), "--k", "3", *more]


def choice(arrays, out, **changes):
    return AttackArrays(arrays=arrays, out=out, k=3, **changes)


def accuracy(summary):
    return summary["lenses"]["dejavu"]["two_model"]["100"]["target_accuracy"]["value"]


def test_the_number_of_voters_is_an_option(arrays, tmp_path, capsys):
    main(words(arrays, tmp_path / "one", "--voting", "1", "--json"))
    assert "voting: 1" in (tmp_path / "one" / "options.yaml").read_text()
    summary = json.loads(capsys.readouterr().out)
    assert accuracy(summary) == 1.0
    assert summary["settings"]["voting"] == 1
    assert accuracy(attack_arrays(choice(arrays, tmp_path / "all"))) == 0.0


def test_more_voters_than_neighbours_are_refused(arrays, tmp_path):
    with pytest.raises(ImprintError, match=r"voting must be at most k \(3\), got 4"):
        choice(arrays, tmp_path / "out", voting=4)


def test_neighbours_are_searched_on_the_chosen_device(arrays, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(SystemExit) as left:
        main(words(arrays, tmp_path / "out", "--device", "mps"))
    assert left.value.code == 2
    assert "no device 'mps' on this machine" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_table_is_printed_and_where_the_results_are(arrays, tmp_path, capsys):
    main(words(arrays, tmp_path / "out", "--voting", "1", "--top-percent", "100"))
    shown = capsys.readouterr()
    assert "100.0% [" in shown.out
    assert "déjà vu score" in shown.out
    assert f"results: {tmp_path / 'out'}" in shown.err
    assert read_table(tmp_path / "out" / "dejavu" / "records.parquet")["category"].shape == (1,)


GOOD = {
    "public": [[0.0], [1.0], [2.0], [3.0]],
    "public_labels": [0, 1, 2, 2],
    "crops_target": [[0.1], [1.1], [2.4], [0.2]],
    "labels": [0, 1, 2, 1],
    # Right about the first crop alone, and about the last, which the network gets wrong.
    "reference_probs": [[0.8, 0.1, 0.1], [0.6, 0.2, 0.2], [0.5, 0.3, 0.2], [0.1, 0.8, 0.1]],
}


def write_one_model(tmp_path, **changes):
    file = tmp_path / "arrays.npz"
    np.savez(file, **{name: value for name, value in {**GOOD, **changes}.items() if value})
    return file


def run_one_model(file, out, *more):
    words = ["dejavu", "one-model", "--arrays", str(file), "--out", str(out), "--k", "1", "--json"]
    main([*words, *more])


def test_four_crops_by_hand(tmp_path, capsys):
    run_one_model(write_one_model(tmp_path), tmp_path / "out", "--top-percent", "100")
    summary = json.loads(capsys.readouterr().out)
    assert summary == json.loads((tmp_path / "out" / "summary.json").read_text())
    findings = summary["lenses"]["dejavu"]["one_model"]
    test = findings["against"]["reference"]["test"]["100"]
    assert test["target_accuracy"]["value"] == 0.75
    assert test["reference_accuracy"]["value"] == 0.5
    assert test["memorized"]["value"] == 0.5
    assert test["forgotten"]["value"] == 0.25
    assert findings["best"] == "reference"
    assert findings["claims"] == {"memorized": 2, "excluded": 0, "claimed": 2, "listed": 0}
    assert "missing" in findings["non_members"]
    records = read_table(tmp_path / "out" / "dejavu" / "one_model" / "records.parquet")
    assert records["strictest_category"].tolist() == [0, 1, 1, 2]
    assert np.load(tmp_path / "out" / "dejavu" / "one_model" / "explained.npy").tolist() == [0, 3]


def test_without_calibration_strength_is_the_plain_entropy(tmp_path, capsys):
    run_one_model(write_one_model(tmp_path), tmp_path / "out", "--no-calibrate")
    records = read_table(tmp_path / "out" / "dejavu" / "one_model" / "records.parquet")
    rows = np.array(GOOD["reference_probs"])
    np.testing.assert_allclose(
        records["reference_memorization"], -(rows * np.log(rows)).sum(axis=1)
    )


def test_further_references_take_what_they_explain_from_the_claims(tmp_path, capsys):
    other = [[0.1, 0.1, 0.8], [0.1, 0.8, 0.1], [0.4, 0.3, 0.3], [0.8, 0.1, 0.1]]
    file = write_one_model(tmp_path, reference_probs_tags=other, index=[5, 6, 7, 8])
    run_one_model(file, tmp_path / "out")
    findings = json.loads(capsys.readouterr().out)["lenses"]["dejavu"]["one_model"]
    assert list(findings["against"]) == ["reference", "tags", "combined", "strictest"]
    assert findings["claims"]["memorized"] == 1
    assert findings["agreement"][0]["agreed"]["value"] == 0.25
    np.save(tmp_path / "list.npy", np.array([7, 99]))
    run_one_model(file, tmp_path / "less", "--exclude-images", str(tmp_path / "list.npy"))
    findings = json.loads(capsys.readouterr().out)["lenses"]["dejavu"]["one_model"]
    assert findings["claims"] == {"memorized": 1, "excluded": 1, "claimed": 0, "listed": 1}


def test_non_members_show_the_bias(tmp_path, capsys):
    run_one_model(write_one_model(tmp_path, members=[1, 1, 0, 0]), tmp_path / "out")
    findings = json.loads(capsys.readouterr().out)["lenses"]["dejavu"]["one_model"]
    assert findings["against"]["reference"]["test"]["100"]["score"]["value"] == 0.5
    unseen = findings["non_members"]["against"]["reference"]
    assert unseen["test"]["100"]["score"]["value"] == 0.0
    assert unseen["excess"]["value"] == 0.5
    assert findings["non_members"]["claimed_by_chance"]["value"] == 0.5
    # The list takes unseen images from the claims too, or chance would look larger than it is.
    np.save(tmp_path / "list.npy", np.array([2]))
    file = write_one_model(tmp_path, members=[1, 1, 0, 0])
    run_one_model(file, tmp_path / "less", "--exclude-images", str(tmp_path / "list.npy"))
    findings = json.loads(capsys.readouterr().out)["lenses"]["dejavu"]["one_model"]
    assert findings["claims"]["claimed"] == 1
    assert findings["non_members"]["claimed_by_chance"]["value"] == 0.0


def test_members_may_be_bool(tmp_path, capsys):
    run_one_model(write_one_model(tmp_path, members=[True, True, False, False]), tmp_path / "out")
    findings = json.loads(capsys.readouterr().out)["data"]
    assert (findings["attacked_members"], findings["attacked_non_members"]) == (2, 2)


def test_the_references_are_printed_as_a_table(tmp_path, capsys):
    file = write_one_model(tmp_path)
    main(["dejavu", "one-model", "--arrays", str(file), "--out", str(tmp_path / "out"), "--k", "1"])
    shown = capsys.readouterr().out
    assert "→ reference" in shown
    assert "images that the model alone names: 2" in shown


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reference_probs": None}, "has no array 'reference_probs'"),
        ({"guess": [1.0]}, "unknown array 'guess'"),
        ({"reference_probs": [[0.5, 0.5, 0.0]]}, "reference_probs has shape"),
        ({"reference_probs": [[0.5, 0.1, 0.1]] * 4}, "row 0 sum to 0.7"),
        ({"reference_probs": [[0.5, 0.5]] * 4}, "has 2 classes"),
        ({"reference_probs_combined": [[0.5, 0.5, 0.0]] * 4}, "cannot be called combined"),
        ({"members": [0, 0, 0, 0]}, "no crop is of a member"),
        ({"labels": [0, 1, 2, -1]}, "whole numbers from 0"),
        ({"public": 3.0}, "public has shape [], expected [M, d]"),
        ({"labels": 3}, "labels has shape [], expected [N]"),
        ({"public": [GOOD["public"]]}, "public has shape [1, 4, 1], expected [M, d]"),
        ({"public": [[float("nan")]] * 4}, "arrays.npz: public[0, 0] is nan"),
        ({"index": [-1, 0, 1, 2]}, "index must hold whole numbers from 0"),
        ({"members": [0, 1, 2, 1]}, "members must be bool, or 0 and 1"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path, capsys, changes, message):
    with pytest.raises(SystemExit) as left:
        run_one_model(write_one_model(tmp_path, **changes), tmp_path / "out")
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
def test_options_of_networks_are_refused_with_arrays(tmp_path, capsys, flag, value):
    with pytest.raises(SystemExit, match="2"):
        run_one_model(write_one_model(tmp_path), tmp_path / "out", flag, value)
    name = flag.split(".")[0]
    assert f"{name} needs a network" in capsys.readouterr().err


def test_neither_model_nor_arrays_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        main(["dejavu", "one-model", "--out", str(tmp_path / "out")])
    assert left.value.code == 2
    assert "--model" in capsys.readouterr().err


def test_the_old_name_of_members_is_accepted_with_a_warning(tmp_path, capsys):
    run_one_model(write_one_model(tmp_path, seen=[1, 1, 0, 0]), tmp_path / "out")
    shown = capsys.readouterr()
    assert json.loads(shown.out)["data"]["attacked_members"] == 2
    assert "array 'seen' is now 'members'" in shown.err
