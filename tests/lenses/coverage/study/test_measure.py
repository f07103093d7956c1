"""``imprint coverage measure``: values, reasons, mistakes, resuming."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imprint.cli import main
from imprint.study.json_io import read_json
from imprint.study.tables import read_table
from tests.lenses.coverage.commands_on_files import CELLS, NAMES, arrays, measured, words_of


def test_every_criterion_of_arrays_is_reported_by_name(tmp_path: Path) -> None:
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


def test_criteria_that_lack_labels_or_training_data_are_missing_with_the_reason(
    tmp_path: Path,
) -> None:
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


def test_more_sections_than_memory_holds_are_refused_before_they_are_made(tmp_path: Path) -> None:
    found = measured(tmp_path, arrays(), "--criteria", "kmnc,nc", "--param", "kmnc.k=1000000000")
    assert "do not fit into memory" in found["criteria"]["kmnc"]["missing"]
    assert "value" in found["criteria"]["nc"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("shrinkage", ["none", "ledoit_wolf"])
def test_a_class_of_one_image_raises_no_warning(
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
        (("--criteria", "nc", "--param", "kmnc.k=3"), "not chosen"),
        (("--members", "somewhere"), "--members applies to a network"),
        (("--correct-only", "both"), "--correct-only needs the predictions"),
        (("--model", "w.safetensors"), "give either --arrays"),
        (("--vote-attributions", "la,guess"), "unknown"),
    ],
)
def test_options_that_do_not_fit_are_refused_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    with pytest.raises(SystemExit) as left:
        measured(tmp_path, arrays(), *words)
    assert left.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


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
def test_impossible_options_are_refused_before_any_work(
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
    assert "Ranges that no test reaches" in page


def test_published_neural_coverage_takes_batches_of_the_chosen_size(
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


def test_tests_without_classes_are_judged_by_what_the_network_predicts(tmp_path: Path) -> None:
    given = arrays()
    predictions = np.random.default_rng(1).integers(0, 3, 60)
    probabilities = np.eye(3)[predictions]
    words = ("--criteria", "lsc,dsc,nc")

    def of(name: str, tests: dict[str, np.ndarray], *more: str) -> dict[str, Any]:
        (tmp_path / name).mkdir()
        return measured(tmp_path / name, tests, *words, *more)

    known = of("known", {**given, "test_labels": predictions})
    unlabelled = {k: v for k, v in given.items() if k != "test_labels"}
    by_prediction = of("unlabelled", {**unlabelled, "probabilities": probabilities})
    assert by_prediction["criteria"] == known["criteria"]
    assert by_prediction["by_prediction"] is True
    both = {**given, "probabilities": probabilities}
    assert of("asked", both, "--class-of-tests", "predicted") == by_prediction
    page = (tmp_path / "asked" / "out" / "report.html").read_text()
    assert "by the class that the network predicts" in page
    by_class = of("given", both)
    assert "by_prediction" not in by_class
    assert by_class["criteria"] != known["criteria"]
