"""``imprint coverage`` from arrays and from a network: values, reasons, mistakes, resuming."""

from __future__ import annotations

import html
import json
import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from imprint.cli import main
from imprint.core import user_code
from imprint.core.errors import ImprintError
from imprint.data.imageset import ArrayImages
from imprint.lenses.coverage.importance.selector import Selector
from imprint.lenses.coverage.options import CoverageStep
from imprint.lenses.coverage.study.audit import audit_step
from imprint.lenses.coverage.study.inputs import tables_from_arrays
from imprint.lenses.coverage.study.neurons import feature_mismatch
from imprint.lenses.coverage.study.novelty_monitor import load_monitor
from imprint.nets.fill import build_model
from imprint.nets.load import load_model
from imprint.nets.model_card import ModelCard
from imprint.nets.save import save_model
from imprint.neurons.activations import Layers
from imprint.report import wording
from imprint.report.page import write_report
from imprint.report.terminal import to_text
from imprint.study.json_io import read_json
from imprint.study.store import Study
from imprint.study.tables import read_table

NAMES = {"nc", "kmnc", "snac", "nbc", "tknc", "tknp", "cc", "lsc", "dsc", "mdsc", "nlc", "ssc"}
CELLS = {"idc", "wisdom"}


def arrays(seed: int = 0) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    mix, found = generator.normal(size=(6, 5)), {}
    for part, count in (("train", 120), ("test", 60)):
        labels = generator.integers(0, 3, count)
        hidden = generator.normal(size=(count, 6)) + labels[:, None]
        found[f"{part}/conv1"] = hidden.astype(np.float32)
        found[f"{part}/block/fc"] = (hidden @ mix).astype(np.float32)
        found[f"{part}_labels"] = labels
    return found


def measured(tmp_path: Path, given: Mapping[str, np.ndarray], *words: str) -> dict[str, Any]:
    np.savez(tmp_path / "a.npz", **given)
    out = tmp_path / "out"
    main(["coverage", "measure", "--arrays", str(tmp_path / "a.npz"), "--out", str(out), *words])
    found: dict[str, Any] = read_json(out / "summary.json")["lenses"]["coverage"]
    return found


def test_every_criterion_of_arrays_stands_under_its_name(tmp_path: Path) -> None:
    given = arrays()
    params = ("--param", "kmnc.k=10", "tknc.k=2", "--param", "nc.threshold=0.5", "snac.sigma=0")
    found = measured(tmp_path, given, "--criteria", "all", *params)
    criteria = found["criteria"]
    assert set(criteria) == NAMES | CELLS
    for name in NAMES | {"idc"}:
        assert set(criteria[name]) >= {"value", "ceiling", "ci95", "n"}, name
        assert criteria[name]["n"] == 60
    assert "need the network" in criteria["wisdom"]["missing"]
    assert criteria["tknp"]["published_ratio"] == criteria["tknp"]["value"] / 60
    assert criteria["cc"]["published_ratio"] == min(criteria["cc"]["value"] / 60, 1)
    assert criteria["kmnc"]["published_ratio"] == criteria["kmnc"]["value"]
    assert criteria["kmnc"]["options"]["k"] == 10
    # Three of them from their definitions.
    train, test = (
        np.concatenate([given[f"{part}/conv1"], given[f"{part}/block/fc"]], axis=1)
        for part in ("train", "test")
    )
    low, high = train.min(0), train.max(0)
    sections = np.ceil((test.astype(float) - low) / (high.astype(float) - low) * 10)
    inside = (test >= low) & (test <= high)
    hit = {(j, max(1, int(sections[i, j]))) for i, j in zip(*np.nonzero(inside), strict=True)}
    assert criteria["kmnc"]["value"] == pytest.approx(len(hit) / (11 * 10), abs=1e-12)
    assert criteria["snac"]["value"] == pytest.approx(float((test > high).any(0).mean()))
    above = []
    for part in (test[:, :6], test[:, 6:]):
        scaled = part - part.min(1, keepdims=True)
        above.append((scaled > 0.5 * np.ptp(part, axis=1)[:, None]).any(0))
    assert criteria["nc"]["value"] == pytest.approx(float(np.concatenate(above).mean()))
    assert [layer["name"] for layer in found["layers"]] == ["conv1", "block/fc"]


