"""The help of commands: short enough for one screen, or complete."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import pytest

from imprint.cli.help import MAX_LINES, full_help, main_options, short_help
from imprint.core.bounds import Bounds
from imprint.study.command import COMMANDS, Command
from imprint.study.option_tree import options_of
from imprint.study.option_types import Formerly
from imprint.study.options import Common


@dataclass(frozen=True)
class Inner:
    """Inner options."""

    epochs: Annotated[int, Bounds(least=1)] = 3
    """Passes over the data."""


@dataclass(frozen=True, kw_only=True)
class Options(Common):
    """Do something with
    numbers.

    Everything else is said here.
    """

    model: Annotated[Path, Formerly("subject")]
    """Weights (Doe et al. 2020). Only with --help-all."""
    kind: Literal["left", "right"] = "left"
    """Which side."""
    shuffle: bool = True
    """Whether to shuffle."""
    train: Inner = field(default_factory=Inner)
    """How it is trained."""


COMMAND = Command(Options, "do it", example="--model m --out runs/x --kind right --no-shuffle")


def test_short_help_has_usage_a_sentence_an_example_and_the_main_options():
    lines = short_help("try it", COMMAND).splitlines()
    assert lines[:7] == [
        "usage: imprint try it --out PATH --model PATH [options]",
        "",
        "Do something with numbers.",
        "",
        "  imprint try it --model m --out runs/x --kind right --no-shuffle",
        "",
        "main options:",
    ]
    assert "  --model PATH            Weights (Doe et al. 2020; required)" in lines
    assert "  --kind {left,right}     Which side (default left)" in lines
    assert "  --[no-]shuffle          Whether to shuffle (default on)" in lines
    assert lines[-1] == "1 more option, among them --train.…: imprint try it --help-all"


def test_full_help_has_ranges_old_names_groups_and_the_rest_of_the_description():
    text = full_help("try it", COMMAND)
    assert "Everything else is said here." in text
    assert "--train.… How it is trained." in text
    assert "Passes over the data. (at least 1; default 3)" in text
    assert "Only with --help-all. (required; formerly --subject)" in " ".join(text.split())


def test_a_command_may_name_its_main_options_also_by_old_names():
    command = Command(Options, "do it", main=("subject", "train.epochs"))
    assert [option.flag for option in main_options(command)] == ["--model", "--train.epochs"]


@pytest.mark.parametrize("name", COMMANDS.names())
def test_short_help_fits_one_screen(name):
    lines = short_help(name, COMMANDS.get(name)).splitlines()
    assert len(lines) <= MAX_LINES < 60
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("name", COMMANDS.names())
def test_every_option_has_a_help_text(name):
    options = options_of(COMMANDS.get(name).options)
    assert [option.flag for option in options if not option.help] == []
    text = full_help(name, COMMANDS.get(name))
    assert [option.flag for option in options if option.spelled.split()[0] not in text] == []


def test_short_help_names_the_launcher_where_it_is_left_out():
    text = short_help("membership cohort", COMMANDS.get("membership cohort"))
    assert "more options, among them --launcher, --train.…" in text
