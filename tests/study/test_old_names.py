from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import pytest

import miniatures
from imprint.core.bounds import Bounds
from imprint.core.errors import ImprintError
from imprint.lenses.membership.study.options import AttacksChoice
from imprint.recipes import find_recipe, recipes_for
from imprint.study.command import COMMANDS
from imprint.study.config import parse, yaml_words
from imprint.study.old_names import absorbed_flags, rename_flags, renamed_flags
from imprint.study.option_tree import Option, options_of
from imprint.study.option_types import Absorbed, Formerly, Parameters


@dataclass(frozen=True)
class Inner:
    """Inner options."""

    width: Annotated[int, Bounds(least=1), Formerly("breadth")] = 3
    fast: Annotated[bool, Formerly("quick")] = False


@dataclass(frozen=True, kw_only=True)
class Outer:
    """Options of a test."""

    model: Annotated[Path, Formerly("subject", "network")]
    param: Annotated[
        Parameters, Absorbed("gamma", "rmia.gamma"), Absorbed("old", "a.x", "b.x", is_switch=True)
    ] = ()
    train: Inner = field(default_factory=Inner)


@pytest.mark.parametrize(
    ("words", "flag", "line"),
    [
        (["--subject", "m"], "--subject", "--subject is now --model"),
        (["--network=m"], "--network", "--network is now --model"),
        (["--model", "m", "--train.breadth", "5"], "", "--train.breadth is now --train.width"),
        (["--model", "m", "--train.quick"], "", "--train.quick is now --train.fast"),
        (["--model", "m", "--train.no-quick"], "", "--train.no-quick is now --train.no-fast"),
    ],
)
def test_an_old_flag_is_accepted_with_one_line(words, flag, line, capsys):
    assert parse(Outer, words, "test").model == Path("m")
    expected = f"imprint: {line}; the old name goes in the next version\n"
    assert capsys.readouterr().err == expected


@pytest.mark.parametrize(
    ("words", "param"),
    [
        (["--gamma", "3"], ((("rmia.gamma", "3"),),)),
        (["--gamma=3"], ((("rmia.gamma", "3"),),)),
        (["--old"], ((("a.x", "true"), ("b.x", "true")),)),
        (["--no-old", "--param", "c.y=1"], ((("a.x", "false"), ("b.x", "false")), (("c.y", "1"),))),
    ],
)
def test_an_absorbed_option_becomes_settings_with_one_line(words, param, capsys):
    assert parse(Outer, ["--model", "m", *words], "test").param == param
    flag = words[0].partition("=")[0]
    line = capsys.readouterr().err
    assert line.startswith(f"imprint: {flag} is now --param {param[0][0][0]}=…")
    assert line.count("\n") == 1


def test_an_absorbed_key_of_a_yaml_file_becomes_a_setting(tmp_path, capsys):
    file = tmp_path / "options.yaml"
    file.write_text("model: m\ngamma: 0.5\nold: true\n")
    assert parse(Outer, ["--config", str(file)], "test").param == (
        (("rmia.gamma", "0.5"),),
        (("a.x", "true"), ("b.x", "true")),
    )
    assert f"imprint: {file}: gamma is now --param rmia.gamma=…" in capsys.readouterr().err


ABSORBED = [
    (name, flag)
    for name in COMMANDS.names()
    for flag, (mark, _) in absorbed_flags(COMMANDS.get(name).options).items()
]


@pytest.mark.parametrize(("name", "old"), ABSORBED)
def test_every_absorbed_option_of_every_command_names_settings_that_exist(name, old):
    options = COMMANDS.get(name).options
    mark, flag = absorbed_flags(options)[old]
    words = rename_flags(options, [old, *([] if mark.is_switch else ["0.5"])], lambda _: None)
    assert words[0] == flag
    value = "true" if mark.is_switch and "no-" not in old else "false" if mark.is_switch else "0.5"
    if name.startswith("membership"):
        settings = AttacksChoice(param=(tuple(tuple(w.split("=")) for w in words[1:]),))
        assert settings.attack_settings
    assert all(word.endswith(f"={value}") for word in words[1:])


def test_an_old_key_of_a_yaml_file_is_accepted_with_one_line(tmp_path, capsys):
    file = tmp_path / "options.yaml"
    file.write_text("subject: m\ntrain: {breadth: 7, quick: true}\n")
    assert parse(Outer, ["--config", str(file)], "test") == Outer(
        model=Path("m"), train=Inner(width=7, fast=True)
    )
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == (
        f"imprint: {file}: subject is now model; the old name goes in the next version"
    )
    assert [line.split(": ")[-1].split(";")[0] for line in lines[1:]] == [
        "train.breadth is now train.width",
        "train.quick is now train.fast",
    ]


def test_current_names_need_no_line(tmp_path, capsys):
    file = tmp_path / "options.yaml"
    file.write_text("model: m\n")
    assert yaml_words(Outer, file) == ["--model", "m"]
    assert rename_flags(Outer, ["--model", "--subjects", "x"], pytest.fail) == [
        "--model",
        "--subjects",
        "x",
    ]
    assert capsys.readouterr().err == ""


def test_a_value_out_of_range_is_named_by_its_current_flag():
    with pytest.raises(ImprintError, match=r"^--train\.width must be at least 1, got 0$"):
        parse(Outer, ["--subject", "m", "--train.breadth", "0"], "test")


OLD_FLAGS = [
    (name, flag) for name in COMMANDS.names() for flag in renamed_flags(COMMANDS.get(name).options)
]


@pytest.mark.parametrize(("name", "old"), OLD_FLAGS)
def test_every_old_spelling_of_every_command_fills_the_option_of_the_new_one(name, old, capsys):
    options = COMMANDS.get(name).options
    new = renamed_flags(options)[old]
    known = {option.flag: option for option in options_of(options)}
    assert old not in known
    switch = next((each for each in known.values() if each.is_switch and each.negated == new), None)
    option = switch or known[new]
    words = [word for each in known.values() if each.is_required and each is not option
             for word in (each.flag, sample(each))]  # fmt: skip
    value = [] if option.is_switch else [sample(option)]
    outcomes = []
    for flag in (old, new):
        try:
            outcomes.append(parse(options, [*words, flag, *value], "test"))
        except ImprintError as error:
            outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]
    assert f"imprint: {old} is now {new}; " in capsys.readouterr().err


def sample(option: Option) -> str:
    """Return a value that an option takes."""
    if option.choices:
        return option.choices[0]
    return {int: "3", float: "0.5"}.get(option.plain_kind, "a=1" if "=" in option.metavar else "2")


@pytest.mark.parametrize("name", COMMANDS.names())
def test_no_miniature_uses_an_old_name(name):
    words = miniatures.commands(Path("inputs")).get(name, [])
    rename_flags(COMMANDS.get(name).options, words[len(name.split()) :], pytest.fail)


RECIPES = [(command, name) for command in COMMANDS.names() for name in recipes_for(command)]


@pytest.mark.parametrize(
    ("command", "file"),
    [
        *((command, find_recipe(name)) for command, name in RECIPES),
        *(("audit", file) for file in (Path(__file__).parents[2] / "examples").glob("*.yaml")),
    ],
    ids=str,
)
def test_no_recipe_or_example_uses_an_old_name(command, file, capsys):
    yaml_words(COMMANDS.get(command).options, file)
    assert capsys.readouterr().err == ""
