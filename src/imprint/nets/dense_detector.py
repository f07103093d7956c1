"""Detectors that name a class at every place of a grid, as YOLO does, of the user's installation.

Such a network returns ``[b, 4 + classes, places]``, or a tuple that begins with it: centre and
sides of a box in pixels, then a score in [0, 1] for each class. That is what Ultralytics' YOLOv8
and YOLO11 return in evaluation mode. Of the boxes with the highest scores, those that overlap a
surer one of their class are suppressed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from imprint.core.errors import ImprintError, named_reason
from imprint.core.user_code import import_function
from imprint.nets.detector import Detections, Detector, corners

SMALLEST_SCORE = 1e-6
"""Below which a score counts as so much in its logit."""


class DenseDetector(Detector):
    """A network over a grid as a detector with a fixed number of boxes.

    Args:
        network: maps images in [0, 1] to ``[b, 4 + classes, places]``.
        classes: names in the order of the scores, or by number.
        input_size: side of the images in pixels.
        most: boxes that are kept, those of the highest scores.
        overlap: from which the less sure of two boxes of a class is suppressed.

    Raises:
        ImprintError: no classes, or numbers that are impossible.
    """

    def __init__(
        self,
        network: nn.Module,
        classes: Sequence[str] | Mapping[int, str],
        input_size: int,
        most: int = 100,
        overlap: float = 0.7,
    ) -> None:
        super().__init__()
        if not classes or input_size < 1 or most < 1 or not 0 <= overlap <= 1:
            raise ImprintError(
                "a dense detector needs names of classes, a size and a number of boxes of at least "
                f"1 and an overlap in [0, 1], got {len(classes)} classes, {input_size}, {most} and "
                f"{overlap}"
            )
        if isinstance(classes, Mapping):
            classes = [classes[row] for row in sorted(classes)]
        self.network = network
        self.classes = tuple(str(name) for name in classes)
        self.input_size, self.most, self.overlap = input_size, most, overlap

    def forward(self, images: Tensor) -> Detections:
        """Return the surest boxes in images ``[b, 3, side, side]``; suppressed ones score 0.

        Raises:
            ImprintError: the network gives something else.
        """
        result = self.network(images)
        dense = result[0] if isinstance(result, (tuple, list)) and result else result
        rows = 4 + len(self.classes)
        if not isinstance(dense, Tensor) or dense.ndim != 3 or dense.shape[1] != rows:
            shape = list(dense.shape) if isinstance(dense, Tensor) else type(dense).__name__
            raise ImprintError(
                f"{type(self.network).__name__} gives {shape}: a dense detector of "
                f"{len(self.classes)} classes gives [b, {rows}, places]"
            )
        places = dense.transpose(1, 2)
        count = min(self.most, places.shape[1])
        surest = places[..., 4:].amax(-1).topk(count, dim=1).indices
        chosen = places.gather(1, surest[..., None].expand(-1, -1, rows))
        boxes, scores = corners(chosen[..., :4] / self.input_size), chosen[..., 4:]
        kept = ~suppressed(boxes, scores.argmax(-1), self.overlap)
        return Detections(scores.logit(SMALLEST_SCORE), scores * kept[..., None], boxes)


@torch.no_grad()
def suppressed(boxes: Tensor, classes: Tensor, overlap: float) -> Tensor:
    """Return which boxes overlap a surer one of their class that is kept, bool ``[b, n]``.

    >>> boxes = torch.tensor([[[0, 0, 4, 4.0], [0, 0, 4, 3.0], [0, 0, 4, 2.0]]])
    >>> suppressed(boxes, torch.tensor([[0, 0, 0]]), 0.6).tolist()
    [[False, True, False]]

    Args:
        boxes: ``[b, n, 4]`` (x0, y0, x1, y1), the surest first.
        classes: int64 ``[b, n]``.
        overlap: intersection over union above which a box is suppressed.
    """
    low = torch.maximum(boxes[:, :, None, :2], boxes[:, None, :, :2])
    high = torch.minimum(boxes[:, :, None, 2:], boxes[:, None, :, 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    area = (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1)
    union = area[:, :, None] + area[:, None] - shared
    alike = classes[:, :, None] == classes[:, None]
    over = ((shared > overlap * union) & alike).triu(1)
    gone = torch.zeros_like(classes, dtype=torch.bool)
    for row in range(boxes.shape[1]):  # whether a box is kept depends on all surer ones
        gone |= over[:, row] & ~gone[:, row : row + 1]
    return gone


def detector_of_function(name: str, device: torch.device) -> Detector:
    """Return the detector that the user's ``package.module:function`` returns, on its device.

    Raises:
        ImprintError: no such function, one without the user's consent, it fails, or returns none.
    """
    function = import_function(name, "detector")
    try:
        made = function()
    except ImprintError:
        raise
    except Exception as error:  # a user's function may raise anything
        raise ImprintError(f"--model {name} failed with {named_reason(error)}") from error
    if not isinstance(made, Detector):
        raise ImprintError(
            f"--model {name} returned {type(made).__name__}: return a "
            "imprint.nets.dense_detector.DenseDetector, or another Detector of imprint"
        )
    return made.eval().to(device)