def test_what_arrays_lack_is_missing_with_the_reason(tmp_path: Path) -> None:
    given = {name: array for name, array in arrays().items() if "labels" not in name}
    criteria = measured(tmp_path, given, "--criteria", "nc,lsc,idc")["criteria"]
    assert criteria["lsc"]["missing"] == "the classes of the test inputs are not known"
    assert "value" in criteria["nc"]
    assert "value" in criteria["idc"]
    alone = {name: array for name, array in given.items() if name.startswith("test")}
    folder = tmp_path / "alone"
    folder.mkdir()
    criteria = measured(folder, alone, "--criteria", "nc,kmnc,nlc")["criteria"]
    assert "training" in criteria["kmnc"]["missing"]
    assert {"value", "ci95"} <= criteria["nlc"].keys()
    strange = {**arrays(), "test_labels": np.full(60, 7)}
    folder = tmp_path / "strange"
    folder.mkdir()
    criteria = measured(folder, strange, "--criteria", "nc,dsc")["criteria"]
    assert criteria["dsc"]["missing"].startswith("no training input has class 7")


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


def test_the_same_command_goes_on_and_its_options_replay_it(tmp_path: Path) -> None:
    first = measured(
        tmp_path, arrays(), "--criteria", "nc,kmnc", "--param", "kmnc.k=7", "nc.threshold=0.1"
    )
    card = (tmp_path / "out" / "coverage.card.json").read_bytes()
    again = measured(
        tmp_path, arrays(), "--criteria", "nc,kmnc", "--param", "kmnc.k=7,nc.threshold=0.1"
    )
    assert again == first
    config = str(tmp_path / "out" / "options.yaml")
    main(["coverage", "measure", "--config", config, "--out", str(tmp_path / "replayed")])
    assert (tmp_path / "replayed" / "coverage.card.json").read_bytes() == card
    with pytest.raises(SystemExit):
        measured(tmp_path, arrays(), "--criteria", "nc")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train/conv1": np.zeros((120, 3, 2))}, "expected [N, _]"),
        ({"train/conv1": np.zeros((120, 5), dtype=np.float32)}, "has 5 neurons, test/conv1 6"),
        (
            {"train/conv1": np.zeros((9, 6), dtype=np.float32)},
            "train/block/fc has shape [120, 5], expected [9, _] (N = 9 in train/conv1)",
        ),
        ({"test/conv1": np.full((60, 6), np.nan)}, "test/conv1[0, 0] is nan"),
        ({"test/conv1": np.full((60, 6), 1e39)}, "test/conv1[0, 0] is 1e+39"),
        ({"test/conv1": np.full((60, 6), "a")}, "must hold numbers, not <U1"),
        ({"train_labels": np.zeros(3, dtype=np.int64)}, "expected [120] (N = 120 in train/conv1)"),
        ({"test_labels": np.full(60, 0.5)}, "test_labels must hold whole numbers"),
        ({"training/conv1": np.zeros((2, 2))}, "unknown array 'training/conv1'"),
        ({"test/other": np.zeros((60, 2))}, "give layer 'other' of both"),
    ],
)
def test_arrays_that_do_not_fit_are_told_in_one_sentence(
    tmp_path: Path, change: dict[str, np.ndarray], message: str
) -> None:
    np.savez(tmp_path / "a.npz", **{**arrays(), **change})
    with pytest.raises(ImprintError) as told:
        tables_from_arrays(tmp_path / "a.npz")
    assert message in str(told.value)


