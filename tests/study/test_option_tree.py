from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import pytest

from imprint.core.bounds import Bounds
from imprint.study.option_tree import groups_of, options_of
from imprint.study.option_types import Formerly, Numbers


@dataclass(frozen=True)
class Inner:
    """Inner options."""

    batch_size: Annotated[int, Bounds(least=1)] = 8
    """Images per step."""
    shuffle: bool = True
    """Whether to shuffle."""


@dataclass(frozen=True, kw_only=True)
class Outer:
    """Options of a test."""

    out: Path
    """Where to write."""
    kind: Literal["a", "b"] | None = None
    """Which."""
    shares: Annotated[Numbers, Bounds(least=0), Formerly("parts", "pieces")] = (0.5,)
    """How much."""
    train: Inner = field(default_factory=lambda: Inner(batch_size=16))
    """How to train."""


@pytest.fixture
def options():
    return {option.flag: option for option in options_of(Outer)}


def test_options_are_listed_with_what_their_annotations_say(options):
    assert list(options) == [
        "--out",
        "--kind",
        "--shares",
        "--train.batch-size",
        "--train.shuffle",
    ]
    assert options["--out"].is_required
    assert options["--kind"].choices == ("a", "b")
    assert options["--kind"].spelled == "--kind {a,b}"
    assert options["--shares"].bounds == Bounds(least=0)
    assert options["--shares"].old_paths == (("parts",), ("pieces",))
    assert options["--shares"].spelled == "--shares NUMBER,NUMBER,…"
    assert options["--train.batch-size"].help == "Images per step."
    assert options["--train.batch-size"].owner is Inner


def test_defaults_of_nested_options_are_those_of_the_group(options):
    assert options["--train.batch-size"].default == 16
    assert options["--out"].default is dataclasses.MISSING


def test_a_switch_has_two_spellings(options):
    assert options["--train.shuffle"].spelled == "--train.[no-]shuffle"
    assert options["--train.shuffle"].negated == "--train.no-shuffle"


def test_groups_count_their_options():
    (group,) = groups_of(Outer)
    assert (group.path, group.help, group.count) == (("train",), "How to train.", 2)
