"""``coverage importance``: attribution of outputs to neurons, and its tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imprint.core.errors import ImprintError
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
    write_layer_json,
    write_votes,
)
from imprint.lenses.coverage.importance.ranking import leading_neurons
from imprint.lenses.coverage.options import ImportanceOptions, NetworkChoice
from imprint.lenses.coverage.study.attribution import (
    AttributeNeurons,
    attribute_neurons,
    attribution_seed,
    check_attributions,
)
from imprint.lenses.coverage.study.inputs import open_members, open_network
from imprint.lenses.coverage.study.network import NO_LOGITS, AuditedNetwork, draw
from imprint.neurons.importance import ImportanceTable
from imprint.probe.attribution.attribution_options import AttributionOptions
from imprint.report.summary import finish
from imprint.study.counted import uncounted
from imprint.study.finding import to_json
from imprint.study.plain import JsonObject
from imprint.study.step import Step
from imprint.study.store import Study

ONE_NUMBER_A_CHANNEL = {"lgc", "lfa"}
"""Attributions whose scores are not summed over positions."""


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
            "or max_abs, and with lgc and lfa, which give one number per channel"
        )
    settings = AttributionOptions(
        target=options.target,
        reduce=options.reduce,
        sign=options.sign,
        steps=options.path_steps,
        quadrature=options.quadrature,
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


def open_classifier(options: NetworkChoice) -> tuple[AuditedNetwork, View]:
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