def test_a_file_of_one_array_or_of_text_is_told_apart(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", np.zeros((2, 2)))
    with pytest.raises(ImprintError, match="holds one array"):
        tables_from_arrays(tmp_path / "one.npy")
    (tmp_path / "text.npz").write_text("activations")
    with pytest.raises(ImprintError, match="another kind of file") as told:
        tables_from_arrays(tmp_path / "text.npz")
    assert "pickle" not in str(told.value)


def test_more_sections_than_memory_holds_are_refused_before_they_are_made(tmp_path: Path) -> None:
    found = measured(tmp_path, arrays(), "--criteria", "kmnc,nc", "--param", "kmnc.k=1000000000")
    assert "do not fit into memory" in found["criteria"]["kmnc"]["missing"]
    assert "value" in found["criteria"]["nc"]


def test_counts_are_printed_to_the_last_digit() -> None:
    from imprint.lenses.coverage.page.terminal import show_coverage

    criterion = {
        "value": 16913,
        "ci95": [16900.2, 17000],
        "ceiling": 1e6,
        "normalised": 0.016913,
        "n": 10_000,
        "published_ratio": 0.5,
        "options": {},
    }
    facts = {"layers": [], "neurons": 0, "train": None, "test": 10_000, "correct_only": "none"}
    shown = to_text(show_coverage({**facts, "criteria": {"cc": criterion}, "cells": {}}))
    assert "16,913 [16,900, 17,000]" in shown
    assert "1,000,000" in shown


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("shrinkage", ["none", "ledoit_wolf"])
def test_a_class_of_one_image_warns_nobody(
    tmp_path: Path, shrinkage: str, capfd: pytest.CaptureFixture[str]
) -> None:
    given = arrays()
    given["train_labels"][given["train_labels"] == 2] = 1
    given["train_labels"][0] = 2
    words = ("--criteria", "dsc,lsc,mdsc", "--param", f"mdsc.shrinkage={shrinkage}")
    found = measured(tmp_path, given, *words)
    assert set(found["criteria"]) == {"dsc", "lsc", "mdsc"}
    assert "arning" not in capfd.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--criteria", "nonsense"), "unknown criterion 'nonsense'"),
        (("--criteria", ""), "--criteria is empty"),
        (("--param", "kmnc.q=1"), "no option 'q'"),
        (("--criteria", "nc", "--param", "kmnc.k=3"), "not measured"),
        (("--members", "somewhere"), "--members applies to a network"),
        (("--correct-only", "both"), "--correct-only needs the predictions"),
        (("--model", "w.safetensors"), "give either --arrays"),
        (("--vote-attributions", "la,guess"), "unknown"),
    ],
)
def test_options_that_do_not_fit_are_told_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    with pytest.raises(SystemExit) as left:
        measured(tmp_path, arrays(), *words)
    assert left.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folders of array images, and a classifier that is right about some of them."""
    root = tmp_path_factory.mktemp("world")
    generator = np.random.default_rng(0)
    for part, count in (("train", 96), ("test", 48)):
        labels = generator.integers(0, 3, count)
        pixels = generator.integers(0, 60, (count, 16, 16, 3))
        pixels[np.arange(count), :, :, labels] += 150
        np.savez(root / f"{part}.npz", images=pixels.astype(np.uint8), labels=labels)
    torch.manual_seed(0)
    card = ModelCard("lenet", 3, 3, 16, (0.5,), (0.25,))
    save_model(root / "net.safetensors", build_model(card), card)
    return root


def words_of(world: Path, *words: str) -> list[str]:
    model = ["--model", str(world / "net.safetensors")]
    return ["coverage", *words[:1], *model, "--members", str(world / "train.npz"), *words[1:]]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("importance", "--records", "-1"), "--records must be at least 0, got -1"),
        (("importance", "--top-neurons", "0"), "--top-neurons must be at least 1, got 0"),
        (("wisdom", "--records", "-1"), "--records must be at least 0, got -1"),
        (("wisdom", "--batch-size", "0"), "--batch-size must be at least 1, got 0"),
        (("measure", "--vote-records", "-1"), "--vote-records must be at least 0, got -1"),
        (("monitor", "--importance-records", "-1"), "--importance-records must be at least 0"),
        (("monitor", "--votes", "nowhere.csv"), "cannot read the votes nowhere.csv"),
        (("importance", "--card", "nowhere.json"), "cannot read the card nowhere.json"),
    ],
)
def test_what_cannot_be_asked_of_a_network_is_told_before_any_work(
    world: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    message: str,
) -> None:
    test = ("--tests", str(world / "test.npz")) if words[0] in ("measure", "monitor") else ()
    with pytest.raises(SystemExit) as left:
        main(words_of(world, *words, *test, "--out", str(tmp_path / "out")))
    assert left.value.code == 2
    assert message in (error := capsys.readouterr().err)
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_scores_of_features_are_not_taken_for_neurons_of_each_token_or_step() -> None:
    layers = Layers(("embed", "fc"), (8, 3))
    assert feature_mismatch(layers, {"embed": np.zeros(8), "fc": np.zeros(3)}) is None
    assert "scores 4 features of layer embed" in str(
        feature_mismatch(layers, {"embed": np.zeros(4)})
    )


def test_a_card_of_another_kind_is_refused(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "card.json").write_text("[1]")
    card = ("--card", str(tmp_path / "card.json"))
    with pytest.raises(SystemExit):
        main(words_of(world, "importance", *card, "--out", str(tmp_path / "out")))
    assert "must hold keys and values" in capsys.readouterr().err


def test_a_network_is_measured_with_importance_votes_gaps_and_pictures(
    world: Path, tmp_path: Path
) -> None:
    test = ("--tests", str(world / "test.npz"))
    main(words_of(world, "measure", *test, "--out", str(tmp_path), "--param", "idc.m=4"))
    found = read_json(tmp_path / "summary.json")["lenses"]["coverage"]
    assert all(
        "value" in found["criteria"][name] for name in CELLS | NAMES - {"lsc", "dsc", "mdsc"}
    )
    assert found["cells"]["idc"]["source"] == "lrp"
    ranked = read_table(tmp_path / "importance" / "lrp.parquet")
    of_all = ranked["class"] == -1
    inner = of_all & (ranked["layer"] != "fc3")
    best = np.argsort(-ranked["score"][inner], kind="stable")[:4]
    assert found["cells"]["idc"]["neurons"] == [
        {"layer": str(ranked["layer"][inner][row]), "neuron": int(ranked["index"][inner][row])}
        for row in best
    ]
    curve = found["cells"]["idc"]["rarefaction"]["curve"]
    now = curve["tests"].index(48)
    assert curve["cells"][now] == pytest.approx(found["cells"]["idc"]["reached"])
    assert curve["tests"][-1] == 144
    gallery = read_json(tmp_path / "gallery" / "coverage" / "gallery.json")["cards"]
    assert len(gallery) == len(found["gaps"]) > 0
    page = (tmp_path / "report.html").read_text()
    assert "How many more tests would help" in page
    assert "<h1>What training on <em>train</em> left behind</h1>" in page  # the tests are no part
    assert "What the tests never do" in page


def test_only_inputs_that_the_network_gets_right_are_kept(world: Path, tmp_path: Path) -> None:
    test = ("--tests", str(world / "test.npz"), "--criteria", "tknp,kmnc")
    main(words_of(world, "measure", *test, "--out", str(tmp_path), "--correct-only", "both"))
    found = read_json(tmp_path / "summary.json")["lenses"]["coverage"]
    for part in ("train", "test"):
        table = read_table(tmp_path / "activations" / part / "inputs.parquet")
        assert found[part] == int((table["label"] == table["prediction"]).sum())
    assert found["correct_only"] == "both"


def test_layers_can_be_chosen(world: Path, tmp_path: Path) -> None:
    test = ("--tests", str(world / "test.npz"), "--criteria", "nc", "--layers", "conv2,fc1")
    main(words_of(world, "measure", *test, "--out", str(tmp_path)))
    found = read_json(tmp_path / "summary.json")["lenses"]["coverage"]
    assert [layer["name"] for layer in found["layers"]] == ["conv2", "fc1"]
    assert found["neurons"] == 136


def test_parts_of_arrays_have_their_own_coverage(tmp_path: Path) -> None:
    words = ("--criteria", "idc", "--param", "idc.m=2", "--per", "class,layer,group")
    given = arrays()
    found = measured(tmp_path, given, *words)["scopes"]
    assert set(found) == {"class", "layer", "group"}
    assert set(found["class"]["scopes"]) == {"0", "1", "2"}
    counts = np.bincount(given["test_labels"])
    assert [one["n"] for one in found["class"]["scopes"].values()] == counts.tolist()
    assert found["class"]["mean"] == pytest.approx(
        np.mean([one["value"] for one in found["class"]["scopes"].values()])
    )
    # The last of the layers is the answer.
    assert set(found["layer"]["scopes"]) == set(found["group"]["scopes"]) == {"conv1"}


def test_a_network_is_measured_by_layer_and_its_clusterer_searched(
    world: Path, tmp_path: Path
) -> None:
    test = ("--tests", str(world / "test.npz"), "--criteria", "idc", "--param", "idc.m=3")
    words = ("--per", "layer", "--search", "--search-trials", "1")
    main(words_of(world, "measure", *test, *words, "--out", str(tmp_path)))
    found = read_json(tmp_path / "summary.json")["lenses"]["coverage"]
    assert list(found["scopes"]["layer"]["scopes"]) == ["conv1", "conv2", "fc1", "fc2"]
    page = (tmp_path / "report.html").read_text()
    assert "By layer" in page
    assert '<th scope="row">conv2</th>' in page
    assert found["search"]["num_evaluations"] == 9 + 1
    assert found["search"] == read_json(tmp_path / "search" / "search.json")


def test_the_published_neural_coverage_sees_batches_of_the_size_that_is_told(
    tmp_path: Path,
) -> None:
    given = {name: array for name, array in arrays().items() if name == "test/conv1"}
    words = ("--criteria", "nlc", "--param", "nlc.mode=paper", "nlc.batch_size=25")
    found = measured(tmp_path, given, *words)["criteria"]["nlc"]
    assert found["options"]["batch_size"] == 25
    rows, kept, term = given["test/conv1"].astype(np.float64), np.empty((0, 6)), 0.0
    for start in (0, 25, 50):
        tried = np.concatenate([kept, rows[start : start + 25]])
        grown = np.abs(np.cov(tried, rowvar=False, ddof=0)).mean()
        if grown > term:
            kept, term = tried, grown
    assert found["value"] == pytest.approx(1 + term, rel=1e-9)


def test_other_clusterers_make_the_cells(tmp_path: Path) -> None:
    words = ("--criteria", "idc", "--param", "idc.m=2", "idc.clusterer=OneCell")
    assert "finds one cluster" in measured(tmp_path, arrays(), *words)["criteria"]["idc"]["missing"]


def test_a_selector_is_trained_and_its_table_written(world: Path, tmp_path: Path) -> None:
    methods = ("--attributions", "la,lrp", "--batch-size", "16", "--selector", "layers")
    main(words_of(world, "wisdom", *methods, "--out", str(tmp_path)))
    told = read_json(tmp_path / "summary.json")["lenses"]["coverage"]["selector"]
    assert list(told["scopes"]) == ["conv1", "conv2", "fc1", "fc2"]
    assert all(one["accuracy"]["n"] == 24 for one in told["scopes"].values())
    rows = read_table(tmp_path / "selector" / "inputs.parquet")
    assert len(rows["index"]) == 96 * 4 * 2
    assert rows["chosen"].sum() == rows["best"].sum() == 96 * 4
    selector = Selector.load(tmp_path / "selector" / "selector.safetensors")
    assert selector.scopes == ("conv1", "conv2", "fc1", "fc2")


@pytest.mark.parametrize("words", [("--layers", "conv2"), ("--no-final",)])
def test_the_last_layer_looked_at_is_no_answer_unless_it_is_that_of_the_network(
    world: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    test = ("--tests", str(world / "test.npz"), "--criteria", "idc", "--param", "idc.m=300")
    main(words_of(world, "measure", *test, *words, "--out", str(tmp_path)))
    found = read_json(tmp_path / "summary.json")["lenses"]["coverage"]
    named = {one["layer"] for one in found["cells"]["idc"]["neurons"]}
    assert named == {layer["name"] for layer in found["layers"]}
    assert len(found["cells"]["idc"]["neurons"]) == found["neurons"]


def test_importance_is_of_what_the_network_is_shown_and_gets_right(
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


def test_importance_goes_there_and_back_in_the_old_files(world: Path, tmp_path: Path) -> None:
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


def test_a_monitor_is_made_shown_and_can_be_loaded(world: Path, tmp_path: Path) -> None:
    test = ("--tests", str(world / "test.npz"), "--top-neurons", "5")
    main(words_of(world, "monitor", *test, "--out", str(tmp_path)))
    told = read_json(tmp_path / "summary.json")["lenses"]["coverage"]["monitor"]
    shown = read_table(tmp_path / "monitor" / "novelty.parquet")
    assert len(shown["index"]) == 48
    assert told["new"]["value"] == pytest.approx(float((shown["novelty"] == 1).mean()))
    new = shown["training_inputs"] == 0
    np.testing.assert_array_equal(new, shown["novelty"] == 1)
    np.testing.assert_array_equal(new, shown["differs_in"] > 0)
    model = load_model(world / "net.safetensors")
    with np.load(world / "test.npz") as held:
        images = torch.from_numpy(np.moveaxis(held["images"], -1, 1)).float() / 255
    with load_monitor(tmp_path / "monitor" / "monitor.safetensors", model) as monitor:
        _, found = monitor(images)
    np.testing.assert_allclose(found.novelty.numpy(), shown["novelty"])


def test_a_vote_that_cannot_be_held_is_missing_with_its_reason(world: Path, tmp_path: Path) -> None:
    test = ("--tests", str(world / "test.npz"), "--criteria", "nc,wisdom", "--vote-records", "20")
    main(words_of(world, "measure", *test, "--out", str(tmp_path)))
    found = read_json(tmp_path / "summary.json")["lenses"]["coverage"]["criteria"]
    assert "20 inputs are one batch of 32" in found["wisdom"]["missing"]
    assert "value" in found["nc"]


def test_sets_that_are_the_same_are_refused(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(
            words_of(world, "measure", "--tests", str(world / "train.npz"), "--out", str(tmp_path))
        )
    assert "are the same images" in capsys.readouterr().err


def test_the_step_of_an_audit_looks_at_a_network_of_the_study(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (150, 3, 16, 16), dtype=np.uint8)
    images = ArrayImages(pixels, np.arange(150) % 3, ("a", "b", "c"))
    torch.manual_seed(0)
    study, device = Study(tmp_path), torch.device("cpu")
    sets = {"train": np.arange(100), "test": np.arange(100, 150)}
    for name, outputs in (("A", None), ("0000", 3)):
        card = ModelCard("lenet", 3, outputs, 16, (0.5,), (0.25,))
        (tmp_path / "models" / name).mkdir(parents=True)
        save_model(tmp_path / "models" / name / "final.safetensors", build_model(card), card)
    file = "models/0000/final.safetensors"
    choice = CoverageStep(records=40)
    found = audit_step(study, images, file, sets, choice, 0, device)["coverage"]
    assert (found["train"], found["test"], found["network"]) == (100, 40, file)
    assert "value" in found["criteria"]["wisdom"]
    assert audit_step(study, images, file, sets, choice, 0, device)["coverage"] == found
    assert audit_step(study, images, file, sets, CoverageStep(skip=True), 0, device) == {}
    other = Study(tmp_path / "other")
    (tmp_path / "other").mkdir()
    (tmp_path / "models").rename(tmp_path / "other" / "models")
    file = "models/A/final.safetensors"
    found = audit_step(other, images, file, sets, choice, 0, device)["coverage"]
    assert "no classifier" in found["cells"]["wisdom"]["missing"]
    assert "value" in found["criteria"]["idc"]
    summary = {
        "schema": 2,
        "imprint": "0",
        "data": {"name": "x"},
        "settings": {},
        "lenses": {"coverage": found},
    }
    (tmp_path / "other" / "summary.json").write_text(json.dumps(summary))
    assert "What the tests never do" in write_report(tmp_path / "other").read_text()


class TwoHeads(torch.nn.Module):
    """Returns the logits and those of an auxiliary head, of equal shape."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.classifier = torch.nn.Conv2d(3, 4, 3), torch.nn.Linear(4, 3)
        self.auxiliary = torch.nn.Linear(4, 3)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        return self.body(images).relu().mean((2, 3))

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = self.features(images)
        return self.classifier(features), self.auxiliary(features)


