from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imprint.cli import main
from imprint.lenses.coverage.study import sensitivity
from imprint.study.json_io import read_json
from imprint.study.tables import read_table
from tests.lenses.coverage.commands_on_files import words_of


def measured(world: Path, out: Path, *words: str) -> dict[str, Any]:
    tests = ("--tests", str(world / "test.npz"), "--draws", "3", "--criteria", "nc,kmnc,nlc,idc")
    main(words_of(world, "sensitivity", *tests, *words, "--out", str(out)))
    found: dict[str, Any] = read_json(out / "summary.json")["lenses"]["coverage"]["sensitivity"]
    return found


def test_noisy_copies_are_compared(world: Path, tmp_path: Path) -> None:
    found = measured(world, tmp_path, "--pixel-share", "0.1", "--export-legacy")
    table = read_table(tmp_path / "sensitivity" / "draws.parquet")
    assert table["pixels"].tolist() == ["important", "random"] * 3
    assert found["budget"] == 26
    kmnc = found["criteria"]["kmnc"]
    gains = (table["kmnc"] - kmnc["original"]) / kmnc["mark"]
    assert kmnc["important"]["value"] == pytest.approx(gains[::2].mean())
    assert kmnc["difference"]["value"] == pytest.approx((gains[::2] - gains[1::2]).mean())
    assert np.round(gains) == pytest.approx(gains, abs=1e-6)
    assert all(each["duplicates"] == pytest.approx(0, abs=1e-4)
               for each in found["criteria"].values())  # fmt: skip
    lines = (tmp_path / "sensitivity_legacy" / "rq2_results.csv").read_text().splitlines()
    assert lines[0] == ",IDC,KMNC,NC,NLC"
    assert [line.partition(",")[0] for line in lines[1:]] == ["original", "lrp_U_RO", "lrp_U_IO"]
    assert 'id="coverage-sensitivity"' in (tmp_path / "report.html").read_text()


def test_a_killed_study_goes_on_to_the_same_bytes(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured(world, tmp_path / "whole")
    calls, real = [], sensitivity.take_input_activations

    def dies(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(sensitivity, "take_input_activations", dies)
    with pytest.raises(SystemExit):
        measured(world, tmp_path / "killed")
    measured(world, tmp_path / "killed")
    assert len(calls) == 4 + 3
    for name in ("draws.parquet", "findings.json"):
        files = [tmp_path / run / "sensitivity" / name for run in ("whole", "killed")]
        assert files[0].read_bytes() == files[1].read_bytes()
    assert len(list((tmp_path / "whole" / "sensitivity").iterdir())) == 2


def test_pixels_may_be_those_of_voted_neurons(world: Path, tmp_path: Path) -> None:
    found = measured(world, tmp_path, "--pixels", "wisdom", "--vote-records", "64")
    assert found["pixels"] == "wisdom"
    assert set(found["criteria"]) == {"nc", "kmnc", "nlc", "idc"}
    assert (tmp_path / "wisdom" / "votes.csv").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--pixels", "luck"), "unknown layer attribution"),
        (("--pixels", "lfa"), "one value a channel"),
        (("--pixel-share", "0.6"), "--pixel-share must be in (0, 0.5]"),
    ],
)
def test_mistakes_are_one_sentence(
    world: Path, tmp_path: Path, capsys: Any, words: tuple[str, ...], message: str
) -> None:
    with pytest.raises(SystemExit) as left:
        measured(world, tmp_path, *words)
    assert left.value.code == 2
    assert message in capsys.readouterr().err
