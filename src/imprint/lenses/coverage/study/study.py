"""``coverage measure``: from activations, or a network and its images, to findings and the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from imprint.core.device import choose_device
from imprint.core.errors import ImprintError
from imprint.lenses.coverage.clusters.cell_criterion import CellCriterion
from imprint.lenses.coverage.study.arrays import tables_from_arrays
from imprint.lenses.coverage.study.findings import cell_findings, gap_findings
from imprint.lenses.coverage.study.gallery import STEP, gallery_step
from imprint.lenses.coverage.study.measure import keep_correct, measure_tables, settings_of
from imprint.lenses.coverage.study.neurons import (
    Network,
    check_choice,
    check_tables,
    idc_scores,
    with_neurons,
)
from imprint.lenses.coverage.study.options import MeasureOptions, ModelChoice
from imprint.lenses.coverage.study.scopes import check_parts, scope_findings
from imprint.lenses.coverage.study.search import search_step
from imprint.lenses.coverage.study.tables import (
    activation_steps,
    open_network,
    open_sets,
    tap_options,
)
from imprint.neurons.activations import ActivationTable
from imprint.report.summary import finish
from imprint.study.hashing import hash_file
from imprint.study.json_io import read_json, write_json
from imprint.study.options import Common
from imprint.study.plain import to_plain
from imprint.study.store import Study

LENS = "coverage"


def measure_study(options: MeasureOptions) -> dict[str, Any]:
    """Measure the criteria that are asked for, and write the page.

    Returns:
        the content of ``summary.json``.

    Raises:
        ImprintError: bad data, options that do not fit, or a study made with other settings.
    """
    settings = settings_of(options)
    check_choice(options)
    check_tables(options)
    check_parts(options.per)
    if (options.per or options.search) and "idc" not in settings:
        raise ImprintError("--per and --search look at the neurons of idc: add it to --criteria")
    _check_source(options)
    study = Study(options.out)
    with study.locked():
        train, test, network, source, data = _tables(study, options)
        train, test = keep_correct(train, test, options.correct_only)
        if network is not None and train is not None and train.index is not None:
            network = replace(network, train=train.index)
        settings, neurons = with_neurons(
            study, settings, test.layers, network, options, options, options.seed
        )
        made_with = {"source": source, "correct_only": options.correct_only}
        findings = coverage_step(
            study, train, test, settings, neurons, made_with, options.seed, network is not None
        )
        if options.per:
            scores, answer = idc_scores(study, test.layers, network, options, options, options.seed)
            findings["scopes"] = scope_findings(
                options.per, train, test, settings["idc"], scores, answer
            )
        if options.search:
            findings["search"] = search_step(
                study,
                train,
                test,
                settings["idc"],
                options.search_trials,
                made_with,
                options.seed,
            )
        if network is not None:
            gallery_step(study, network.images)
        return finish(study, options, data, {LENS: findings})


def coverage_step(
    study: Study,
    train: ActivationTable | None,
    test: ActivationTable,
    settings: Mapping[str, Any],
    neurons: Mapping[str, Any],
    made_with: Mapping[str, Any],
    seed: int,
    gaps: bool,
) -> dict[str, Any]:
    """Measure all criteria unless it is done; return the findings.

    Args:
        study: gets ``coverage/findings.json``.
        train: activations of training data, if there are any.
        test: of test data.
        settings: of each criterion by its name.
        neurons: what is told of the neurons of IDC and WISDOM.
        made_with: what says where the activations come from, as JSON values.
        seed: of the order of inputs.
        gaps: whether to look for ranges that tests never reach.
    """

    def build(folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        measured = measure_tables(train, test, settings, seed)
        cells, criteria = cell_findings(measured.found, test.layers), measured.to_dict()
        for name, told in neurons.items():
            cells.setdefault(name, {}).update(told)
            if "missing" in told and "missing" in criteria[name]:
                criteria[name]["missing"] = told["missing"]
        findings = {
            **table_facts(train, test),
            "correct_only": made_with["correct_only"],
            "criteria": criteria,
            "cells": cells,
        }
        if gaps and train is not None and "idc" in measured.found:
            watched = measured.found["idc"].criterion
            assert isinstance(watched, CellCriterion)
            findings["gaps"] = gap_findings(watched.neurons.tolist(), train, test)
        write_json(folder / "findings.json", findings)

    asked = {
        "criteria": {name: to_plain(given) for name, given in settings.items()},
        "neurons": dict(neurons),
        "gaps": gaps,
        "seed": seed,
        **made_with,
    }
    folder = study.step(STEP, asked, build)
    found: dict[str, Any] = read_json(folder / "findings.json")
    return found


def table_facts(train: ActivationTable | None, test: ActivationTable) -> dict[str, Any]:
    """Return what was looked at: layers, and how many neurons and inputs."""
    layers = test.layers
    kinds = layers.kinds or ("",) * len(layers.names)
    return {
        "layers": [
            {"name": name, "neurons": width, "kind": kind}
            for name, width, kind in zip(layers.names, layers.widths, kinds, strict=True)
        ],
        "neurons": layers.neurons,
        "train": None if train is None else len(train),
        "test": len(test),
    }


def _tables(
    study: Study, options: MeasureOptions
) -> tuple[ActivationTable | None, ActivationTable, Network | None, Any, dict[str, Any]]:
    """Return both tables, the network if there is one, what they depend on, and facts of data."""
    if options.arrays is not None:
        train, test = tables_from_arrays(options.arrays)
        return train, test, None, hash_file(options.arrays), {"name": options.arrays.name}
    sets = open_sets(options)
    model, weights = open_network(options, sets.images)
    device, taps = choose_device(options.device), tap_options(options)
    tables = activation_steps(study, model, weights, sets, taps, options.storage, device)
    network = Network(
        model, weights, sets.images, sets.index["train"], device, sets.centre_fraction
    )
    source = {name: study.hash_of(f"activations/{name}") for name in tables}
    return tables["train"], tables["test"], network, source, sets.facts()


def _check_source(options: MeasureOptions) -> None:
    """Check that either arrays or a network are given, and nothing that would be ignored.

    Raises:
        ImprintError: both, neither, or options that arrays have no use for.
    """
    if (options.arrays is None) == (options.subject is None):
        raise ImprintError(
            "give either --arrays, activations in an .npz file, or --subject, the weights of a "
            "network, with --train and --test"
        )
    if options.arrays is None:
        return
    defaults = ModelChoice(out=options.out)
    for name in vars(defaults):
        if name not in vars(Common(out=options.out)) and getattr(options, name) != getattr(
            defaults, name
        ):
            flag = "--" + name.replace("_", "-")
            raise ImprintError(f"{flag} applies to a network, not to --arrays: leave it out")
    if options.search:
        raise ImprintError(
            "--search needs the predictions of a network, which --arrays does not hold: leave it "
            "out"
        )
    if options.correct_only != "none":
        raise ImprintError(
            "--correct-only needs the predictions of a network, which --arrays does not hold: "
            "leave it out"
        )