def test_the_logits_of_a_network_that_returns_a_tuple_are_named_by_output(
    world: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = ModuleType("two_heads")
    made.build = lambda channels, outputs, input_size: TwoHeads()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "two_heads", made)
    monkeypatch.setattr(user_code, "_trusted", {"two_heads:build"})
    card = ModelCard("two_heads:build", 3, 3, 16, (0.5,), (0.25,))
    torch.manual_seed(0)
    model = build_model(replace(card, output="0"))
    save_model(tmp_path / "net.safetensors", model, card)
    words = [
        *("coverage", "measure", "--model", str(tmp_path / "net.safetensors")),
        *("--members", str(world / "train.npz"), "--tests", str(world / "test.npz")),
        *("--criteria", "nc"),
    ]
    with pytest.raises(SystemExit) as left:
        main([*words, "--out", str(tmp_path / "out")])
    assert left.value.code == 2
    assert "(0: [1, 3], 1: [1, 3])" in (error := capsys.readouterr().err)
    assert "name the entry with --output" in error
    predictions = {}
    for output, head in (("0", "classifier"), ("1", "auxiliary")):
        out = tmp_path / output
        main([*words, "--output", output, "--out", str(out)])
        predictions[head] = read_table(out / "activations/test/inputs.parquet")["prediction"]
        images = np.load(world / "test.npz")["images"].transpose(0, 3, 1, 2)
        inputs = torch.from_numpy(images).float() / 255
        network = model.eval().network.published
        with torch.no_grad():
            logits = getattr(network, head)(network.features(model.normalise(inputs)))
        assert np.array_equal(predictions[head], logits.argmax(1).numpy())
    assert not np.array_equal(predictions["classifier"], predictions["auxiliary"])
    with pytest.raises(SystemExit):
        main([*words, "--output", "1", "--out", str(tmp_path / "0")])
    assert "made with other settings" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["constant", "one row"])
