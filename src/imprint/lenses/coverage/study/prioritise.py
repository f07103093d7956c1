"""``coverage prioritise``: order tests, and say how early each order finds misclassified ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.lenses.coverage.selection.apfd import detection, found_share
from imprint.lenses.coverage.selection.prioritise import Asked, choose_orders, prioritise
from imprint.lenses.coverage.selection_findings import OrderFinding, PrioritisationFindings
from imprint.lenses.coverage.selection_options import PrioritiseOptions
from imprint.lenses.coverage.study.criteria import settings_of
from imprint.lenses.coverage.study.inputs import read_probabilities
from imprint.lenses.coverage.study.probabilities import TakeProbabilities
from imprint.lenses.coverage.study.source import Source, check_source, open_source, ranking_of
from imprint.neurons.activations import ActivationTable
from imprint.report.summary import finish
from imprint.study.counted import uncounted
from imprint.study.finding import read_finding, to_json, write_finding
from imprint.study.plain import JsonObject
from imprint.study.step import Step
from imprint.study.store import Study
from imprint.study.tables import write_table

POINTS = 51
"""Points of a curve of faults found, from no test to all."""


def prioritise_study(options: PrioritiseOptions) -> JsonObject:
    """Order the tests, and write the report; return the content of ``summary.json``.

    Raises:
        ImprintError: bad data, options that do not fit, or a study made with other settings.
    """
    asked = choose_orders(options.by, settings_of(options))
    check_source(options)
    study = Study(options.out)
    with study.locked():
        source = open_source(study, options)
        probabilities, hashed = _probabilities(study, source, options)
        settings, _ = ranking_of(study, source, options).fill(asked.criteria)
        step = OrderTests(
            settings,
            asked.names,
            {**source.fingerprints, **hashed},
            options.seed,
            source.train,
            source.test,
            probabilities,
        )
        findings = read_finding(PrioritisationFindings, study.run(step) / "findings.json")
        lenses = {"coverage": to_json(findings)}
        return finish(study, options, source.facts, lenses, source.model_facts())


@dataclass(frozen=True)
class OrderTests(Step):
    """Every order of the tests: ``prioritisation``.

    ``orders.parquet`` has a row per test and a column per order, its place from 1;
    ``findings.json`` says how early each finds faults.
    """

    settings: Mapping[str, object]
    names: tuple[str, ...]
    source: Mapping[str, str]
    seed: int
    train: ActivationTable | None = uncounted()
    tests: ActivationTable = uncounted()
    probabilities: FloatArray | None = uncounted()

    artefact = "prioritisation"

    def build(self, path: Path) -> None:
        """Order the tests."""
        path.mkdir(exist_ok=True)
        asked = Asked(self.settings, self.names)
        ordered = order_tests(asked, self.train, self.tests, self.probabilities, self.seed)
        index = np.arange(len(self.tests)) if self.tests.index is None else self.tests.index
        places = {name: places + 1 for name, places in ordered.places.items()}
        write_table(path / "orders.parquet", {"index": index, **places})
        write_finding(path / "findings.json", ordered.findings)


@dataclass(frozen=True, eq=False)
class OrderedTests:
    """Tests in several orders.

    Attributes:
        places: int64 ``[M]`` by order, the place of each test from 0.
        findings: how early each order finds misclassified tests.
    """

    places: Mapping[str, IntArray]
    findings: PrioritisationFindings


def order_tests(
    asked: Asked,
    train: ActivationTable | None,
    tests: ActivationTable,
    probabilities: FloatArray | None,
    seed: int,
) -> OrderedTests:
    """Return every order of the tests; see :func:`prioritise`."""
    faults = misclassified(tests, probabilities)
    places: dict[str, IntArray] = {}
    findings: dict[str, OrderFinding | Missing] = {}
    for name, order in prioritise(asked, train, tests, probabilities, seed):
        if isinstance(order, Missing):
            findings[name] = order
            continue
        places[name] = np.empty(len(order), dtype=np.int64)
        places[name][order] = np.arange(len(order))
        findings[name] = order_finding(order, places[name], faults)
    count = None if faults is None else int(faults.sum())
    by_name = {name: findings[name] for name in sorted(findings)}
    return OrderedTests(places, PrioritisationFindings(by_name, len(tests), count))


def order_finding(order: IntArray, places: IntArray, faults: BoolArray | None) -> OrderFinding:
    """Return how early an order finds the faults.

    Args:
        order: int64 ``[M]``, rows of the tests.
        places: int64 ``[M]``, the place of each test, from 0.
        faults: bool ``[M]``; None where they are not known.
    """
    if faults is None:
        reason = Missing("the classes of the tests are not known")
        return OrderFinding(reason, reason, ())
    result = detection(places, faults)
    points = np.round(np.linspace(0, len(order), POINTS)).astype(np.int64)
    found = found_share(order, faults)[points]
    return OrderFinding(result.apfd, result.normalised, tuple(found.tolist()))


def misclassified(tests: ActivationTable, probabilities: FloatArray | None) -> BoolArray | None:
    """Return which tests the network gets wrong; None where it is not known."""
    predictions = tests.predictions if probabilities is None else probabilities.argmax(1)
    if tests.labels is None or predictions is None:
        return None
    return np.asarray(predictions != tests.labels)


def _probabilities(
    study: Study, source: Source, options: PrioritiseOptions
) -> tuple[FloatArray | None, Mapping[str, str]]:
    """Return the probabilities of the classes, and what they depend on."""
    if source.network is None:
        assert options.arrays is not None
        return read_probabilities(options.arrays), {}
    if not source.network.model.has_logits:
        raise ImprintError(
            "tests are prioritised by what a classifier gets wrong, and this network has none: "
            "give one with logits"
        )
    assert source.sets is not None
    step = TakeProbabilities(source.network, source.sets.test)
    return step.probabilities(study), {"probabilities": study.hash_of(step.artefact)}
