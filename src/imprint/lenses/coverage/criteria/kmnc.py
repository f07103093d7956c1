"""k-multisection neuron coverage: sections of each neuron's training range (Ma et al. 2018).

The range [l, u] of each neuron over training data is cut into k equal sections. An activation a
with l ≤ a ≤ u covers section ⌈(a − l)/(u − l)·k⌉ of 1 … k; a = l belongs to section 1. The value
is the share of all n·k sections, those of neurons that never vary (u = l) included.

With ``compat``, a = l counts nowhere, as in the published code, whose section 0 is discarded.
One input covers at most one section a neuron, so N inputs reach at most N/k.

State: n·k bits, a byte each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from imprint.core.bounds import Bounds, Checked
from imprint.lenses.coverage.criterion.criterion import criterion, fitted
from imprint.lenses.coverage.criterion.marks import Marks
from imprint.lenses.coverage.criterion.moments import require_ranges, training_moments
from imprint.lenses.coverage.measure.tally import NO_MARK
from imprint.neurons.activations import ActivationTable, Batch


@dataclass(frozen=True)
class MultisectionOptions(Checked):
    """Settings of k-multisection neuron coverage."""

    k: Annotated[int, Bounds(least=1)] = 1000
    """Sections a neuron."""

    compat: bool = False
    """Leave out activations at the lower end of the range, as the published code does."""


@dataclass(frozen=True, eq=False)
class _Ranges:
    """Where each neuron's sections lie, float32 ``[n]`` each.

    ``low`` is infinite for neurons that do not vary, which puts every activation below it.
    """

    low: Tensor
    high: Tensor
    width: Tensor


@criterion("kmnc", "sections of every neuron's training range")
class MultisectionCoverage(Marks):
    """Share of the sections of the neurons' training ranges that some input falls into."""

    Options = MultisectionOptions
    options: MultisectionOptions
    reads_training = True
    interval = "counts"
    ranges: _Ranges | None = None

    def size(self) -> int:
        """Return k + 2 marks a neuron: the first and the last gather what lies outside."""
        return self.layers.neurons * (self.options.k + 2)

    def counted(self) -> Tensor:
        """Return the marks of the sections, bool ``[n, k]``."""
        return self.marked.view(self.layers.neurons, -1)[:, 1:-1]

    def fit(self, train: ActivationTable) -> None:
        """Learn the range of each neuron.

        Raises:
            ImprintError: no neuron varies over the training inputs.
        """
        moments = training_moments(train)
        require_ranges(moments)
        varies = moments.high > moments.low
        self.ranges = _Ranges(
            moments.low.where(varies, torch.tensor(torch.inf)),
            moments.high,
            (moments.high - moments.low).where(varies, torch.tensor(1.0)),
        )

    def reset(self) -> None:
        """Mark nothing but what lies outside, which never counts."""
        super().reset()
        outer = self.marked.view(self.layers.neurons, -1)
        outer[:, 0] = outer[:, -1] = True

    def marks(self, batch: Batch) -> Tensor:
        """Return the sections that the inputs fall into, but for what lies outside."""
        sections, last = self.places(batch), self.options.k + 1
        place = sections % (last + 1)
        return sections.masked_fill((place == 0) | (place == last), NO_MARK)

    def places(self, batch: Batch) -> Tensor:
        """Return which mark each activation sets, int64 ``[b, n]``; not to be changed."""
        ranges = fitted(self.ranges, self.name)
        return batch.once(
            f"sections {self.options} {id(ranges)}", lambda: self._find_sections(batch, ranges)
        )

    def _find_sections(self, batch: Batch, ranges: _Ranges) -> Tensor:
        device, k = batch.values.device, self.options.k
        place = (batch.values - ranges.low.to(device)).div_(ranges.width.to(device)).mul_(k)
        sections = place.ceil()
        if not self.options.compat:
            sections += place == 0
        if not len(batch):
            return sections.long()
        high = ranges.high.to(device)
        beyond = (batch.extremes[1] > high).nonzero().flatten()
        if len(beyond):
            # An excess below the rounding of the width does not show in the quotient.
            outside = batch.values[:, beyond] > high[beyond]
            sections[:, beyond] = torch.where(outside, k + 1.0, sections[:, beyond])
        first = torch.arange(0, self.size(), k + 2, device=device)
        return sections.clamp_(0, k + 1).long().add_(first)

    def ceiling(self, inputs: int) -> float:
        """Return min(1, N/k) of the share of neurons that vary."""
        varying = int(torch.isfinite(fitted(self.ranges, self.name).low).sum())
        return min(inputs, self.options.k) * varying / (self.layers.neurons * self.options.k)

    def tensors(self) -> dict[str, Tensor]:
        """Return ranges and marks."""
        return {**super().tensors(), **vars(fitted(self.ranges, self.name))}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Set ranges and marks."""
        super().restore(state)
        self.ranges = _Ranges(state["low"], state["high"], state["width"])
