from dataclasses import dataclass

import pytest

from imprint.study.command import COMMANDS, command


@pytest.fixture
def registered(monkeypatch):
    """Give the registry with a copy of its entries, so that a test may add some."""
    COMMANDS.names()
    monkeypatch.setattr(COMMANDS, "_entries", dict(COMMANDS._entries))
    return COMMANDS


def test_a_decorated_dataclass_is_a_command(registered):
    @command("try it", "do it", example="--number 2", main=("number",))
    @dataclass(frozen=True)
    class Options:
        number: int = 1

    entry = registered.get("try it")
    assert entry.options is Options
    assert (entry.summary, entry.example, entry.main) == ("do it", "--number 2", ("number",))
    assert "try it" in registered.names()


def test_two_commands_of_one_name_are_refused(registered):
    with pytest.raises(ValueError, match="two commands are named 'train'"):
        command("train", "again")(object)


def test_commands_are_found_where_they_stand():
    assert {"audit", "data split", "train", "list attacks"} <= set(COMMANDS.names())
