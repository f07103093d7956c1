"""Patterns of file names with braces: ``shards-{000..099}.tar``, ``{train,val}-{0..9}.tar``."""

from __future__ import annotations

import itertools
import re

from imprint.core.errors import ImprintError

MAX_NAMES = 100_000
MAX_LETTERS = 1 << 26
"""Of all names together: each repeats what stands around the braces."""
_GROUP = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"([0-9]{1,18})\.\.([0-9]{1,18})")


def has_braces(pattern: str) -> bool:
    """Return whether a path is a pattern.

    >>> has_braces("shards-{00..09}.tar"), has_braces("shards-00.tar")
    (True, False)
    """
    return _GROUP.search(pattern) is not None


def expand_braces(pattern: str) -> list[str]:
    """Return the names that a pattern stands for, as bash expands it.

    A range counts from its first number to its second, up or down, with as many digits as the
    longer one where either starts with 0; a list is separated by commas.

    >>> expand_braces("{a,b}-{08..10}.tar")
    ['a-08.tar', 'a-09.tar', 'a-10.tar', 'b-08.tar', 'b-09.tar', 'b-10.tar']

    Raises:
        ImprintError: braces that do not match, a group that is no range and no list, more than
            :data:`MAX_NAMES` names, or names of more than :data:`MAX_LETTERS` letters.
    """
    pieces = _GROUP.split(pattern)
    if any(brace in piece for piece in pieces[::2] for brace in "{}"):
        raise ImprintError(f"{pattern}: braces do not match or lie in one another: write {{0..9}}")
    choices, count = [], 1
    for group in pieces[1::2]:
        names = _choices(pattern, group)
        count *= len(names)
        if count > MAX_NAMES or count * len(pattern) > MAX_LETTERS:
            raise ImprintError(
                f"{pattern[:80]} stands for more than {MAX_NAMES:,} files, or for names of more "
                f"than {MAX_LETTERS:,} letters: check it"
            )
        choices.append(names)
    return [
        "".join(itertools.chain(*zip(pieces[::2], (*chosen, ""), strict=True)))
        for chosen in itertools.product(*choices)
    ]


def _choices(pattern: str, group: str) -> list[str]:
    between = _RANGE.fullmatch(group)
    if between is None:
        if "," in group:
            return group.split(",")
        raise ImprintError(
            f"{pattern}: {{{group}}} is no range such as {{000..099}} and no list such as {{a,b}}"
        )
    first, last = (int(number) for number in between.groups())
    if abs(last - first) >= MAX_NAMES:
        raise ImprintError(f"{pattern} stands for more than {MAX_NAMES:,} files: check it")
    is_padded = any(len(number) > 1 and number[0] == "0" for number in between.groups())
    digits = max(map(len, between.groups())) if is_padded else 0
    step = 1 if last >= first else -1
    return [f"{number:0{digits}d}" for number in range(first, last + step, step)]
