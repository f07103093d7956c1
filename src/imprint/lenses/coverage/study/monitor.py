"""``coverage monitor``: make a monitor of a network, and show it test images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from imprint.core.device import choose_device
from imprint.core.errors import ImprintError
from imprint.data.view import View
from imprint.lenses.coverage.clusters.cell_criterion import one_cell
from imprint.lenses.coverage.clusters.clustering import cluster
from imprint.lenses.coverage.clusters.novelty import Novelty, SeenCells, seen_cells
from imprint.lenses.coverage.clusters.separation import separation, strongest
from imprint.lenses.coverage.criteria.idc import ImportanceDrivenOptions
from imprint.lenses.coverage.study.live_monitor import Monitor, save_monitor
from imprint.lenses.coverage.study.neurons import (
    IDC,
    Network,
    check_choice,
    check_tables,
    with_neurons,
)
from imprint.lenses.coverage.study.options import MonitorOptions
from imprint.lenses.coverage.study.tables import (
    activation_step,
    open_network,
    open_sets,
    tap_options,
)
from imprint.neurons.activations import ActivationTable
from imprint.probe.neurons.activations import read_activations
from imprint.probe.signals.precision import full_float32
from imprint.report.summary import finish
from imprint.stats import proportion
from imprint.study.hashing import hash_arrays
from imprint.study.json_io import read_json, write_json
from imprint.study.store import Study
from imprint.study.tables import write_table

NEW = 1.0
BATCH = 256


def monitor_study(options: MonitorOptions) -> dict[str, Any]:
    """Make a monitor from training images, show it the test images, and write the page.

    Returns:
        the content of ``summary.json``.

    Raises:
        ImprintError: bad data, options that do not fit, or a study made with other settings.
    """
    check_choice(options)
    check_tables(options)
    study, device = Study(options.out), choose_device(options.device)
    wanted = ImportanceDrivenOptions(m=options.top, k=options.clusters)
    with study.locked():
        sets = open_sets(options)
        model, weights = open_network(options, sets.images)
        taps = tap_options(options)
        artefact = activation_step(
            study, "train", model, weights, sets, taps, options.storage, device
        )
        train = read_activations(study.path(artefact))
        network = Network(
            model, weights, sets.images, sets.index["train"], device, sets.centre_fraction
        )
        settings, told = with_neurons(
            study, {IDC: wanted}, train.layers, network, options, options, options.seed
        )
        cells = monitored(train, settings[IDC])

        def build(folder: Path) -> None:
            folder.mkdir(exist_ok=True)
            monitor = Monitor(model, cells, taps)
            save_monitor(folder / "monitor.safetensors", monitor)
            found = shown(monitor, sets.view("test"), model.input_size, device)
            columns = {
                "index": sets.index["test"],
                "novelty": found.novelty.numpy(),
                "training_inputs": cells.inputs(found.codes).numpy(),
                "differs_in": cells.distance(found.codes).numpy(),
            }
            write_table(folder / "novelty.parquet", columns)
            write_json(folder / "findings.json", facts(cells, found, told[IDC]["source"]))

        made_with = {
            "neurons": list(settings[IDC].neurons or ()),
            "source": dict(told[IDC]),
            "clusters": options.clusters,
            "test": hash_arrays(sets.index["test"]),
        }
        folder = study.step("monitor", made_with, build, (artefact,))
        findings = read_json(folder / "findings.json")
        return finish(study, options, sets.facts(), {"coverage": {"monitor": findings}})


def monitored(train: ActivationTable, options: ImportanceDrivenOptions) -> SeenCells:
    """Return the cells of the neurons of IDC, and the training inputs in them."""
    neurons = (
        strongest(separation(train), options.m, train.layers)
        if options.neurons is None
        else np.array(options.neurons, dtype=np.int64)
    )
    values = train.columns(neurons)
    found = cluster(values, options.k)
    if all(one.clusters == 1 for one in found):
        raise ImprintError(one_cell(values))
    return seen_cells(train, neurons, [one.thresholds for one in found])


@torch.no_grad()
def shown(monitor: Monitor, view: View, size: int, device: torch.device) -> Novelty:
    """Return what a monitor says of images, in order."""
    novelty, codes = [], []
    with monitor, full_float32(device):
        for _, pixels in view.batches(size, BATCH, "show the test images"):
            inputs = torch.from_numpy(pixels).to(device).float().div_(255)
            _, found = monitor(inputs.contiguous(memory_format=torch.channels_last))
            novelty.append(found.novelty.cpu())
            codes.append(found.codes.cpu())
    return Novelty(torch.cat(novelty), torch.cat(codes))


def facts(cells: SeenCells, found: Novelty, source: str) -> dict[str, Any]:
    """Return what was found: how many test inputs are wholly novel, beside what chance makes so."""
    new = (found.novelty == NEW).numpy()
    return {
        "neurons": len(cells.neurons),
        "source": source,
        "cells": str(cells.cells),
        "training_cells": len(cells.codes),
        "training_inputs": int(cells.counts.sum()),
        "new": proportion(int(new.sum()), len(new)).to_dict(),
        "expected_new": cells.alone,
        "novelty": {"median": float(found.novelty.median()), "mean": float(found.novelty.mean())},
    }
