"""Detectors of transformers in local folders: YOLOS, the DETR family, RT-DETR, D-FINE.

Nothing is fetched, no code of the folder runs and nothing is unpickled. Whether classes compete
follows from the width of the logits: with one column more than there are labels, the last is "no
object" and scores are a softmax; else each is a sigmoid of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from imprint.core.errors import ImprintError, reason_of
from imprint.nets.foreign import load_transformers
from imprint.nets.model_card import ModelCard
from imprint.nets.saved_folder import check_filled, folder_card, hash_folder
from imprint.study.hashing import hash_arrays, hash_json

KIND = "AutoModelForObjectDetection"


@dataclass(frozen=True, eq=False)
class Detections:
    """What a detector says of some images; every query names one object at most.

    Attributes:
        logits: ``[b, queries, classes]``.
        scores: ``[b, queries, classes]`` in [0, 1].
        boxes: ``[b, queries, 4]`` (x0, y0, x1, y1) in shares of width and height.
    """

    logits: Tensor
    scores: Tensor
    boxes: Tensor

    def best(self) -> tuple[Tensor, Tensor]:
        """Return score and class of each query, ``[b, queries]``."""
        best = self.scores.max(-1)
        return best.values, best.indices


class Detector(nn.Module):
    """A detector on float images ``[b, 3, side, side]`` in [0, 1], which gives :class:`Detections`.

    Attributes:
        network: what it wraps.
        classes: their names, in the order of the logits.
        input_size: side of the images in pixels.
        grey: ``[1, 3, side, side]``, the image that says nothing.
    """

    network: nn.Module
    classes: tuple[str, ...]
    input_size: int

    @property
    def grey(self) -> Tensor:
        """The image that says nothing: black where the detector does not say otherwise."""
        part = next(self.parameters())
        return torch.zeros(1, 3, self.input_size, self.input_size, device=part.device)

    def fingerprint(self) -> str:
        """Return the hash of weights, names and size."""
        tensors = [each.detach().cpu().float().numpy() for each in self.state_dict().values()]
        return hash_json([hash_arrays(*tensors), list(self.classes), self.input_size])


class TransformersDetector(Detector):
    """A detector of transformers, normalised inside.

    Args:
        network: a model of transformers that returns ``logits`` and ``pred_boxes``.
        card: of its images.
        weights: hash of the files that it was read from.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, card: ModelCard, weights: str = "") -> None:
        super().__init__()
        self.network = network
        self.input_size = card.input_size
        self._card, self._weights = card, weights
        for name in ("mean", "std"):
            values = torch.tensor(getattr(card, name), dtype=torch.float32)
            self.register_buffer(name, values[:, None, None], persistent=False)
        config: Any = network.config
        names: Mapping[Any, Any] = config.id2label or {}
        self.classes = tuple(str(names[key]) for key in sorted(names, key=int))

    @property
    def grey(self) -> Tensor:
        """The image that normalises to zeros."""
        side = self.input_size
        return self.mean.expand(-1, side, side)[None].contiguous()

    def forward(self, images: Tensor) -> Detections:
        """Return what is seen in float images ``[b, 3, side, side]`` in [0, 1].

        Raises:
            ImprintError: the network gives no logits and boxes, or more classes than it names.
        """
        found = self.network(pixel_values=(images - self.mean) / self.std)
        logits, boxes = getattr(found, "logits", None), getattr(found, "pred_boxes", None)
        if not isinstance(logits, Tensor) or not isinstance(boxes, Tensor):
            raise ImprintError(
                f"{type(self.network).__name__} gives no logits and pred_boxes: give a detector of "
                "the DETR or YOLOS family"
            )
        classes = len(self.classes)
        if logits.shape[-1] not in (classes, classes + 1):
            raise ImprintError(
                f"the detector gives {logits.shape[-1]} logits a box and names {classes} classes: "
                "correct id2label in its config.json"
            )
        competing = logits.shape[-1] == classes + 1
        scores = logits.softmax(-1)[..., :-1] if competing else logits.sigmoid()
        return Detections(logits[..., :classes], scores, corners(boxes))

    def fingerprint(self) -> str:
        """Return the hash of the files and of how images are read and normalised."""
        card = self._card
        return hash_json(
            [self._weights, card.input_size, list(card.mean), list(card.std), list(self.classes)]
        )


def corners(boxes: Tensor) -> Tensor:
    """Return boxes (x, y, width, height) about their centres as (x0, y0, x1, y1), ``[…, 4]``.

    >>> corners(torch.tensor([[0.5, 0.5, 0.5, 1.0]])).tolist()
    [[0.25, 0.0, 0.75, 1.0]]
    """
    centre, half = boxes[..., :2], boxes[..., 2:] / 2
    return torch.cat([centre - half, centre + half], dim=-1)


def load_detector_folder(
    folder: Path, stated: Mapping[str, Any], device: torch.device | str = "cpu"
) -> TransformersDetector:
    """Return the detector in a folder that ``save_pretrained`` wrote, in evaluation mode.

    Args:
        folder: holds ``config.json``, weights as safetensors and, most often, the image processor.
        stated: ``input_size``, ``mean`` and ``std`` where the folder does not say them.
        device: where it goes.

    Raises:
        ImprintError: transformers is missing, the folder holds no detector, or it does not say
            how images are read.
    """
    card = folder_card(folder, stated, "--image-size, --mean and --std")
    network, report = load_transformers(str(folder), None, kind=KIND)
    check_filled(folder, report)
    detector = TransformersDetector(network.float(), card, hash_folder(folder)).eval().to(device)
    black = torch.zeros(1, card.channels, card.input_size, card.input_size, device=device)
    try:
        with torch.no_grad():
            found = detector(black)
    except ImprintError:
        raise
    except Exception as error:  # networks of transformers raise nearly anything
        raise ImprintError(
            f"{folder} does not take images {list(black.shape[1:])}: {reason_of(error)}; give "
            "another --image-size"
        ) from error
    if not all(bool(part.isfinite().all()) for part in (found.logits, found.boxes)):
        raise ImprintError(
            f"the detector in {folder} gives logits or boxes that are infinite or not a number "
            "for a black image: check its weights, and save it again with save_pretrained"
        )
    return detector
