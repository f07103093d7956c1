import pytest

from imprint.lenses.leave_one_out import commands
from imprint.study.command import COMMANDS

NAMES = ("compare", "fit", "landscape", "optimise", "query", "retrain")


@pytest.mark.parametrize("name", NAMES)
def test_commands_are_registered_with_an_example(name):
    command = COMMANDS.get(f"leave-one-out {name}")
    assert command.options.__module__ == commands.__name__
    assert "--out" in command.example
    assert callable(command.options.run)