def test_training_data_that_do_not_vary_leave_ranges_and_cells_missing(
    tmp_path: Path, kind: str
) -> None:
    given = arrays()
    for name in list(given):
        if name.startswith("train"):
            given[name] = given[name][:1] if kind == "one row" else given[name] * 0 + 1
    words = ("--criteria", "nc,kmnc,snac,nbc,idc,lsc,dsc,mdsc,tknc", "--per", "layer")
    findings = measured(tmp_path, given, *words)
    criteria = findings["criteria"]
    inputs = "the one training input" if kind == "one row" else "120 training inputs"
    for name in ("kmnc", "snac", "nbc"):
        assert criteria[name]["missing"].startswith(f"no neuron varies over {inputs}")
    assert "neurons varies over the training inputs" in criteria["idc"]["missing"]
    assert "neurons" not in findings["cells"]["idc"]
    for name in ("lsc", "dsc", "mdsc"):
        assert "missing" in criteria[name]
    for name in ("nc", "tknc"):
        assert criteria[name]["value"] > 0
    assert "varies" in findings["scopes"]["layer"]["missing"]


@pytest.mark.parametrize("words", [("--third", "last"), ("--layers", "fc3"), ("--layers", "fc2")])
def test_a_vote_stays_inside_the_layers_that_are_looked_at(
    world: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    test = ("--tests", str(world / "test.npz"), *words, "--vote-attributions", "la,lrp")
    main(words_of(world, "measure", *test, "--out", str(tmp_path)))
    findings = read_json(tmp_path / "summary.json")["lenses"]["coverage"]
    criteria, cells = findings["criteria"], findings["cells"]["wisdom"]
    assert set(criteria) == NAMES | CELLS
    assert "only one" in criteria["ssc"]["missing"]
    assert {name for name in criteria if "missing" in criteria[name]} == {"ssc"}
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


def test_layers_without_attribution_are_not_said_to_be_ranked_by_it(
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


def test_activations_in_float64_keep_their_digits_at_a_large_offset(tmp_path: Path) -> None:
    """A common offset of 2³⁰ changes nothing but signs; float32 would keep steps of 64 of it."""
    given: dict[str, np.ndarray] = {}
    for name, values in arrays().items():
        exact = (
            np.round(values.astype(np.float64) * 2.0**20) / 2**20 + 2.0**-22
        )  # exact with the offset, too
        given[name] = values if "labels" in name else exact
    shifted = {
        name: values if "labels" in name else values + 2.0**30 for name, values in given.items()
    }
    train, _ = tables_from_arrays(_saved(tmp_path / "given.npz", given))
    assert train is not None
    assert train.values.dtype == np.float64
    words = ("--criteria", "all", "--param", "cc.threshold=3", "dsc.width=0.05", "tknc.k=2")
    for part in ("plain", "shifted"):
        (tmp_path / part).mkdir()
    plain = measured(tmp_path / "plain", given, *words)["criteria"]
    moved = measured(tmp_path / "shifted", shifted, *words)["criteria"]
    for name in (NAMES | {"idc"}) - {"ssc"}:
        assert moved[name]["value"] == pytest.approx(plain[name]["value"], rel=1e-5), name
        assert plain[name]["value"] > 0


def _saved(path: Path, given: Mapping[str, np.ndarray]) -> Path:
    np.savez(path, **given)
    return path


def test_values_that_float32_holds_are_computed_in_it(tmp_path: Path) -> None:
    given = arrays()
    wide = {
        name: values if "labels" in name else values.astype(np.float64)
        for name, values in given.items()
    }
    for table in tables_from_arrays(_saved(tmp_path / "wide.npz", wide)):
        assert table is not None
        assert table.values.dtype == np.float32


def test_a_covariance_of_condition_1e16_is_refused_without_shrinkage(tmp_path: Path) -> None:
    """One neuron is the sum of two others up to 1e-8: singular to the last digit of float64."""
    generator = np.random.default_rng(0)
    given: dict[str, np.ndarray] = {}
    for part, count in (("train", 400), ("test", 40)):
        values = generator.normal(size=(count, 3))
        last = values[:, :1] + values[:, 1:2] + 1e-8 * generator.normal(size=(count, 1))
        given[f"{part}/fc"] = np.concatenate([values, last], axis=1)
        given[f"{part}_labels"] = np.arange(count) % 2
    words = ("--criteria", "mdsc", "--param")
    for part in ("none", "shrunk"):
        (tmp_path / part).mkdir()
    plain = measured(tmp_path / "none", given, *words, "mdsc.shrinkage=none")["criteria"]["mdsc"]
    assert "the covariance of class 0 is singular" in plain["missing"]
    shrunk = measured(tmp_path / "shrunk", given, *words, "mdsc.width=1")["criteria"]["mdsc"]
    assert shrunk["value"] > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"test/conv1": np.ones((60, 6), dtype=complex)}, "must hold numbers, not complex128"),
        ({"test/conv1": np.full((60, 6), np.nan)}, "[0, 0] is nan: leave that record out"),
        ({"test/conv1": np.ones((60, 6), dtype=bool)}, "must hold numbers, not bool"),
        ({"test/conv1": np.ones((60, 6, 2))}, "has shape [60, 6, 2], expected [M, _]"),
        ({"test/conv1": np.ones(6)}, "has shape [6], expected [M, _]"),
        ({"test/conv1": np.float64(1)}, "has shape [], expected [M, _]"),
        ({"test/conv1": np.ones((60, 0))}, "test/conv1 is empty"),
        ({"test/conv1": np.ones((59, 6))}, "expected [59, _] (M = 59 in test/conv1)"),
        ({"test/conv1": np.ones((60, 7))}, "train/conv1 has 6 neurons, test/conv1 7"),
        ({"test/conv1": np.full((60, 6), "a")}, "must hold numbers, not <U1"),
        ({"test/conv1": np.full((60, 6), 1e300)}, "is 1e+300"),
        ({"test_labels": np.full(60, 0.5)}, "test_labels must hold whole numbers"),
        ({"test_labels": np.zeros((60, 1), dtype=int)}, "expected [60] (M = 60 in test/conv1)"),
        ({"test_labels": np.full(60, 1j)}, "test_labels must hold numbers, not complex128"),
    ],
)
def test_activations_that_are_none_are_told(
    tmp_path: Path, change: dict[str, np.ndarray], message: str
) -> None:
    with pytest.raises(ImprintError) as caught:
        tables_from_arrays(_saved(tmp_path / "a.npz", {**arrays(), **change}))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def page_text(page: Path) -> str:
    """Return the words of a page between its tags, figures and all, one space apart."""
    body = page.read_text().partition('id="coverage-result"')[2]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("m", [2, 9])
