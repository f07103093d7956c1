"""The step that measures what noisy copies of tests add to criteria."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import FloatArray
from imprint.core.missing import Missing
from imprint.core.progress import track
from imprint.core.seeds import generator
from imprint.data.view import View
from imprint.lenses.coverage.criterion.criterion import Criterion
from imprint.lenses.coverage.experiments.sensitivity_findings import (
    NoiseAccuracy,
    NoiseGain,
    Sensitivity,
)
from imprint.lenses.coverage.measure.growth import mark_of, ready_criteria, seen, with_more
from imprint.lenses.coverage.measure.noise_gain import adjusted, compare_gains
from imprint.lenses.coverage.study.network import AuditedNetwork
from imprint.lenses.coverage.study.source import accuracy_on
from imprint.neurons.activations import ActivationTable
from imprint.perturb.noisy_copies import (
    PARTS,
    NoisyCopies,
    Part,
    PixelScores,
    by_attribution,
    by_neurons,
    noisy_copies,
)
from imprint.probe.neurons.input_activations import take_input_activations
from imprint.probe.neurons.tap_options import TapOptions
from imprint.stats.bootstrap import mean
from imprint.study.counted import uncounted
from imprint.study.finding import write_finding
from imprint.study.kept_values import kept_value
from imprint.study.plain import JsonObject
from imprint.study.step import Step
from imprint.study.tables import write_table

UNFINISHED = "unfinished"


@dataclass(frozen=True)
class MeasureNoise(Step):
    """Coverage of tests with noisy copies.

    ``draws.parquet`` has a row per draw and kind of pixels: the ``accuracy`` on the copies, and
    for each criterion its value on tests and copies together; ``findings.json`` compares them.
    """

    settings: Mapping[str, Any]
    source: Mapping[str, str]
    network: AuditedNetwork
    view: View
    taps: TapOptions
    pixels: str
    heat: Mapping[str, FloatArray] | None
    pixel_share: float
    deviation: float
    draws: int
    seed: int
    train: ActivationTable | None = uncounted()
    tests: ActivationTable = uncounted()

    place: str = uncounted(default="sensitivity")

    resumable = True

    @property
    def artefact(self) -> str:  # type: ignore[override]
        """Where it goes: a grid has a folder for each of its cells."""
        return self.place

    def build(self, path: Path) -> None:
        """Measure draw after draw."""
        (path / UNFINISHED).mkdir(parents=True, exist_ok=True)
        criteria, missing = ready_criteria(self.settings, self.train, self.tests)
        original = {name: seen(each, self.tests) for name, each in criteria.items()}
        copies = noisy_copies(
            self.network.model,
            self.view,
            self.pixel_scores(),
            self.pixel_share,
            self.deviation,
            self.seed,
        )
        plan = [(draw, part) for draw in range(self.draws) for part in PARTS]
        rows = [
            kept_value(
                path / UNFINISHED / f"{draw}_{part}.json",
                partial(self._measure, copies, draw, part, original),
            )
            for draw, part in track(plan, "noise", len(plan), "set")
        ]
        values = {name: [row["values"][name] for row in rows] for name in criteria}
        accuracy = [row["accuracy"] for row in rows]
        columns: dict[str, NDArray[np.generic]] = {
            "index": np.arange(len(plan)),
            "draw": np.array([draw for draw, _ in plan]),
            "pixels": np.array([part for _, part in plan]),
            "accuracy": np.array(accuracy),
            **{name: np.array(each) for name, each in values.items()},
        }
        write_table(path / "draws.parquet", columns)
        gains = {name: self._gain(original[name], values[name]) for name in criteria}
        found: dict[str, NoiseGain | Missing] = {**adjusted(gains)}
        found |= {name: Missing(reason) for name, reason in missing.items()}
        findings = Sensitivity(
            len(self.view),
            self.pixels,
            copies.budget,
            copies.mask[0].size,
            self.deviation,
            self.draws,
            self._accuracy(np.array(accuracy)),
            dict(sorted(found.items())),
        )
        write_finding(path / "findings.json", findings)
        shutil.rmtree(path / UNFINISHED)

    def pixel_scores(self) -> PixelScores:
        """Return what says how important pixels are."""
        if self.heat is None:
            return by_attribution(self.pixels, self.seed)
        return by_neurons(self.heat)

    def _measure(
        self, copies: NoisyCopies, draw: int, part: Part, original: Mapping[str, Criterion]
    ) -> JsonObject:
        """Return the accuracy on the copies of a draw, and the values with them."""
        table = take_input_activations(
            self.network.model, copies.batches(draw, part), self.view.labels, self.taps
        )
        assert table.predictions is not None
        return {
            "accuracy": float((table.predictions == self.view.labels).mean()),
            "values": {name: with_more(each, table).value() for name, each in original.items()},
        }

    def _accuracy(self, accuracy: FloatArray) -> NoiseAccuracy:
        original = accuracy_on(self.tests)
        assert original is not None
        important, random = (
            mean(accuracy[row::2], generator(self.seed, "noise accuracy", part))
            for row, part in enumerate(PARTS)
        )
        return NoiseAccuracy(original, important, random)

    def _gain(self, original: Criterion, values: list[float]) -> NoiseGain:
        mark = mark_of(original)
        unit = 1.0 if mark is None else mark
        value = original.value()
        pairs = (np.array(values).reshape(-1, 2) - value) / unit
        again = (with_more(original, self.tests).value() - value) / unit
        return compare_gains(value, mark, pairs, again, self.seed)
