from dataclasses import dataclass, field
from pathlib import Path

import numpy
import torch

from imprint import __version__
from imprint.report.provenance import describe_data, library_versions, typed_command
from imprint.report.summary import without_folders
from imprint.study.command import COMMANDS
from imprint.study.plain import to_plain


def typed(options: object) -> str | None:
    settings = {name: without_folders(value) for name, value in to_plain(options).items()}
    return typed_command(options, settings)


def test_the_command_holds_what_is_not_at_its_default_without_folders() -> None:
    options = COMMANDS.get("membership audit").options(
        out=Path("runs/x"),
        model=Path("/home/me/net.safetensors"),
        members=Path("/data/train"),
        non_members=Path("/data/my test"),
        attacks=("lira", "rmia"),
        controls=False,
        shadows=8,
    )
    settings = without_folders(to_plain(options))
    del settings["out"]
    words = typed_command(options, settings)
    assert words is not None
    assert words.startswith("imprint membership audit ")
    flags = sorted(words.removeprefix("imprint membership audit --").split(" --"))
    assert flags == [
        "attacks lira,rmia",
        "members train",
        "model net.safetensors",
        "no-controls",
        "non-members 'my test'",
        "shadows 8",
    ]


def test_options_of_groups_have_dotted_flags() -> None:
    @dataclass(frozen=True)
    class Training:
        epochs: int = 5
        shuffle: bool = True

    @dataclass(frozen=True)
    class Options:
        settings: tuple[tuple[str, str], ...] = ()
        train: Training = field(default_factory=Training)

    from imprint.study.command import _WORDS

    _WORDS[Options] = "try"
    try:
        changed = Options((("k", "2"), ("m", "3")), Training(7, False))
        assert (
            typed(changed) == "imprint try --settings k=2,m=3 --train.epochs 7 --train.no-shuffle"
        )
        assert typed(Options()) == "imprint try"
        assert len(str(typed(Options((("k", "x" * 999),))))) < 100
    finally:
        del _WORDS[Options]


def test_settings_of_methods_are_typed_behind_flags_of_their_own() -> None:
    command = COMMANDS.get("coverage measure").options
    param = ((("kmnc.k", "10"), ("nc.threshold", "0.5")), (("cc.threshold", "2"),))
    words = typed(command(out=Path("x"), param=param))
    assert words is not None
    assert "--param kmnc.k=10 nc.threshold=0.5 --param cc.threshold=2" in words


def test_what_is_no_command_has_none() -> None:
    @dataclass(frozen=True)
    class Options:
        k: int = 1

    assert typed(Options()) is None


def test_versions_are_those_of_the_libraries() -> None:
    versions = library_versions()
    assert list(versions) == ["imprint", "torch", "numpy", "python"]
    assert versions["imprint"] == __version__
    assert versions["numpy"] == numpy.__version__
    assert torch.__version__.startswith(versions["torch"])


def test_data_are_described_by_what_is_known() -> None:
    assert describe_data({"name": "cats", "images": 3, "members": True}) == "cats: 3 images"
    assert describe_data({"members": 2}) == "2 members"
    assert describe_data({}) == ""
