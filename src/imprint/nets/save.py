"""Models to files: weights as safetensors, the card beside them."""

from __future__ import annotations

from pathlib import Path

from imprint.core.errors import ImprintError
from imprint.nets.checkpoint import write_weights
from imprint.nets.image_model import ImageModel
from imprint.nets.model_card import ModelCard
from imprint.study.json_io import write_json


def save_model(path: Path, model: ImageModel, card: ModelCard) -> None:
    """Write the weights to ``path`` and the card beside it, each whole or not at all.

    Args:
        path: ``NAME.safetensors``; the card becomes ``NAME.json``.
        model: what to save; on any device.
        card: how to rebuild it.

    Raises:
        ImprintError: another suffix, a full disk, or a folder that cannot be written.
    """
    if path.suffix != ".safetensors":
        raise ImprintError(f"weights are written as NAME.safetensors, not as {path.name}")
    write_json(card_file(path), card.to_json())
    write_weights(path, model.named_weights())


def card_file(path: Path) -> Path:
    """Return where the card of a file of weights lies."""
    return path.with_suffix(".json")
