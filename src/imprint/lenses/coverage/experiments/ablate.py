"""``coverage ablate``: what a network loses without its leading neurons, beside random ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import BoolArray, FloatArray
from imprint.core.missing import Missing
from imprint.core.seeds import generator
from imprint.data.view import View
from imprint.lenses.coverage.experiments.ablated_predictions import right_without
from imprint.lenses.coverage.experiments.ablation_findings import (
    AblatedSet,
    Ablation,
    AblationFindings,
    PartDrop,
)
from imprint.lenses.coverage.experiments.ablation_options import AblateOptions
from imprint.lenses.coverage.importance.neuron_sets import (
    HiddenNeurons,
    keep_without,
    leading_sets,
    matched_neurons,
    random_neurons,
)
from imprint.lenses.coverage.importance.ranking import scores_among
from imprint.lenses.coverage.importance.voting import VotingOptions
from imprint.lenses.coverage.measure.accuracy_drops import (
    class_spread,
    compare_drops,
    random_drop,
)
from imprint.lenses.coverage.options import ImportanceChoice
from imprint.lenses.coverage.study.attribution import (
    AttributeNeurons,
    NotAttributable,
    attribute_neurons,
    attribution_seed,
    check_attributions,
)
from imprint.lenses.coverage.study.inputs import open_network, open_sets, tap_options
from imprint.lenses.coverage.study.network import AuditedNetwork, draw
from imprint.lenses.coverage.study.votes import CastVotes
from imprint.neurons.activations import Layers
from imprint.probe.attribution.attribution_options import AttributionOptions
from imprint.probe.attribution.explained import explain
from imprint.probe.attribution.importance import layer_shapes, questions
from imprint.probe.neurons.tap_options import choose_layers
from imprint.report.model_facts import ModelAccuracy, network_facts
from imprint.report.summary import finish
from imprint.stats.bootstrap import mean_share_difference
from imprint.stats.proportion import proportion
from imprint.study.counted import uncounted
from imprint.study.csv_file import write_csv
from imprint.study.finding import read_finding, to_json, write_finding
from imprint.study.plain import JsonObject
from imprint.study.step import Step
from imprint.study.store import Study
from imprint.study.tables import write_table

WISDOM = "wisdom"
LEADING = -1
"""Number of the draw of the leading neurons."""
PARTS = 20
"""Single layers or neurons that the findings name."""


def ablate_study(options: AblateOptions) -> JsonObject:
    """Take neurons away, and write the report; return the content of ``summary.json``.

    Raises:
        ImprintError: bad data, options that do not fit, or a study made with other settings.
    """
    attributions = tuple(name for name in options.attributions if name != WISDOM)
    if attributions:
        check_attributions(attributions, "--attributions")
    study = Study(options.out)
    with study.locked():
        sets = open_sets(options)
        network = open_network(options, sets.images)
        layers = layers_of_network(network, sets.train)
        scores = rank_neurons(study, network, sets.train, layers, options)
        chosen = choose_layers(layers.names, tap_options(options))
        hidden = HiddenNeurons.of(layers).among(chosen)
        counts = tuple(sorted(set(options.top_counts)))
        step = AblateNeurons(
            network,
            sets.test,
            sets.train if options.replacement == "mean" else None,
            {name: value for name, value in scores.items() if not isinstance(value, Missing)},
            {name: value.missing for name, value in scores.items() if isinstance(value, Missing)},
            tuple(hidden.rows.tolist()),
            counts,
            options.draws,
            options.each,
            options.seed,
            layers,
        )
        ablation = read_finding(Ablation, study.run(step) / "findings.json")
        if options.export_legacy:
            study.run(
                WritePublishedTables(step.scores, study.hash_of(step.artefact), ablation, layers)
            )
        lenses = {"coverage": to_json(AblationFindings(ablation))}
        facts = network_facts(network.file, ModelAccuracy(tests=ablation.accuracy))
        return finish(study, options, sets.facts(), lenses, facts)


def rank_neurons(
    study: Study, network: AuditedNetwork, members: View, layers: Layers, options: AblateOptions
) -> dict[str, FloatArray | Missing]:
    """Return the score of every neuron by each method, float64 ``[neurons]``; or why not."""
    if network.unexplained is not None:
        return {name: Missing(network.unexplained) for name in options.attributions}
    scores: dict[str, FloatArray | Missing] = {}
    methods = [name for name in options.attributions if name != WISDOM]
    if methods:
        drawn = draw(members, options.importance_records, options.seed, "importance")
        step = AttributeNeurons(
            network, drawn, AttributionOptions(seed=attribution_seed(options.seed))
        )
        try:
            tables = attribute_neurons(study, step, methods)
            scores |= {name: np.asarray(tables[name].of()) for name in methods}
        except NotAttributable as error:
            scores |= {name: Missing(str(error)) for name in methods}
    if WISDOM in options.attributions:
        drawn = draw(members, options.vote_records, options.seed, "votes")
        voting = VotingOptions(m=max(options.top_counts), seed=attribution_seed(options.seed))
        step_of_votes = CastVotes(network, drawn, ImportanceChoice().vote_attributions, voting)
        try:
            votes, _ = step_of_votes.votes(study)
            scores[WISDOM] = scores_among(layers, votes, "the vote", 0.0)
        except NotAttributable as error:
            scores[WISDOM] = Missing(str(error))
    return scores


def layers_of_network(network: AuditedNetwork, view: View) -> Layers:
    """Return the linear and convolutional layers of a network, as attribution numbers them."""
    explained = explain(network.model, view.rows(np.arange(1)))
    question = next(iter(questions(explained, AttributionOptions(), 1)))
    layers, _ = layer_shapes(explained.outputs, question)
    return layers


@dataclass(frozen=True)
class AblateNeurons(Step):
    """Predictions of a network without sets of neurons: ``ablation``.

    ``sets.parquet`` has a row per set: ``method``, ``draw`` (−1 for the leading neurons),
    ``neurons`` and the accuracy without them; ``findings.json`` compares them.
    """

    network: AuditedNetwork
    tests: View
    members: View | None
    scores: Mapping[str, FloatArray]
    missing: Mapping[str, str]
    hidden: tuple[int, ...]
    counts: tuple[int, ...]
    draws: int
    each: str
    seed: int
    layers: Layers = uncounted()

    artefact = "ablation"

    def build(self, path: Path) -> None:
        """Take the neurons away, set by set."""
        path.mkdir(exist_ok=True)
        hidden = HiddenNeurons.of(self.layers).only(np.array(self.hidden, dtype=np.int64))
        sets = list(self._sets(hidden))
        parts = single_parts(self.each, hidden)
        keep = np.concatenate([each.keep for each in sets] + [keep for _, _, keep in parts])
        right, whole = right_without(self.network, self.tests, self.layers, keep, self.members)
        findings = self._findings(sets, right, whole)
        if self.each != "none":
            start = len(keep) - len(parts)
            drops = part_drops(parts, right[start:], whole, self.seed)
            findings = replace(findings, parts=tuple(drops[:PARTS]))
            write_parts(path / "parts.parquet", drops)
        write_sets(path / "sets.parquet", sets, right)
        write_finding(path / "findings.json", findings)

    def _sets(self, hidden: HiddenNeurons) -> Iterator[NeuronSets]:
        total, most = self.layers.neurons, max(self.counts)
        for draw_number in range(self.draws):
            random = generator(self.seed, "ablated neurons", draw_number)
            neurons = random_neurons(hidden, min(most, len(hidden.rows)), random)
            yield NeuronSets("", draw_number, keep_without(neurons, self.counts, total))
        for name, scores in self.scores.items():
            leading = leading_sets(scores, hidden, self.counts)
            yield NeuronSets(name, LEADING, keep_without(leading, self.counts, total))
            for draw_number in range(self.draws):
                random = generator(self.seed, "matched neurons", name, draw_number)
                neurons = matched_neurons(leading, hidden, random)
                yield NeuronSets(name, draw_number, keep_without(neurons, self.counts, total))

    def _findings(self, sets: Sequence[NeuronSets], right: BoolArray, whole: BoolArray) -> Ablation:
        parts = _split(right, sets)
        by_set = {(each.method, each.draw): part for each, part in zip(sets, parts, strict=True)}
        methods: dict[str, tuple[AblatedSet, ...] | Missing] = {
            name: Missing(reason) for name, reason in self.missing.items()
        }
        draws = range(self.draws)
        for name in self.scores:
            matched = np.stack([by_set[name, each] for each in draws])
            methods[name] = tuple(
                replace(
                    compare_drops(
                        count, whole, by_set[name, LEADING][row], matched[:, row], self.seed
                    ),
                    by_class=class_spread(
                        self.tests.labels, whole, by_set[name, LEADING][row], matched[:, row]
                    ),
                )
                for row, count in enumerate(self.counts)
            )
        anywhere = np.stack([by_set["", each] for each in draws])
        return Ablation(
            tests=len(whole),
            accuracy=proportion(int(whole.sum()), len(whole)),
            replacement="zero" if self.members is None else "mean",
            draws=self.draws,
            methods={name: methods[name] for name in sorted(methods)},
            anywhere={
                str(count): random_drop(whole, anywhere[:, row])
                for row, count in enumerate(self.counts)
            },
        )


@dataclass(frozen=True, eq=False)
class NeuronSets:
    """Nested sets of neurons, one of each size.

    Attributes:
        method: that ranks the neurons, or whose layers are matched; empty for neurons of anywhere.
        draw: of a random set; ``LEADING`` for the leading neurons.
        keep: bool ``[sizes, neurons]``.
    """

    method: str
    draw: int
    keep: BoolArray


def single_parts(each: str, hidden: HiddenNeurons) -> list[tuple[str, int | None, BoolArray]]:
    """Return layers, or single neurons, and what stays without them, bool ``[1, neurons]``."""
    names = hidden.layers.names
    starts = np.cumsum([0, *hidden.layers.widths])
    parts: list[tuple[str, int | None, BoolArray]] = []
    total = hidden.layers.neurons
    if each == "layer":
        for layer in np.unique(hidden.layer_of[hidden.rows]):
            rows = hidden.rows[hidden.layer_of[hidden.rows] == layer]
            parts.append((names[layer], None, keep_without(rows, [len(rows)], total)))
    elif each == "neuron":
        for row in hidden.rows:
            layer = int(hidden.layer_of[row])
            keep = keep_without(np.array([row]), [1], total)
            parts.append((names[layer], int(row - starts[layer]), keep))
    return parts


def part_drops(
    parts: Sequence[tuple[str, int | None, BoolArray]],
    right: BoolArray,
    whole: BoolArray,
    seed: int,
) -> list[PartDrop]:
    """Return the drop without each part, the largest first."""
    drops = [
        PartDrop(layer, neuron, mean_share_difference(whole, row, generator(seed, "part")))
        for (layer, neuron, _), row in zip(parts, right, strict=False)
    ]
    return sorted(drops, key=lambda each: -each.drop.value)


def write_parts(file: Path, drops: Sequence[PartDrop]) -> None:
    """Write ``layer``, ``neuron`` (−1 for a whole layer), ``drop`` and its interval."""
    write_table(
        file,
        {
            "index": np.arange(len(drops)),
            "layer": np.array([each.layer for each in drops]),
            "neuron": np.array([-1 if each.neuron is None else each.neuron for each in drops]),
            "drop": np.array([each.drop.value for each in drops]),
            "drop_low": np.array([each.drop.low for each in drops]),
            "drop_high": np.array([each.drop.high for each in drops]),
        },
    )


def write_sets(file: Path, sets: Sequence[NeuronSets], right: BoolArray) -> None:
    """Write a row per set of neurons: ``method``, ``draw``, ``neurons`` and ``accuracy``."""
    columns: dict[str, NDArray[np.generic]] = {
        "index": np.arange(sum(len(each.keep) for each in sets)),
        "method": np.concatenate([[each.method or "anywhere"] * len(each.keep) for each in sets]),
        "draw": np.concatenate([[each.draw] * len(each.keep) for each in sets]),
        "neurons": np.concatenate([(~each.keep).sum(1) for each in sets]),
        "accuracy": np.concatenate([part.mean(1) for part in _split(right, sets)]),
    }
    write_table(file, columns)


@dataclass(frozen=True)
class WritePublishedTables(Step):
    """``ablation_legacy``: ``rq1_relevance.csv`` and ``rq1_acc_drop.csv``, columns as published."""

    scores: Mapping[str, FloatArray]
    made_from: str
    ablation: Ablation = uncounted()
    layers: Layers = uncounted()

    artefact = "ablation_legacy"

    def build(self, path: Path) -> None:
        """Write both tables."""
        path.mkdir(exist_ok=True)
        heading = ["Attribution Method", "Layer Name", "Neuron Index", "Relevance Score"]
        relevance = [
            [method, name, neuron, score]
            for method, scores in self.scores.items()
            for name, part in self.layers.slices.items()
            for neuron, score in enumerate(scores[part].tolist())
        ]
        write_csv(path / "rq1_relevance.csv", heading, relevance)
        drops: list[list[object]] = [
            [method, each.neurons, each.drop.value]
            for method, results in self.ablation.measured.items()
            for each in results
        ]
        drops += [["random", int(n), drop.mean] for n, drop in self.ablation.anywhere.items()]
        heading = ["Attribution Method", "Top-N", "Accuracy Drop"]
        write_csv(path / "rq1_acc_drop.csv", heading, drops)


def _split(right: BoolArray, sets: Sequence[NeuronSets]) -> list[BoolArray]:
    """Return the rows of each of the sets; those of single parts stand behind them."""
    ends = np.cumsum([len(each.keep) for each in sets])
    return list(np.split(right[: int(ends[-1])], ends[:-1]))
