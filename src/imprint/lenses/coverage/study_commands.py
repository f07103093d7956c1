"""``imprint coverage study rq1 … rq5``: five commands under the names of the published studies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from imprint.core.bounds import Bounds
from imprint.lenses.coverage.commands import (
    Ablate,
    MeasureAdversarial,
    MeasureCost,
    MeasureImpartiality,
    MeasureSensitivity,
)
from imprint.lenses.coverage.experiments.ablation_options import AblateOptions
from imprint.lenses.coverage.experiments.adversarial_options import AdversarialOptions
from imprint.lenses.coverage.experiments.cost_options import CostOptions
from imprint.lenses.coverage.experiments.impartiality_options import ImpartialityOptions
from imprint.lenses.coverage.experiments.sensitivity_options import SensitivityOptions
from imprint.lenses.coverage.study_options import StudyData, as_command
from imprint.study.command import command
from imprint.study.plain import JsonObject

EXAMPLE = "--model model.safetensors --data cifar10/ --out runs/{}"
MAIN = ("out", "model", "data", "records")


@command(
    "coverage study rq1",
    "as coverage ablate: are the leading neurons critical?",
    example=EXAMPLE.format("rq1"),
    main=(*MAIN, "attributions", "top_counts", "draws", "replacement", "seed", "device"),
)
@dataclass(frozen=True, kw_only=True)
class NeuronStudy(StudyData, AblateOptions):
    """Ablate the most important neurons: coverage ablate, with the same page and files."""

    def run(self) -> JsonObject:
        """Run; return the content of ``summary.json``."""
        return as_command(self, Ablate).run()


@command(
    "coverage study rq2",
    "as coverage sensitivity: does coverage tell important pixels from others?",
    example=EXAMPLE.format("rq2"),
    main=(*MAIN, "criteria", "pixels", "pixel_share", "deviation", "draws", "seed", "device"),
)
@dataclass(frozen=True, kw_only=True)
class PixelStudy(StudyData, SensitivityOptions):
    """Add noise to important pixels: coverage sensitivity, with the same page and files."""

    def run(self) -> JsonObject:
        """Run; return the content of ``summary.json``."""
        return as_command(self, MeasureSensitivity).run()


@command(
    "coverage study rq3",
    "as coverage adversarial: does coverage react to adversarial inputs?",
    example=EXAMPLE.format("rq3"),
    main=(*MAIN, "criteria", "attacks", "epsilon", "sizes", "shares", "draws", "seed", "device"),
)
@dataclass(frozen=True, kw_only=True)
class AttackStudy(StudyData, AdversarialOptions):
    """Mix in adversarial inputs: coverage adversarial, with the same page and files."""

    def run(self) -> JsonObject:
        """Run; return the content of ``summary.json``."""
        return as_command(self, MeasureAdversarial).run()


@command(
    "coverage study rq4",
    "as coverage impartiality: does coverage follow the evenness of predictions?",
    example=EXAMPLE.format("rq4"),
    main=(*MAIN, "criteria", "sizes", "draws", "attack", "epsilon", "seed", "device"),
)
@dataclass(frozen=True, kw_only=True)
class EvennessStudy(StudyData, ImpartialityOptions):
    """Vary class mixes: coverage impartiality, with the same page and files."""

    draws: Annotated[int | None, Bounds(least=10, most=10_000)] = None
    """Sets of each size. Default: --sets."""

    def run(self) -> JsonObject:
        """Run; return the content of ``summary.json``."""
        return as_command(self, MeasureImpartiality, sets="draws").run()


@command(
    "coverage study rq5",
    "as coverage cost: what does coverage cost beside the forward pass?",
    example=EXAMPLE.format("rq5"),
    main=(*MAIN, "criteria", "batch_size", "draws", "seed", "device"),
)
@dataclass(frozen=True, kw_only=True)
class CostStudy(StudyData, CostOptions):
    """Time every criterion: coverage cost, with the same page and files."""

    draws: Annotated[int | None, Bounds(least=5, most=10_000)] = None
    """Measurements of each time. Default: --repeats."""

    def run(self) -> JsonObject:
        """Run; return the content of ``summary.json``."""
        return as_command(self, MeasureCost, repeats="draws").run()
