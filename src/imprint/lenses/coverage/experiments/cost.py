"""``coverage cost``: what coverage costs beside the bare forward pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from imprint.core.arrays import Pixels
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.data.view import View
from imprint.lenses.coverage.criterion.criterion import CRITERIA, Criterion
from imprint.lenses.coverage.experiments.cost_findings import Cost, CostFindings, CriterionCost
from imprint.lenses.coverage.experiments.cost_options import CostOptions
from imprint.lenses.coverage.experiments.discrimination import (
    check_same_network,
    read_discrimination,
)
from imprint.lenses.coverage.experiments.time_record import TimeRecord, write_seconds
from imprint.lenses.coverage.measure.growth import ready_criteria
from imprint.lenses.coverage.measure.peak_memory import peak_bytes, state_bytes
from imprint.lenses.coverage.study.criteria import settings_of
from imprint.lenses.coverage.study.inputs import tap_options
from imprint.lenses.coverage.study.network import AuditedNetwork, draw
from imprint.lenses.coverage.study.neurons import check_choice, check_tables
from imprint.lenses.coverage.study.source import network_source, ranking_of
from imprint.neurons.activations import ActivationTable, Batch
from imprint.probe.attribution.importance import attribute_by
from imprint.probe.neurons.neurons import Taps
from imprint.probe.neurons.tap_options import TapOptions
from imprint.report.summary import finish
from imprint.stats.estimate import Estimate
from imprint.study.counted import uncounted
from imprint.study.csv_file import write_csv
from imprint.study.finding import read_finding, to_json, write_finding
from imprint.study.plain import JsonObject
from imprint.study.step import Step
from imprint.study.store import Study

ATTRIBUTED = 128
"""Training images whose attribution is timed."""
PUBLISHED = (
    "method",
    "model",
    "total_layers",
    "total_neurons",
    "device",
    "build_time",
    "elapsed_sec",
    "run_time",
    "throughput",
    "coverage",
)


def cost_study(options: CostOptions) -> JsonObject:
    """Time coverage and the forward pass, and write the report.

    Returns:
        the content of ``summary.json``.

    Raises:
        ImprintError: bad data, options that do not fit, or a study made with other settings.
    """
    settings = settings_of(options)
    check_choice(options)
    check_tables(options)
    told = None if options.sensitivity is None else read_discrimination(options.sensitivity)
    study = Study(options.out)
    with study.locked():
        source = network_source(study, options)
        assert source.network is not None
        assert source.sets is not None
        if options.sensitivity is not None and told is not None:
            check_same_network(options.sensitivity, told.network, source.network.file.fingerprint())
        settings, _ = ranking_of(study, source, options).fill(settings)
        step = TimeCoverage(
            settings,
            source.fingerprints,
            source.network,
            source.sets.test,
            source.sets.train,
            tap_options(options),
            options.attribution,
            options.batch_size,
            options.repeats,
            str(source.network.device),
            torch.get_num_threads(),
            source.train,
            source.test,
        )
        findings = read_finding(Cost, study.run(step) / "findings.json")
        if options.export_legacy:
            name = source.network.file.card.architecture
            study.run(WritePublishedOverhead(study.hash_of(step.artefact), name, findings))
        if told is not None:
            findings = replace(findings, discrimination=told.found)
        lenses = {"coverage": to_json(CostFindings(findings))}
        return finish(study, options, source.facts, lenses, source.model_facts())


@dataclass(frozen=True)
class TimeCoverage(Step):
    """Seconds of forward pass, fits and updates: ``cost``.

    ``seconds.parquet`` has a row per measurement: ``what`` was timed (a criterion, or the network),
    its ``part`` and the ``seconds``; ``findings.json`` has the medians. Its numbers are times, so
    that two runs differ; device and threads stand on its card.
    """

    settings: Mapping[str, Any]
    source: Mapping[str, str]
    network: AuditedNetwork
    view: View
    members: View
    taps: TapOptions
    attribution: str
    batch_size: int
    repeats: int
    device: str
    threads: int
    train: ActivationTable | None = uncounted()
    tests: ActivationTable = uncounted()

    artefact = "cost"

    def build(self, path: Path) -> None:
        """Time network and criteria, each by itself."""
        path.mkdir(exist_ok=True)
        criteria, missing = ready_criteria(self.settings, self.train, self.tests)
        record = TimeRecord(self.repeats, self.network.device)
        pixels = self.view.read(self.network.model.input_size).pixels
        passes = record.times(
            "network",
            {
                "forward": lambda: self._forward(pixels),
                "observed": lambda: self._observed(pixels, {}),
                "together": lambda: self._observed(pixels, criteria),
            },
        )
        forward = passes["forward"]
        costs: dict[str, CriterionCost | Missing] = {}
        for name, each in criteria.items():
            costs[name] = self._cost(name, each, forward.value, record)
        costs |= {name: Missing(reason) for name, reason in missing.items()}
        findings = Cost(
            members=0 if self.train is None else len(self.train),
            tests=len(self.view),
            batch_size=self.batch_size,
            layers=len(self.tests.layers.names),
            neurons=self.tests.layers.neurons,
            device=self.device,
            threads=self.threads,
            repeats=self.repeats,
            forward=forward,
            observed=passes["observed"],
            together=passes["together"],
            observed_ratio=record.ratio("network", "observed", "forward"),
            together_ratio=record.ratio("network", "together", "forward"),
            attribution=self.attribution,
            importance=self._importance(record),
            criteria=dict(sorted(costs.items())),
        )
        write_seconds(path / "seconds.parquet", record.seconds)
        write_finding(path / "findings.json", findings)

    def _forward(self, pixels: Pixels) -> None:
        model = self.network.model.place(self.network.device).eval()
        with torch.no_grad():
            for start in range(0, len(pixels), self.batch_size):
                model(model.to_inputs(pixels[start : start + self.batch_size]))

    def _observed(self, pixels: Pixels, criteria: Mapping[str, Criterion]) -> None:
        """Take activations, and show them to criteria, which share what they compute of them."""
        model = self.network.model.place(self.network.device).eval()
        states = [each.fresh() for each in criteria.values()]
        labels = torch.from_numpy(self.view.labels).to(self.network.device)
        with torch.no_grad(), Taps(model, self.taps) as taps:
            for start in range(0, len(pixels), self.batch_size):
                rows = slice(start, start + self.batch_size)
                model(model.to_inputs(pixels[rows]))
                batch = taps.take(labels[rows])
                for state in states:
                    state.update(batch)

    def _cost(
        self, name: str, criterion: Criterion, forward: float, record: TimeRecord
    ) -> CriterionCost:
        batches = self._batches()

        def fit() -> Criterion:
            new = CRITERIA.get(name)(self.tests.layers, self.settings[name])
            if self.train is not None:
                # A table keeps what several criteria ask of it: a new one keeps nothing.
                new.fit(replace(self.train))
            return new

        def update() -> Criterion:
            state = criterion.fresh()
            for batch in batches:
                # What criteria share of a batch is kept with it: a new one keeps nothing.
                state.update(Batch(batch.layers, batch.values, batch.labels))
            return state

        calls = {"fit": fit, "update": update} if criterion.reads_training else {"update": update}
        times = record.times(name, calls)
        state = update()
        return CriterionCost(
            fit=times.get("fit"),
            update=times["update"],
            ratio=times["update"].value / forward,
            state_bytes=state_bytes(state),
            peak_bytes=max(peak_bytes(call, self.network.device) for call in calls.values()),
            value=state.value(),
            ceiling=state.ceiling(len(self.tests)),
        )

    def _batches(self) -> list[Batch]:
        device = self.network.device
        return [
            Batch(
                batch.layers,
                batch.values.to(device),
                None if batch.labels is None else batch.labels.to(device),
            )
            for batch in self.tests.batches(self.batch_size)
        ]

    def _importance(self, record: TimeRecord) -> Estimate | Missing:
        """Return the seconds of attribution a training image."""
        if self.network.unexplained is not None:
            return Missing(self.network.unexplained)
        images = draw(self.members, ATTRIBUTED, 0, "timed importance")

        def attribute() -> object:
            return attribute_by(self.network.model, images, (self.attribution,))

        try:
            whole = record.times(self.attribution, {"importance": attribute})["importance"]
        except ImprintError as error:
            return Missing(str(error))
        low, high = (end / len(images) for end in whole.ci95)
        return Estimate(whole.value / len(images), (low, high), whole.n)


@dataclass(frozen=True)
class WritePublishedOverhead(Step):
    """``cost_legacy``: ``rq5_overhead.csv``.

    ``build_time`` is the fit, ``run_time`` forward pass and update, ``elapsed_sec`` both together,
    ``throughput`` tests a second of the run time.
    """

    made_from: str
    model: str
    cost: Cost = uncounted()

    artefact = "cost_legacy"

    def build(self, path: Path) -> None:
        """Write the table."""
        path.mkdir(exist_ok=True)
        cost, rows = self.cost, []
        for name, each in cost.measured.items():
            fit = 0.0 if each.fit is None else each.fit.value
            run = cost.observed.value + each.update.value
            rows.append(
                (name, self.model, cost.layers, cost.neurons, cost.device, fit, fit + run, run,
                 cost.tests / run, each.value)
            )  # fmt: skip
        write_csv(path / "rq5_overhead.csv", PUBLISHED, rows)
