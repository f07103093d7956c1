"""``imprint coverage``: which behaviours of a network does a test set exercise?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imprint.lenses.coverage.study.options import (
    ImportanceOptions,
    MeasureOptions,
    MonitorOptions,
    WisdomOptions,
)
from imprint.study.command import command
from imprint.study.listing import listed

listed("criteria", "coverage criteria", "imprint.lenses.coverage.criterion.criterion:CRITERIA")
listed(
    "attributions",
    "attributions of outputs to neurons",
    "imprint.probe.attribution.layer_attribution:ATTRIBUTORS",
)


@command("coverage measure", "coverage of a network by a test set, all criteria")
@dataclass(frozen=True, kw_only=True)
class Measure(MeasureOptions):
    """Measure how much of a network a test set exercises, by every criterion at once.

    Of a network, activations of the training and test images are taken in one pass each and kept
    in OUT/activations; all criteria are arithmetic on them. Of --arrays, nothing else is needed.
    Each value stands beside its ceiling, what no set of as many inputs can exceed, and an interval
    over the choice of inputs.
    """

    def run(self) -> dict[str, Any]:
        """Measure; return the content of ``summary.json``."""
        from imprint.lenses.coverage.study.study import measure_study

        return measure_study(self)


@command("coverage importance", "importance of every neuron, by attribution")
@dataclass(frozen=True, kw_only=True)
class Importance(ImportanceOptions):
    """Attribute the outputs of a network to the neurons of all its layers at once.

    OUT/importance/METHOD.parquet has a row a class and neuron, and rows of class -1 over all
    images. Most methods share one backward pass for all layers.
    """

    def run(self) -> dict[str, Any]:
        """Attribute; return the content of ``summary.json``."""
        from imprint.lenses.coverage.study.attribution import importance_study

        return importance_study(self)


@command("coverage wisdom", "neurons that several attributions agree on")
@dataclass(frozen=True, kw_only=True)
class Wisdom(WisdomOptions):
    """Let several attributions vote for neurons, weighed by the loss without their choice.

    OUT/wisdom/votes.csv is in the published form, LayerName,NeuronIndex,Score. The vote ends once
    its leaders are settled; how often they lead in resamples of the ballots is told.
    """

    def run(self) -> dict[str, Any]:
        """Vote; return the content of ``summary.json``."""
        from imprint.lenses.coverage.study.attribution import wisdom_study

        return wisdom_study(self)


@command("coverage monitor", "novelty of each input of a running network")
@dataclass(frozen=True, kw_only=True)
class Monitor(MonitorOptions):
    """Make a monitor that tells of every input how novel it is, and show it test images.

    The monitor watches the most important neurons. An input whose cell of their clusters no
    training image reached has novelty 1; else it is the share of training images in fuller cells.
    OUT/monitor/monitor.safetensors is it, for
    imprint.lenses.coverage.study.live_monitor.load_monitor; OUT/monitor/novelty.parquet has a row a
    test image.
    """

    def run(self) -> dict[str, Any]:
        """Watch; return the content of ``summary.json``."""
        from imprint.lenses.coverage.study.monitor import monitor_study

        return monitor_study(self)
