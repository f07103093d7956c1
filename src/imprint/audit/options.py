"""What can be chosen about an audit."""

from __future__ import annotations

from dataclasses import dataclass, field

from imprint.options import DataChoice, DejavuChoice
from imprint.train.options import TrainOptions


@dataclass(frozen=True, kw_only=True)
class AuditOptions(DejavuChoice, DataChoice):
    """Split the images, train two encoders, attack them, and write the report."""

    per_class: int = 13
    """Images of each class that each of the two encoders is trained on."""
    train: TrainOptions = field(default_factory=TrainOptions)
    """How both encoders are trained."""
