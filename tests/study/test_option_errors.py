"""What is wrong with the words of a command is one sentence on standard error and code 2."""

import pytest

from imprint.cli import main

COMMANDS = ("train", "dejavu", "leave-one-out", "membership")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["train"], "imprint train needs --out PATH"),
        (["dejavu", "attack"], "imprint dejavu attack needs --out PATH and --arrays PATH"),
        (["train", "--out", "x", "--sed", "1"], "unknown option --sed, the nearest is --seed"),
        (["train", "--sed", "1"], "unknown option --sed, the nearest is --seed"),
        (["train", "--out", "x", "--qqqq"], "unknown option --qqqq"),
        (["train", "--out", "x", "stray"], "unexpected word 'stray' on the command line"),
        (["train", "--out", "x", "--seed", "1.5"], "--seed must be an integer, got '1.5'"),
        (["train", "--out", "x", "--seed=1.5"], "--seed must be an integer, got '1.5'"),
        (
            ["train", "--out", "x", "--device", "gpu"],
            "--device must be one of auto, cpu, cuda, mps, got 'gpu'",
        ),
        (["train", "--out", "x", "--train.epochs"], "--train.epochs needs a value"),
        (
            ["coverage", "wisdom", "--out", "x", "--selector"],
            "--selector needs a value, one of none, model, layers",
        ),
        (
            ["train", "--out", "x", "--train.learning_rate", "q"],
            "--train.learning-rate must be a number, got 'q'",
        ),
        (
            ["leave-one-out", "fit", "--out", "x", "--noise", "a,b"],
            "--noise must be numbers, or auto, separated by commas, got 'a,b'",
        ),
        (
            ["leave-one-out", "fit", "--out", "x", "--depth", "two"],
            "--depth must be an integer or None, got 'two'",
        ),
        (
            ["dejavu", "sweep", "--out", "x", "--vary", "k"],
            "--vary must be NAME=VALUE pairs separated by commas, got 'k'",
        ),
        (
            ["membership", "attack", "--out", "x", "--arrays", "x", "--param", "rmia.gamma=3", "x"],
            "--param must be NAME=VALUE pairs separated by spaces, got 'x'",
        ),
        (
            ["membership", "attack", "--out", "x", "--arrays", "x", "--param", "a=1", "--param=b"],
            "--param must be NAME=VALUE pairs separated by spaces, got 'b'",
        ),
        (
            ["membership", "attack", "--out", "x", "--arrays", "x", "--param", "a=1,=2", "b=1"],
            "--param must be NAME=VALUE pairs separated by spaces, got 'a=1,=2'",
        ),
    ],
)
def test_a_bad_option_is_one_sentence_with_code_2(words, sentence, capsys):
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 2
    command = " ".join(word for word in words[:2] if word in COMMANDS)
    printed = capsys.readouterr().err
    assert printed.startswith(f"imprint: {sentence}; see imprint {command}")
    assert printed.endswith(" --help\n")
    assert printed.count("\n") == 1


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--train.mean=nan", "--train.mean must be a finite number below 3.4e38, got nan"),
        ("--train.std=1e400", "--train.std must be a finite number below 3.4e38, got inf"),
        ("--train.learning-rate=1e300", "--train.learning-rate must be a finite number below"),
        (f"--train.epochs={10**23}", f"--train.epochs must be an integer below 2^63, got {10**23}"),
    ],
)
def test_numbers_that_no_option_means_are_refused(flag, message, tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        main(["train", flag, "--out", str(tmp_path / "out")])
    assert left.value.code == 2
    assert capsys.readouterr().err.startswith(f"imprint: {message}")
    assert not (tmp_path / "out").exists()


def test_an_older_tyro_reports_in_its_own_way(monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "tyro._errors", None)
    with pytest.raises(SystemExit) as left:
        main(["train", "--out", "x", "--seed", "1.5"])
    assert left.value.code == 2
    assert "--seed" in capsys.readouterr().err
