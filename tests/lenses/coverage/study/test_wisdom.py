from __future__ import annotations

from pathlib import Path

from imprint.cli import main
from imprint.lenses.coverage.importance.selector import Selector
from imprint.study.json_io import read_json
from imprint.study.tables import read_table
from tests.lenses.coverage.commands_on_files import words_of


def test_a_selector_is_trained_and_its_table_written(world: Path, tmp_path: Path) -> None:
    methods = ("--attributions", "la,lrp", "--batch-size", "16", "--selector", "layers")
    main(words_of(world, "wisdom", *methods, "--out", str(tmp_path)))
    told = read_json(tmp_path / "summary.json")["lenses"]["coverage"]["selector"]
    assert list(told["scopes"]) == ["conv1", "conv2", "fc1", "fc2"]
    assert all(one["accuracy"]["n"] == 24 for one in told["scopes"].values())
    assert list(told["optimal"]["by_scope"]) == list(told["scopes"])
    assert all(0 <= sum(shares) <= 1 + 1e-9 for shares in told["optimal"]["by_label"].values())
    assert "Which attribution is optimal in each" in (tmp_path / "report.html").read_text()
    rows = read_table(tmp_path / "selector" / "inputs.parquet")
    assert len(rows["index"]) == 96 * 4 * 2
    assert rows["chosen"].sum() == rows["best"].sum() == 96 * 4
    selector = Selector.load(tmp_path / "selector" / "selector.safetensors")
    assert selector.scopes == ("conv1", "conv2", "fc1", "fc2")
