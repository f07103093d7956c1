"""``imprint report``: write the page of a study again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imprint.study.command import command
from imprint.study.counted import uncounted
from imprint.study.options import Common
from imprint.study.plain import JsonObject


@command("report", "write the page of a study again", example="--out runs/first --plots")
@dataclass(frozen=True, kw_only=True)
class WriteReport(Common):
    """Write report.html of the study in --out again, from its tables."""

    out: Path = uncounted()
    """Study whose page is written."""
    plots: bool = False
    """Also write every plot as an SVG and a PNG file into OUT/plots."""

    def run(self) -> JsonObject:
        """Write the page; return where it is."""
        from imprint.core.errors import ImprintError
        from imprint.core.progress import log
        from imprint.report.page import write_report

        plots = self.out / "plots" if self.plots else None
        try:
            page = write_report(self.out, plots, self.stamp)
        except (ImprintError, OSError):
            raise
        except Exception as error:  # a summary of another version, or one that was edited
            reason = (str(error).splitlines() or [""])[0]
            raise ImprintError(
                f"{self.out} does not hold what the page needs ({type(error).__name__}: {reason}): "
                "run the audit again with this version"
            ) from error
        log(f"report: {page}" + ("" if plots is None else f", its plots: {plots}"))
        return {"report": str(page), **({} if plots is None else {"plots": str(plots)})}
