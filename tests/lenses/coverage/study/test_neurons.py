from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from imprint.cli import main
from imprint.core import user_code
from imprint.lenses.coverage.study.neurons import feature_mismatch
from imprint.nets.fill import build_model
from imprint.nets.model_card import ModelCard
from imprint.nets.save import save_model
from imprint.neurons.activations import Layers
from imprint.study.json_io import read_json
from imprint.study.tables import read_table
from tests.lenses.coverage.commands_on_files import CELLS, NAMES, arrays, measured, words_of


def test_votes_of_a_table_choose_the_neurons_of_wisdom(tmp_path: Path) -> None:
    lines = ["LayerName,NeuronIndex,Score", *(f"conv1,{row},{row}" for row in range(6))]
    (tmp_path / "votes.csv").write_text("\r\n".join(lines) + "\r\n")
    words = (
        "--criteria",
        "wisdom",
        "--param",
        "wisdom.m=2",
        "--votes",
        str(tmp_path / "votes.csv"),
    )
    found = measured(tmp_path, arrays(), *words)
    assert found["cells"]["wisdom"]["neurons"] == [
        {"layer": "conv1", "neuron": 5},
        {"layer": "conv1", "neuron": 4},
    ]
    assert found["criteria"]["wisdom"]["value"] == found["cells"]["wisdom"]["reached"] / 4


def test_findings_hold_the_scores_of_the_neurons_that_a_table_ranks(tmp_path: Path) -> None:
    lines = ["LayerName,NeuronIndex,Score", *(f"conv1,{row},{row / 8}" for row in range(6))]
    (tmp_path / "scores.csv").write_text("\r\n".join(lines) + "\r\n")
    table = ("--importance", str(tmp_path / "scores.csv"))
    found = measured(tmp_path, arrays(), "--criteria", "idc", "--param", "idc.m=2", *table)
    assert found["cells"]["idc"]["scores"] == [0.625, 0.5]


def test_neurons_that_no_table_ranks_have_no_scores(tmp_path: Path) -> None:
    found = measured(tmp_path, arrays(), "--criteria", "idc")
    assert "scores" not in found["cells"]["idc"]


def test_scores_of_features_do_not_rank_neurons_of_each_token_or_step() -> None:
    layers = Layers(("embed", "fc"), (8, 3))
    assert feature_mismatch(layers, {"embed": np.zeros(8), "fc": np.zeros(3)}) is None
    assert "scores 4 features of layer embed" in str(
        feature_mismatch(layers, {"embed": np.zeros(4)})
    )


