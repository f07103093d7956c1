"""Results of coverage in Python: findings that print, plot and become data frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.lenses.coverage.findings import (
    CoverageFindings,
    CriterionFinding,
    ImportanceByMethod,
    ImportanceFindings,
    MissingCriterion,
    Vote,
    WisdomFindings,
)
from imprint.lenses.coverage.importance.voting import Votes
from imprint.lenses.coverage.measure.slices import SlicedCriterion
from imprint.lenses.coverage.page.tables import (
    MEAN_OVER_TEST_SETS,
    criteria_tables,
    importance_tables,
    vote_table,
)
from imprint.lenses.coverage.selection_findings import (
    OrderFinding,
    PrioritisationFindings,
    SelectionFinding,
)
from imprint.lenses.coverage.study.importance import method_importance
from imprint.lenses.coverage.study.votes import vote_findings
from imprint.neurons.importance import ImportanceTable
from imprint.report.marks import Figure
from imprint.report.result import Result
from imprint.report.table import Column, Table
from imprint.report.wording import count, quantity


@dataclass(frozen=True)
class Coverage(Result):
    """Coverage of a network by a test set; prints as a table.

    Attributes:
        findings: values, ceilings, intervals, cells and gaps, as ``summary.json`` holds them.
    """

    findings: CoverageFindings

    def __getitem__(self, name: str) -> CriterionFinding | MissingCriterion:
        return self.findings.criteria[name]

    def tables(self) -> Sequence[Table]:
        """Return the criteria that are shares, and those that count; why others are missing."""
        *tables, last = criteria_tables(self.findings) or [Table([Column("Criterion")], [])]
        missing = self.findings.missing.items()
        note = " ".join(f"{name.upper()} is missing: {reason}." for name, reason in missing)
        return [*tables, replace(last, note=note)]

    def figures(self) -> Sequence[Figure]:
        """Return cells by number of tests, criteria as shares of their ceilings, and clusters."""
        from imprint.lenses.coverage.page.figures.cells import (
            ceiling_bars,
            main_cells,
            rarefaction_lines,
        )
        from imprint.lenses.coverage.page.single_cells import cell_figures

        main, bars = main_cells(self.findings), ceiling_bars(self.findings)
        curve = [rarefaction_lines(main)] if main else []
        clusters = [
            figure
            for name, cells in self.findings.cells.items()
            if cells is main
            for figure in cell_figures(name, cells)
        ]
        return [*curve, *([bars] if bars else []), *clusters]


@dataclass(frozen=True, eq=False, repr=False)
class SlicedCoverage(Result):
    """Coverage by every slice of the tests; prints as one table a grouping.

    Attributes:
        groupings: each criterion by grouping, slice and name.
    """

    groupings: Mapping[str, Mapping[str, Mapping[str, SlicedCriterion]]]

    def __getitem__(self, grouping: str) -> Mapping[str, Mapping[str, SlicedCriterion]]:
        return self.groupings[grouping]

    def tables(self) -> Sequence[Table]:
        """Return one table a grouping: a row a slice and criterion."""
        columns = [
            Column("Slice"),
            Column("Criterion"),
            Column("Tests", count, key="n"),
            Column("Coverage", quantity, key="value"),
            Column("Ceiling", quantity),
        ]
        return [
            Table(
                columns,
                [
                    [
                        name,
                        criterion.upper(),
                        each.n,
                        None if isinstance(each.value, Missing) else each.value,
                        each.ceiling,
                    ]
                    for name, criteria in slices.items()
                    for criterion, each in criteria.items()
                ],
                title=f"Coverage by {grouping}",
                note=MEAN_OVER_TEST_SETS,
            )
            for grouping, slices in self.groupings.items()
        ]


@dataclass(frozen=True, eq=False)
class ImportanceResult(Result):
    """Importance of the neurons of a network by attributions; prints the leading ones.

    Attributes:
        by_method: the table of each attribution: scores a class and neuron.
        top_neurons: how many leading neurons are shown.
    """

    by_method: Mapping[str, ImportanceTable]
    top_neurons: int = 10

    def scores(self, method: str | None = None) -> Mapping[str, FloatArray]:
        """Return the scores over all images by layer, ``[width]`` each, of the first method."""
        name = method or next(iter(self.by_method))
        if name not in self.by_method:
            raise ImprintError(f"no importance by {name!r}: it is by {', '.join(self.by_method)}")
        table = self.by_method[name]
        return {name: table.of()[part] for name, part in table.layers.slices.items()}

    def tables(self) -> Sequence[Table]:
        """Return the leading neurons of each attribution."""
        methods = {
            name: method_importance(table, self.top_neurons)
            for name, table in self.by_method.items()
        }
        return importance_tables(ImportanceFindings(ImportanceByMethod("", methods)))


@dataclass(frozen=True, eq=False)
class WisdomResult(Result):
    """A vote of attributions for neurons (WISDOM); prints the leading ones.

    Attributes:
        votes: of every neuron, and how the vote went.
        m: how many leading neurons it is about.
    """

    votes: Votes
    m: int

    @property
    def findings(self) -> Vote:
        """The leading neurons, and how certain they are."""
        return vote_findings(self.votes, self.m)

    def tables(self) -> Sequence[Table]:
        """Return the leading neurons with their votes."""
        return [vote_table(WisdomFindings(self.findings))]


@dataclass(frozen=True)
class Prioritisation(Result):
    """Tests in several orders; prints as a table, the best order first.

    Attributes:
        findings: how early each order finds misclassified tests.
        orders: int64 ``[M]`` by name, rows of the tests in their order.
    """

    findings: PrioritisationFindings
    orders: Mapping[str, IntArray]

    def __getitem__(self, name: str) -> OrderFinding | Missing:
        return self.findings.prioritisation[name]

    def tables(self) -> Sequence[Table]:
        """Return the orders, and why others are missing."""
        from imprint.lenses.coverage.page.test_choice import order_table

        table = order_table(self.findings)
        missing = [f"{name} is missing: {why}." for name, why in self.findings.missing.items()]
        return [replace(table, note=" ".join([str(table.note), *missing]))]

    def figures(self) -> Sequence[Figure]:
        """Return the share of faults found by share of tests, where faults are known."""
        from imprint.lenses.coverage.page.test_choice import best_order, fault_curves

        return [] if best_order(self.findings) is None else [fault_curves(self.findings)]


@dataclass(frozen=True)
class SelectedTests(Result):
    """Few tests that cover as much as many; prints as a table.

    Attributes:
        findings: their coverage beside that of random sets and of all tests.
        order: int64 ``[k]``, rows of the tests, each adding most to those before it.
        gains: float64 ``[k]``, what each added.
    """

    findings: SelectionFinding
    order: IntArray
    gains: FloatArray

    def tables(self) -> Sequence[Table]:
        """Return the coverage of selected tests, of random ones and of all."""
        from imprint.lenses.coverage.page.test_choice import selection_table

        return [selection_table(self.findings)]

    def figures(self) -> Sequence[Figure]:
        """Return coverage by number of tests."""
        from imprint.lenses.coverage.page.test_choice import selection_curve

        return [selection_curve(self.findings)]
