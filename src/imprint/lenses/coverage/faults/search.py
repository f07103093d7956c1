"""The step that searches for faults, from seeds to tables, and goes on where it was killed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imprint.core.arrays import BoolArray, IntArray, Pixels
from imprint.core.durable import replacing
from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.data.view import View
from imprint.lenses.coverage.criterion.criterion import CRITERIA, Criterion
from imprint.lenses.coverage.faults.local_diffusion import DiffusionModel
from imprint.lenses.coverage.faults.network import (
    WatchedClassifier,
    as_float,
    watched_classifier,
)
from imprint.lenses.coverage.faults.oracles import Agreement, SeedLabels, resized_logits
from imprint.lenses.coverage.faults.tables import search_findings, write_faults, write_rounds
from imprint.lenses.coverage.fuzzing.children import Breeder
from imprint.lenses.coverage.fuzzing.guide import CONTROLS, Guide, guide_by
from imprint.lenses.coverage.fuzzing.mutation import MUTATIONS, Mutation
from imprint.lenses.coverage.fuzzing.mutations.diffusion import DIFFUSION
from imprint.lenses.coverage.fuzzing.search import Oracle, Search, SearchOptions, Subject
from imprint.lenses.coverage.fuzzing.shrink import Minimised, minimise
from imprint.lenses.coverage.fuzzing.unique_faults import Features, UniqueFaults, common_distance
from imprint.lenses.coverage.fuzzing.validity import FULL, ChangeBounds
from imprint.lenses.coverage.measure.measure import fit
from imprint.lenses.coverage.study.network import AuditedNetwork
from imprint.nets.image_model import ImageModel
from imprint.nets.quantised import SCHEMES, QuantisedModel
from imprint.neurons.activations import ActivationTable
from imprint.probe.neurons.tap_options import TapOptions
from imprint.reading.regular import UnreadableFile
from imprint.reading.weights_files import read_safetensors
from imprint.study.counted import uncounted
from imprint.study.finding import write_finding
from imprint.study.step import Step

STATE = "state.safetensors"
KEPT_EVERY_SECONDS = 10.0
AT_ONCE = 256
"""Images that networks classify at a time, beside the search."""
CALIBRATION = 256
"""Seeds that the ranges of int8 activations are taken from."""


@dataclass(frozen=True)
class OracleChoice:
    """What says which class is right: the seed, unless one of these is there.

    Attributes:
        judge: must confirm the class of the seed.
        against: its class is expected.
        int8: scheme by which the network itself is quantised, whose class is expected.
    """

    judge: AuditedNetwork | None = None
    against: AuditedNetwork | None = None
    int8: str = "none"

    @property
    def name(self) -> str:
        """How findings call it."""
        if self.int8 != "none":
            return self.int8
        if self.against is not None:
            return "network"
        return "labels" if self.judge is None else "judge"

    def open(self, model: ImageModel, seeds: Pixels) -> Oracle:
        """Return the oracle.

        Args:
            model: the network under test, without taps, which int8 copies would run as well.
            seeds: uint8 ``[n, channels, H, W]``, to calibrate int8 with.

        Raises:
            ImprintError: the network cannot be quantised.
        """
        if self.judge is not None:
            return SeedLabels(resized_logits(self.judge.model))
        if self.against is not None:
            return Agreement(resized_logits(self.against.model))
        for scheme in SCHEMES:
            if scheme == self.int8:
                images = torch.from_numpy(seeds[:CALIBRATION]).float() / FULL
                return Agreement(QuantisedModel(model, scheme, images))
        return SeedLabels()


@dataclass(frozen=True)
class SearchFaults(Step):
    """A search for faults: ``fuzzing``.

    ``faults.parquet`` has a row per fault, ``rounds.parquet`` one per round, ``faults.safetensors``
    the images of unique faults; ``findings.json`` says how the search went.
    """

    network: AuditedNetwork
    seeds: View
    criterion: str
    settings: object
    source: Mapping[str, str]
    taps: TapOptions
    mutations: tuple[str, ...]
    strength: float
    bounds: ChangeBounds
    options: SearchOptions
    oracle: OracleChoice = field(default_factory=OracleChoice)
    minimise: int = 0
    diffusion: DiffusionModel | None = None
    train: ActivationTable | None = uncounted(default=None)

    artefact = "fuzzing"
    resumable = True

    def build(self, path: Path) -> None:
        """Search, from where a killed search was last kept."""
        path.mkdir(exist_ok=True)
        guides, model = self.criterion not in CONTROLS, self.network.model
        pixels = self.seeds.read(model.input_size).pixels
        oracle = self.oracle.open(model, pixels)
        with watched_classifier(model, self.taps, guides) as subject:
            search = self.start(subject, oracle, pixels)
            self._run(search, subject, oracle, path / STATE)
            minimised = self._minimise(search, subject, oracle)
        write_rounds(path / "rounds.parquet", search)
        write_faults(path, search, self.mutation_names, minimised)
        finding = search_findings(
            search,
            self.criterion,
            self.oracle.name,
            len(self.seeds) - len(search.seeds),
            self.mutation_names,
            minimised,
        )
        write_finding(path / "findings.json", finding)
        (path / STATE).unlink(missing_ok=True)

    def start(self, subject: WatchedClassifier, oracle: Oracle, pixels: Pixels) -> Search:
        """Return a search at its start.

        Args:
            subject: the network under test.
            oracle: says which class is right.
            pixels: uint8 ``[n, channels, H, W]``, of all seeds.
        """
        guide, labels = self._guide(subject), self.seeds.labels
        right, features = _right_seeds(subject, oracle, guide, pixels, labels)
        breeder = Breeder(
            self._mutations(subject.model),
            self.bounds,
            self.strength,
            self.options.seed,
            pixels[right],
            subject.model.device,
        )
        unique = UniqueFaults(common_distance(features, labels[right]), features.shape[1])
        return Search(self.options, pixels[right], labels[right], breeder, guide, unique)

    @property
    def mutation_names(self) -> tuple[str, ...]:
        """Names of all mutations, in the order in which tables number them."""
        return (*self.mutations, *([] if self.diffusion is None else [DIFFUSION]))

    def _mutations(self, model: ImageModel) -> list[Mutation]:
        named: list[Mutation] = [MUTATIONS.get(name)() for name in self.mutations]
        if self.diffusion is not None:
            named.append(self.diffusion.load(model.channels, model.device))
        return named

    def _guide(self, subject: WatchedClassifier) -> Guide:
        if self.criterion in CONTROLS:
            return CONTROLS[self.criterion]()
        guide = guide_by(self._fitted(subject))
        if self.source.get("start") == "members":
            assert self.train is not None
            for batch in self.train.batches():
                guide.see(batch)
        return guide

    def _fitted(self, subject: WatchedClassifier) -> Criterion:
        model = subject.model
        blank = torch.zeros(1, model.channels, model.input_size, model.input_size)
        layers = subject(blank.to(model.device)).batch.layers
        criterion = CRITERIA.get(self.criterion)(layers, self.settings)
        reasons = fit({self.criterion: criterion}, self.train)
        if reasons:
            raise ImprintError(f"{self.criterion} cannot be fitted: {reasons[self.criterion]}")
        return criterion

    def _run(self, search: Search, subject: Subject, oracle: Oracle, kept: Path) -> None:
        if kept.exists():
            restore(search, kept)
        steps = _percents(search, subject, oracle, kept)
        for _ in track(steps, f"fuzz, guided by {self.criterion}", 100, "%"):
            pass

    def _minimise(self, search: Search, subject: Subject, oracle: Oracle) -> Minimised | None:
        """Return the first unique faults with fewer and smaller mutations."""
        kept = search.kept.rows(np.arange(min(self.minimise, len(search.kept))))
        if not len(kept):
            return None
        pairs = search.unique.pairs

        def is_fault(images: Tensor, rows: IntArray) -> BoolArray:
            labels = search.labels[kept.lineage.seeds[rows]]
            parts = range(0, len(rows), AT_ONCE)
            return np.concatenate(
                [
                    _same_fault(
                        subject,
                        oracle,
                        images[start : start + AT_ONCE],
                        labels[start : start + AT_ONCE],
                        pairs[rows[start : start + AT_ONCE]],
                    )
                    for start in parts
                ]
            )

        seeds = search.seeds[kept.lineage.seeds]
        return minimise(search.breeder, seeds, kept.lineage, is_fault)


def _right_seeds(
    subject: WatchedClassifier, oracle: Oracle, guide: Guide, pixels: Pixels, labels: IntArray
) -> tuple[IntArray, Features]:
    """Return the rows of seeds that are classified correctly, beyond doubt, and their features.

    Raises:
        ImprintError: there is none.
    """
    right: list[IntArray] = []
    features: list[NDArray[np.float32]] = []
    starts = range(0, len(pixels), AT_ONCE)
    for start in track(starts, "classify the seeds", len(starts), "batch"):
        part = slice(start, start + AT_ONCE)
        images = as_float(pixels[part], subject.model.device)
        outcome = subject(images)
        expected = oracle.expected(images, labels[part])
        agreed = (outcome.predictions == labels[part]) & (expected == labels[part])
        rows = np.flatnonzero(agreed & oracle.confirms(images, labels[part]))
        right.append(start + rows)
        features.append(outcome.features[rows])
        if len(rows):
            guide.see(outcome.batch.rows(torch.from_numpy(rows)))
    if not sum(map(len, right)):
        raise ImprintError(
            "no seed is classified correctly: give images of the network's classes, or check "
            "--mean and --std"
        )
    return np.concatenate(right), np.concatenate(features)


def _same_fault(
    subject: Subject, oracle: Oracle, images: Tensor, labels: IntArray, pairs: IntArray
) -> BoolArray:
    """Return which images are still faults of their pair of classes, ``[b, 2]``."""
    expected = oracle.expected(images, labels)
    same = (subject(images).predictions == pairs[:, 1]) & (expected == pairs[:, 0])
    return np.asarray(same & oracle.confirms(images, expected))


def _percents(search: Search, subject: Subject, oracle: Oracle, kept: Path) -> Iterator[int]:
    """Run the search; yield each percent of the budget, and keep its state now and then."""
    last = time.monotonic()
    done = 0
    for _ in search.rounds(subject, oracle):
        if search.is_over or time.monotonic() - last >= KEPT_EVERY_SECONDS:
            keep(search, kept)
            last = time.monotonic()
        share = 100 * search.passes // search.options.budget
        yield from range(done, share)
        done = share


def keep(search: Search, path: Path) -> None:
    """Write the state of a search, whole or not at all."""
    from safetensors.torch import save_file

    with replacing(path) as temporary:
        save_file(search.state(), temporary)


def restore(search: Search, path: Path) -> None:
    """Set a search to a state that was kept.

    Raises:
        ImprintError: the file is damaged.
    """
    try:
        search.restore(read_safetensors(path))
    except (UnreadableFile, KeyError, ValueError) as error:
        raise ImprintError(
            f"{path} is damaged: delete the folder {path.parent} and run again"
        ) from error
