from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imprint.cli import main
from imprint.lenses.coverage.experiments import noise_gains
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
    page = (tmp_path / "report.html").read_text()
    assert 'id="coverage-sensitivity"' in page
    assert 'id="coverage-sensitivity-pictures"' in page
    assert len(list((tmp_path / "gallery" / "sensitivity").glob("*.png"))) == 4 * 12


def test_a_killed_study_goes_on_to_the_same_bytes(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured(world, tmp_path / "whole")
    calls, real = [], noise_gains.take_input_activations

    def dies(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(noise_gains, "take_input_activations", dies)
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


def test_a_grid_has_the_numbers_of_its_cells(world: Path, tmp_path: Path) -> None:
    words = ("--pixel-share", "0.1", "--criteria", "kmnc")
    grid = ("--grid-shares", "0.1,0.02", "--grid-deviations", "0.3,0.1")
    found = measured(world, tmp_path / "grid", *words, *grid)
    cells = {(each["budget"], each["deviation"]): each for each in found["grid"]}
    assert list(cells) == [(5, 0.1), (5, 0.3), (26, 0.1), (26, 0.3)]
    kmnc = found["criteria"]["kmnc"]
    both = kmnc["important"]["value"] + kmnc["random"]["value"]
    share = kmnc["difference"]["value"] / both
    assert cells[26, 0.3]["criteria"]["kmnc"]["value"] == pytest.approx(share)
    assert not (tmp_path / "grid" / "sensitivity_grid" / "0.1_0.3").exists()
    alone = measured(
        world, tmp_path / "alone", *words, "--pixel-share", "0.02", "--deviation", "0.1"
    )
    assert alone["accuracy"] == cells[5, 0.1]["accuracy"]
    assert alone["grid"] == []
    page = (tmp_path / "grid" / "report.html").read_text()
    assert "coverage-sensitivity-grid-kmnc" in page


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--grid-shares", "0.1,0.6"), "--grid-shares must be"),
        (("--grid-shares", "0.1,0.2,0.3,0.4,0.5"), "--grid-shares has 5 shares"),
        (("--grid-deviations", "0"), "--grid-deviations must be"),
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
