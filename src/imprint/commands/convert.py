"""``imprint convert``: weights that TensorFlow wrote, as a file of imprint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from imprint.options import Common


@dataclass(frozen=True, kw_only=True)
class Convert(Common):
    """Convert a ResNet of Sonnet, as Feldman and Zhang released them; needs the extra tf.

    Writes OUT/NAME.safetensors and its card OUT/NAME.json. Every tensor must find its place. The
    networks were trained and tested on the centre square of 0.875 of the shorter side, which
    --centre-fraction 0.875 takes.
    """

    checkpoint: Path
    """RUN/checkpoints/ckpt-N, or the folder RUN of one checkpoint."""
    architecture: Literal["resnet50", "resnet101"] = "resnet50"
    """What the network is."""
    name: str = ""
    """What to call it; empty for the name of what --checkpoint says."""

    def run(self) -> dict[str, Any]:
        """Convert; return where the weights are and their card."""
        from imprint.nets.load import save_subject
        from imprint.nets.sonnet import subject_from_sonnet
        from imprint.nets.tensorflow import find_checkpoint, read_checkpoint

        prefix = find_checkpoint(self.checkpoint)
        name = self.name or self.checkpoint.resolve().name.removesuffix(".index")
        subject, card = subject_from_sonnet(read_checkpoint(prefix), self.architecture, prefix)
        path = self.out / f"{name}.safetensors"
        save_subject(path, subject, card)
        if not self.json:
            print(f"{path}: {self.architecture}, {card.outputs} classes, all tensors placed")
        return {"weights": str(path), "card": card.to_json()}
