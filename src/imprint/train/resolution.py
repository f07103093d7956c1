"""The side of the training views, which may grow as training goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from imprint.core.bounds import Bounds, Checked, OptionError
from imprint.core.errors import ImprintError


@dataclass(frozen=True)
class ResolutionRamp(Checked):
    """Small views first, large ones later: less work for the same epochs.

    Published (Meehan et al. 2023): 160 to 192 between epochs 70 and 85, in steps of 32.
    """

    min_resolution: Annotated[int, Bounds(least=0)] = 0
    """Side of the views until start_epoch, in pixels; 0: the input size."""
    max_resolution: Annotated[int, Bounds(least=0)] = 0
    """Side of the views from end_epoch on, in pixels; 0: the input size."""
    start_epoch: Annotated[int, Bounds(least=0)] = 0
    """Epoch after which the views grow."""
    end_epoch: int = 0
    """Epoch after which they have their final size."""
    step: Annotated[int, Bounds(least=1)] = 32
    """Round sides between the two to a multiple of this number of pixels."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.end_epoch < self.start_epoch:
            raise OptionError.of(self, "end_epoch", f"be at least start_epoch ({self.start_epoch})")

    def sizes(self, input_size: int) -> tuple[int, int]:
        """Return the first and the last side.

        Raises:
            ImprintError: the first is the larger one.
        """
        first, last = self.min_resolution or input_size, self.max_resolution or input_size
        if first > last:
            raise ImprintError(
                f"resolution: views cannot shrink from {first} to {last} pixels: "
                "choose a min_resolution that is no larger than max_resolution"
            )
        return first, last

    def at(self, epoch: int, input_size: int) -> int:
        """Return the side of the views after ``epoch`` epochs are done.

        >>> ramp = ResolutionRamp(160, 192, 70, 85)
        >>> [ramp.at(epoch, 224) for epoch in (0, 70, 77, 78, 85, 999)]
        [160, 160, 160, 192, 192, 192]
        """
        first, last = self.sizes(input_size)
        if epoch >= self.end_epoch:
            return last
        if epoch <= self.start_epoch:
            return first
        done = (epoch - self.start_epoch) / (self.end_epoch - self.start_epoch)
        stepped = round((first + done * (last - first)) / self.step) * self.step
        return min(max(stepped, first), last)
