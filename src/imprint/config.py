"""Options: a frozen dataclass, filled from defaults, then a YAML file, then the command line.

A YAML file is read as if its keys stood on the command line before everything else, so one set
of rules checks both, and a run's ``options.yaml`` replays it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

import tyro

from imprint.errors import ImprintError

T = TypeVar("T")


def _comma_list(kind: type, metavar: str) -> Any:
    def parse(words: list[str]) -> tuple[Any, ...]:
        try:
            return tuple(kind(word) for word in words[0].split(",") if word.strip())
        except ValueError:
            raise ValueError(f"expected {metavar}, got {words[0]!r}") from None

    def is_instance(value: Any) -> bool:
        return isinstance(value, tuple)

    def show(value: tuple[Any, ...]) -> list[str]:
        return [",".join(f"{item:g}" if kind is float else str(item) for item in value)]

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


def parse(options: type[T], arguments: Sequence[str], program: str) -> T:
    """Return ``options`` filled from ``arguments`` and from the YAML file behind ``--config``.

    Args:
        options: a dataclass; nested dataclasses become dotted flags.
        arguments: words of the command line after the command's name.
        program: what to call the command in its help.

    Raises:
        ImprintError: the YAML file cannot be read or names an unknown key.
        SystemExit: 0 after ``--help``; 2 after a bad flag or value, told on standard error.
    """
    words = list(arguments)
    file, words = _take_config(words)
    if file is not None:
        words = yaml_words(options, file) + words
    return tyro.cli(options, args=words, prog=program)


def _take_config(words: list[str]) -> tuple[Path | None, list[str]]:
    for position, word in enumerate(words):
        if word == "--config":
            if position + 1 == len(words):
                raise ImprintError("--config needs a YAML file behind it")
            return Path(words[position + 1]), words[:position] + words[position + 2 :]
        if word.startswith("--config="):
            return Path(word.removeprefix("--config=")), words[:position] + words[position + 1 :]
    return None, words


def yaml_words(options: type, file: Path) -> list[str]:
    """Return the command-line words that a YAML file of options stands for.

    Raises:
        ImprintError: no such file, not YAML in UTF-8, not a mapping, or a key ``options`` lacks.
    """
    import yaml

    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ImprintError(f"cannot read the config {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ImprintError(f"{file} is not UTF-8 text: save it as UTF-8") from error
    except yaml.YAMLError as error:
        first = str(error).splitlines()[0]
        raise ImprintError(f"{file} is not YAML: {first}") from error
    if content is None:
        return []
    if not isinstance(content, Mapping):
        raise ImprintError(f"{file} must hold keys and values, one option a line")
    return list(_words(options, content, file, prefix=""))


def _words(options: type, content: Mapping[str, Any], file: Path, prefix: str) -> list[str]:
    hints = get_type_hints(options)
    known = {field.name: hints[field.name] for field in dataclasses.fields(options)}
    defaults = {field.name: field.default for field in dataclasses.fields(options)}
    words: list[str] = []
    for key, value in content.items():
        name = str(key).replace("-", "_")
        if name not in known:
            raise ImprintError(
                f"{file}: unknown key {prefix + str(key)!r}; known here: {', '.join(known)}"
            )
        flag = "--" + (prefix + name).replace("_", "-")
        if dataclasses.is_dataclass(known[name]) and isinstance(value, Mapping):
            words += _words(known[name], value, file, prefix=f"{prefix}{name}.")
        elif isinstance(value, Mapping):
            words += [flag, ",".join(f"{inner}={_setting(text)}" for inner, text in value.items())]
        elif isinstance(value, bool):
            words.append(flag if value else "--" + prefix + "no-" + name.replace("_", "-"))
        elif value == [] and defaults[name] == ():
            continue
        elif isinstance(value, list):
            words += [flag, ",".join(_item(item) for item in value)]
        else:
            words += [flag, str(value)]
    return words


def _setting(value: Any) -> str:
    """Return the value of one setting as on the command line; several stand between colons."""
    return ":".join(map(str, value)) if isinstance(value, list) else str(value)


def _item(value: Any) -> str:
    """Return one item of a list as on the command line; a pair is NAME=VALUE."""
    if isinstance(value, list) and value and isinstance(value[0], list):
        return ",".join(map(_item, value))
    return "=".join(map(str, value)) if isinstance(value, list) else str(value)


def to_plain(options: Any) -> Any:
    """Return options as plain values for JSON and YAML: dataclass → dict, tuple → list."""
    if dataclasses.is_dataclass(options):
        return {
            field.name: to_plain(getattr(options, field.name))
            for field in dataclasses.fields(options)
        }
    if isinstance(options, (tuple, list)):
        return [to_plain(item) for item in options]
    if isinstance(options, Path):
        return str(options)
    return options