@pytest.mark.parametrize("words", [("--layers", "conv2"), ("--no-final",)])
def test_the_last_observed_layer_is_ranked_unless_it_is_the_classifier(
    world: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    test = ("--tests", str(world / "test.npz"), "--criteria", "idc", "--param", "idc.m=300")
    main(words_of(world, "measure", *test, *words, "--out", str(tmp_path)))
    found = read_json(tmp_path / "summary.json")["lenses"]["coverage"]
    named = {one["layer"] for one in found["cells"]["idc"]["neurons"]}
    assert named == {layer["name"] for layer in found["layers"]}
    assert len(found["cells"]["idc"]["neurons"]) == found["neurons"]


def test_a_vote_that_cannot_be_held_is_missing_with_its_reason(world: Path, tmp_path: Path) -> None:
    test = ("--tests", str(world / "test.npz"), "--criteria", "nc,wisdom", "--vote-records", "20")
    main(words_of(world, "measure", *test, "--out", str(tmp_path)))
    found = read_json(tmp_path / "summary.json")["lenses"]["coverage"]["criteria"]
    assert "20 inputs are one batch of 32" in found["wisdom"]["missing"]
    assert "value" in found["nc"]


@pytest.mark.parametrize("words", [("--third", "last"), ("--layers", "fc3"), ("--layers", "fc2")])
def test_a_vote_stays_inside_the_observed_layers(
    world: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    test = ("--tests", str(world / "test.npz"), *words, "--vote-attributions", "la,lrp")
    main(words_of(world, "measure", *test, "--out", str(tmp_path)))
    findings = read_json(tmp_path / "summary.json")["lenses"]["coverage"]
    criteria, cells = findings["criteria"], findings["cells"]["wisdom"]
    assert set(criteria) == NAMES | CELLS
    assert "only one" in criteria["ssc"]["missing"]
    assert {name for name in criteria if "missing" in criteria[name]} == {"paths", "ssc"}
    layer = findings["layers"][0]["name"]
    assert cells["source"] == f"vote inside ({layer})"
    assert {neuron["layer"] for neuron in cells["neurons"]} == {layer}
    assert criteria["wisdom"]["value"] == cells["reached"] / int(cells["cells"])
    assert {one["layer"] for one in cells["leading"]} == {layer}
    page = (tmp_path / "report.html").read_text()
    assert f"WISDOM, chosen by vote inside ({layer})" in page


class Recurrent(torch.nn.Module):
    """An LSTM over the rows of images, and a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = torch.nn.LSTM(48, 12, batch_first=True)
        self.classifier = torch.nn.Linear(12, 3)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        return self.lstm(images.transpose(1, 2).flatten(2))[0][:, -1]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(images))


def recurrent(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = ModuleType("recurrent")
    made.build = lambda channels, outputs, input_size: Recurrent()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "recurrent", made)
    monkeypatch.setattr(user_code, "_trusted", {"recurrent:build"})
    card = ModelCard("recurrent:build", 3, 3, 16, (0.5,), (0.25,))
    torch.manual_seed(0)
    save_model(folder / "net.safetensors", build_model(card), card)
    return folder / "net.safetensors"


def test_layers_without_attribution_are_ranked_by_separation_of_classes(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = recurrent(tmp_path, monkeypatch)
    sets = ("--members", str(world / "train.npz"), "--tests", str(world / "test.npz"))
    out = tmp_path / "measure"
    criteria = ("--criteria", "idc,wisdom", "--steps", "last")
    main(["coverage", "measure", "--model", str(weights), *sets, *criteria, "--out", str(out)])
    findings = read_json(out / "summary.json")["lenses"]["coverage"]
    reason = (
        "separation of classes: lrp is about linear and convolutional layers, and none is observed "
        "besides the classifier (lstm)"
    )
    assert findings["cells"]["idc"]["source"] == reason
    shown = capsys.readouterr().out
    assert f"IDC: neurons by {reason}" in " ".join(shown.split())
    assert reason in (out / "report.html").read_text()
    train = np.load(out / "activations/train/values.npy")
    labels = read_table(out / "activations/train/inputs.parquet")["label"]
    means = np.stack([train[labels == label].mean(0) for label in range(3)])
    counts = np.bincount(labels)
    between = (counts[:, None] * np.square(means - train.mean(0))).sum(0)
    best = np.argsort(-(between / np.square(train - train.mean(0)).sum(0))[:12])[:10]
    assert [one["neuron"] for one in findings["cells"]["idc"]["neurons"]] == best.tolist()
    out = tmp_path / "monitor"
    main(
        [
            "coverage",
            "monitor",
            "--model",
            str(weights),
            *sets,
            "--steps",
            "last",
            "--out",
            str(out),
        ]
    )
    told = read_json(out / "summary.json")["lenses"]["coverage"]["monitor"]
    assert told["source"] == reason
    assert reason in " ".join(capsys.readouterr().out.split())
    assert reason in (out / "report.html").read_text()


def test_random_scores_choose_neurons_as_a_control(world: Path, tmp_path: Path) -> None:
    chosen = []
    for seed in ("1", "2"):
        out = tmp_path / seed
        test = ("--tests", str(world / "test.npz"), "--criteria", "idc", "--attribution", "random")
        main(words_of(world, "measure", *test, "--seed", seed, "--out", str(out)))
        cells = read_json(out / "summary.json")["lenses"]["coverage"]["cells"]["idc"]
        assert cells["source"] == "random"
        chosen.append([(one["layer"], one["neuron"]) for one in cells["neurons"]])
    assert chosen[0] != chosen[1]
