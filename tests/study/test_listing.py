import json

import pytest

from imprint.cli import main
from imprint.study.command import COMMANDS

LISTS = [name for name in COMMANDS.names() if name.startswith("list ")]


@pytest.mark.parametrize("name", LISTS)
def test_every_entry_has_one_line(name, capsys):
    main(name.split())
    lines = capsys.readouterr().out.splitlines()
    main([*name.split(), "--json"])
    descriptions = json.loads(capsys.readouterr().out)
    assert [line.split()[0] for line in lines] == list(descriptions)
    assert all(description for description in descriptions.values())
    assert not any("``" in line for line in lines)


def test_attacks_are_described_by_the_docstring_of_their_module(capsys):
    main(["list", "attacks", "--json"])
    descriptions = json.loads(capsys.readouterr().out)
    assert descriptions["lira"].startswith("LiRA online: the likelihood ratio of φ")
    assert descriptions["rmia"].startswith("RMIA: ")
