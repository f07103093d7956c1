from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import binom, zscore
from scipy.stats import t as student_t

from imprint.cli import main
from imprint.lenses.coverage.experiments.impartiality import correlate
from imprint.lenses.coverage.experiments.impartiality_findings import CriterionCorrelation
from imprint.lenses.coverage.measure.impartiality import MixedSets
from imprint.nets.fill import build_model
from imprint.nets.model_card import ModelCard
from imprint.nets.save import save_model
from imprint.stats.estimate import Estimate
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


def test_pooled_intervals_cover_the_correlation_within_sizes() -> None:
    """Two sizes of other means and spreads, ρ = ½ in each: ≥ 92 %, but once in 10,000."""
    random, hits, trials = np.random.default_rng(0), 0, 25
    sizes = np.repeat([100, 500], 30)
    for trial in range(trials):
        even, noise = random.normal(size=(2, 60))
        coverage = (0.5 * even + 0.75**0.5 * noise) * np.where(sizes == 100, 1, 9) + sizes
        mixed = MixedSets(sizes, np.ones(60), even, {"nc": coverage})
        found = correlate(mixed, "nc", trial)
        assert isinstance(found, CriterionCorrelation)
        assert isinstance(found.pooled, Estimate)
        hits += found.pooled.low <= 0.5 <= found.pooled.high
    assert binom.ppf(1e-4, trials, 0.92) <= hits


def test_a_network_is_measured(world: Path, tmp_path: Path) -> None:
    words = ("--tests", str(world / "test.npz"), "--criteria", "nbc", "--sets", "10")
    main(words_of(world, "impartiality", *words, "--sizes", "12", "--out", str(tmp_path)))
    content = read_json(tmp_path / "summary.json")["lenses"]["coverage"]["impartiality"]
    assert content["classes"] == 3


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
