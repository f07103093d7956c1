import pytest

from imprint.study.command import COMMANDS


@pytest.mark.parametrize("name", [name for name in COMMANDS.names() if name.startswith("dejavu ")])
def test_every_command_has_an_example_and_main_options(name):
    command = COMMANDS.get(name)
    assert "--out" in command.example
    assert 6 <= len(command.main) <= 20
