"""``coverage monitor``: make a novelty monitor of a network, and apply it to test images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from imprint.core.errors import ImprintError
from imprint.data.view import View
from imprint.lenses.coverage.clusters.cell_criterion import one_cell
from imprint.lenses.coverage.clusters.clustering import cluster
from imprint.lenses.coverage.clusters.novelty import Novelty, SeenCells, seen_cells
from imprint.lenses.coverage.criteria.idc import ImportanceDrivenOptions
from imprint.lenses.coverage.findings import MonitorFindings, NoveltyFindings, NoveltyLevels
from imprint.lenses.coverage.options import MonitorOptions
from imprint.lenses.coverage.study.inputs import open_network, open_sets, tap_options
from imprint.lenses.coverage.study.network import AuditedNetwork, TakeActivations
from imprint.lenses.coverage.study.neurons import IDC, NeuronRanking, check_choice, check_tables
from imprint.lenses.coverage.study.novelty_monitor import NoveltyMonitor, save_monitor
from imprint.nets.image_model import ImageModel
from imprint.neurons.activations import ActivationTable
from imprint.probe.neurons.tap_options import TapOptions
from imprint.probe.signals.precision import full_float32
from imprint.report.model_facts import network_facts
from imprint.report.summary import finish
from imprint.stats.proportion import proportion
from imprint.study.counted import uncounted
from imprint.study.finding import read_finding, to_json, write_finding
from imprint.study.plain import JsonObject
from imprint.study.step import Step
from imprint.study.store import Study
from imprint.study.tables import write_table

NEW = 1.0
BATCH_SIZE = 256


def monitor_study(options: MonitorOptions) -> JsonObject:
    """Make a monitor from training images, apply it to the test images, and write the report.

    Returns:
        the content of ``summary.json``.

    Raises:
        ImprintError: bad data, options that do not fit, or a study made with other settings.
    """
    check_choice(options)
    check_tables(options)
    study = Study(options.out)
    with study.locked():
        sets = open_sets(options)
        network = open_network(options, sets.images)
        taps = tap_options(options)
        train = TakeActivations(network, sets.train, taps, options.storage).table(study)
        ranking = NeuronRanking(
            study, train.layers, network, sets.train, options, options, options.seed
        )
        wanted = ImportanceDrivenOptions(m=options.top_neurons, k=options.clusters)
        settings, choices = ranking.fill({IDC: wanted})
        source = choices[IDC].source or ""
        step = MakeMonitor(network, sets.test, taps, settings[IDC], source, train)
        findings = read_finding(NoveltyFindings, study.run(step) / "findings.json")
        lenses = {"coverage": to_json(MonitorFindings(findings))}
        return finish(study, options, sets.facts(), lenses, network_facts(network.file))


@dataclass(frozen=True)
class MakeMonitor(Step):
    """A monitor and what it scores: ``monitor``.

    ``monitor.safetensors`` with its ``.json``, ``novelty.parquet``, one row per test image, and
    ``findings.json``.
    """

    network: AuditedNetwork
    tests: View
    taps: TapOptions
    options: ImportanceDrivenOptions
    source: str
    train: ActivationTable = uncounted()

    artefact = "monitor"
    inputs = ("activations/train",)

    def build(self, path: Path) -> None:
        """Make the monitor and apply it to the test images."""
        path.mkdir(exist_ok=True)
        cells = monitored_cells(self.train, self.options)
        model = self.network.model
        monitor = NoveltyMonitor(model, cells, self.taps)
        save_monitor(path / "monitor.safetensors", monitor)
        novelty = score_images(monitor, model, self.tests)
        columns = {
            "index": self.tests.index,
            "novelty": novelty.novelty.numpy(),
            "training_inputs": cells.inputs(novelty.codes).numpy(),
            "differs_in": cells.distance(novelty.codes).numpy(),
        }
        write_table(path / "novelty.parquet", columns)
        write_finding(path / "findings.json", novelty_findings(cells, novelty, self.source))


def monitored_cells(train: ActivationTable, options: ImportanceDrivenOptions) -> SeenCells:
    """Return the cells of the neurons of IDC, and the training inputs in them.

    Raises:
        ImprintError: all inputs share one cell.
    """
    neurons = options.choose(train)
    values = train.columns(neurons)
    clusterings = cluster(values, options.k)
    if all(each.clusters == 1 for each in clusterings):
        raise ImprintError(one_cell(values))
    return seen_cells(train, neurons, [each.thresholds for each in clusterings])


@torch.no_grad()
def score_images(monitor: NoveltyMonitor, model: ImageModel, view: View) -> Novelty:
    """Return the novelty of images, in order."""
    model.place(model.device)
    batches = view.batches(model.input_size, BATCH_SIZE, "novelty of the test images")
    with monitor, full_float32(model.device):
        scored = [monitor(model.to_inputs(pixels))[1] for _, pixels in batches]
    return Novelty(
        torch.cat([each.novelty.cpu() for each in scored]),
        torch.cat([each.codes.cpu() for each in scored]),
    )


def novelty_findings(cells: SeenCells, novelty: Novelty, source: str) -> NoveltyFindings:
    """Return how many test inputs are in no cell of training inputs, beside what is expected."""
    new = (novelty.novelty == NEW).numpy()
    return NoveltyFindings(
        neurons=len(cells.neurons),
        source=source,
        cells=str(cells.cells),
        training_cells=len(cells.codes),
        training_inputs=int(cells.counts.sum()),
        new=proportion(int(new.sum()), len(new)),
        expected_new=cells.alone,
        novelty=NoveltyLevels(float(novelty.novelty.median()), float(novelty.novelty.mean())),
    )
