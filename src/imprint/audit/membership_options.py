"""What can be chosen about the membership audit of a network."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from imprint.config import Names
from imprint.membership.options import AttackOptions
from imprint.options import Common
from imprint.train.cohort_options import CohortOptions


@dataclass(frozen=True, kw_only=True)
class MembershipOptions(AttackOptions, Common):
    """Ask of one network which images it was trained on, given images it was and was not."""

    subject: Path
    """Weights of the network, with its card NAME.json beside it."""
    card: Path | None = None
    """A card elsewhere: JSON with architecture, channels, outputs, input_size, mean and std."""
    members: Path
    """Images the network was trained on: a folder or an array file."""
    non_members: Path
    """Images of the same classes it was not trained on; one half of them stays unattacked, the
    population that the other half and the members are compared with."""
    layout: str = "auto"
    """How both are laid out: auto, folder, imagenet, imagenet_index, tiny_imagenet, cifar,
    mnist, arrays."""
    members_part: str = ""
    """Which part of the members' folder: train, val, test …; empty for the training part."""
    non_members_part: str = ""
    """Which part of the non-members' folder."""
    records: int = 4000
    """Records to attack at most, half of them members, drawn at random; 0 takes all there are."""
    centre_fraction: float = 1.0
    """Share of the shorter side that the centre square keeps of each image (ImageNet: 0.875)."""
    attack: Names = ("all",)
    """Attacks to run, or all; one that lacks what it needs is skipped with the reason."""
    curvature: bool = True
    """Also measure the input-loss curvature, at 4 forward passes a probe."""
    probes: int = 10
    """Random directions of the curvature."""
    step: float = 1e-3
    """Step of the curvature, in normalised pixels."""
    augmentations: Names = ("identity",)
    """Views of each record, the identity first: flip, or a shift such as shift+4-4."""
    shadows: int = 0
    """Shadow models to train, each on a random half of the records; they sharpen the attacks."""
    train: CohortOptions = field(default_factory=CohortOptions)
    """How shadows are trained; architecture, input_size, mean and std are the network's own."""
    controls: bool = True
    """Also run attacks where there is nothing to find: an untrained network, shuffled membership,
    a shadow in the network's place."""
    triage: bool = False
    """Stop after the first look, which takes one forward pass."""