def test_headline_table_terminal_and_figures_say_what_the_findings_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], seed: int, m: int
) -> None:
    words = ("--criteria", "all", "--param", f"idc.m={m}", "idc.k=3")
    findings = measured(tmp_path, arrays(seed), *words)
    shown, page = capsys.readouterr().out, tmp_path / "out" / "report.html"
    text, cells = page_text(page), findings["cells"]["idc"]
    inside, trained = cells["training_cells_reached"], cells["training_cells"]
    assert cells["training_share"] == inside / trained
    share = wording.percent(inside / trained, 0)
    headline = f"The tests reach {share} of the patterns of important neurons that training images"
    assert f"{headline} show: {inside} of {trained}" in text
    new = cells["reached"] - inside
    assert (
        f"Training images show {trained} cells; the tests reach {inside} of these, and {new} that "
        "no training image shows" in text
    )
    chance = cells["rarefaction"]["next_is_new"]
    assert f"a new one with a probability of {wording.percent(chance)}" in text
    bound = cells["rarefaction"]["estimated"]
    reach = f"60 tests reach {cells['reached']} cells; estimated asymptotic coverage at least about"
    assert f"{reach} {wording.count(bound['value'])} cells; training images reach {trained}" in (
        page.read_text()
    )
    for name, criterion in findings["criteria"].items():
        if "missing" in criterion:
            assert f"{name} missing: {criterion['missing']}" in shown
            assert f"{name.upper()} is missing: {criterion['missing']}" in text
            continue
        value, low_high = criterion["value"], criterion["ci95"]
        share = criterion["ceiling"] is not None and criterion["ceiling"] <= 1
        write = wording.percent if share else wording.quantity
        row = next(line for line in shown.splitlines() if line.split()[:1] == [name.upper()])
        assert row.split()[1] == write(value)
        assert write(value) in text
        if isinstance(low_high, dict):
            assert f"{name} has no interval: {low_high['missing']}" in shown
            assert f"{name.upper()} has none: {low_high['missing']}" in text
        else:
            low, high = map(write, low_high)
            assert f"[{low}, {high}]" in row
            assert f"{low} to {high}" in text
