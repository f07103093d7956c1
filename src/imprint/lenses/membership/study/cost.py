"""What a membership audit costs: model calls, and seconds on this machine."""

from __future__ import annotations

import time

import torch

from imprint.data.imageset import ImageSet
from imprint.data.view import View
from imprint.lenses.membership.study.options import EvidenceChoice, MembershipOptions
from imprint.lenses.membership.study.records import AttackedRecords
from imprint.nets.image_model import ImageModel
from imprint.probe.signals.scorer import Scorer
from imprint.probe.signals.signal import SignalOptions, signal_kinds
from imprint.probe.signals.signals import take_signals
from imprint.report.wording import plural

TIMED_RECORDS = 128
TRAINING_STEP_PASSES = 3
"""Cost of a training step in forward passes: forward, and backward at twice its cost."""


def count_queries(choice: EvidenceChoice) -> dict[str, int]:
    """Return the model calls for one view of one record, by kind of signal.

    A gradient counts as one.
    """
    return {
        kind: signal.queries(choice.curvature_probes) for kind, signal in signal_kinds().items()
    }


def forecast(
    model: ImageModel | Scorer,
    images: ImageSet,
    records: AttackedRecords,
    options: MembershipOptions,
    device: torch.device,
) -> str:
    """Return one sentence: how long the signals take, and a shadow model, on this machine.

    Timed on ``TIMED_RECORDS``; the time stands in no artefact.
    """
    view = View(images, records.every[:TIMED_RECORDS], records.centre_fraction)
    started = time.perf_counter()
    take_signals({"model": model}, view, SignalOptions(signals=("margin",)), device, "time a pass")
    seconds = (time.perf_counter() - started) / len(view)
    queries = count_queries(options)
    views = len(options.augmentations) * (1 + options.curvature * queries["log_curvature"])
    signals = seconds * views * len(records.every)
    shadow = seconds * TRAINING_STEP_PASSES * options.train.epochs * len(records.index) / 2
    models = 1 + options.controls
    labelled = min(options.label_only, len(records.index))
    by_labels = seconds * models * labelled * options.label_only_queries
    sentence = (
        f"cost: {plural(views, 'model call')} for each record, about {_duration(signals)} for all "
        "signals of a network"
    )
    if labelled:
        sentence += (
            f", {options.label_only_queries} more for each of {labelled} records by hard labels, "
            f"about {_duration(by_labels)}"
        )
    if options.shadows:
        total = signals * (models + options.shadows) + shadow * options.shadows + by_labels
        return (
            f"{sentence} and {_duration(shadow)} to train a shadow model; with {options.shadows} "
            f"shadow models about {_duration(total)}"
        )
    return (
        f"{sentence}, {_duration(models * signals + by_labels)} in all; a shadow model would add "
        f"{_duration(shadow + signals)}"
    )


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.2g} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
