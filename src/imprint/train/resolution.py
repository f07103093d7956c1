"""The side of the training views, which may grow as training goes on."""

from __future__ import annotations

from dataclasses import dataclass

from imprint.core.errors import ImprintError


@dataclass(frozen=True)
class ResolutionRamp:
    """Small views first, large ones later: less work for the same epochs.

    Published (Meehan et al. 2023): 160 to 192 between epochs 70 and 85, in steps of 32.
    """

    min_resolution: int = 0
    """Side of the views up to start_epoch, in pixels; 0 for the input size."""
    max_resolution: int = 0
    """Side of the views from end_epoch on, in pixels; 0 for the input size."""
    start_epoch: int = 0
    """Epochs done when the views begin to grow."""
    end_epoch: int = 0
    """Epochs done when they have grown up."""
    step: int = 32
    """Between the two ends, sides are rounded to a multiple of this, kept within them."""

    def __post_init__(self) -> None:
        for name in ("min_resolution", "max_resolution", "start_epoch"):
            self._require(name, getattr(self, name) >= 0, "be at least 0")
        self._require("step", self.step >= 1, "be at least 1")
        self._require(
            "end_epoch",
            self.end_epoch >= self.start_epoch,
            f"not lie before start_epoch ({self.start_epoch})",
        )

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

    def _require(self, name: str, holds: bool, demand: str) -> None:
        if not holds:
            raise ImprintError(f"resolution: {name} is {getattr(self, name)!r}: it must {demand}")
