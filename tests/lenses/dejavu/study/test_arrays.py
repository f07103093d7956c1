import json

import numpy as np
import pytest
import torch

from imprint.cli import main
from imprint.core.errors import ImprintError
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


def accuracy(summary):
    return summary["lenses"]["dejavu"]["two_model"]["100"]["target_accuracy"]["value"]


def test_how_many_neighbours_vote_is_the_users_choice(arrays, tmp_path, capsys):
    main(words(arrays, tmp_path / "one", "--voting", "1", "--json"))
    assert "voting: 1" in (tmp_path / "one" / "options.yaml").read_text()
    summary = json.loads(capsys.readouterr().out)
    assert accuracy(summary) == 1.0
    assert summary["settings"]["voting"] == 1
    assert accuracy(attack_arrays(arrays, tmp_path / "all", k=3)) == 0.0


def test_too_many_voters_are_told(arrays, tmp_path):
    with pytest.raises(ImprintError, match="4 neighbours cannot vote when 3 are searched"):
        attack_arrays(arrays, tmp_path / "out", k=3, voting=4)


def test_the_neighbours_are_searched_on_the_device_that_was_asked_for(
    arrays, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(SystemExit) as left:
        main(words(arrays, tmp_path / "out", "--device", "mps"))
    assert left.value.code == 2
    assert "no device 'mps' on this machine" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_people_are_shown_the_table_and_where_the_results_are(arrays, tmp_path, capsys):
    main(words(arrays, tmp_path / "out", "--voting", "1", "--confidence", "100"))
    told = capsys.readouterr()
    assert "100.0 [" in told.out
    assert "déjà vu score" in told.out
    assert f"results: {tmp_path / 'out'}" in told.err
    assert read_table(tmp_path / "out" / "dejavu" / "records.parquet")["category"].shape == (1,)
