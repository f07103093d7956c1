"""``coverage detection``: blocks of a detector, and its quality without its leading neurons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.device import choose_device
from imprint.core.errors import ImprintError
from imprint.core.extras import import_pycocotools
from imprint.core.progress import log, track
from imprint.core.seeds import generator
from imprint.data.boxes.coco_objects import Objects, open_coco
from imprint.data.files import EncodedImages
from imprint.lenses.coverage.criterion.criterion import CRITERIA
from imprint.lenses.coverage.detection.average_precision import PrecisionJudge
from imprint.lenses.coverage.detection.blocks import blocks_of, parameters_by_block, shares
from imprint.lenses.coverage.detection.found import (
    METRICS,
    Quality,
    measure_quality,
    pad_objects,
)
from imprint.lenses.coverage.detection.resampled import (
    ImageQuality,
    image_quality,
    quality_estimates,
)
from imprint.lenses.coverage.detectors.findings import (
    AblatedDetector,
    Detection,
    DetectionFindings,
    DetectorBlock,
    QualityDrop,
)
from imprint.lenses.coverage.detectors.options import DetectionOptions
from imprint.lenses.coverage.detectors.passes import (
    WholeImages,
    detector_activations,
    explain_detector,
    flat,
    held_or_read_again,
    unflat,
)
from imprint.lenses.coverage.experiments.ablation_findings import RandomDrop
from imprint.lenses.coverage.importance.importance_files import read_importance, write_importance
from imprint.lenses.coverage.importance.neuron_sets import (
    HiddenNeurons,
    keep_without,
    leading_sets,
    matched_neurons,
    random_neurons,
)
from imprint.lenses.coverage.study.attribution import attribution_seed, check_attributions
from imprint.nets.dense_detector import detector_of_function
from imprint.nets.detector import Detector, load_detector_folder
from imprint.neurons.activations import ActivationTable, Layers
from imprint.neurons.importance import ImportanceTable
from imprint.probe.attribution.ablation import Ablation
from imprint.probe.attribution.attribution_options import AttributionOptions
from imprint.probe.attribution.importance import attribute_explained
from imprint.probe.neurons.layer_outputs import LayerOutputs
from imprint.report.model_facts import ModelFacts
from imprint.report.summary import finish
from imprint.report.wording import plural
from imprint.stats.estimate import Estimate
from imprint.study.counted import uncounted
from imprint.study.finding import read_finding, to_json, write_finding
from imprint.study.plain import JsonObject
from imprint.study.step import Step
from imprint.study.store import Study
from imprint.study.tables import write_table

SETS = 8
"""Detectors without neurons that share a pass."""
ROUNDING = 1e-6
"""Of a measure of quality in float32: drops that differ by less are ties."""


def detection_study(options: DetectionOptions) -> JsonObject:
    """Measure a detector, and write the report; return the content of ``summary.json``.

    Raises:
        ImprintError: bad data, options that do not fit, or a study made with other settings.
    """
    check_attributions((options.attribution,), "--attribution")
    import_pycocotools()
    study = Study(options.out)
    with study.locked():
        images, objects = open_coco(options.data, options.annotations)
        ranked, tested = split_images(images, options)
        device = choose_device(options.device)
        detector = open_detector(options, device)
        audited = AuditedDetector(detector, device, options.batch_size)
        category_of = match_categories(detector.classes, objects.categories)
        known_objects(objects, tested, category_of)
        ranking = RankNeurons(audited, ranked, options.threshold, options.attribution, options.seed)
        table = read_importance(study.run(ranking))
        step = MeasureDetection(
            audited,
            ranked,
            tested,
            objects,
            category_of,
            table.scores[-1],
            options.attribution,
            options.threshold,
            options.criterion,
            options.exclude_layers,
            tuple(sorted(set(options.top_counts))),
            options.draws,
            options.seed,
            table.layers,
        )
        findings = read_finding(Detection, study.run(step) / "findings.json")
        data = {
            "name": images.name,
            "images": len(images),
            "classes": len(objects.categories),
            "class_names": list(objects.categories),
            "fingerprint": images.fingerprint(),
        }
        name = type(detector.network).__name__
        facts = ModelFacts(fingerprint=detector.fingerprint(), architecture=name, task="detection")
        lenses = {"coverage": to_json(DetectionFindings(findings))}
        return finish(study, options, data, lenses, facts)


def open_detector(options: DetectionOptions, device: torch.device) -> Detector:
    """Return the detector in a folder, or that a named function returns.

    Raises:
        ImprintError: it cannot be read, or options apply to a folder alone.
    """
    stated = {"mean": options.mean, "std": options.std, "input_size": options.image_size}
    given = {name: value for name, value in stated.items() if value}
    name = str(options.model)
    if ":" not in name or options.model.exists():
        return load_detector_folder(options.model, given, device)
    if given:
        raise ImprintError(
            f"--image-size, --mean and --std are about a folder: {name} says itself how it reads "
            "images, leave them out"
        )
    return detector_of_function(name, device)


def split_images(
    images: EncodedImages, options: DetectionOptions
) -> tuple[WholeImages, WholeImages]:
    """Return images that rank neurons, and others that test, drawn at random.

    Raises:
        ImprintError: there are not two.
    """
    if len(images) < 2:
        raise ImprintError(
            f"{options.annotations} lists one image: some rank the neurons and others test, so "
            "give at least two"
        )
    order = generator(options.seed, "detection images").permutation(len(images))
    first = min(options.importance_records, len(images) // 2)
    last = first + options.test_records if options.test_records else len(images)
    return (
        WholeImages(images, np.sort(order[:first])),
        WholeImages(images, np.sort(order[first:last])),
    )


def match_categories(classes: Sequence[str], categories: Sequence[str]) -> IntArray:
    """Return the category of each class of a detector by its name, int64; −1 for none.

    Raises:
        ImprintError: they have no name in common, or a class stands for several categories.
    """
    places = {name.strip().casefold(): row for row, name in enumerate(categories)}
    counts = Counter(name.strip().casefold() for name in categories)
    found = np.array([places.get(name.strip().casefold(), -1) for name in classes], dtype=np.int64)
    for row in np.unique(found[found >= 0]).tolist():
        if counts[categories[row].strip().casefold()] > 1:
            raise ImprintError(
                f"several categories of the annotations are called {categories[row]!r}, as a class "
                "of the detector is: give each category a name of its own"
            )
    if not (found >= 0).any():
        raise ImprintError(
            f"no class of the detector, such as {classes[0]!r}, is a category of the annotations, "
            f"such as {categories[0] if categories else 'none'!r}: name its classes in id2label of "
            "its config.json"
        )
    return found


def known_objects(objects: Objects, tests: WholeImages, category_of: IntArray) -> Objects:
    """Return the objects in the tests of categories that the detector knows.

    Raises:
        ImprintError: there is none.
    """
    shown = objects.of(tests.index)
    known = np.isin(shown.category, category_of)
    kept = Objects(
        shown.owner[known],
        shown.boxes[known],
        shown.category[known],
        shown.crowd[known],
        shown.categories,
    )
    if kept.crowd.all():
        raise ImprintError(
            f"the {len(tests)} test images show no object of a class that the detector knows: give "
            "more images (--test-records)"
        )
    return kept


@dataclass(frozen=True, eq=False)
class AuditedDetector:
    """A detector on its device; on a card, the hash of its files."""

    network: Detector
    device: torch.device
    batch: int

    def fingerprint(self) -> str:
        """Return the hash of the files."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        return self.network.fingerprint()


