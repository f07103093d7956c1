"""What the terminal shows of a fit, or of retraining."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from imprint.lenses.leave_one_out.findings import FitFindings, TruthFindings
from imprint.lenses.leave_one_out.page.fit import LENS, fit_table, path_table
from imprint.lenses.leave_one_out.page.retraining import show_retraining
from imprint.report.terminal import TERMINAL, Printed
from imprint.study.finding import from_json


@TERMINAL.register(LENS)
def show_leave_one_out(lens: Mapping[str, Any]) -> Sequence[Printed]:
    """Return the headline numbers of a fit, or of retraining and the comparison with it."""
    if "retraining" in lens:
        return show_retraining(from_json(TruthFindings, lens, "summary.json"))
    findings = from_json(FitFindings, lens, "summary.json")
    tables = [fit_table(findings)]
    return tables if findings.noise_path is None else [*tables, path_table(findings)]
