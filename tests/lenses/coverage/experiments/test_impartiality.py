from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import t as student_t
from scipy.stats import zscore

from imprint.cli import main
from imprint.nets.fill import build_model
from imprint.nets.model_card import ModelCard
from imprint.nets.save import save_model
from imprint.study.json_io import read_json
from imprint.study.tables import read_table
from tests.lenses.coverage.commands_on_files import arrays, saved, words_of


def with_probabilities() -> dict[str, np.ndarray]:
    given = arrays()
    return {**given, "probabilities": np.eye(3)[given["test_labels"]].astype(np.float64)}


def measured(tmp_path: Path, given: dict[str, np.ndarray], *words: str) -> dict[str, Any]:
    file, out = saved(tmp_path / "a.npz", given), tmp_path / "out"
    sets = ("--sets", "12", "--sizes", "10,20", "--criteria", "nc,kmnc,cc,wisdom")
    main(["coverage", "impartiality", "--arrays", str(file), *sets, "--out", str(out), *words])
    lens: dict[str, Any] = read_json(out / "summary.json")["lenses"]["coverage"]
    return lens


def test_criteria_are_correlated_within_a_size(tmp_path: Path) -> None:
    content = measured(tmp_path, with_probabilities(), "--export-legacy")["impartiality"]
    table = read_table(tmp_path / "out" / "impartiality" / "sets.parquet")
    assert len(table["size"]) == 24
    first = table["size"] == 10
    expected = np.corrcoef(table["kmnc"][first], table["impartiality"][first])[0, 1]
    assert content["criteria"]["kmnc"]["pearson"]["10"]["value"] == pytest.approx(expected)
    assert content["range"] == [table["impartiality"].min(), table["impartiality"].max()]
    scaled = [
        np.concatenate([zscore(table[column][table["size"] == size]) for size in (10, 20)])
        for column in ("kmnc", "impartiality")
    ]
    pooled = content["criteria"]["kmnc"]["pooled"]["value"]
    assert pooled == pytest.approx((scaled[0] * scaled[1]).mean())
    assert "votes" in content["criteria"]["wisdom"]["missing"]
    legacy = tmp_path / "out" / "impartiality_legacy"
    assert len((legacy / "rq4_impartiality.csv").read_text().splitlines()) == 1 + 3 * 24
    heading, *lines = (legacy / "rq4_correlation.csv").read_text().splitlines()
    assert heading == "coverage_method,test_type,correlation_coefficient,p_value,sample_count"
    row = next(line.split(",") for line in lines if line.startswith("kmnc,size 10,"))
    reach = expected * np.sqrt(10 / (1 - expected**2))
    assert float(row[3]) == pytest.approx(2 * student_t.sf(abs(reach), 10))
    assert 'id="coverage-impartiality"' in (tmp_path / "out" / "report.html").read_text()


def test_a_network_is_measured(world: Path, tmp_path: Path) -> None:
    words = ("--tests", str(world / "test.npz"), "--criteria", "nbc", "--sets", "10")
    main(words_of(world, "impartiality", *words, "--sizes", "12", "--out", str(tmp_path)))
    content = read_json(tmp_path / "summary.json")["lenses"]["coverage"]["impartiality"]
    assert content["classes"] == 3


def attacked(world: Path, out: Path, *words: str) -> dict[str, Any]:
    tests = ("--tests", str(world / "test.npz"), "--criteria", "nc,kmnc", "--sets", "10")
    sets = ("--sizes", "8", "--attack", "fgsm", "--attacked-records", "40", *words)
    main(words_of(world, "impartiality", *tests, *sets, "--out", str(out)))
    content: dict[str, Any] = read_json(out / "summary.json")["lenses"]["coverage"]["impartiality"]
    return content


