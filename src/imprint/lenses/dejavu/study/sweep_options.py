"""What can be chosen about a sweep of the two-model test."""

from __future__ import annotations

from dataclasses import dataclass, field

from imprint.study.option_types import Settings
from imprint.study.options import CropAttackChoice, DataChoice
from imprint.train.options import TrainOptions
from imprint.train.probe_options import ProbeOptions


@dataclass(frozen=True, kw_only=True)
class SweepOptions(CropAttackChoice, DataChoice):
    """Train encoders under several settings, attack each of them at every snapshot."""

    vary: Settings = ()
    """What is varied, each from the settings given otherwise: OPTION=VALUE:VALUE:…, as in
    per_class=5:9:13,layer=backbone:projector,train.objective_options.invariance=5:25, or with bars
    where values hold colons, train.architecture=resnet18|timm:NAME. Without, only the epochs of
    the snapshots are compared."""
    per_class: int = 13
    """Images of each class that each encoder is trained on."""
    train: TrainOptions = field(default_factory=TrainOptions)
    """How encoders are trained."""
    linear_probe: bool = True
    """Also train linear probes on every checkpoint: does their gap reveal what the attack does?"""
    probe: ProbeOptions = field(default_factory=ProbeOptions)
    """How the probes are trained."""
