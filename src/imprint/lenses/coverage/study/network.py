"""The network under audit, images drawn for it, and its activations."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from imprint.core.seeds import generator
from imprint.data.view import View
from imprint.nets.image_model import ImageModel
from imprint.nets.load import NetworkFile
from imprint.neurons.activations import ActivationTable
from imprint.probe.neurons.activations import Storage, read_activations, write_activations
from imprint.probe.neurons.tap_options import TapOptions
from imprint.study.counted import uncounted
from imprint.study.step import Step
from imprint.study.store import Study


@dataclass(frozen=True, eq=False)
class AuditedNetwork:
    """The network under audit, loaded when first used; on a card, the hash of weights and card."""

    file: NetworkFile
    device: torch.device

    @cached_property
    def model(self) -> ImageModel:
        """The network on its device, in evaluation mode."""
        return self.file.load(self.device)

    def fingerprint(self) -> str:
        """Return the hash of weights and card."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        return self.file.fingerprint()


def draw(view: View, count: int, seed: int, purpose: str) -> View:
    """Return images of a view in random order, at most ``count``; all for 0."""
    order = generator(seed, f"coverage {purpose}").permutation(len(view))
    return view.rows(order[:count] if count else order)


@dataclass(frozen=True)
class TakeActivations(Step):
    """Activations of a network on some images, from one pass: ``activations/PART``."""

    network: AuditedNetwork
    view: View
    taps: TapOptions
    storage: Storage = "float32"
    part: str = uncounted(default="train")

    @property
    def artefact(self) -> str:  # type: ignore[override]
        """Where the table goes."""
        return f"activations/{self.part}"

    def build(self, path: Path) -> None:
        """Run the network."""
        write_activations(
            path,
            self.network.model,
            self.view,
            self.taps,
            f"activations of the {self.part} images",
            self.storage,
        )

    def table(self, study: Study) -> ActivationTable:
        """Return the table, taken unless it is there."""
        return read_activations(study.run(self))
