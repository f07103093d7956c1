"""The coverage section of the report, of whatever command made the findings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imprint.lenses.coverage.page.kinds import read_kind
from imprint.report.section import SECTIONS, Section

LENS = "coverage"


@SECTIONS.register(LENS)
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section of what tests cover, or None when the study has none.

    Raises:
        ImprintError: a finding or picture it needs is missing or damaged.
    """
    if LENS not in summary["lenses"]:
        return None
    findings, kind = read_kind(summary["lenses"][LENS])
    classes = [str(name) for name in summary["data"].get("class_names", ())]
    return Section(LENS, "Coverage", list(kind.blocks(findings, root, classes)), order=50)
