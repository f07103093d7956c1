from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from imprint.study.option_types import Integers, Names, Numbers, Settings


@dataclass(frozen=True)
class Inner:
    """Inner options."""

    epochs: int = 3
    rate: float = 0.5
    active: bool = True


@dataclass(frozen=True, kw_only=True)
class Outer:
    """Options of a test."""

    out: Path
    kind: Literal["a", "b"] = "a"
    percents: Numbers = (100, 20)
    sizes: Integers = (1, 2)
    names: Names = ("x",)
    extra: Settings = ()
    verbose: bool = False
    train: Inner = field(default_factory=Inner)


def write(tmp_path, text):
    path = tmp_path / "options.yaml"
    path.write_text(text)
    return str(path)
