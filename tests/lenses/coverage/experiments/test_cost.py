from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imprint.cli import main
from imprint.study.json_io import read_json, write_json
from imprint.study.tables import read_table
from tests.lenses.coverage.commands_on_files import words_of


def measured(world: Path, out: Path, *words: str) -> dict[str, Any]:
    tests = ("--tests", str(world / "test.npz"), "--criteria", "nc,kmnc,idc")
    main(words_of(world, "cost", *tests, *words, "--out", str(out)))
    found: dict[str, Any] = read_json(out / "summary.json")["lenses"]["coverage"]["cost"]
    return found


def test_times_are_medians_of_what_was_measured(world: Path, tmp_path: Path) -> None:
    found = measured(world, tmp_path, "--export-legacy")
    table = read_table(tmp_path / "cost" / "seconds.parquet")

    def seconds(what: str, part: str) -> np.ndarray:
        return np.asarray(table["seconds"][(table["what"] == what) & (table["part"] == part)])

    assert found["forward"]["value"] == pytest.approx(np.median(seconds("network", "forward")))
    for part in ("observed", "together"):
        rounds = seconds("network", part) / seconds("network", "forward")
        ratio = found[f"{part}_ratio"]
        assert ratio["value"] == pytest.approx(sorted(rounds)[2])
        assert ratio["ci95"] == pytest.approx([rounds.min(), rounds.max()])
    kmnc = found["criteria"]["kmnc"]
    assert kmnc["update"]["value"] == pytest.approx(np.median(seconds("kmnc", "update")))
    assert kmnc["ratio"] == pytest.approx(kmnc["update"]["value"] / found["forward"]["value"])
    assert len(seconds("kmnc", "fit")) == 5
    assert found["criteria"]["nc"]["fit"] is None
    assert kmnc["state_bytes"] > 0
    assert kmnc["peak_bytes"] >= 0
    lines = (tmp_path / "cost_legacy" / "rq5_overhead.csv").read_text().splitlines()
    assert lines[0].startswith("method,model,total_layers,total_neurons,device,build_time,")
    assert len(lines) == 4
    assert 'id="coverage-cost"' in (tmp_path / "report.html").read_text()


def test_cost_is_shown_beside_what_criteria_tell_apart(
    world: Path, tmp_path: Path, capsys: Any
) -> None:
    tests = ("--tests", str(world / "test.npz"), "--criteria", "nc,kmnc")
    noise = tmp_path / "noise"
    main(words_of(world, "sensitivity", *tests, "--draws", "2", "--out", str(noise)))
    found = measured(world, tmp_path / "cost", "--sensitivity", str(noise))
    assert found["discrimination"]["tests"] == 48
    assert set(found["discrimination"]["criteria"]) <= {"nc", "kmnc"}
    page = (tmp_path / "cost" / "report.html").read_text()
    assert "coverage-cost-discrimination" in page
    summary = read_json(noise / "summary.json")
    summary["model"]["fingerprint"] = "0" * 64
    write_json(noise / "summary.json", summary)
    for folder, why in ((noise, "is of another network"), (tmp_path / "cost", "holds no findings")):
        with pytest.raises(SystemExit) as left:
            measured(world, tmp_path / "other", "--sensitivity", str(folder))
        assert left.value.code == 2
        assert why in capsys.readouterr().err


def test_other_settings_are_refused_and_the_same_are_not_timed_again(
    world: Path, tmp_path: Path, capsys: Any
) -> None:
    first = measured(world, tmp_path)
    assert measured(world, tmp_path) == first
    with pytest.raises(SystemExit):
        measured(world, tmp_path, "--batch-size", "64")
    assert "was made with other settings" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        measured(world, tmp_path / "other", "--repeats", "4")
    assert "--repeats must be in [5, 10000]" in capsys.readouterr().err
