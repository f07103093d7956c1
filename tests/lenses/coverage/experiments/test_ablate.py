from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from imprint.cli import main
from imprint.nets.load import load_model
from imprint.study.json_io import read_json
from imprint.study.tables import read_table
from tests.lenses.coverage.commands_on_files import words_of


def ablated(world: Path, out: Path, *words: str) -> dict[str, Any]:
    tests = ("--tests", str(world / "test.npz"), "--draws", "4", "--top-counts", "2,5")
    main(words_of(world, "ablate", *tests, *words, "--out", str(out)))
    ablation: dict[str, Any] = read_json(out / "summary.json")["lenses"]["coverage"]["ablation"]
    return ablation


def test_drops_are_those_of_zeroed_weights(trained: Path, tmp_path: Path) -> None:
    """LeNet has no normalisation: taking neurons away is zeroing their weights and biases."""
    world = trained
    words = (
        "--attributions",
        "lrp",
        "--top-counts",
        "2,20",
        "--export-legacy",
        "--importance-records",
        "30",
    )
    ablation = ablated(world, tmp_path, *words)
    importance = read_table(tmp_path / "importance" / "lrp.parquet")
    whole = importance["class"] == -1
    layers, neurons = importance["layer"][whole], importance["index"][whole]
    hidden = layers != layers[-1]
    order = np.argsort(-importance["score"][whole][hidden], kind="stable")
    model = load_model(world / "net.safetensors")
    with np.load(world / "test.npz") as held:
        images = torch.from_numpy(np.moveaxis(held["images"], -1, 1)).float() / 255
        labels = held["labels"]
    before = float((model(images).argmax(1).numpy() == labels).mean())
    modules = dict(model.named_modules())
    for row in order[:20]:
        layer = next(
            each for name, each in modules.items()
            if name.endswith(str(layers[hidden][row])) and isinstance(each, (nn.Linear, nn.Conv2d))
        )  # fmt: skip
        with torch.no_grad():
            layer.weight[neurons[hidden][row]] = 0
            layer.bias[neurons[hidden][row]] = 0
    after = float((model(images).argmax(1).numpy() == labels).mean())
    twenty = ablation["methods"]["lrp"][1]
    assert twenty["neurons"] == 20
    assert twenty["drop"]["value"] > 0.1
    assert ablation["accuracy"]["value"] == pytest.approx(before)
    assert twenty["drop"]["value"] == pytest.approx(before - after)
    sets = read_table(tmp_path / "ablation" / "sets.parquet")
    assert len(sets["draw"]) == 2 * (4 + 1 + 4)
    lines = (tmp_path / "ablation_legacy" / "rq1_acc_drop.csv").read_text().splitlines()
    assert lines[0] == "Attribution Method,Top-N,Accuracy Drop"
    assert len(lines) == 1 + 2 + 2


def test_layers_neurons_and_means(world: Path, tmp_path: Path) -> None:
    words = ("--attributions", "wisdom,random", "--vote-records", "64", "--replacement", "mean")
    ablation = ablated(world, tmp_path, *words, "--each", "layer")
    assert ablation["replacement"] == "mean"
    assert {part["layer"] for part in ablation["parts"]} < set(
        read_table(tmp_path / "importance" / "random.parquet")["layer"].tolist()
    )
    assert 'id="coverage-ablation"' in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--top-counts", "5000"), "--top-counts 5000 is more than"),
        (("--attributions", "luck"), "unknown"),
        (("--layers", "nowhere"), "no layer"),
    ],
)
def test_mistakes_are_one_sentence(
    world: Path, tmp_path: Path, capsys: Any, words: tuple[str, ...], message: str
) -> None:
    with pytest.raises(SystemExit) as left:
        ablated(world, tmp_path, "--attributions", "lrp", *words)
    assert left.value.code == 2
    assert message in capsys.readouterr().err
