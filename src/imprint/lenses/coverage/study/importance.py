"""``coverage importance``: attribution of outputs to neurons, and its tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from imprint.core.errors import ImprintError
from imprint.core.seeds import derive
from imprint.data.choice import image_facts
from imprint.data.view import View
from imprint.lenses.coverage.findings import (
    ImportanceByMethod,
    ImportanceFindings,
    MethodImportance,
    ScoredNeuron,
)
from imprint.lenses.coverage.importance.importance_files import (
    read_importance,
    write_importance,
    write_layer_json,
    write_votes,
)
from imprint.lenses.coverage.importance.ranking import leading_neurons
from imprint.lenses.coverage.options import ImportanceOptions, NetworkChoice
from imprint.lenses.coverage.study.inputs import (
    TestedNetwork,
    draw,
    open_members,
    open_network,
)
from imprint.neurons.importance import ImportanceTable
from imprint.probe.attribution.attribution_options import AttributionOptions
from imprint.probe.attribution.importance import attribute_by
from imprint.probe.attribution.layer_attribution import ATTRIBUTORS
from imprint.report.summary import finish
from imprint.study.counted import uncounted
from imprint.study.finding import JsonObject, to_json
from imprint.study.step import Step, card_of
from imprint.study.store import Study

ONE_NUMBER_A_CHANNEL = {"lgc", "lfa"}
"""Attributions whose scores are not summed over positions."""
NO_LOGITS = (
    "the network has no classifier, so that no output can be attributed to neurons (one of your "
    "own declares it by a method features and a submodule classifier)"
)


class NotAttributable(ImprintError):
    """A network or images that no attribution can be made of; all else goes on."""


@contextmanager
def refusing_attribution() -> Iterator[None]:
    """Turn errors of an attribution into :class:`NotAttributable`."""
    try:
        yield
    except ImprintError as error:
        raise NotAttributable(str(error)) from error


def importance_study(options: ImportanceOptions) -> JsonObject:
    """Attribute outputs to neurons, and write the report.

    Returns:
        the content of ``summary.json``.

    Raises:
        ImprintError: bad data, options that do not fit, or a study made with other settings.
    """
    check_attributions(options.attributions, "--attributions")
    summed = options.reduce == "sum" and not set(options.attributions) & ONE_NUMBER_A_CHANNEL
    if options.scaling == "per_position" and not summed:
        raise ImprintError(
            "--scaling per_position divides sums over positions: leave it out with --reduce mean "
            "or max_abs, and with lgc and lfa, which give one number a channel"
        )
    settings = AttributionOptions(
        target=options.target,
        reduce=options.reduce,
        sign=options.sign,
        steps=options.path_steps,
        rule=options.rule,
        seed=attribution_seed(options.seed),
    )
    study = Study(options.out)
    with study.locked():
        network, view = open_classifier(options)
        drawn = draw(view, options.records, options.seed, "importance")
        step = AttributeNeurons(network, drawn, settings, options.correct_only)
        tables = attribute_neurons(study, step, options.attributions)
        if options.export_legacy:
            for method in options.attributions:
                study.run(ExportLegacyImportance(study, method))
        methods = {
            name: method_importance(table.scaled(options.scaling), options.top_neurons)
            for name, table in tables.items()
        }
        findings = ImportanceFindings(ImportanceByMethod(options.scaling, methods))
        return finish(study, options, image_facts(view.images), {"coverage": to_json(findings)})


def open_classifier(options: NetworkChoice) -> tuple[TestedNetwork, View]:
    """Return the network of the options, a classifier, and the images it was trained on.

    Raises:
        ImprintError: it is none, or one of them cannot be read.
    """
    images = open_members(options)
    network = open_network(options, images)
    if not network.model.has_logits:
        raise ImprintError(f"{options.model}: {NO_LOGITS}: give a network that has one")
    return network, View(images, np.arange(len(images)), options.centre_fraction)


@dataclass(frozen=True)
class AttributeNeurons(Step):
    """Importance of every neuron by one attribution: ``importance/METHOD.parquet``."""

    network: TestedNetwork
    view: View
    options: AttributionOptions
    correct_only: bool = False
    method: str = uncounted(default="")
    table: ImportanceTable | None = uncounted(default=None)

    @property
    def artefact(self) -> str:  # type: ignore[override]
        """Where the table goes."""
        return f"importance/{self.method}.parquet"

    def build(self, path: Path) -> None:
        """Write the table."""
        assert self.table is not None
        write_importance(path, self.table)


def attribute_neurons(
    study: Study, step: AttributeNeurons, methods: Sequence[str]
) -> Mapping[str, ImportanceTable]:
    """Return the importance table of each method; those not done yet share their passes.

    Raises:
        NotAttributable: the network or the images allow no attribution.
    """
    steps = {method: replace(step, method=method) for method in methods}
    absent = [m for m, each in steps.items() if not study.is_done(each.artefact, card_of(each))]
    if absent:
        with refusing_attribution():
            tables = attribute_by(
                step.network.model,
                step.view,
                absent,
                step.options,
                correct_only=step.correct_only,
            )
        steps |= {method: replace(steps[method], table=tables[method]) for method in absent}
    return {method: read_importance(study.run(each)) for method, each in steps.items()}


@dataclass(frozen=True)
class ExportLegacyImportance(Step):
    """Importance as Torch4DeepImportance writes it: ``importance/METHOD``.

    ``scores.csv``, and ``LAYER_CLASS.json`` whose one sample is the mean over the images of the
    class.
    """

    study: Study = uncounted()
    method: str = uncounted()

    @property
    def artefact(self) -> str:  # type: ignore[override]
        """Where the files go."""
        return f"importance/{self.method}"

    @property
    def inputs(self) -> tuple[str, ...]:  # type: ignore[override]
        """The table they are made from."""
        return (f"importance/{self.method}.parquet",)

    def build(self, path: Path) -> None:
        """Write the files."""
        table = read_importance(self.study.path(self.inputs[0]))
        path.mkdir(exist_ok=True)
        write_votes(path / "scores.csv", table.layers, table.of())
        for name, part in table.layers.slices.items():
            for label in np.flatnonzero(table.counts[:-1]).tolist():
                scores = table.of(label)[None, part]
                write_layer_json(path / f"{name}_{label}.json", label, scores)


def method_importance(table: ImportanceTable, top: int) -> MethodImportance:
    """Return the most important neurons of a table, and the share of each layer."""
    scores = table.of()
    leading = leading_neurons(table.layers, scores, top, table.layers.names[-1])
    sizes = np.abs(np.nan_to_num(scores))
    total = sizes.sum() or 1.0
    return MethodImportance(
        int(table.counts[-1]),
        leading.missing,
        tuple(
            ScoredNeuron(layer, row, float(score))
            for (layer, row), score in zip(leading.named(), leading.scores, strict=True)
        ),
        {name: float(sizes[part].sum() / total) for name, part in table.layers.slices.items()},
    )


def check_attributions(names: Sequence[str], flag: str) -> None:
    """Refuse attributions that do not exist before other work begins.

    Raises:
        ImprintError: one of them, or there is none.
    """
    if not names:
        raise ImprintError(f"{flag} is empty: name at least one attribution, such as lrp")
    for name in names:
        ATTRIBUTORS.get(name)


def attribution_seed(seed: int) -> int:
    """Return the seed of everything random in attributions."""
    return derive(seed, "coverage attribution")
