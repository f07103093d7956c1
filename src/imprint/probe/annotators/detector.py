"""Boxes by a network that finds what a text names: Grounding DINO, OWL-ViT and OWLv2.

Boxes are rounded outwards and cut to the image, so that no part of the object is left outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from imprint.core.arrays import FloatArray, IntArray, Pixels
from imprint.core.errors import ImprintError
from imprint.data.picture import shown_channels
from imprint.probe.annotators.local_model import load_local

KIND = "AutoModelForZeroShotObjectDetection"
GROUNDED = ("grounding-dino", "mm-grounding-dino")
QUERIED = ("owlvit", "owlv2")
GROUNDED_PROMPT = "{}."
QUERY_PROMPT = "a photo of {}"
BOX_THRESHOLD = 0.25
TEXT_THRESHOLD = 0.2


@dataclass(frozen=True)
class Detections:
    """What was found in one image.

    Attributes:
        boxes: int64 ``[m, 4]`` (x0, y0, x1, y1), x1 and y1 exclusive, inside the image.
        scores: float64 ``[m]`` in [0, 1].
    """

    boxes: IntArray
    scores: FloatArray


@dataclass(frozen=True)
class OpenVocabularyDetector:
    """A network, and how it is asked.

    Attributes:
        name: what it is called.
        prompt: what it looks for, ``{}`` being the name of the class.
        box_threshold: least score of a box.
        text_threshold: Grounding DINO's least score of a word of the prompt; it labels a box,
            and so changes none.
        model: the network.
        processor: what makes its inputs and reads its outputs.
    """

    name: str
    prompt: str
    box_threshold: float
    text_threshold: float
    model: Any = field(repr=False)
    processor: Any = field(repr=False)

    def detect(self, pictures: Sequence[Pixels], what: str) -> list[Detections]:
        """Return where each picture shows something, whatever pictures are beside it.

        Grounding DINO sees the padding that pictures of different sizes need, so only those of
        one size pass together.

        Args:
            pictures: uint8 ``[channels, H, W]`` each, of any sizes.
            what: the name of it.
        """
        groups: dict[tuple[int, ...], list[int]] = {}
        for row, picture in enumerate(pictures):
            groups.setdefault(picture.shape if self._grounded else (), []).append(row)
        detections: dict[int, Detections] = {}
        for rows in groups.values():
            together = self._detect([pictures[row] for row in rows], what)
            detections |= dict(zip(rows, together, strict=True))
        return [detections[row] for row in range(len(pictures))]

    @property
    def _grounded(self) -> bool:
        return self.model.config.model_type in GROUNDED

    @torch.inference_mode()
    def _detect(self, pictures: Sequence[Pixels], what: str) -> list[Detections]:
        images = [
            np.broadcast_to(shown_channels(picture), (3, *picture.shape[1:])).transpose(1, 2, 0)
            for picture in pictures
        ]
        sizes = [picture.shape[1:] for picture in pictures]
        text = self.prompt.format(what)
        texts = [text if self._grounded else [text] for _ in images]
        inputs = self.processor(images=images, text=texts, return_tensors="pt").to(
            self.model.device
        )
        outputs = self.model(**inputs)
        words = {"text_threshold": self.text_threshold, "input_ids": inputs["input_ids"]}
        detections = self.processor.post_process_grounded_object_detection(
            outputs,
            threshold=self.box_threshold,
            target_sizes=sizes,
            **(words if self._grounded else {}),
        )
        return [_inside(detection, size) for detection, size in zip(detections, sizes, strict=True)]


def load_detector(
    folder: Path,
    prompt: str = "",
    box_threshold: float = BOX_THRESHOLD,
    text_threshold: float = TEXT_THRESHOLD,
    device: torch.device | str = "cpu",
) -> OpenVocabularyDetector:
    """Return the detector in a local folder of transformers.

    Args:
        folder: holds Grounding DINO, OWL-ViT or OWLv2.
        prompt: with ``{}`` for the name; empty for what the network was trained with.
        box_threshold: least score of a box, in [0, 1].
        text_threshold: see :class:`OpenVocabularyDetector`.
        device: where the model runs.

    Raises:
        ImprintError: the folder has no such model, a prompt without a place for the name, or a
            threshold outside [0, 1].
    """
    for name, value in (("box_threshold", box_threshold), ("text_threshold", text_threshold)):
        if not 0 <= value <= 1:
            raise ImprintError(f"{name} is {value}: it must lie in [0, 1]")
    if prompt and prompt.count("{}") != 1:
        raise ImprintError(
            f"the prompt {prompt!r} has no place for the name: write {{}} once in it"
        )
    model, processor = load_local(folder, KIND, torch.device(device))
    kind = model.config.model_type
    if kind not in GROUNDED + QUERIED:
        raise ImprintError(
            f"{folder} holds {kind}: imprint detects boxes with {', '.join(GROUNDED + QUERIED)}"
        )
    default = GROUNDED_PROMPT if kind in GROUNDED else QUERY_PROMPT
    return OpenVocabularyDetector(
        f"{kind}:{folder.resolve().name}",
        prompt or default,
        box_threshold,
        text_threshold,
        model,
        processor,
    )


def clean_name(name: str) -> str:
    """Return a class name as it is asked for: its first synonym, lower case, spaces between words.

    >>> clean_name("Great_White_shark, white shark")
    'great white shark'
    """
    return " ".join(name.split(",")[0].replace("_", " ").lower().split())


def _inside(detection: Any, size: tuple[int, ...]) -> Detections:
    height, width = size
    boxes = detection["boxes"].double().cpu().numpy().reshape(-1, 4)
    scores = detection["scores"].double().cpu().numpy()
    boxes = np.concatenate([np.floor(boxes[:, :2]), np.ceil(boxes[:, 2:])], axis=1)
    boxes = np.clip(boxes, 0, [width, height, width, height]).astype(np.int64)
    shown = (boxes[:, :2] < boxes[:, 2:]).all(axis=1)
    return Detections(boxes[shown], scores[shown])
