"""What can be chosen about an audit."""

from __future__ import annotations

from dataclasses import dataclass, field

from imprint.audit.leave_one_out_options import LeaveOneOutStep
from imprint.options import DataChoice, DejavuChoice
from imprint.train.options import TrainOptions
from imprint.train.probe_options import ProbeOptions


@dataclass(frozen=True, kw_only=True)
class AuditOptions(DejavuChoice, DataChoice):
    """Split the images, train two encoders, attack them, and write the report."""

    per_class: int = 13
    """Images of each class that each of the two encoders is trained on."""
    linear_probe: bool = True
    """Also train linear probes, whose gap between seen and unseen images is the usual alarm."""
    probe: ProbeOptions = field(default_factory=ProbeOptions)
    """How the probes are trained."""
    train: TrainOptions = field(default_factory=TrainOptions)
    """How both encoders are trained."""
    leave_one_out: LeaveOneOutStep = field(default_factory=LeaveOneOutStep)
    """Which of the images would be missed; of a network of infinite width, not of the encoders."""
