"""``coverage classes``: the neurons of each class, and what it loses without them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.core.seeds import generator
from imprint.data.view import View
from imprint.lenses.coverage.experiments.ablate import layers_of_network
from imprint.lenses.coverage.experiments.ablated_predictions import right_without
from imprint.lenses.coverage.experiments.class_findings import (
    ClassDrop,
    ClassFindings,
    ClassNeurons,
    ClassStudy,
    CommonNeuron,
    SharedByMethods,
)
from imprint.lenses.coverage.experiments.class_options import ClassesOptions
from imprint.lenses.coverage.importance.common_neurons import (
    class_counts,
    named_by_methods,
    overlaps,
)
from imprint.lenses.coverage.importance.neuron_sets import (
    HiddenNeurons,
    keep_without,
    leading_sets,
    matched_neurons,
)
from imprint.lenses.coverage.measure.accuracy_drops import random_drop
from imprint.lenses.coverage.measure.coverage_findings import named
from imprint.lenses.coverage.study.attribution import (
    AttributeNeurons,
    NotAttributable,
    attribute_neurons,
    attribution_seed,
    check_attributions,
)
from imprint.lenses.coverage.study.inputs import open_network, open_sets, tap_options
from imprint.lenses.coverage.study.network import AuditedNetwork, draw
from imprint.neurons.activations import Layers
from imprint.probe.attribution.attribution_options import AttributionOptions
from imprint.probe.neurons.tap_options import choose_layers
from imprint.report.model_facts import ModelAccuracy, network_facts
from imprint.report.summary import finish
from imprint.stats.bootstrap import mean_share_difference
from imprint.stats.proportion import proportion
from imprint.study.counted import uncounted
from imprint.study.finding import read_finding, to_json, write_finding
from imprint.study.plain import JsonObject
from imprint.study.step import Step
from imprint.study.store import Study
from imprint.study.tables import write_table

MIN_TESTS = 2
MAX_COMMON = 20
"""Common neurons that the findings name; the table has all."""
MAX_LEADING = 20
"""Classes whose leading neurons the findings name; the table has all."""


def classes_study(options: ClassesOptions) -> JsonObject:
    """Find the neurons of classes, take them away, and write the report.

    Returns:
        the content of ``summary.json``.

    Raises:
        ImprintError: bad data, options that do not fit, or a study made with other settings.
    """
    check_attributions(options.attributions, "--attributions")
    study = Study(options.out)
    with study.locked():
        sets = open_sets(options)
        network = open_network(options, sets.images)
        if network.unexplained is not None:
            raise ImprintError(f"{options.model}: {network.unexplained}")
        layers = layers_of_network(network, sets.train)
        chosen = choose_layers(layers.names, tap_options(options))
        hidden = HiddenNeurons.of(layers).among(chosen)
        numbers = largest_classes(sets.test.labels, options.classes)
        step = AblateClasses(
            network,
            sets.test,
            sets.train if options.replacement == "mean" else None,
            *_leading(study, network, sets.train, hidden, numbers, options),
            tuple(numbers.tolist()),
            tuple(hidden.rows.tolist()),
            options.draws,
            options.seed,
            layers,
            tuple(sets.images.classes),
        )
        found = read_finding(ClassStudy, study.run(step) / "findings.json")
        facts = network_facts(network.file, ModelAccuracy(tests=found.accuracy))
        lenses = {"coverage": to_json(ClassFindings(found))}
        return finish(study, options, sets.facts(), lenses, facts)


def largest_classes(labels: IntArray, most: int) -> IntArray:
    """Return the classes of most tests, by number, int64; of equal ones the first."""
    numbers, counts = np.unique(labels, return_counts=True)
    return np.sort(numbers[np.argsort(-counts, kind="stable")[:most]])


def _leading(
    study: Study,
    network: AuditedNetwork,
    members: View,
    hidden: HiddenNeurons,
    numbers: IntArray,
    options: ClassesOptions,
) -> tuple[dict[str, IntArray], dict[str, str]]:
    """Return the leading neurons of each class by attribution, and why others rank none."""
    drawn = draw(members, options.importance_records, options.seed, "importance")
    seed = attribution_seed(options.seed)
    step = AttributeNeurons(network, drawn, AttributionOptions(seed=seed))
    leading: dict[str, IntArray] = {}
    try:
        tables = attribute_neurons(study, step, options.attributions)
    except NotAttributable as error:
        return leading, {name: str(error) for name in options.attributions}
    for name in options.attributions:
        scores = [tables[name].of(number) for number in numbers.tolist()]
        leading[name] = np.stack(
            [leading_of_class(own, hidden, options.top_neurons) for own in scores]
        )
    return leading, {}


def leading_of_class(scores: FloatArray, hidden: HiddenNeurons, count: int) -> IntArray:
    """Return the leading neurons of a class, int64 ``[count]``.

    Raises:
        ImprintError: fewer have scores, as of a class without training images.
    """
    known = int((~np.isnan(scores[hidden.rows])).sum())
    if known < count:
        raise ImprintError(
            f"--top-neurons {count} is more than the {known} hidden neurons that have scores for "
            "every class: take fewer, or more --importance-records"
        )
    return leading_sets(scores, hidden, [count])


@dataclass(frozen=True)
class AblateClasses(Step):
    """A network without the leading neurons of each class: ``classes``.

    ``drops.parquet`` has a row per attribution and class, ``common.parquet`` one per attribution
    and neuron that leads for some class, ``leading.parquet`` one per attribution, class and leading
    neuron; and ``findings.json``.
    """

    network: AuditedNetwork
    tests: View
    members: View | None
    leading: Mapping[str, IntArray]
    missing: Mapping[str, str]
    numbers: tuple[int, ...]
    hidden: tuple[int, ...]
    draws: int
    seed: int
    layers: Layers = uncounted()
    names: tuple[str, ...] = uncounted()

    artefact = "classes"

    def build(self, path: Path) -> None:
        """Take the neurons of every class away."""
        path.mkdir(exist_ok=True)
        keep = np.concatenate([self._keep(name) for name in self.leading] or [self._none()])
        right, whole = right_without(self.network, self.tests, self.layers, keep, self.members)
        parts = np.split(right, len(self.leading)) if self.leading else []
        methods: dict[str, ClassNeurons | Missing] = {
            name: self._of_method(name, part, whole)
            for name, part in zip(self.leading, parts, strict=True)
        }
        methods |= {name: Missing(reason) for name, reason in self.missing.items()}
        findings = ClassStudy(
            tests=len(whole),
            accuracy=proportion(int(whole.sum()), len(whole)),
            neurons=next((each.shape[1] for each in self.leading.values()), 0),
            replacement="zero" if self.members is None else "mean",
            draws=self.draws,
            classes=self._class_names(),
            methods=methods,
            layers=dict(zip(self.layers.names, self.layers.widths, strict=True)),
        )
        if len(self.leading) > 1:
            findings = self._with_shared(findings)
        write_finding(path / "findings.json", findings)
        write_drops(path / "drops.parquet", findings)
        self._write_common(path / "common.parquet")
        self._write_leading(path / "leading.parquet")

    def _with_shared(self, study: ClassStudy) -> ClassStudy:
        every, some = named_by_methods(list(self.leading.values()), self.layers.neurons)
        by_layer = {
            name: SharedByMethods(int(every[:, part].sum()), int(some[:, part].sum()))
            for name, part in self.layers.slices.items()
        }
        by_class = zip(every.sum(axis=1).tolist(), some.sum(axis=1).tolist(), strict=True)
        return replace(
            study,
            shared_by_class={
                name: SharedByMethods(*counts)
                for name, counts in zip(study.classes, by_class, strict=True)
            },
            shared_by_layer={name: each for name, each in by_layer.items() if each.some},
        )

    def _none(self) -> BoolArray:
        return np.ones((0, self.layers.neurons), dtype=bool)

    def _keep(self, name: str) -> BoolArray:
        """Return what stays: a row per class, then one per class and draw, ``[c (1 + d), n]``."""
        hidden = HiddenNeurons.of(self.layers).only(np.array(self.hidden, dtype=np.int64))
        total, rows = self.layers.neurons, []
        for draw_number in range(-1, self.draws):
            for number, leading in zip(self.numbers, self.leading[name], strict=True):
                random = generator(self.seed, "matched neurons", name, number, draw_number)
                neurons = leading if draw_number < 0 else matched_neurons(leading, hidden, random)
                rows.append(keep_without(neurons, [len(neurons)], total))
        return np.concatenate(rows)

    def _of_method(self, name: str, right: BoolArray, whole: BoolArray) -> ClassNeurons:
        leading, count = self.leading[name], len(self.numbers)
        by_draw = right.reshape(1 + self.draws, count, len(whole))
        drops = {
            self.names[number]: class_drop(
                self.tests.labels == number, by_draw[:, row], whole, self.seed
            )
            for row, number in enumerate(self.numbers)
        }
        counts = class_counts(leading, self.layers.neurons)
        shared = np.argsort(-counts, kind="stable")[: int((counts > 1).sum())]
        neurons = named(shared[:MAX_COMMON].tolist(), self.layers)
        common = tuple(
            CommonNeuron(each.layer, each.neuron, int(counts[row]))
            for each, row in zip(neurons, shared, strict=False)
        )
        matrix = tuple(tuple(row) for row in overlaps(leading).tolist())
        drawn = tuple(tuple(row) for row in leading[:MAX_LEADING].tolist())
        return ClassNeurons(common, matrix, drops, drawn)

    def _write_leading(self, file: Path) -> None:
        parts = list(self.leading.values())
        ranks = parts[0].shape[1] if parts else 0
        rows = np.concatenate([each.ravel() for each in parts] or [np.empty(0, dtype=np.int64)])
        classes = [name for name in self._class_names() for _ in range(ranks)]
        neurons = named(rows.tolist(), self.layers)
        columns: dict[str, NDArray[np.generic]] = {
            "index": np.arange(len(rows)),
            "method": np.repeat(
                np.array(list(self.leading), dtype=np.str_), [each.size for each in parts]
            ),
            "class": np.array(classes * len(parts), dtype=np.str_),
            "rank": np.tile(np.arange(1, ranks + 1), len(self.numbers) * len(parts)),
            "layer": np.array([each.layer for each in neurons], dtype=np.str_),
            "neuron": np.array([each.neuron for each in neurons], dtype=np.int64),
        }
        write_table(file, columns)

    def _class_names(self) -> tuple[str, ...]:
        return tuple(self.names[number] for number in self.numbers)

    def _write_common(self, file: Path) -> None:
        methods: list[str] = []
        rows: list[int] = []
        counts: list[int] = []
        for name, leading in self.leading.items():
            classes = class_counts(leading, self.layers.neurons)
            order = np.argsort(-classes, kind="stable")[: int((classes > 0).sum())]
            methods += [name] * len(order)
            rows += order.tolist()
            counts += classes[order].tolist()
        neurons = named(rows, self.layers)
        columns: dict[str, NDArray[np.generic]] = {
            "index": np.arange(len(rows)),
            "method": np.array(methods, dtype=np.str_),
            "layer": np.array([each.layer for each in neurons], dtype=np.str_),
            "neuron": np.array([each.neuron for each in neurons], dtype=np.int64),
            "classes": np.array(counts, dtype=np.int64),
        }
        write_table(file, columns)


def class_drop(own: BoolArray, right: BoolArray, whole: BoolArray, seed: int) -> ClassDrop:
    """Return what a class loses, and what the others do.

    Args:
        own: bool ``[n]``, which tests are of the class.
        right: bool ``[1 + draws, n]``, which tests a network gets right without the leading
            neurons of the class, and without random ones.
        whole: bool ``[n]``, which the whole network gets right.
        seed: of the bootstrap.
    """
    count = int(own.sum())
    others = float(whole[~own].mean() - right[0, ~own].mean()) if (~own).any() else 0.0
    random = random_drop(whole[own], right[1:, own])
    accuracy = float(whole[own].mean())
    if count < MIN_TESTS:
        reason = Missing(f"an interval needs at least {MIN_TESTS} tests, and there is {count}")
        return ClassDrop(count, reason, others, random, accuracy)
    drop = mean_share_difference(whole[own], right[0, own], generator(seed, "class drop"))
    return ClassDrop(count, drop, others, random, accuracy)


def write_drops(file: Path, study: ClassStudy) -> None:
    """Write a row per attribution and class, in shares of 1; NaN for what is not known."""
    rows: Sequence[tuple[str, str, ClassDrop]] = [
        (method, name, drop)
        for method, each in study.measured.items()
        for name, drop in each.drops.items()
    ]
    known = [None if isinstance(drop.own, Missing) else drop.own for _, _, drop in rows]
    columns: dict[str, NDArray[np.generic]] = {
        "index": np.arange(len(rows)),
        "method": np.array([method for method, _, _ in rows], dtype=np.str_),
        "class": np.array([name for _, name, _ in rows], dtype=np.str_),
        "tests": np.array([drop.tests for _, _, drop in rows], dtype=np.int64),
        "drop": np.array([np.nan if own is None else own.value for own in known]),
        "drop_low": np.array([np.nan if own is None else own.low for own in known]),
        "drop_high": np.array([np.nan if own is None else own.high for own in known]),
        "drop_of_others": np.array([drop.others for _, _, drop in rows]),
        "random_drop": np.array([drop.random.mean for _, _, drop in rows]),
        "random_low": np.array([drop.random.low for _, _, drop in rows]),
        "random_high": np.array([drop.random.high for _, _, drop in rows]),
    }
    write_table(file, columns)