@dataclass(frozen=True)
class RankNeurons(Step):
    """Importance of every neuron for what the detector reports: ``importance/METHOD.parquet``."""

    detector: AuditedDetector
    view: WholeImages
    threshold: float
    method: str
    seed: int

    @property
    def artefact(self) -> str:  # type: ignore[override]
        """Where the table goes."""
        return f"importance/{self.method}.parquet"

    def build(self, path: Path) -> None:
        """Attribute, and write the table."""
        network, device = self.detector.network, self.detector.device
        explained = explain_detector(
            network, self.view, self.threshold, self.detector.batch, device
        )
        options = AttributionOptions(seed=attribution_seed(self.seed), rows=4 * self.detector.batch)
        table: ImportanceTable = attribute_explained(
            explained, (self.method,), options, self.detector.batch
        )[self.method]
        write_importance(path, table)


@dataclass(frozen=True)
class MeasureDetection(Step):
    """Blocks of a detector, and its quality without neurons: ``detection``.

    ``sets.parquet`` has a row per set of neurons: its ``kind`` (leading, matched, anywhere), its
    ``draw``, the number of ``neurons`` and the quality; ``findings.json`` compares them.
    """

    detector: AuditedDetector
    ranked: WholeImages
    tests: WholeImages
    objects: Objects
    category_of: IntArray
    scores: FloatArray
    attribution: str
    threshold: float
    criterion: str
    excluded: tuple[str, ...]
    counts: tuple[int, ...]
    draws: int
    seed: int
    layers: Layers = uncounted()

    artefact = "detection"

    def build(self, path: Path) -> None:
        """Measure blocks, then take neurons away, set by set."""
        path.mkdir(exist_ok=True)
        objects = known_objects(self.objects, self.tests, self.category_of)
        left_out = len(self.objects.of(self.tests.index)) - len(objects)
        if left_out:
            log(f"{left_out} objects are of categories that the detector does not know: left out")
        hidden = self._hidden()
        blocks = self._blocks()
        sets = list(self._sets(hidden))
        every = np.ones((1, self.layers.neurons), dtype=bool)
        keep = np.concatenate([every, *(each.keep for each in sets)])
        (whole, *without), by_image = self._qualities(keep, objects)
        leading = 1 + len(self.counts)
        quality, drops = quality_estimates(
            by_image[0],
            by_image[1:],
            [whole, *without][:leading],
            generator(self.seed, "detection intervals"),
        )
        write_sets(path / "sets.parquet", sets, without, self.counts)
        findings = Detection(
            ranked_on=len(self.ranked),
            tests=len(self.tests),
            objects=int((~objects.crowd).sum()),
            left_out=left_out,
            threshold=self.threshold,
            attribution=self.attribution,
            criterion=self.criterion,
            quality=quality,
            blocks=blocks,
            draws=self.draws,
            ablated=compare_sets(whole, sets, without, self.counts, drops),
        )
        write_finding(path / "findings.json", findings)

    def _hidden(self) -> HiddenNeurons:
        chosen = [
            row
            for row, name in enumerate(self.layers.names)
            if not any(part in name for part in self.excluded)
        ]
        return HiddenNeurons.of(self.layers).among(chosen)

    def _blocks(self) -> tuple[DetectorBlock, ...]:
        network, device, batch = self.detector.network, self.detector.device, self.detector.batch
        train = detector_activations(network, self.ranked, batch, device)
        tests = detector_activations(network, self.tests, batch, device)
        observed, attributed = blocks_of(train.layers), blocks_of(self.layers)
        sizes = {name: part.numel() for name, part in network.named_parameters()}
        parameters = parameters_by_block(sizes, [*observed])
        importance = shares(self.scores, attributed)
        total = max(1, sum(parameters.values()))
        return tuple(
            DetectorBlock(
                name,
                size,
                size / total,
                len(observed.get(name, ())),
                importance.get(name),
                block_coverage(self.criterion, train, tests, observed[name], name)
                if name in observed
                else None,
            )
            for name, size in parameters.items()
        )

    def _sets(self, hidden: HiddenNeurons) -> Iterator[DetectorSets]:
        total, most = self.layers.neurons, max(self.counts)
        leading = leading_sets(self.scores, hidden, self.counts)
        yield DetectorSets("leading", 0, keep_without(leading, self.counts, total))
        for draw in range(self.draws):
            random = generator(self.seed, "detection matched", draw)
            matched = matched_neurons(leading, hidden, random)
            yield DetectorSets("matched", draw, keep_without(matched, self.counts, total))
            random = generator(self.seed, "detection anywhere", draw)
            anywhere = random_neurons(hidden, most, random)
            yield DetectorSets("anywhere", draw, keep_without(anywhere, self.counts, total))

    def _qualities(
        self, keep: BoolArray, objects: Objects
    ) -> tuple[list[Quality], list[ImageQuality]]:
        """Return the quality of the detector with each set of neurons, bool ``[k, neurons]``.

        Behind it stands what each image contributes, with all neurons and without leading ones:
        the first sets.
        """
        network, device, batch = self.detector.network, self.detector.device, self.detector.batch
        batches = held_or_read_again(self.tests, network.input_size, batch)
        outputs = LayerOutputs(network, flat)
        ablation = Ablation(outputs, self.layers, network.grey, rows=SETS * batch)
        arguments = (objects.owner, objects.boxes, objects.category, objects.crowd)
        judge = PrecisionJudge(*arguments, len(self.tests))
        padded = pad_objects(*arguments, len(self.tests))
        qualities: list[Quality] = []
        by_image: list[ImageQuality] = []
        chunks = [slice(start, start + SETS) for start in range(0, len(keep), SETS)]
        for part in track(chunks, "ablate", len(chunks), "sets"):
            sets = torch.from_numpy(keep[part])
            passes = [ablation.logits(images.to(device), sets) for images in batches()]
            values = torch.cat(passes, dim=1)
            for each in values:
                found = unflat(each, self.category_of)
                precision = judge.precision(found)
                qualities.append(measure_quality(found, padded, self.threshold, precision))
                if len(by_image) <= len(self.counts):
                    matches = judge.matches(found)
                    by_image.append(image_quality(found, padded, self.threshold, matches))
        return qualities, by_image


