"""Which criteria figures with a line for each show."""

from __future__ import annotations

from collections.abc import Sequence

from imprint.report.wording import plural

SHOWN_CRITERIA = 4
"""As many as colours tell apart."""
MAIN = "idc"


def drawn(names: Sequence[str]) -> list[str]:
    """Return the criteria that are drawn: the first few, IDC among them.

    >>> drawn(["nbc", "cc", "nc", "lsc", "idc"])
    ['nbc', 'cc', 'nc', 'idc']
    """
    if MAIN not in names[SHOWN_CRITERIA:]:
        return list(names[:SHOWN_CRITERIA])
    return [*names[: SHOWN_CRITERIA - 1], MAIN]


def which_drawn(names: Sequence[str], what: str) -> str:
    """Return which criteria are drawn, as a sentence; nothing where all are.

    >>> which_drawn(["nbc", "cc", "nc", "lsc", "idc"], "that rise most")
    'The 3 of 5 criteria that rise most, and IDC.'

    Args:
        names: all, in their order.
        what: is said of the first ones.
    """
    if len(names) <= SHOWN_CRITERIA:
        return ""
    first = SHOWN_CRITERIA if drawn(names) == list(names[:SHOWN_CRITERIA]) else SHOWN_CRITERIA - 1
    main = "" if first == SHOWN_CRITERIA else f", and {MAIN.upper()}"
    return f"The {first} of {plural(len(names), 'criterion', 'criteria')} {what}{main}."
