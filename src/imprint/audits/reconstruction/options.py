"""What can be chosen about the reconstruction of attacked images."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from imprint.core.bounds import Bounds
from imprint.lenses.reconstruct.options import (
    Conditioning,
    ReconstructionTraining,
    SamplingOptions,
)
from imprint.study.options import Common

Recipe = Literal["crop", "neighbours"]
"""What stands for a crop: its own representation; or, as published, the mean backbone of its
nearest public images with its own projector vector."""


@dataclass(frozen=True, kw_only=True)
class RecallChoice(SamplingOptions):
    """How attacked images are reconstructed, and what is shown of them."""

    recipe: Literal["crop", "neighbours", "both"] = "both"
    """What samples are drawn from: the crop's own representation (crop), the published mix with its
    nearest public images (neighbours), or both."""
    nearest: Annotated[int, Bounds(least=1, most=1000)] = 5
    """Public neighbours whose backbones are averaged."""
    images: Annotated[int, Bounds(least=0)] = 100
    """Attacked images to reconstruct, drawn at random, half from each encoder's training set, and
    as many public ones for the leak test; 0: all."""
    classifier: Path | None = None
    """Weights of an independent classifier of the images that was trained on no image of either
    encoder; without it, one is trained on the public images."""
    shown: Annotated[int, Bounds(least=0, most=200)] = 24
    """Images of the gallery: the most memorized, the best correlated and some forgotten ones."""

    @property
    def recipes(self) -> tuple[Recipe, ...]:
        """The recipes, one or both."""
        return ("crop", "neighbours") if self.recipe == "both" else (self.recipe,)


@dataclass(frozen=True, kw_only=True)
class RecallOptions(RecallChoice, Common):
    """Reconstruct what both encoders of a two-model test recall from background crops."""

    study: Path
    """Folder of the two-model test: of imprint audit or imprint dejavu two-model."""
    run_a: Path
    """Folder of imprint reconstruct train for encoder A, trained on public images alone."""
    run_b: Path
    """Folder of imprint reconstruct train for encoder B, trained on the same images."""


@dataclass(frozen=True, kw_only=True)
class AuditReconstruction(RecallChoice):
    """Reconstruction as a part of an audit."""

    on: bool = False
    """Also train a diffusion model for each encoder on the public images, and reconstruct attacked
    images with both. It takes far longer than the rest of the audit."""
    conditioning: Conditioning = "both"
    """Representation the diffusion models take: the backbone's, the projector's, or both joined."""
    train: ReconstructionTraining = field(default_factory=ReconstructionTraining)
    """How they are trained."""
