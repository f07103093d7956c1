"""Old spellings of options, accepted for one version with a line on standard error.

A field declares them in its annotation, ``Annotated[Path, Formerly("subject")]``: then
``--subject`` is read as the new flag, and so is the key ``subject`` of a YAML file, at any depth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from imprint.study.option_tree import options_of, to_flag
from imprint.study.option_types import Absorbed

Report = Callable[[str], None]
GOES = "the old name goes in the next version"


def renamed_keys(options: type) -> dict[str, str]:
    """Return the current name of every old one of a dataclass's own fields and groups below.

    Dotted, as in ``{"subject": "model", "train.noise": "train.noise_multiplier"}``.
    """
    return {
        ".".join(old): ".".join(option.path)
        for option in options_of(options)
        for old in option.old_paths
    }


def renamed_flags(options: type) -> dict[str, str]:
    """Return the current flag of every old one, ``--no-…`` of switches included."""
    flags = {}
    for option in options_of(options):
        for old in option.old_paths:
            flags[to_flag(old)] = option.flag
            if option.is_switch:
                *groups, name = old
                flags[to_flag((*groups, f"no_{name}"))] = option.negated
    return flags


def absorbed_flags(options: type) -> dict[str, tuple[Absorbed, str]]:
    """Return the old options that are settings now, with the flag of those, by their flags."""
    flags = {}
    for option in options_of(options):
        for mark in option.absorbed:
            flags[to_flag((*option.path[:-1], mark.name))] = (mark, option.flag)
            if mark.is_switch:
                flags[to_flag((*option.path[:-1], f"no_{mark.name}"))] = (mark, option.flag)
    return flags


def rename_flags(options: type, words: Sequence[str], report: Report) -> list[str]:
    """Return the words of a command line with current flags in the place of old ones.

    Args:
        options: the dataclass of the command.
        words: the command line, after the command's name.
        report: is given one sentence for each old flag.
    """
    renamed, absorbed = renamed_flags(options), absorbed_flags(options)
    current: list[str] = []
    left = iter(words)
    for word in left:
        name, equals, value = word.partition("=")
        flag = name.replace("_", "-") if name.startswith("--") else ""
        if flag in renamed:
            report(f"{name} is now {renamed[flag]}; {GOES}")
            current.append(renamed[flag] + equals + value)
        elif flag in absorbed:
            mark, new = absorbed[flag]
            if mark.is_switch:
                value = str(not flag.split(".")[-1].removeprefix("--").startswith("no-")).lower()
            elif not equals:
                value = next(left, "")
            report(f"{name} is now {new} {' '.join(mark.words('…'))}; {GOES}")
            current += [new, *mark.words(value)]
        else:
            current.append(word)
    return current


def absorbed_key_words(
    options: type, key: str, value: Any, group: str, report: Report
) -> list[str] | None:
    """Return the words that an absorbed key of a YAML file stands for; None for any other key.

    The arguments are those of :func:`rename_key`, and the value of the key.
    """
    if to_flag((key,)) not in absorbed_flags(options):
        return None
    mark, flag = absorbed_flags(options)[to_flag((key,))]
    new = "--" + group.replace("_", "-") + flag.removeprefix("--")
    report(f"{group}{key} is now {new} {' '.join(mark.words('…'))}; {GOES}")
    return [new, *mark.words(str(value).lower() if isinstance(value, bool) else str(value))]


def rename_key(options: type, key: str, group: str, report: Report) -> str:
    """Return the current name of a key of a YAML file.

    Args:
        options: the dataclass that the key fills a field of.
        key: with underscores, as fields have them.
        group: the dotted names of the groups it stands in, with a dot at the end, or nothing.
        report: is given one sentence for an old key.
    """
    new = renamed_keys(options).get(key)
    if new is None:
        return key
    report(f"{group}{key} is now {group}{new}; {GOES}")
    return new
