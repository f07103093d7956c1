"""What a membership audit costs: answers of the network, and seconds on this machine."""

from __future__ import annotations

import time

import torch

from imprint.data.imageset import ImageSet
from imprint.data.view import View
from imprint.lenses.membership.study.options import EvidenceChoice, MembershipOptions
from imprint.lenses.membership.study.records import Records
from imprint.nets.image_model import ImageModel
from imprint.probe.signals.scorer import Scorer
from imprint.probe.signals.signal import SignalOptions, signal_kinds
from imprint.probe.signals.signals import take_signals

TIMED = 128
TRAINING_STEP = 3
"""Cost of a training step in forward passes: forward, and backward at twice its cost."""


def queries(choice: EvidenceChoice) -> dict[str, int]:
    """Return how many answers of the network one view of one record costs, by kind of signal.

    Gradients are no answers that could be asked for, and count as one.
    """
    return {kind: signal.queries(choice.probes) for kind, signal in signal_kinds().items()}


def forecast(
    model: ImageModel | Scorer,
    images: ImageSet,
    records: Records,
    options: MembershipOptions,
    device: torch.device,
) -> str:
    """Return one sentence: how long the signals take, and a shadow model, on this machine.

    Timed on ``TIMED`` records; the time is told and stands in no artefact.
    """
    timed = records.every[:TIMED]
    view = View(images, timed, records.centre_fraction)
    plain = SignalOptions(signals=("margin",))
    started = time.perf_counter()
    take_signals({"subject": model}, view, plain, device, "time a pass")
    image = (time.perf_counter() - started) / len(timed)
    cost = queries(options)
    views = len(options.augmentations) * (1 + options.curvature * cost["log_curvature"])
    signals = image * views * len(records.every)
    shadow = image * TRAINING_STEP * options.train.epochs * len(records.index) / 2
    models = 1 + options.controls
    some = min(options.label_only, len(records.index))
    by_labels = image * models * some * options.label_only_queries
    told = (
        f"cost: {views} answer{'s' if views > 1 else ''} a record, "
        f"about {_seconds(signals)} for all signals of a network"
    )
    if some:
        told += (
            f", {options.label_only_queries} more of each of {some} records by labels alone, "
            f"about {_seconds(by_labels)}"
        )
    if options.shadows:
        total = signals * (models + options.shadows) + shadow * options.shadows + by_labels
        return (
            f"{told} and {_seconds(shadow)} to train a shadow; with {options.shadows} shadows "
            f"about {_seconds(total)}"
        )
    return (
        f"{told}, {_seconds(models * signals + by_labels)} in all; a shadow model would add "
        f"{_seconds(shadow + signals)}"
    )


def _seconds(value: float) -> str:
    if value < 120:
        return f"{value:.2g} s"
    return f"{value / 60:.0f} min" if value < 7200 else f"{value / 3600:.1f} h"
