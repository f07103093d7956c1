"""The verdict of the coverage lens in a line, for the front page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from imprint.lenses.coverage.page.kinds import read_kind
from imprint.lenses.coverage.page.section import LENS
from imprint.report.lens import LENSES, Lens, LensVerdict


def coverage_verdicts(lenses: Mapping[str, Any]) -> Sequence[LensVerdict]:
    """Return the main finding of whatever command made the findings."""
    if LENS not in lenses:
        return ()
    findings, kind = read_kind(lenses[LENS])
    return [kind.verdict(findings)]


LENSES.register(LENS)(
    Lens(
        "Coverage",
        "Which behaviours of the model does a test set exercise?",
        "imprint coverage measure",
        50,
        (LENS,),
        coverage_verdicts,
    )
)
