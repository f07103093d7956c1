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


def install(site, package, group, points, source):
    """Write an installed package of one module, as pip leaves it."""
    (site / f"{package}.py").write_text(source)
    info = site / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = "".join(f"{name} = {module}\n" for name, module in points.items())
    (info / "entry_points.txt").write_text(f"[{group}]\n{lines}")


REGISTERS = "from tests.core.test_registry import PLUGGED\nPLUGGED.register({name!r})({name!r})\n"
PLUGGED: Registry[str] = Registry("method", group="imprint.test_methods")


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder of installed packages; ``PLUGGED`` has looked at none of them yet."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(PLUGGED, "_entries", {})
    monkeypatch.setattr(PLUGGED, "_discovered", False)
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("plugged_")]:
        del sys.modules[name]


def test_an_installed_package_adds_entries_on_the_first_look_up(site):
    source = REGISTERS.format(name="median")
    install(site, "plugged_good", PLUGGED.group, {"it": "plugged_good"}, source)
    assert "plugged_good" not in sys.modules
    assert PLUGGED.names() == ["median"]
    assert PLUGGED.get("median") == "median"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import nothing_like_this", "No module named 'nothing_like_this'"),
        ("raise RuntimeError('first\\nsecond')", "RuntimeError: first"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        (REGISTERS.format(name="half") + "1 / 0", "ZeroDivisionError"),
        (REGISTERS.format(name="median") * 2, "two methods are named 'median'"),
    ],
)
def test_a_broken_package_is_named_in_one_sentence_and_harms_no_other(site, capsys, source, reason):
    good = REGISTERS.format(name="mean")
    install(site, "plugged_broken", PLUGGED.group, {"it": "plugged_broken"}, source)
    install(site, "plugged_good", PLUGGED.group, {"it": "plugged_good"}, good)
    assert PLUGGED.names() == ["mean"]
    (line,) = capsys.readouterr().err.splitlines()
    assert "the package plugged_broken adds nothing to imprint.test_methods" in line
    assert reason in line
    assert "second" not in line


def test_a_registry_without_a_group_asks_no_package(monkeypatch):
    def refuse(**_):
        raise AssertionError("asked")

    monkeypatch.setattr("importlib.metadata.entry_points", refuse)
    assert Registry("method").names() == []


PLUGIN = """
from imprint.data.sources.registry import Layout, layouts
from imprint.lenses.coverage.criteria.nbc import BoundaryCoverage
from imprint.lenses.coverage.criterion.criterion import criterion
from imprint.lenses.membership.attack_kit.attack import attack

@attack("plugged_attack")
def plugged(evidence, kind):
    return evidence.target_values(kind).mean(axis=0)

@criterion("plugged_criterion", "what nbc counts")
class Plugged(BoundaryCoverage):
    pass

layouts.register("plugged_layout")(Layout("a file", lambda root: False, None))
"""
SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
from imprint import membership
from imprint.data.sources.registry import layouts
from imprint.lenses.coverage.criterion.criterion import CRITERIA

members = np.arange(60) < 30
result = membership.attack(
    np.where(members, 1.0, 0.0) + np.arange(60) / 1e3, members, attacks="plugged_attack"
)
print(result.findings.attacks["plugged_attack"].auc.value)
print(CRITERIA.get("plugged_criterion").__name__, layouts.get("plugged_layout").looks_like)
"""


def test_a_package_of_its_own_adds_attack_criterion_and_layout(tmp_path):
    import subprocess

    for room in ("attacks", "criteria", "layouts"):
        install(tmp_path, "plugged_mine", f"imprint.{room}", {"mine": "plugged_mine"}, PLUGIN)
        (tmp_path / "plugged_mine-1.0.dist-info").rename(tmp_path / f"{room}-1.0.dist-info")
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["1.0", "Plugged a file"]
