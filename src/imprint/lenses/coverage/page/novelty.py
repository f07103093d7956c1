"""Novelty that a monitor scores: on the page, the terminal and the front page."""

from __future__ import annotations

from collections.abc import Iterator

from imprint.lenses.coverage.findings import NoveltyFindings
from imprint.report.blocks import Block, Verdict
from imprint.report.lens import LensVerdict
from imprint.report.terminal import Printed
from imprint.report.wording import count, percent, plural, with_interval


def novelty_blocks(monitor: NoveltyFindings) -> Iterator[Block]:
    """Yield what a monitor scores on the test images."""
    new = monitor.new
    yield Verdict(
        f"{percent(new.value)} of the test images are in cells that no training image reaches",
        [
            f"A monitor of {plural(monitor.neurons, 'neuron')}, chosen by {monitor.source}, has "
            f"{plural(monitor.training_cells, 'cell')} of "
            f"{plural(monitor.training_inputs, 'training image')}. Of {count(new.n)} test images, "
            f"{percent(new.value)} (95% interval {percent(new.low)} to {percent(new.high)}) are in "
            f"none of these; {percent(monitor.expected_new)} are expected of images like those in "
            "training."
        ],
        anchor="coverage-result",
    )


def novelty_lines(monitor: NoveltyFindings) -> list[Printed]:
    """Return the share of new inputs in a sentence, for the terminal."""
    line = (
        f"{with_interval(monitor.new, percent)} of {count(monitor.new.n)} test inputs are in cells "
        f"that none of {count(monitor.training_inputs)} training inputs reach; "
        f"{percent(monitor.expected_new)} are expected of inputs like these; its {monitor.neurons} "
        f"neurons are chosen by {monitor.source}"
    )
    return [line]


def novelty_verdict(monitor: NoveltyFindings) -> LensVerdict:
    """Return the share of new inputs beside the expected one, in a line."""
    new, expected = monitor.new, monitor.expected_new
    return LensVerdict(
        "Some test inputs are in cells that no training input reaches"
        if new.value > 0
        else "Every test input is in a cell that a training input reaches",
        new.low > expected,
        f"of the test inputs; expected of inputs like those in training: {percent(expected)}",
        new,
    )
