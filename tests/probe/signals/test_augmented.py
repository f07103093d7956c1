import pytest
import torch
import torch.nn.functional as F

from imprint.core.errors import ImprintError
from imprint.probe.signals.augmented import augment, check_augmentations, shifts

IMAGE = torch.arange(6, dtype=torch.uint8).view(1, 1, 2, 3)


def test_by_hand() -> None:
    assert augment(IMAGE, "identity") is IMAGE
    assert augment(IMAGE, "flip")[0, 0].tolist() == [[2, 1, 0], [5, 4, 3]]
    assert augment(IMAGE, "shift+1+0")[0, 0].tolist() == [[0, 0, 1], [3, 3, 4]]
    assert augment(IMAGE, "shift+0-1")[0, 0].tolist() == [[3, 4, 5], [3, 4, 5]]
    assert augment(IMAGE, "shift-9+9")[0, 0].tolist() == [[2, 2, 2], [2, 2, 2]]


def test_shifts_are_windows_of_the_image_padded_by_its_edge() -> None:
    images = torch.rand(2, 3, 8, 9)
    padded = F.pad(images, (3, 3, 3, 3), mode="replicate")
    names = shifts(3)
    assert len(set(names)) == 9
    check_augmentations(names)
    for name, (right, down) in zip(names[1:4], [(-3, -3), (0, -3), (3, -3)], strict=True):
        window = padded[:, :, 3 - down : 11 - down, 3 - right : 12 - right]
        assert torch.equal(augment(images, name), window)


def test_lists_are_checked() -> None:
    with pytest.raises(ImprintError, match="must start with identity, got 'flip, identity'"):
        check_augmentations(["flip", "identity"])
    with pytest.raises(ImprintError, match="listed twice"):
        check_augmentations(["identity", "flip", "flip"])
    with pytest.raises(ImprintError, match="unknown augmentation 'shift4': choose identity, flip"):
        check_augmentations(["identity", "shift4"])
