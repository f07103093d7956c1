"""Types of options that a command line writes as lists or settings, and old spellings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import tyro


@dataclass(frozen=True)
class Formerly:
    """Old spellings of an option, in its annotation: ``Annotated[Path, Formerly("subject")]``.

    They are accepted for one version, with a line on standard error.

    Attributes:
        names: field names, as they stand in YAML.
    """

    names: tuple[str, ...]

    def __init__(self, *names: str) -> None:
        object.__setattr__(self, "names", names)


@dataclass(frozen=True)
class Absorbed:
    """An option that became settings behind another one, in the annotation of that other one.

    ``Absorbed("gamma", "rmia.gamma")`` on ``param``: ``--gamma 3`` is read as ``--param
    rmia.gamma=3`` for one version, with a line on standard error.

    Attributes:
        name: the old name of the field.
        settings: the settings that take its value.
        is_switch: whether it took no value.
    """

    name: str
    settings: tuple[str, ...]
    is_switch: bool

    def __init__(self, name: str, *settings: str, is_switch: bool = False) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "settings", settings)
        object.__setattr__(self, "is_switch", is_switch)

    def words(self, value: str) -> list[str]:
        """Return the settings with a value, as on the command line."""
        return [f"{setting}={value}" for setting in self.settings]


AUTO: Literal["auto"] = "auto"
"""In place of a number: it is to be chosen by the data."""


def _number_or_auto(word: str) -> float | str:
    return AUTO if word.strip() == AUTO else float(word)


def _comma_list(kind: Callable[[str], Any], metavar: str) -> Any:
    def parse(words: list[str]) -> tuple[Any, ...]:
        try:
            return tuple(kind(word) for word in words[0].split(",") if word.strip())
        except ValueError:
            raise ValueError(f"expected {metavar}, got {words[0]!r}") from None

    def is_instance(value: Any) -> bool:
        return isinstance(value, tuple)

    def show(value: tuple[Any, ...]) -> list[str]:
        return [",".join(f"{item:g}" if isinstance(item, float) else str(item) for item in value)]

    return tyro.constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar=metavar,
        instance_from_str=parse,
        is_instance=is_instance,
        str_from_instance=show,
    )


def _parse_settings(words: list[str]) -> tuple[tuple[str, str], ...]:
    pairs = [word.partition("=") for word in words[0].split(",") if word.strip()]
    for name, equals, _ in pairs:
        if not name or not equals:
            raise ValueError(f"expected NAME=VALUE,NAME=VALUE,…, got {words[0]!r}")
    return tuple((name.strip(), value.strip()) for name, _, value in pairs)


_SETTINGS = tyro.constructors.PrimitiveConstructorSpec(
    nargs=1,
    metavar="NAME=VALUE,…",
    instance_from_str=_parse_settings,
    is_instance=lambda value: isinstance(value, tuple),
    str_from_instance=lambda value: [",".join(f"{name}={text}" for name, text in value)],
)

Numbers = Annotated[tuple[float, ...], _comma_list(float, "NUMBER,NUMBER,…")]
NumbersOrAuto = Annotated[
    tuple[float | Literal["auto"], ...], _comma_list(_number_or_auto, "NUMBER|auto,…")
]
Integers = Annotated[tuple[int, ...], _comma_list(int, "INT,INT,…")]
Names = Annotated[tuple[str, ...], _comma_list(str, "NAME,NAME,…")]
Settings = Annotated[tuple[tuple[str, str], ...], _SETTINGS]

_SOME_SETTINGS = tyro.constructors.PrimitiveConstructorSpec(
    nargs="*",
    metavar="NAME=VALUE …",
    instance_from_str=lambda words: tuple(
        pair for word in words for pair in _parse_settings([word])
    ),
    is_instance=lambda value: isinstance(value, tuple),
    str_from_instance=lambda value: [f"{name}={text}" for name, text in value],
)
Parameters = Annotated[
    tuple[Annotated[tuple[tuple[str, str], ...], _SOME_SETTINGS], ...], tyro.conf.UseAppendAction
]
"""Settings behind one flag that may be given again: ``--param a=1 b=2 --param c=3``."""
