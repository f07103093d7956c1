"""``imprint dejavu reconstruct``: what both encoders of a two-model test recall, as images."""

from __future__ import annotations

from dataclasses import dataclass

from imprint.audits.reconstruction.options import RecallOptions
from imprint.study.command import command
from imprint.study.plain import JsonObject


@command(
    "dejavu reconstruct",
    "images that both encoders of a two-model test recall from crops",
    example="--study runs/audit --run-a runs/recall_A --run-b runs/recall_B --out runs/recall",
    main=(
        *("out", "study", "run_a", "run_b", "recipe", "nearest", "images", "classifier", "shown"),
        *("samples", "sampling_steps", "sampler", "guidance", "seed", "device"),
    ),
)
@dataclass(frozen=True, kw_only=True)
class ReconstructPair(RecallOptions):
    """Draw images from both encoders' representations of background crops, and compare them.

    An independent classifier counts the samples that show the class of the original. Where those
    of the target, which was trained on the image, do so more often than those of the reference,
    the target recalls it. The same on public images, which neither encoder saw, is the leak test:
    there the difference must be 0.
    """

    def run(self) -> JsonObject:
        """Reconstruct; return the content of ``summary.json``."""
        from imprint.audits.reconstruction.recall import recall_study

        return recall_study(self)
