import numpy as np
import torch

from imprint.core.seeds import derive, uniforms
from imprint.probe.signals.rademacher import rademacher


def test_signs_are_the_bits_of_the_uniforms() -> None:
    found = rademacher(3, "curvature", "flip", 2, np.array([7, 9]), 70)
    words = uniforms(derive(3, "curvature", "flip", 2), np.array([7, 9]), 3)
    assert found.shape == (2, 70)
    for row, numbers in zip(found.tolist(), words.tolist(), strict=True):
        text = "".join(
            f"{byte:08b}" for u in numbers for byte in int(u * 2**32).to_bytes(4, "little")
        )
        assert row == [1 if bit == "1" else -1 for bit in text[:70]]


def test_a_record_keeps_its_signs_in_any_company_and_nothing_else_does() -> None:
    indices = np.arange(50)
    found = rademacher(0, "curvature", "identity", 0, indices, 64)
    assert torch.equal(rademacher(0, "curvature", "identity", 0, indices[[41]], 64), found[[41]])
    others = [
        rademacher(1, "curvature", "identity", 0, indices, 64),
        rademacher(0, "logits", "identity", 0, indices, 64),
        rademacher(0, "curvature", "flip", 0, indices, 64),
        rademacher(0, "curvature", "identity", 1, indices, 64),
    ]
    for other in others:
        assert abs((found * other).double().mean().item()) < 5 / np.sqrt(50 * 64)


def test_signs_are_fair_and_independent() -> None:
    found = rademacher(0, "curvature", "identity", 0, np.arange(400), 64).double()
    assert abs(found.mean().item()) < 5 / np.sqrt(400 * 64)
    products = found.T @ found / 400 - torch.eye(64)
    assert products.abs().max().item() < 6 / np.sqrt(400)