@dataclass(frozen=True, eq=False)
class DetectorSets:
    """Nested sets of neurons: what kind they are of, and bool ``[sizes, neurons]`` that stay."""

    kind: str
    draw: int
    keep: BoolArray


def block_coverage(
    name: str, train: ActivationTable, tests: ActivationTable, neurons: IntArray, block: str
) -> float | None:
    """Return the coverage of a block's neurons by the tests; None without a value."""
    layers = Layers(("block",), (len(neurons),))
    try:
        criterion = CRITERIA.get(name)(layers)
        criterion.fit(ActivationTable(layers, train.columns(neurons).astype(np.float32)))
        criterion = criterion.fresh()
        seen = ActivationTable(layers, tests.columns(neurons).astype(np.float32))
        criterion.update(seen.batch(slice(None)))
    except ImprintError as error:
        log(f"no coverage of {block}, {plural(len(neurons), 'neuron')}: {error}")
        return None
    return criterion.value()


def compare_sets(
    whole: Quality,
    sets: Sequence[DetectorSets],
    without: Sequence[Quality],
    counts: Sequence[int],
    leading: Sequence[Mapping[str, Estimate]],
) -> tuple[AblatedDetector, ...]:
    """Return the drops without the leading neurons beside those without random ones.

    Args:
        whole: of the whole detector.
        sets: with one quality a size each.
        without: qualities of all sets, in order.
        counts: sizes of the sets.
        leading: drop of each measure without the leading neurons, by size.
    """
    kinds = np.array([each.kind for each in sets])
    ablated = []
    for row, count in enumerate(counts):
        drops = {}
        for metric in METRICS:
            values = np.array([getattr(each, metric) for each in without])
            fallen = getattr(whole, metric) - values.reshape(len(sets), len(counts))[:, row]
            drop = leading[row][metric]
            matched = fallen[kinds == "matched"]
            p = (1 + int((matched >= drop.value - ROUNDING).sum())) / (1 + len(matched))
            drops[metric] = QualityDrop(
                drop, _spread(matched), _spread(fallen[kinds == "anywhere"]), p
            )
        ablated.append(AblatedDetector(count, drops))
    return tuple(ablated)


def _spread(drops: FloatArray) -> RandomDrop:
    low, high = np.quantile(drops, [0.025, 0.975])
    return RandomDrop(float(drops.mean()), float(low), float(high))


def write_sets(
    file: Path, sets: Sequence[DetectorSets], without: Sequence[Quality], counts: Sequence[int]
) -> None:
    """Write a row per set of neurons."""
    sizes = len(counts)
    write_table(
        file,
        {
            "index": np.arange(len(without)),
            "kind": np.repeat([each.kind for each in sets], sizes),
            "draw": np.repeat([each.draw for each in sets], sizes),
            "neurons": np.tile(np.array(counts), len(sets)),
            **{name: np.array([getattr(each, name) for each in without]) for name in METRICS},
        },
    )
