"""Old spellings of options, accepted for one version with a line on standard error.

A field declares them in its annotation, ``Annotated[Path, Formerly("subject")]``: then
``--subject`` is read as the new flag, and so is the key ``subject`` of a YAML file, at any depth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from imprint.study.option_tree import options_of, to_flag

Report = Callable[[str], None]


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


def rename_flags(options: type, words: Sequence[str], report: Report) -> list[str]:
    """Return the words of a command line with current flags in the place of old ones.

    Args:
        options: the dataclass of the command.
        words: the command line, after the command's name.
        report: is given one sentence for each old flag.
    """
    renamed = renamed_flags(options)
    current = []
    for word in words:
        flag, equals, value = word.partition("=")
        new = renamed.get(flag.replace("_", "-")) if flag.startswith("--") else None
        if new is not None:
            report(f"{flag} is now {new}; the old name goes in the next version")
        current.append(word if new is None else new + equals + value)
    return current


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
    report(f"{group}{key} is now {group}{new}; the old name goes in the next version")
    return new
