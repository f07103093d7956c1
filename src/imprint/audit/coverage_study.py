"""``coverage measure``: from activations, or a network and its images, to findings and the page."""

from __future__ import annotations

from typing import Any

from imprint.activations import ActivationTable
from imprint.audit.coverage_arrays import tables_from_arrays
from imprint.audit.coverage_measure import keep_correct, measure_tables, settings_of
from imprint.audit.coverage_neurons import Network, with_neurons
from imprint.audit.coverage_options import MeasureOptions, SubjectChoice
from imprint.audit.coverage_tables import activation_steps, open_network, open_sets, tap_options
from imprint.audit.images import image_facts
from imprint.audit.summary import finish
from imprint.device import choose_device
from imprint.errors import ImprintError
from imprint.options import Common
from imprint.store import Study

LENS = "coverage"


def measure_study(options: MeasureOptions) -> dict[str, Any]:
    """Measure the criteria that are asked for, and write the page.

    Returns:
        the content of ``summary.json``.

    Raises:
        ImprintError: bad data, options that do not fit, or a study made with other settings.
    """
    settings = settings_of(options)
    _check_source(options)
    study = Study(options.out)
    with study.locked():
        train, test, network, data = _tables(study, options)
        train, test = keep_correct(train, test, options.correct_only)
        settings, neurons = with_neurons(
            study, settings, test.layers, network, options, options, options.seed
        )
        measured = measure_tables(train, test, settings, options.seed)
        findings = {
            **table_facts(train, test),
            "correct_only": options.correct_only,
            "criteria": measured.to_dict(),
            "neurons_of": neurons,
        }
        return finish(study, options, data, {LENS: findings})


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
) -> tuple[ActivationTable | None, ActivationTable, Network | None, dict[str, Any]]:
    if options.arrays is not None:
        train, test = tables_from_arrays(options.arrays)
        return train, test, None, {"name": options.arrays.name}
    sets = open_sets(options)
    subject, weights = open_network(options, sets.images)
    device, taps = choose_device(options.device), tap_options(options)
    tables = activation_steps(study, subject, weights, sets, taps, options.storage, device)
    network = Network(subject, weights, sets.images, sets.index["train"], device)
    return tables["train"], tables["test"], network, image_facts(sets.images)


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
    defaults = SubjectChoice(out=options.out)
    for name in vars(defaults):
        if name not in vars(Common(out=options.out)) and getattr(options, name) != getattr(
            defaults, name
        ):
            flag = "--" + name.replace("_", "-")
            raise ImprintError(f"{flag} applies to a network, not to --arrays: leave it out")
    if options.correct_only != "none":
        raise ImprintError(
            "--correct-only needs the predictions of a network, which --arrays does not hold: "
            "leave it out"
        )
