import sys

import pytest

from imprint.core.errors import ImprintError
from imprint.core.registry import Registry

ENTRY = "from rooms import METHODS\nMETHODS.register({name!r})({name!r})\n"


@pytest.fixture
def methods(tmp_path, monkeypatch):
    """Entries ``sum`` and ``mean`` in the packages ``methods`` of two rooms out of three."""
    (tmp_path / "rooms").mkdir()
    for room, name in (("first", "sum"), ("second", "mean"), ("third", None)):
        folder = tmp_path / "rooms" / room
        folder.mkdir()
        (folder / "__init__.py").touch()
        if name:
            (folder / "methods").mkdir()
            (folder / "methods" / "__init__.py").touch()
            (folder / "methods" / "entry.py").write_text(ENTRY.format(name=name))
    (tmp_path / "rooms" / "__init__.py").write_text("METHODS = None\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry: Registry[str] = Registry("method", "rooms.*.methods")
    monkeypatch.setattr("rooms.METHODS", registry)
    yield registry
    for name in [name for name in sys.modules if name.split(".")[0] == "rooms"]:
        del sys.modules[name]


def test_a_star_stands_for_every_package_that_has_the_folder(methods):
    assert methods.names() == ["mean", "sum"]
    assert methods.get("mean") == "mean"


def test_unknown_names_are_answered_with_those_that_exist(methods):
    with pytest.raises(ImprintError, match="unknown method 'max': choose one of mean, sum"):
        methods.get("max")


def test_a_star_below_a_package_that_is_not_there_finds_nothing():
    assert Registry("method", "imprint.nowhere.*.methods").names() == []


def test_one_name_for_two_entries_is_a_fault():
    registry: Registry[int] = Registry("method")
    registry.register("one")(1)
    with pytest.raises(ValueError, match="two methods are named 'one'"):
        registry.register("one")(2)
