"""What the front page asks of a lens: its name, how to run it, and its verdict in one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from imprint.core.registry import Registry
from imprint.report.prose import Text
from imprint.report.wording import Writer, percent
from imprint.stats.estimate import Estimate


@dataclass(frozen=True)
class Fact:
    """A large number on the front page.

    Attributes:
        title: what it is.
        value: the number, as it is written.
        note: what it rests on.
    """

    title: str
    value: Text
    note: Text = ""


@dataclass(frozen=True)
class LensVerdict:
    """What an analysis found, in one line.

    Attributes:
        statement: one short sentence without number and full stop.
        found: whether something was found.
        number: what ``value`` is; empty for none.
        value: the number that the statement rests on; a bare number has no interval.
        write: writes the number and the ends of its interval.
        unit: behind the number.
        controls: whether each control passed, by name; empty where none were run.
        exposed: how many records are exposed.
    """

    statement: Text
    found: bool
    number: str = ""
    value: Estimate | float | None = None
    write: Writer = percent
    unit: str = ""
    controls: Mapping[str, bool] = field(default_factory=dict)
    exposed: Fact | None = None


Verdicts = Callable[[Mapping[str, Any]], Sequence[LensVerdict]]
"""Makes verdicts from ``lenses`` of a ``summary.json``; none where the analysis was not run."""


@dataclass(frozen=True)
class Lens:
    """One analysis, as the front page and the table of contents name it.

    Attributes:
        title: its name.
        question: what it asks.
        how: a command that runs it.
        order: analyses stand in rising order.
        sections: keys of its sections on the page.
        verdicts: what it found.
    """

    title: str
    question: str
    how: str
    order: int
    sections: tuple[str, ...]
    verdicts: Verdicts


LENSES: Registry[Lens] = Registry("analysis", "imprint.lenses.*.page")


def lenses_in_order() -> list[tuple[str, Lens]]:
    """Return every analysis with its name, in the order of the page."""
    named = [(name, LENSES.get(name)) for name in LENSES.names()]
    return sorted(named, key=lambda pair: (pair[1].order, pair[0]))
