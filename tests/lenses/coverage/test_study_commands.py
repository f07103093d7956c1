from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imprint.cli import main
from imprint.cli.completion import completions
from imprint.lenses.coverage import commands, study_commands
from imprint.lenses.coverage.study_options import as_command
from imprint.study.config import parse
from imprint.study.json_io import read_json

PAIRS = {
    "rq1": (study_commands.NeuronStudy, commands.Ablate),
    "rq2": (study_commands.PixelStudy, commands.MeasureSensitivity),
    "rq3": (study_commands.AttackStudy, commands.MeasureAdversarial),
    "rq4": (study_commands.EvennessStudy, commands.MeasureImpartiality),
    "rq5": (study_commands.CostStudy, commands.MeasureCost),
}


@pytest.mark.parametrize("name", PAIRS)
def test_data_and_records_stand_for_both_parts(name: str) -> None:
    study, command = PAIRS[name]
    words = ["--out", "o", "--model", "m.pt", "--data", "cifar", "--records", "7", "--draws", "12"]
    tests = "7"
    if name == "rq1":
        words, tests = [*words, "--test-records", "9"], "9"
    found = as_command(
        parse(study, words, "imprint"),
        command,
        **{"rq4": {"sets": "draws"}, "rq5": {"repeats": "draws"}}.get(name, {}),
    )
    repeated = {"rq4": "sets", "rq5": "repeats"}.get(name, "draws")
    expected = [
        *("--out", "o", "--model", "m.pt", "--members", "cifar", "--tests", "cifar"),
        *("--tests-part", "test", "--member-records", "7", "--test-records", tests),
        *(f"--{repeated}", "12"),
    ]
    assert found == parse(command, expected, "imprint")


def test_a_study_is_its_command(world: Path, tmp_path: Path) -> None:
    words = ["--members", str(world / "train.npz"), "--tests", str(world / "test.npz")]
    words += ["--model", str(world / "net.safetensors"), "--criteria", "nc,kmnc"]
    main(["coverage", "study", "rq4", *words, "--sizes", "12", "--draws", "10",
          "--out", str(tmp_path / "study")])  # fmt: skip
    main(["coverage", "impartiality", *words, "--sizes", "12", "--sets", "10",
          "--out", str(tmp_path / "command")])  # fmt: skip
    for name in ("summary.json", "impartiality/findings.json"):
        assert read_json(tmp_path / "study" / name) == read_json(tmp_path / "command" / name)


def test_data_beside_members_is_refused(tmp_path: Path, capsys: Any) -> None:
    np.savez(tmp_path / "a.npz", images=np.zeros((1, 8, 8), np.uint8))
    file = str(tmp_path / "a.npz")
    with pytest.raises(SystemExit) as left:
        main(["coverage", "study", "rq1", "--data", file, "--members", file,
              "--out", str(tmp_path / "out")])  # fmt: skip
    assert left.value.code == 2
    assert "members is in" in capsys.readouterr().err


def test_the_tree_has_three_words(capsys: Any) -> None:
    with pytest.raises(SystemExit) as left:
        main(["coverage", "study", "--help"])
    assert left.value.code == 0
    assert "usage: imprint coverage study COMMAND" in (told := capsys.readouterr().out)
    assert "coverage measure" not in told
    with pytest.raises(SystemExit):
        main(["coverage", "study", "rq9"])
    assert "unknown command 'coverage study rq9'" in capsys.readouterr().err
    assert completions(["coverage", "study", "rq"]) == ["rq1", "rq2", "rq3", "rq4", "rq5"]
    assert completions(["coverage", "st"]) == ["study"]
    assert "--pixel-share" in completions(["coverage", "study", "rq2", "--pix"])
