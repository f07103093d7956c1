from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from imprint.core.errors import ImprintError
from imprint.study.config import parse, yaml_words
from tests.study.small_options import Inner, Outer, write


def test_defaults_then_file_then_command_line(tmp_path):
    file = write(
        tmp_path,
        "out: here\nkind: b\npercents: [50, 5]\nverbose: true\n"
        "extra: {temperature: 0.1}\ntrain: {epochs: 7, rate: 1e-3, active: false}\n",
    )
    words = ["--config", file, "--train.epochs", "9", "--sizes", "4,5"]
    found = parse(Outer, words, "test")
    assert found == Outer(
        out=Path("here"),
        kind="b",
        percents=(50.0, 5.0),
        sizes=(4, 5),
        extra=(("temperature", "0.1"),),
        verbose=True,
        train=Inner(epochs=9, rate=1e-3, active=False),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("outt: x\n", "unknown key 'outt'"),
        ("train: {epoch: 3}\n", r"unknown key 'train\.epoch'"),
        ("- 1\n", "must hold keys and values"),
        ("a: [\n", "is not YAML"),
    ],
)
def test_bad_files_are_rejected_in_one_sentence(tmp_path, text, message):
    with pytest.raises(ImprintError, match=message):
        yaml_words(Outer, Path(write(tmp_path, text)))


def test_a_file_that_is_not_text_is_rejected(tmp_path):
    file = tmp_path / "options.yaml"
    file.write_bytes("kind: é\n".encode("latin-1"))
    with pytest.raises(ImprintError, match=r"options\.yaml is not UTF-8 text"):
        yaml_words(Outer, file)


@dataclass(frozen=True)
class Switch:
    """An option that YAML 1.1 takes for a truth value."""

    on: bool = False


@pytest.mark.parametrize("value", ["--help", "-h", "--out=elsewhere", "[--help]"])
def test_values_that_begin_like_flags_are_refused(tmp_path, value):
    with pytest.raises(ImprintError, match="begins like a flag"):
        yaml_words(Outer, Path(write(tmp_path, f"out: {value}\n")))


def test_the_key_on_needs_no_quotes(tmp_path):
    assert yaml_words(Switch, Path(write(tmp_path, "on: true\n"))) == ["--on"]
    with pytest.raises(ImprintError, match="unknown key 'False'"):
        yaml_words(Switch, Path(write(tmp_path, "off: true\n")))


def test_of_several_files_the_later_ones_win(tmp_path):
    (tmp_path / "first.yaml").write_text("out: here\nkind: b\ntrain: {epochs: 7, rate: 0.25}\n")
    (tmp_path / "second.yaml").write_text("train: {epochs: 8}\n")
    words = ["--config", str(tmp_path / "first.yaml"), f"--config={tmp_path / 'second.yaml'}"]
    found = parse(Outer, [*words, "--kind", "a"], "test")
    assert (found.kind, found.train) == ("a", Inner(epochs=8, rate=0.25))


def test_config_needs_a_name():
    with pytest.raises(ImprintError, match="--config needs a YAML file or the name of a recipe"):
        parse(Outer, ["--out", "x", "--config"], "test")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ImprintError, match=r"cannot read the config .*none\.yaml"):
        parse(Outer, ["--config", str(tmp_path / "none.yaml")], "test")


@pytest.mark.parametrize(
    "words",
    [
        ["--out", "x", "--unknown", "1"],
        ["--out", "x", "--kind", "c"],
        ["--out", "x", "--percents", "ten"],
        ["--out", "x", "--extra", "temperature"],
        [],
    ],
)
def test_bad_words_are_refused(words, capsys):
    with pytest.raises(ImprintError, match="see test --help"):
        parse(Outer, words, "test")
    assert capsys.readouterr().err == ""
