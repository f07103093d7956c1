from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from imprint.cli import main
from imprint.lenses.coverage.experiments.ablate import compare_drops, share_as_costly
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


def test_a_method_beyond_all_random_draws_has_the_smallest_p() -> None:
    whole = np.ones(200, dtype=bool)
    without = np.arange(200) < 100
    random = np.ones((9, 200), dtype=bool)
    random[:, :10] = False
    result = compare_drops(3, whole, without, random, 0)
    assert result.drop.value == pytest.approx(0.5)
    assert result.excess.value == pytest.approx(0.45)
    assert result.p == pytest.approx(0.1)
    assert result.matched.mean == pytest.approx(0.05)


def test_draws_that_cost_the_same_are_ties_whatever_the_rounding() -> None:
    """One test of ten is lost by each: 1 − 0.9 and 0.1 differ in their last digit."""
    whole = np.ones(10, dtype=bool)
    random = np.arange(10) != np.arange(1, 10)[:, None]
    assert compare_drops(3, whole, np.arange(10) != 0, random, 0).p == 1.0


def test_p_values_of_one_more_random_draw_are_uniform() -> None:
    """Of ten exchangeable networks: p ≤ j/10 has a chance of j/10 at most, ties raise it."""
    random, found = np.random.default_rng(0), []
    for _ in range(400):
        right = random.random((10, 40)) < random.random((10, 1))
        costs = [40 - int(row.sum()) for row in right]
        found.append(share_as_costly(right[0], right[1:]))
        assert found[-1] == sum(cost >= costs[0] for cost in costs) / 10
    expected = np.arange(1, 10) / 10
    shares = (np.array(found)[:, None] <= expected + 1e-9).mean(0)
    # Four standard errors of a share of 400; ties of two counts of 0 to 40 are one in 30.
    error = 4 * np.sqrt(expected * (1 - expected) / 400)
    assert (shares <= expected + error).all()
    assert (shares >= expected - error - 0.15).all()


def test_neurons_that_cost_nothing_have_an_interval_about_nothing() -> None:
    """No test of 30 changes: one in ten may well, and neither end is 0."""
    right = np.ones((5, 30), dtype=bool)
    result = compare_drops(3, right[0], right[1], right[2:], 0)
    assert (result.drop.value, result.excess.value) == (0, 0)
    assert result.drop.low == pytest.approx(-(2**0.5) * 1.959964 / 32)
    assert result.drop.high == -result.drop.low


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
