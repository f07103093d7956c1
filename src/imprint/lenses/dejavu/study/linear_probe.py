"""The linear probe as a command: one encoder, members and non-members, their accuracies."""

from __future__ import annotations

from imprint.core.device import choose_device
from imprint.data.choice import open_choice
from imprint.lenses.dejavu.options import LinearProbeOptions
from imprint.nets.load import network_file
from imprint.study.finding import write_finding
from imprint.train.command import read_indices
from imprint.train.linear_probe import linear_probe
from imprint.train.probe_options import ProbeAccuracies


def probe_network(options: LinearProbeOptions) -> ProbeAccuracies:
    """Train and measure a linear probe; write and return ``linear_probe.json``."""
    images = open_choice(options, options.seed)
    network = network_file(options.model, options)
    accuracies = linear_probe(
        network.load(),
        images,
        read_indices(options.members, images),
        read_indices(options.non_members, images),
        options.probe,
        options.view,
        options.seed,
        choose_device(options.device),
        network.path.stem,
    )
    write_finding(options.out / "linear_probe.json", accuracies)
    return accuracies