def test_sets_of_adversarial_inputs_are_correlated_apart(trained: Path, tmp_path: Path) -> None:
    found = attacked(trained, tmp_path, "--epsilon", "0.5", "--export-legacy")["adversarial"]
    records = read_table(tmp_path / "adversarial" / "fgsm" / "records.parquet")
    wrong = records["prediction"] != records["label"]
    assert (found["attack"], found["attacked"]) == ("fgsm", len(wrong))
    assert found["success"]["value"] == pytest.approx(wrong.mean())
    clean, made = (
        read_table(tmp_path / folder / "sets.parquet")
        for folder in ("impartiality", "impartiality_adversarial")
    )
    assert len(made["size"]) == 10
    expected = np.corrcoef(made["kmnc"], made["impartiality"])[0, 1]
    assert found["criteria"]["kmnc"]["pooled"]["value"] == pytest.approx(expected)
    both = np.corrcoef(*(np.concatenate([clean[c], made[c]]) for c in ("kmnc", "impartiality")))
    assert found["overall"]["kmnc"]["value"] == pytest.approx(both[0, 1])
    lines = (tmp_path / "impartiality_legacy" / "rq4_correlation.csv").read_text().splitlines()
    assert any(line.startswith("kmnc,adversarial size 8,") for line in lines)
    page = (tmp_path / "report.html").read_text()
    assert 'id="coverage-impartiality-attacked"' in page
    assert "Clean and adversarial sets together" in page


def test_too_few_adversarial_inputs_are_said_to_be_missing(world: Path, tmp_path: Path) -> None:
    found = attacked(world, tmp_path, "--epsilon", "0.000001")
    assert "fool the network, and sets of 8 need as many" in found["adversarial"]["missing"]
    assert "Sets of adversarial inputs are missing" in (tmp_path / "report.html").read_text()


def test_evenness_is_over_the_classes_of_the_network_not_those_of_the_images(
    world: Path, tmp_path: Path
) -> None:
    """A network of 12 classes on images of 3: ln 12, or J could exceed 1."""
    card = ModelCard("lenet", 3, 12, 16, (0.5,), (0.25,))
    torch.manual_seed(0)
    model = build_model(card)
    with torch.no_grad():
        model.network.get_submodule("fc3").weight *= 100
    save_model(tmp_path / "net.safetensors", model, card)
    given = ["--model", str(tmp_path / "net.safetensors"), "--members", str(world / "train.npz")]
    words = ["--tests", str(world / "test.npz"), "--criteria", "tknc", "--sets", "10"]
    out = tmp_path / "out"
    main(["coverage", "impartiality", *given, *words, "--sizes", "48", "--out", str(out)])
    content = read_json(out / "summary.json")["lenses"]["coverage"]["impartiality"]
    with np.load(world / "test.npz") as held, torch.no_grad():
        images = torch.from_numpy(np.moveaxis(held["images"], -1, 1)).float() / 255
        predicted = model.eval()(images).argmax(1).numpy()
    shares = np.unique(predicted, return_counts=True)[1] / 48
    assert len(shares) > 3
    expected = -(shares * np.log(shares)).sum() / np.log(12)
    assert content["classes"] == 12
    assert content["range"] == pytest.approx([expected, expected])


def test_mistakes_are_one_sentence(tmp_path: Path, capsys: Any) -> None:
    with pytest.raises(SystemExit) as left:
        measured(tmp_path, arrays())
    assert left.value.code == 2
    assert "lacks probabilities" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        measured(tmp_path, with_probabilities(), "--sizes", "61")
    assert "more than the 60 tests" in capsys.readouterr().err
    for words, message in (
        (("--attack", "fgsm"), "--attack applies to a network"),
        (("--attack", "luck"), "unknown adversarial attack"),
    ):
        with pytest.raises(SystemExit):
            measured(tmp_path, with_probabilities(), *words)
        assert message in capsys.readouterr().err


def test_fewer_attacked_tests_than_a_set_holds_are_refused(
    world: Path, tmp_path: Path, capsys: Any
) -> None:
    with pytest.raises(SystemExit):
        attacked(world, tmp_path, "--attacked-records", "7")
    assert "--attacked-records 7 is less than --sizes 8" in capsys.readouterr().err
