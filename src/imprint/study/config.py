"""Options: a frozen dataclass, filled from defaults, then YAML files, then the command line.

Annotations of a field say its range (:class:`imprint.core.bounds.Bounds`) and its old spellings
(:class:`imprint.study.option_types.Formerly`). A YAML file is read as if its keys stood on the
command line before everything else, so one set of rules checks both, and a run's ``options.yaml``
replays it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import tyro

from imprint.core.bounds import OptionError
from imprint.core.errors import ImprintError
from imprint.core.progress import warn
from imprint.reading.yaml_files import read_yaml
from imprint.study.old_names import absorbed_key_words, rename_flags, rename_key
from imprint.study.option_errors import check_numbers, flagged, rejections_as_errors

T = TypeVar("T")

PUBLISHED_SECTIONS = {"model", "training"}


def parse(options: type[T], arguments: Sequence[str], program: str) -> T:
    """Return ``options`` filled from ``arguments`` and from what stands behind ``--config``.

    That is a YAML file or the name of a recipe (:mod:`imprint.recipes`); of several, the later ones
    win.

    Args:
        options: a dataclass; nested dataclasses become dotted flags.
        arguments: words of the command line after the command's name.
        program: what to call the command in its help.

    Raises:
        ImprintError: the YAML file cannot be read or names an unknown key, or a bad flag or value.
        SystemExit: 0 after ``--help``.
    """
    files, typed = _take_configs(list(arguments))
    words = [word for file in files for word in yaml_words(options, _config_file(file))]
    words += rename_flags(options, typed, warn)
    try:
        with rejections_as_errors(options, words):
            filled = tyro.cli(options, args=words, prog=program)
    except OptionError as error:
        raise flagged(error, options, words) from error
    check_numbers(filled)
    return filled


def _take_configs(words: list[str]) -> tuple[list[str], list[str]]:
    """Return what stands behind every ``--config``, in order, and all other words."""
    files, others = [], []
    left = iter(words)
    for word in left:
        name, equals, file = word.partition("=")
        if name != "--config":
            others.append(word)
            continue
        file = file if equals else next(left, "")
        if not file:
            raise ImprintError("--config needs a YAML file or the name of a recipe behind it")
        files.append(file)
    return files, others


def _config_file(name: str) -> Path:
    """Return the file of that path or, where there is none, the recipe of that name.

    Raises:
        ImprintError: a bare name that is neither.
    """
    from imprint.recipes import find_recipe, recipe_names

    recipe = None if Path(name).exists() else find_recipe(name)
    if recipe is None and not Path(name).exists() and Path(name).name == name and "." not in name:
        raise ImprintError(
            f"cannot read the config {name}: there is no such file, and the recipes are "
            + ", ".join(recipe_names())
        )
    return recipe or Path(name)


def yaml_words(options: type, file: Path) -> list[str]:
    """Return the command-line words that a YAML file of options stands for.

    Raises:
        ImprintError: no such file, not YAML in UTF-8, not a mapping, or a key ``options`` lacks.
    """
    try:
        content = read_yaml(file)
    except OSError as error:
        raise ImprintError(f"cannot read the config {file}: {error.strerror}") from error
    if content is None:
        return []
    if not isinstance(content, Mapping):
        raise ImprintError(f"{file} must hold keys and values, one option a line")
    if content.keys() >= PUBLISHED_SECTIONS:
        raise ImprintError(
            f"{file} holds settings of the published déjà vu trainer: "
            f"imprint convert --checkpoint {file} --out FOLDER makes options of imprint train of "
            "them"
        )
    return list(_words(options, content, file, prefix=""))


def _words(options: type, content: Mapping[Any, Any], file: Path, prefix: str) -> list[str]:
    hints = get_type_hints(options)
    known = {field.name: hints[field.name] for field in dataclasses.fields(options)}
    defaults = {field.name: field.default for field in dataclasses.fields(options)}
    words: list[str] = []

    def report(news: str) -> None:
        warn(f"{file}: {news}")

    for key, value in content.items():
        # YAML 1.1 reads the bare word `on` as true.
        name = "on" if key is True else str(key).replace("-", "_")
        moved = absorbed_key_words(options, name, value, prefix, report)
        if moved is not None:
            words += moved
            continue
        name = rename_key(options, name, prefix, report)
        if name not in known:
            raise ImprintError(
                f"{file}: unknown key {prefix + name!r}; known here: {', '.join(known)}"
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
        else:
            is_list = isinstance(value, list)
            text = ",".join(_item(item) for item in value) if is_list else str(value)
            if text.startswith("-") and isinstance(value, (str, list)):
                raise ImprintError(
                    f"{file}: {prefix + name} is {text!r}, which begins like a flag: correct it"
                )
            words += [flag, text]
    return words


def _setting(value: Any) -> str:
    """Return the value of one setting as on the command line; several stand between colons.

    Where one of them holds a colon itself, each ends in a bar instead.
    """
    if not isinstance(value, list):
        return str(value)
    texts = [str(each) for each in value]
    return "".join(f"{each}|" for each in texts) if ":" in "".join(texts) else ":".join(texts)


def _item(value: Any) -> str:
    """Return one item of a list as on the command line; a pair is NAME=VALUE."""
    if isinstance(value, list) and value and isinstance(value[0], list):
        return ",".join(map(_item, value))
    return "=".join(map(str, value)) if isinstance(value, list) else str(value)
