"""``coverage select``: few tests that cover as much as many, beside random sets of as many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.core.seeds import generator
from imprint.lenses.coverage.criterion.criterion import Criterion
from imprint.lenses.coverage.options import CriteriaChoice
from imprint.lenses.coverage.selection.fitted import fitted_criterion
from imprint.lenses.coverage.selection.greedy import Covering, Selection
from imprint.lenses.coverage.selection.minimise import TOLERANCE, select_until
from imprint.lenses.coverage.selection_findings import (
    CoverageCurve,
    SelectionFinding,
    SelectionFindings,
)
from imprint.lenses.coverage.selection_options import SelectOptions
from imprint.lenses.coverage.study.criteria import settings_of
from imprint.lenses.coverage.study.source import check_source, open_source, ranking_of
from imprint.neurons.activations import ActivationTable
from imprint.report.summary import finish
from imprint.stats.estimate import Estimate
from imprint.study.counted import uncounted
from imprint.study.finding import read_finding, to_json, write_finding
from imprint.study.plain import JsonObject
from imprint.study.step import Step
from imprint.study.store import Study
from imprint.study.tables import write_table

POINTS = 41
"""Points of the curve of coverage."""


def select_study(options: SelectOptions) -> JsonObject:
    """Select tests, and write the report; return the content of ``summary.json``.

    Raises:
        ImprintError: bad data, options that do not fit, a criterion that cannot be fitted, or a
            study made with other settings.
    """
    choice = CriteriaChoice(criteria=(options.criterion,), param=options.param)
    settings = settings_of(choice)
    if options.criterion not in settings or len(settings) != 1:
        raise ImprintError("--criterion takes one criterion; imprint list criteria names them")
    check_source(options)
    study = Study(options.out)
    with study.locked():
        source = open_source(study, options)
        filled, _ = ranking_of(study, source, options).fill(settings)
        step = SelectTests(
            options.criterion,
            filled[options.criterion],
            source.fingerprints,
            options.count,
            options.share,
            options.coverage,
            options.random_draws,
            options.seed,
            source.train,
            source.test,
        )
        findings = read_finding(SelectionFinding, study.run(step) / "findings.json")
        lenses = {"coverage": to_json(SelectionFindings(findings))}
        return finish(study, options, source.facts, lenses, source.model_facts())


@dataclass(frozen=True)
class SelectTests(Step):
    """Tests selected greedily: ``selection``.

    ``selected.parquet`` has a row per selected test, in order: ``index``, ``gain`` and ``value``,
    the coverage with it; ``findings.json`` compares it with random sets.
    """

    criterion: str
    settings: object
    source: Mapping[str, str]
    count: int
    share: float
    coverage: float
    draws: int
    seed: int
    train: ActivationTable | None = uncounted()
    tests: ActivationTable = uncounted()

    artefact = "selection"

    def build(self, path: Path) -> None:
        """Select."""
        path.mkdir(exist_ok=True)
        criterion = fitted_criterion(self.criterion, self.settings, self.train, self.tests)
        limit = Limit(self.count, self.share, self.coverage)
        selection, finding = select_tests(criterion, self.tests, limit, self.draws, self.seed)
        index = np.arange(len(self.tests)) if self.tests.index is None else self.tests.index
        columns: dict[str, NDArray[np.generic]] = {
            "index": index[selection.order],
            "gain": selection.gains,
            "value": np.cumsum(selection.gains),
        }
        write_table(path / "selected.parquet", columns)
        write_finding(path / "findings.json", finding)


@dataclass(frozen=True)
class Limit:
    """When a selection is large enough.

    Attributes:
        count: most tests; 0 for as many as add anything.
        share: of the value of all tests, in (0, 1].
        coverage: to reach with tests none of which can be spared, in the units of the criterion;
            0 for the share.
    """

    count: int = 0
    share: float = 1.0
    coverage: float = 0.0


def select_tests(
    criterion: Criterion, tests: ActivationTable, limit: Limit, draws: int, seed: int
) -> tuple[Selection, SelectionFinding]:
    """Return tests selected by a fitted criterion, beside random sets of as many.

    Raises:
        ImprintError: the coverage that is asked for is not reached.
    """
    whole = value_of(criterion, tests, np.arange(len(tests)))
    covering = Covering(criterion, tests)
    if limit.coverage:
        selection = select_until(covering, limit.coverage, whole, limit.count, seed)
    else:
        selection = covering.select(limit.count, limit.share * whole - TOLERANCE, seed)
    return selection, compare(criterion, tests, selection, whole, draws, seed)


def value_of(criterion: Criterion, tests: ActivationTable, rows: IntArray) -> float:
    """Return the coverage of some tests, in their order."""
    state = criterion.fresh()
    for start in range(0, len(rows), 1024):
        state.update(tests.batch(rows[start : start + 1024]))
    return state.value()


def compare(
    criterion: Criterion,
    tests: ActivationTable,
    selection: Selection,
    whole: float,
    draws: int,
    seed: int,
) -> SelectionFinding:
    """Return a selection beside random sets of as many tests.

    Args:
        criterion: fitted.
        tests: that were chosen among.
        selection: of them.
        whole: coverage of all.
        draws: random sets.
        seed: of the draws.
    """
    size = len(selection)
    points = np.unique(np.round(np.linspace(0, size, min(POINTS, size + 1))).astype(np.int64))
    reached = np.concatenate([[0.0], np.cumsum(selection.gains)])[points]
    random = np.array(
        [
            _growth(criterion, tests, generator(seed, "random tests", row), points)
            for row in track(range(draws), "random sets", draws, "set")
        ]
    )
    low, high = np.quantile(random, [0.025, 0.975], axis=0)
    mean = random.mean(0)
    return SelectionFinding(
        criterion=criterion.name,
        tests=len(tests),
        selected=size,
        value=float(reached[-1]),
        value_of_all=whole,
        random=Estimate(float(mean[-1]), (float(low[-1]), float(high[-1])), draws),
        exact=selection.exact,
        curve=CoverageCurve(
            tuple(points.tolist()), *(tuple(each.tolist()) for each in (reached, mean, low, high))
        ),
    )


def _growth(
    criterion: Criterion, tests: ActivationTable, random: np.random.Generator, points: IntArray
) -> FloatArray:
    """Return the coverage of the first of randomly ordered tests, at each number of them."""
    order = random.permutation(len(tests))[: int(points[-1])]
    state, values, start = criterion.fresh(), [], 0
    for end in points.tolist():
        state.update(tests.batch(np.sort(order[start:end])))
        values.append(state.value())
        start = end
    return np.array(values)
