from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imprint.cli import main
from imprint.lenses.coverage.experiments import mixtures
from imprint.study.json_io import read_json
from imprint.study.tables import read_table
from tests.lenses.coverage.commands_on_files import words_of


def measured(world: Path, out: Path, *words: str) -> dict[str, Any]:
    tests = ("--tests", str(world / "test.npz"), "--draws", "3", "--criteria", "nc,kmnc,nlc")
    sets = ("--sizes", "8", "--shares", "0.125,0.25", "--attacks", "fgsm")
    main(words_of(world, "adversarial", *tests, *sets, *words, "--out", str(out)))
    found: dict[str, Any] = read_json(out / "summary.json")["lenses"]["coverage"]["adversarial"]
    return found


def test_sets_with_adversarial_inputs_are_compared(trained: Path, tmp_path: Path) -> None:
    found = measured(trained, tmp_path, "--epsilon", "0.5", "--export-legacy")
    fgsm = found["attacks"]["fgsm"]
    records = read_table(tmp_path / "adversarial" / "fgsm" / "records.parquet")
    assert fgsm["attacked"] == len(records["index"]) == found["correct"]
    wrong = records["prediction"] != records["label"]
    assert fgsm["success"]["value"] == pytest.approx(wrong.mean())
    table = read_table(tmp_path / "adversarial_changes" / "sets.parquet")
    assert len(table["index"]) == 3 * 2 * 2 * 2
    chosen = (table["share"] == 0.25) & (table["way"] == "add") & (table["inputs"] == "adversarial")
    changes = (table["kmnc"] - table["kmnc_alone"])[chosen]
    added = next(
        each for each in fgsm["changes"]["kmnc"] if each["way"] == "add" and each["share"] == 0.25
    )
    assert added["change"]["value"] == pytest.approx(changes.mean())
    assert added["inputs"] == 2
    lines = (tmp_path / "adversarial_changes_legacy" / "rq3_results.csv").read_text().splitlines()
    assert lines[0] == (
        "Method,Sample_Size,Attack,Adv_Ratio,Coverage_Change,Coverage_Change_Std,Num_Runs"
    )
    assert len(lines) == 1 + 3 * 2
    assert lines[1].startswith("kmnc,8,fgsm,0.125,")
    assert 'id="coverage-adversarial-fgsm-add"' in (tmp_path / "report.html").read_text()
    assert np.isfinite(table["nlc"]).all()


def test_what_was_kept_comes_back_to_the_last_bit(trained: Path, tmp_path: Path) -> None:
    words = ("--epsilon", "0.5", "--attacks", "fgsm,bim")
    measured(trained, tmp_path / "whole", *words)
    killed = tmp_path / "killed"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mixtures, "changes_of", _dies)
        with pytest.raises(SystemExit):
            measured(trained, killed, *words)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mixtures, "measure_mixtures", _dies)
        measured(trained, killed, *words)
    for name in ("sets.parquet", "findings.json"):
        files = [run / "adversarial_changes" / name for run in (tmp_path / "whole", killed)]
        assert files[0].read_bytes() == files[1].read_bytes()


def _dies(*arguments: Any) -> None:
    raise KeyboardInterrupt


def test_an_attack_without_effect_is_told(world: Path, tmp_path: Path) -> None:
    found = measured(world, tmp_path, "--epsilon", "0.000001")
    assert found["attacks"]["fgsm"]["changes"] == {}
    assert "fool the network" in found["attacks"]["fgsm"]["unmeasured"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--attacks", "luck"), "unknown adversarial attack"),
        (("--sizes", "48"), "needs 60 tests that the network classifies correctly"),
        (("--shares", "0.6"), "--shares must be in (0, 0.5]"),
        (("--attacks", ""), "is empty"),
    ],
)
def test_mistakes_are_one_sentence(
    world: Path, tmp_path: Path, capsys: Any, words: tuple[str, ...], message: str
) -> None:
    with pytest.raises(SystemExit) as left:
        measured(world, tmp_path, *words)
    assert left.value.code == 2
    assert message in capsys.readouterr().err
