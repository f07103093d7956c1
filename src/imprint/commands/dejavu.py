"""``imprint dejavu``: the two-model test on arrays and on checkpoints, and the linear probe."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from imprint.audit.options import AuditOptions
from imprint.config import Numbers
from imprint.options import Common, DataChoice
from imprint.train.probe_options import ProbeOptions


@dataclass(frozen=True, kw_only=True)
class Attack(Common):
    """Run the two-model test in one direction on arrays alone.

    The file holds public [M, d], public_labels [M], crops_target [N, d], crops_reference [N, d],
    labels [N] and, if wanted, public_reference [M, d] and index [N].
    """

    arrays: Path
    """An .npz file of embeddings."""
    k: int = 100
    """Public neighbours that vote."""
    metric: Literal["l2", "cosine"] = "l2"
    """Distance between embeddings."""
    confidence: Numbers = (100, 20)
    """Percentages of most confident images to report."""
    top: int = 1
    """A guess is right when the label is among this many most voted classes."""

    def run(self) -> dict[str, Any]:
        """Attack; return the content of ``summary.json``."""
        from imprint.audit.arrays import attack_arrays

        return attack_arrays(
            self.arrays,
            self.out,
            k=self.k,
            metric=self.metric,
            confidences=self.confidence,
            top=self.top,
            seed=self.seed,
        )
