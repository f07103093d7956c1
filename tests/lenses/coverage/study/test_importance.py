from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imprint.cli import main
from imprint.study.json_io import read_json
from imprint.study.tables import read_table
from tests.lenses.coverage.commands_on_files import words_of


def test_importance_is_of_the_centre_of_correctly_classified_images(
    world: Path, tmp_path: Path
) -> None:
    """The centre alone, and right inputs alone, as the activations are."""
    test = ("--tests", str(world / "test.npz"), "--criteria", "idc", "--correct-only", "build")
    square = ("--centre-fraction", "0.5")
    main(words_of(world, "measure", *test, *square, "--out", str(tmp_path / "m")))
    train = read_table(tmp_path / "m" / "activations" / "train" / "inputs.parquet")
    ranked = read_table(tmp_path / "m" / "importance" / "lrp.parquet")
    assert ranked["n_inputs"][-1] == (train["label"] == train["prediction"]).sum()
    methods = ("--attributions", "lrp", "--correct-only")
    main(words_of(world, "importance", *methods, *square, "--out", str(tmp_path / "i")))
    same = read_table(tmp_path / "i" / "importance" / "lrp.parquet")
    np.testing.assert_allclose(ranked["score"], same["score"], rtol=1e-4, atol=1e-5)
    main(words_of(world, "importance", *methods, "--out", str(tmp_path / "whole")))
    whole = read_table(tmp_path / "whole" / "importance" / "lrp.parquet")
    assert not np.allclose(whole["score"], same["score"], rtol=1e-2, equal_nan=True)


def test_importance_and_votes_are_commands_of_their_own(world: Path, tmp_path: Path) -> None:
    main(words_of(world, "importance", "--attributions", "lrp,la", "--out", str(tmp_path / "i")))
    told = read_json(tmp_path / "i" / "summary.json")["lenses"]["coverage"]["importance"]["methods"]
    assert set(told) == {"lrp", "la"}
    assert told["la"]["images"] == 96
    assert sum(told["la"]["layers"].values()) == pytest.approx(1)
    methods = ("--attributions", "la,lrp", "--batch-size", "16", "--top-neurons", "4")
    main(words_of(world, "wisdom", *methods, "--out", str(tmp_path / "w")))
    told = read_json(tmp_path / "w" / "summary.json")["lenses"]["coverage"]["wisdom"]
    assert len(told["leading"]) == 4
    lines = (tmp_path / "w" / "wisdom" / "votes.csv").read_text().splitlines()
    assert len(lines) == 1 + 6 + 16 + 120 + 84
    assert sum(int(line.split(",")[2]) for line in lines[1:]) == told["votes"]
    for folder in ("i", "w"):
        assert "Which neurons matter" in (tmp_path / folder / "report.html").read_text()


@pytest.mark.parametrize("words", [("--reduce", "mean"), ("--attributions", "lgc")])
def test_scores_without_places_are_not_divided_by_them(
    world: Path, tmp_path: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--scaling", "per_position", *words, "--out", str(tmp_path / "i"))
    with pytest.raises(SystemExit):
        main(words_of(world, "importance", *given))
    assert "divides sums over positions" in capsys.readouterr().err
    assert not (tmp_path / "i").exists()


def test_importance_survives_the_legacy_files(world: Path, tmp_path: Path) -> None:
    main(words_of(world, "importance", "--export-legacy", "--out", str(tmp_path / "i")))
    old = tmp_path / "i" / "importance" / "lrp"
    assert len(list(old.glob("*.json"))) == 5 * 3
    test = ("--tests", str(world / "test.npz"), "--criteria", "idc", "--param", "idc.m=4")
    found = {}
    for name in ("../lrp.parquet", "scores.csv", "conv2_1.json"):
        out, given = str(tmp_path / Path(name).suffix), str(old / name)
        main(words_of(world, "measure", *test, "--importance", given, "--out", out))
        cells = read_json(Path(out) / "summary.json")["lenses"]["coverage"]["cells"]
        found[name] = cells["idc"]["neurons"]
    assert found["scores.csv"] == found["../lrp.parquet"]
    scores = read_table(old / "../lrp.parquet")
    rows = (scores["layer"] == "conv2") & (scores["class"] == 1)
    best = np.argsort(-scores["score"][rows], kind="stable")[:4]
    assert found["conv2_1.json"] == [{"layer": "conv2", "neuron": int(row)} for row in best]
