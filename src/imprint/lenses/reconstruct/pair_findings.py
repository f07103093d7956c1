"""What both encoders of a two-model test recall from background crops.

The part of ``summary.json`` that holds it, ``lenses.reconstruct_pair``, as dataclasses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imprint.lenses.reconstruct.findings import ReconstructFindings

CROP, NEIGHBOURS = "crop", "neighbours"


@dataclass(frozen=True)
class PairFindings:
    """Recall of the target and of the reference, by what was sampled from.

    Attributes:
        recipes: by ``crop``, the crop's own representation, and ``neighbours``, as published: the
            mean backbone of its nearest public images with its own projector vector.
        sampler: ``ddim`` or ``ddpm``.
        sampling_steps: steps of a sample.
        guidance: weight of the representation.
        nearest: neighbours whose backbones were averaged.
    """

    recipes: Mapping[str, ReconstructFindings]
    sampler: str
    sampling_steps: int
    guidance: float
    nearest: int
