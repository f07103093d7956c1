"""``coverage fuzz``: mutated images that a network gets wrong, searched for under a budget."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imprint.core.arrays import IntArray, Pixels
from imprint.core.durable import replacing
from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.core.seeds import generator
from imprint.data.choice import image_facts
from imprint.data.files import without_corrupt
from imprint.data.joined import JoinedImages
from imprint.data.open import open_images
from imprint.data.view import View
from imprint.lenses.coverage.criterion.criterion import CRITERIA, Criterion
from imprint.lenses.coverage.fuzzing.children import Breeder
from imprint.lenses.coverage.fuzzing.corpus import MAX_BYTES
from imprint.lenses.coverage.fuzzing.guide import Guide, guide_by
from imprint.lenses.coverage.fuzzing.mutation import MUTATIONS
from imprint.lenses.coverage.fuzzing.search import Oracle, Search, SearchOptions, Subject
from imprint.lenses.coverage.fuzzing.unique_faults import Features, UniqueFaults, common_distance
from imprint.lenses.coverage.fuzzing.validity import ChangeBounds
from imprint.lenses.coverage.fuzzing_findings import FuzzFindings, Fuzzing
from imprint.lenses.coverage.fuzzing_options import FuzzOptions
from imprint.lenses.coverage.measure.measure import fit
from imprint.lenses.coverage.options import CriteriaChoice
from imprint.lenses.coverage.study.criteria import settings_of
from imprint.lenses.coverage.study.fuzzed_network import SeedLabels, watched_classifier
from imprint.lenses.coverage.study.fuzzing_tables import search_findings, write_faults, write_rounds
from imprint.lenses.coverage.study.inputs import open_members, open_network, tap_options
from imprint.lenses.coverage.study.network import NO_LOGITS, AuditedNetwork, TakeActivations
from imprint.lenses.coverage.study.neurons import NeuronRanking, check_choice, check_tables
from imprint.neurons.activations import ActivationTable, Layers
from imprint.probe.neurons.tap_options import TapOptions
from imprint.reading.regular import UnreadableFile
from imprint.reading.weights_files import read_safetensors
from imprint.report.model_facts import ModelAccuracy, network_facts
from imprint.report.summary import finish
from imprint.stats.proportion import proportion
from imprint.study.counted import uncounted
from imprint.study.finding import read_finding, to_json, write_finding
from imprint.study.plain import JsonObject
from imprint.study.step import Step
from imprint.study.store import Study

RANDOM = "random"
STATE = "state.safetensors"
KEPT_EVERY_SECONDS = 10.0
SEEDS_AT_ONCE = 256


def fuzz_study(options: FuzzOptions) -> JsonObject:
    """Search for faults, and write the report; return the content of ``summary.json``.

    Raises:
        ImprintError: bad data, options that do not fit, a criterion that cannot be fitted, no seed
            that is classified correctly, or a study made with other settings.
    """
    settings = check_options(options)
    study = Study(options.out)
    with study.locked():
        members, seeds = open_views(options)
        network = open_network(options, seeds.images)
        check_network(network, seeds)
        guiding, train, source = _guiding(study, options, network, members, seeds, settings)
        step = SearchFaults(
            network,
            seeds,
            options.criterion,
            guiding,
            source,
            tap_options(options),
            options.mutations,
            options.strength,
            ChangeBounds(options.max_share, options.max_change),
            SearchOptions(
                options.budget, options.round_size, options.parents, options.depth, options.seed
            ),
            train,
        )
        fuzzing = read_finding(Fuzzing, study.run(step) / "findings.json")
        lenses = {"coverage": to_json(FuzzFindings(fuzzing))}
        right = fuzzing.seeds, fuzzing.seeds + fuzzing.misclassified_seeds
        facts = network_facts(network.file, ModelAccuracy(tests=proportion(*right)))
        return finish(study, options, image_facts(seeds.images), lenses, facts)


def check_options(options: FuzzOptions) -> Mapping[str, object]:
    """Return the settings of the criterion, none for random; refuse what does not fit.

    Raises:
        ImprintError: which options, and why.
    """
    check_choice(options)
    check_tables(options)
    if options.seeds is None:
        raise ImprintError("give --seeds, images to mutate: a folder or an array file")
    if not options.mutations:
        raise ImprintError("--mutations is empty: name some, see imprint list mutations")
    for name in options.mutations:
        MUTATIONS.get(name)
    if len(set(options.mutations)) < len(options.mutations):
        raise ImprintError("--mutations names one twice: name each once")
    if options.criterion == RANDOM:
        if options.param:
            raise ImprintError("--param sets a criterion, and --criterion random has none")
        if options.start == "members":
            raise ImprintError("--start members is about coverage, and --criterion random has none")
        return {}
    CRITERIA.get(options.criterion)
    choice = CriteriaChoice(criteria=(options.criterion,), param=options.param)
    needs = CRITERIA.get(options.criterion).reads_training or options.start == "members"
    if needs and options.members is None:
        reader = "--start members" if options.start == "members" else options.criterion
        raise ImprintError(
            f"{reader} reads images that the network was trained on: give --members, or another "
            "--criterion"
        )
    if CRITERIA.get(options.criterion).reads_labels:
        raise ImprintError(
            f"{options.criterion} reads the class of every input, and that of a mutant is what is "
            "to be found out: choose another --criterion"
        )
    return settings_of(choice)


def open_views(options: FuzzOptions) -> tuple[View | None, View]:
    """Return the training images, if there are any, and the seeds, of one set.

    Raises:
        ImprintError: they cannot be read, are the same, or their classes differ.
    """
    assert options.seeds is not None
    if (options.members, options.members_part) == (options.seeds, options.seeds_part):
        raise ImprintError(
            f"--members and --seeds are the same images, {options.seeds}: name its parts with "
            "--members-part and --seeds-part, or give two folders"
        )
    opened = open_images(
        options.seeds,
        layout=options.layout,
        part=options.seeds_part or None,
        skip_corrupt=options.skip_corrupt,
    )
    seeds = without_corrupt(opened)
    rows = drawn(len(seeds), options.seed_records, options.seed, "seeds")
    if options.members is None:
        return None, View(seeds, rows, options.centre_fraction)
    members = open_members(options)
    images = JoinedImages(members, seeds, f"{options.members.name} and {options.seeds.name}")
    first = drawn(len(members), options.member_records, options.seed, "train records")
    return (
        View(images, first, options.centre_fraction),
        View(images, len(members) + rows, options.centre_fraction),
    )


def drawn(count: int, most: int, seed: int, purpose: str) -> IntArray:
    """Return rows, at most so many, drawn at random and sorted; all for 0."""
    rows = np.arange(count)
    if not most or most >= count:
        return rows
    return np.sort(generator(seed, f"coverage {purpose}").permutation(rows)[:most])


def check_network(network: AuditedNetwork, seeds: View) -> None:
    """Refuse a network without classes, and seeds that do not fit into memory.

    Raises:
        ImprintError: either.
    """
    model = network.model
    if not model.has_logits:
        raise ImprintError(NO_LOGITS)
    bytes_of_seeds = 2 * len(seeds) * model.channels * model.input_size**2
    if bytes_of_seeds > MAX_BYTES:
        raise ImprintError(
            f"{len(seeds):,} seeds of {model.input_size} × {model.input_size} pixels do not fit "
            "into the corpus: use fewer, --seed-records"
        )


def _guiding(
    study: Study,
    options: FuzzOptions,
    network: AuditedNetwork,
    members: View | None,
    seeds: View,
    settings: Mapping[str, object],
) -> tuple[object, ActivationTable | None, Mapping[str, str]]:
    """Return settings of the criterion, training activations and what they were made from."""
    if options.criterion == RANDOM:
        return None, None, {}
    train, source = None, {}
    if members is not None:
        step = TakeActivations(network, members, tap_options(options))
        train = step.table(study)
        source = {"train": study.hash_of(step.artefact), "start": options.start}
    layers = train.layers if train is not None else observed_layers(network, seeds, options)
    ranking = NeuronRanking(study, layers, network, members, options, options, options.seed)
    filled, _ = ranking.fill(settings)
    return filled[options.criterion], train, source


def observed_layers(network: AuditedNetwork, seeds: View, options: FuzzOptions) -> Layers:
    """Return the layers that are observed, found by a pass over one seed."""
    model = network.model
    pixels = seeds.rows(np.arange(1)).read(model.input_size).pixels
    with watched_classifier(model, tap_options(options), True) as classifier:
        return classifier(_as_float(pixels, model.device)).batch.layers


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
    train: ActivationTable | None = uncounted(default=None)

    artefact = "fuzzing"
    resumable = True

    def build(self, path: Path) -> None:
        """Search, from where a killed search was last kept."""
        path.mkdir(exist_ok=True)
        guides = self.criterion != RANDOM
        with watched_classifier(self.network.model, self.taps, guides) as subject:
            search, misclassified = self._start(subject)
            oracle = SeedLabels()
            self._run(search, subject, oracle, path / STATE)
        write_rounds(path / "rounds.parquet", search)
        write_faults(path, search, self.mutations)
        finding = search_findings(search, self.criterion, misclassified, self.mutations)
        write_finding(path / "findings.json", finding)
        (path / STATE).unlink(missing_ok=True)

    def _start(self, subject: Subject) -> tuple[Search, int]:
        """Return a search at its start, and how many seeds are misclassified."""
        model = self.network.model
        guide = self._guide(subject)
        images = self.seeds.read(model.input_size)
        right, features = self._right_seeds(subject, guide, images.pixels, self.seeds.labels)
        pixels, labels = images.pixels[right], self.seeds.labels[right]
        breeder = Breeder(
            [MUTATIONS.get(name)() for name in self.mutations],
            self.bounds,
            self.strength,
            self.options.seed,
            pixels,
            model.device,
        )
        unique = UniqueFaults(common_distance(features, labels), features.shape[1])
        search = Search(self.options, pixels, labels, breeder, guide, unique)
        return search, len(self.seeds) - len(right)

    def _guide(self, subject: Subject) -> Guide:
        if self.criterion == RANDOM:
            return guide_by(None)
        guide = guide_by(self._fitted(subject))
        if self.source.get("start") == "members":
            assert self.train is not None
            for batch in self.train.batches():
                guide.see(batch)
        return guide

    def _fitted(self, subject: Subject) -> Criterion:
        model = self.network.model
        blank = np.zeros((1, model.channels, model.input_size, model.input_size), dtype=np.uint8)
        layers = subject(_as_float(blank, model.device)).batch.layers
        criterion = CRITERIA.get(self.criterion)(layers, self.settings)
        reasons = fit({self.criterion: criterion}, self.train)
        if reasons:
            raise ImprintError(f"{self.criterion} cannot be fitted: {reasons[self.criterion]}")
        return criterion

    def _right_seeds(
        self, subject: Subject, guide: Guide, pixels: Pixels, labels: IntArray
    ) -> tuple[IntArray, Features]:
        """Return the rows of seeds that are classified correctly, and their features.

        Raises:
            ImprintError: there is none.
        """
        right: list[IntArray] = []
        features: list[NDArray[np.float32]] = []
        starts = range(0, len(pixels), SEEDS_AT_ONCE)
        for start in track(starts, "classify the seeds", len(starts), "batch"):
            part = slice(start, start + SEEDS_AT_ONCE)
            outcome = subject(_as_float(pixels[part], self.network.model.device))
            rows = np.flatnonzero(outcome.predictions == labels[part])
            right.append(start + rows)
            features.append(outcome.features[rows])
            if len(rows):
                guide.see(outcome.batch.rows(torch.from_numpy(rows)))
        if not sum(map(len, right)):
            raise ImprintError(
                "the network misclassifies every seed: give images of its classes, or check "
                "--mean and --std"
            )
        return np.concatenate(right), np.concatenate(features)

    def _run(self, search: Search, subject: Subject, oracle: Oracle, kept: Path) -> None:
        if kept.exists():
            restore(search, kept)
        steps = _percents(search, subject, oracle, kept)
        for _ in track(steps, f"fuzz, guided by {self.criterion}", 100, "%"):
            pass


def _percents(search: Search, subject: Subject, oracle: Oracle, kept: Path) -> Iterator[int]:
    """Run the search; yield each percent of the budget, and keep its state now and then."""
    last = time.monotonic()
    done = 0
    for _ in search.rounds(subject, oracle):
        if time.monotonic() - last >= KEPT_EVERY_SECONDS:
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


def _as_float(pixels: Pixels, device: torch.device) -> Tensor:
    return torch.from_numpy(pixels).to(device).float()
