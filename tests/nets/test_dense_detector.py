"""Detectors over a grid: which boxes are kept, and what is refused."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from imprint.core import user_code
from imprint.core.errors import ImprintError
from imprint.nets.dense_detector import DenseDetector, detector_of_function, suppressed

PLACES = torch.tensor(
    [
        # x, y, width, height in pixels, scores of two classes
        [4.0, 4.0, 8.0, 8.0, 0.5, 0.1],
        [4.0, 4.0, 8.0, 8.0, 0.9, 0.2],
        [4.0, 4.0, 8.0, 8.0, 0.1, 0.4],
        [12.0, 12.0, 8.0, 8.0, 0.3, 0.0],
    ]
)


class Grid(nn.Module):
    """A network that sees the same in every image."""

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(scale))

    def forward(self, images: Tensor) -> tuple[Tensor, None]:
        return (self.scale * PLACES).T.expand(len(images), -1, -1), None


def test_the_surest_box_of_a_class_and_place_is_kept() -> None:
    found = DenseDetector(Grid(), {1: "b", 0: "a"}, 16)(torch.zeros(2, 3, 16, 16))
    scores, classes = found.best()
    assert scores[0].tolist() == pytest.approx([0.9, 0.0, 0.4, 0.3])
    assert classes[1, [0, 2, 3]].tolist() == [0, 1, 0]
    assert found.boxes[0, 0].tolist() == [0.0, 0.0, 0.5, 0.5]
    assert found.logits.sigmoid()[0, 1].tolist() == pytest.approx([0.5, 0.1])


def test_no_more_boxes_than_asked_for() -> None:
    assert DenseDetector(Grid(), ("a", "b"), 16, most=2)(torch.zeros(1, 3, 16, 16)).boxes.shape == (
        1,
        2,
        4,
    )


def test_suppression_is_that_of_a_loop() -> None:
    random = torch.Generator().manual_seed(0)
    low = torch.rand(3, 12, 2, generator=random)
    boxes = torch.cat([low, low + torch.rand(3, 12, 2, generator=random)], dim=2)
    classes = torch.randint(0, 2, (3, 12), generator=random)
    gone = suppressed(boxes, classes, 0.3)
    for image in range(3):
        kept: list[int] = []
        for row in range(12):
            x0, y0, x1, y1 = boxes[image, row].tolist()
            for other in kept:
                a0, b0, a1, b1 = boxes[image, other].tolist()
                shared = max(0, min(x1, a1) - max(x0, a0)) * max(0, min(y1, b1) - max(y0, b0))
                union = (x1 - x0) * (y1 - y0) + (a1 - a0) * (b1 - b0) - shared
                if classes[image, row] == classes[image, other] and shared > 0.3 * union:
                    break
            else:
                kept.append(row)
        assert (~gone[image]).nonzero()[:, 0].tolist() == kept


def test_weights_and_names_are_its_fingerprint() -> None:
    prints = {
        DenseDetector(Grid(scale), names, 16).fingerprint()
        for scale in (1.0, 2.0)
        for names in (("a", "b"), ("a", "c"))
    }
    assert len(prints) == 4


def test_other_outputs_and_no_classes_are_refused() -> None:
    with pytest.raises(ImprintError, match=r"Grid gives \[1, 6, 4\]: .* gives \[b, 7, places\]"):
        DenseDetector(Grid(), "abc", 16)(torch.zeros(1, 3, 16, 16))
    with pytest.raises(ImprintError, match="got 0 classes"):
        DenseDetector(Grid(), (), 16)


def test_a_function_returns_the_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    made = DenseDetector(Grid(), ("a", "b"), 16)
    module = SimpleNamespace(make=lambda: made, other=dict, fails=lambda: 1 / 0)
    monkeypatch.setitem(sys.modules, "of_the_user", module)
    names = ("make", "other", "fails")
    monkeypatch.setattr(user_code, "_trusted", {f"of_the_user:{name}" for name in names})
    cpu = torch.device("cpu")
    assert detector_of_function("of_the_user:make", cpu) is made
    with pytest.raises(ImprintError, match="returned dict: return a"):
        detector_of_function("of_the_user:other", cpu)
    with pytest.raises(ImprintError, match="failed with ZeroDivisionError"):
        detector_of_function("of_the_user:fails", cpu)
