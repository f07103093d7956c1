"""The findings of the coverage lens on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from imprint.lenses.coverage.page.kinds import read_kind
from imprint.report.terminal import TERMINAL, Printed


@TERMINAL.register("coverage")
def show_coverage(value: Mapping[str, Any]) -> Sequence[Printed]:
    """Return the tables and sentences of whatever command made the findings."""
    findings, kind = read_kind(value)
    return list(kind.lines(findings))
