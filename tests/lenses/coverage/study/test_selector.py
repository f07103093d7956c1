"""``imprint coverage selector``: choices of a trained selector, and the neurons that they rank."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imprint.cli import main
from imprint.lenses.coverage.importance.importance_files import read_importance
from imprint.lenses.coverage.importance.ranking import read_ranking
from imprint.study.json_io import read_json
from imprint.study.tables import read_table
from tests.lenses.coverage.commands_on_files import words_of


def test_a_selector_ranks_neurons_by_its_choices(world: Path, tmp_path: Path) -> None:
    trained = ("--attributions", "la,lrp", "--selector", "model", "--records", "64")
    main(words_of(world, "wisdom", *trained, "--out", str(tmp_path / "wisdom")))
    file = tmp_path / "wisdom" / "selector" / "selector.safetensors"
    chosen = ("--selector", str(file), "--out", str(tmp_path / "chosen"))
    main(words_of(world, "selector", *chosen))
    rows = read_table(tmp_path / "wisdom" / "selector" / "inputs.parquet")
    before = dict(zip(rows["index"][rows["chosen"]], rows["method"][rows["chosen"]], strict=True))
    table = read_table(tmp_path / "chosen" / "chosen" / "attributions.parquet")
    assert dict(zip(table["index"], table["model"], strict=True)) == before
    findings = read_json(tmp_path / "chosen" / "summary.json")["lenses"]["coverage"]["chosen"]
    assert findings["images"] == 96
    assert sum(findings["shares"]["model"].values()) == pytest.approx(1)
    ranked = tmp_path / "chosen" / "chosen" / "importance.parquet"
    assert np.isnan(read_importance(ranked).of()[-3:]).all()
    assert read_ranking(ranked, ()).classifier == "fc3"


def test_a_selector_of_another_network_is_refused(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = ("--attributions", "la,lrp", "--selector", "layers", "--selector-records", "16")
    main(words_of(world, "wisdom", *trained, "--records", "64", "--out", str(tmp_path / "w")))
    file = tmp_path / "w" / "selector" / "selector.safetensors"
    card = tmp_path / "card.json"
    card.write_text((world / "net.json").read_text().replace("0.25", "0.5"))
    words = ("--selector", str(file), "--card", str(card), "--out", str(tmp_path / "o"))
    with pytest.raises(SystemExit):
        main(words_of(world, "selector", *words))
    assert "was trained on another network" in capsys.readouterr().err
