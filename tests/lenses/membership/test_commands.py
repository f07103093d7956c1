import dataclasses

import pytest

from imprint.lenses.membership.study.case import MembershipArrays
from imprint.study.command import COMMANDS
from imprint.study.option_tree import options_of

COMMANDS_OF_LENS = sorted(name for name in COMMANDS.names() if name.startswith("membership "))


def test_every_command_of_the_lens_is_there():
    assert COMMANDS_OF_LENS == [
        "membership attack",
        "membership audit",
        "membership bound",
        "membership cohort",
        "membership ensemble",
        "membership privacy",
        "membership study",
    ]


@pytest.mark.parametrize("words", COMMANDS_OF_LENS)
def test_a_command_has_an_example_and_main_options_that_exist(words):
    entry = COMMANDS.get(words)
    names = {".".join(option.path) for option in options_of(entry.options)}
    assert entry.example.startswith("--")
    assert set(entry.main) <= names


def test_the_help_of_the_attack_command_names_every_array():
    text = COMMANDS.get("membership attack").options.__doc__
    names = [field.name for field in dataclasses.fields(MembershipArrays)]
    assert [name for name in names if not name.startswith("curvature_") and name not in text] == []
    assert "curvature_target" in text
