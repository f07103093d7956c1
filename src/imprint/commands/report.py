"""``imprint report``: write the page of a study again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imprint.options import Common


@dataclass(frozen=True, kw_only=True)
class Report(Common):
    """Write ``report.html`` of the study in ``--out`` again, from its tables."""

    def run(self) -> dict[str, Any]:
        """Write the page; return where it is."""
        from imprint.report.page import write_report

        return {"report": str(write_report(self.out))}
