"""What the audit of a user's model returns in Python: findings, records, tables, plots, page."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imprint.audits.own_model import Audit, describe_plan
from imprint.core.errors import ImprintError
from imprint.observation.lens import AUDIT_LENSES
from imprint.observation.observe import Observed, read_observed
from imprint.report.blocks import Block, Columns, Details, Figures, Part
from imprint.report.marks import Figure
from imprint.report.prose import plain
from imprint.report.result import Result
from imprint.report.section import SECTIONS
from imprint.report.table import Table
from imprint.report.terminal import TERMINAL, Printed, to_text
from imprint.study.plain import JsonObject

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, repr=False, eq=False)
class AuditResult(Result):
    """The audit of one model.

    ``print(result)`` shows :meth:`summary`; a notebook shows tables and figures.

    Attributes:
        content: of ``summary.json``.
        plan: what was run and what was left out of the budget.
        study: folder of the study; a temporary one that goes with the result unless ``out`` was
            given.
    """

    content: JsonObject
    plan: Audit
    study: Path
    _home: tempfile.TemporaryDirectory[str] | None = field(default=None, repr=False)

    @property
    def findings(self) -> SimpleNamespace:
        """Findings by analysis: ``result.findings.membership.attacks["lira"].auc.value``."""
        read = {lens.name: lens.read for lens in AUDIT_LENSES.entries()}
        lenses = self.content["lenses"]
        return SimpleNamespace(
            **{name: read.get(name, lambda content: content)(each) for name, each in lenses.items()}
        )

    def summary(self) -> str:
        """Return the verdicts, the tables and the plan as text."""
        printed = [part for each in self._printed().values() for part in each]
        return "\n".join([to_text(printed), "", *describe_plan(self.plan)])

    def __str__(self) -> str:
        return self.summary()

    @property
    def columns(self) -> dict[str, NDArray[Any]]:
        """What is known of every record, a column a name, one row a record.

        ``set`` is members, non_members or tests, ``row`` the place in it; what an analysis did not
        measure of a record is NaN.
        """
        observed = self._observed()
        columns: dict[str, list[NDArray[Any]]] = {}
        for part, seen in observed.items():
            for name, values in _columns_of(part, seen).items():
                columns.setdefault(name, []).append(values)
        joined = {name: np.concatenate(values) for name, values in columns.items()}
        count = len(joined["row"])
        for lens in AUDIT_LENSES.entries():
            for name, (rows, values) in lens.columns(self.study).items():
                column = np.full(count, np.nan)
                column[rows] = values
                joined[name] = column
        return joined

    @property
    def records(self) -> pandas.DataFrame:
        """The columns as a pandas data frame, one row a record.

        Raises:
            ImprintError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise ImprintError(
                "records needs pandas: pip install 'imprint[frames]', or take columns"
            ) from None
        return pandas.DataFrame(self.columns)

    def report(self, path: str | Path) -> Path:
        """Write the page to a file; return its path.

        Raises:
            ImprintError: it cannot be written.
        """
        target = Path(path)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.study / "report.html", target)
        except OSError as error:
            raise ImprintError(f"cannot write {target}: {error.strerror}") from error
        return target

    def tables(self) -> Sequence[Table]:
        """Return the tables of every analysis."""
        parts = [part for each in self._printed().values() for part in each]
        return [part for part in parts if isinstance(part, Table)]

    def figures(self) -> Sequence[Figure]:
        """Return the figures of every analysis, in the order of the page."""
        built = [SECTIONS.get(name)(self.study, self.content) for name in SECTIONS.names()]
        sections = sorted((each for each in built if each), key=lambda each: each.order)
        return [figure for section in sections for figure in _figures(section.content)]

    def verdicts(self) -> list[str]:
        """Return the sentences of every analysis."""
        parts = [part for each in self._printed().values() for part in each]
        return [plain(part) for part in parts if not isinstance(part, Table) and part]

    def _printed(self) -> Mapping[str, Sequence[Printed]]:
        lenses = self.content["lenses"]
        return {name: TERMINAL.get(name)(findings) for name, findings in lenses.items()}

    def _observed(self) -> dict[str, Observed]:
        model = self.plan.model
        return {
            part: read_observed(self.study / "observed" / part, model, records)
            for part, records in model.parts.items()
        }


def _figures(blocks: Sequence[Block]) -> list[Figure]:
    """Return the figures among some blocks and those within them."""
    figures: list[Figure] = []
    for block in blocks:
        if isinstance(block, Figures):
            figures += [each for each in block.figures if isinstance(each, Figure)]
        elif isinstance(block, (Part, Details)):
            figures += _figures(block.blocks)
        elif isinstance(block, Columns):
            for column in block.columns:
                figures += _figures(column)
    return figures


def _columns_of(part: str, seen: Observed) -> dict[str, NDArray[Any]]:
    """Return what the pass says of every record of a set."""
    records, signals = seen.records, seen.signals()
    count = len(records)
    columns: dict[str, NDArray[Any]] = {
        "set": np.full(count, part, dtype=object),
        "row": np.arange(count),
        "name": np.array([records.name_of(row) for row in range(count)], dtype=object),
    }
    if records.targets is not None and records.targets.ndim == 1:
        columns["target"] = records.targets
    predictions = seen.predictions()
    if predictions is not None:
        columns["prediction"] = predictions
    if signals.correct is not None:
        columns["correct"] = signals.correct
    columns["loss"] = signals.loss
    columns["phi"] = signals.phi
    return columns
