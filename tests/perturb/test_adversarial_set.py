from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from imprint.data.imageset import ArrayImages
from imprint.data.view import View
from imprint.nets.image_model import ImageModel
from imprint.perturb import adversarial_set
from imprint.perturb.adversarial import AttackOptions
from imprint.perturb.adversarial_set import AttackImages, clean_inputs, predict
from imprint.study.store import Study
from imprint.study.tables import read_table


@dataclass(frozen=True, eq=False)
class Network:
    model: ImageModel

    def fingerprint(self) -> str:
        return self.model.fingerprint()


def attacked(model: ImageModel, count: int = 10) -> AttackImages:
    pixels = np.random.default_rng(0).integers(0, 256, (count, 1, 4, 4)).astype(np.uint8)
    images = ArrayImages(pixels, np.zeros(count, dtype=np.int64), ("a", "b", "c"))
    view = View(images, np.arange(count))
    right = predict(model, clean_inputs(model, view))
    images = ArrayImages(pixels, right, ("a", "b", "c"))
    options = AttackOptions(epsilon=0.2, steps=3)
    return AttackImages(Network(model), View(images, np.arange(count)), "pgd", options, 0)


def test_success_is_the_share_that_became_wrong(linear: ImageModel, tmp_path: Path) -> None:
    step = attacked(linear)
    found = step.set(Study(tmp_path))
    wrong = predict(linear, np.asarray(found.inputs)) != step.view.labels
    assert found.success.value == pytest.approx(wrong.mean())  # type: ignore[union-attr]
    assert found.fooling.tolist() == wrong.tolist()
    table = read_table(tmp_path / "adversarial" / "pgd" / "records.parquet")
    change = found.inputs - clean_inputs(linear, step.view)
    assert table["largest_change"] == pytest.approx(np.abs(change).max((1, 2, 3)))
    assert table["largest_change"].max() <= 0.2 + 1e-6
    assert table["euclidean_change"] == pytest.approx(
        np.linalg.norm(change.reshape(10, -1), axis=1)
    )


def test_a_killed_attack_goes_on_to_the_same_bytes(
    linear: ImageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adversarial_set, "BATCH", 4)
    step = attacked(linear)
    step.set(Study(tmp_path / "whole"))
    asked, real = [], adversarial_set.attack

    def dies(*arguments: object) -> np.ndarray:
        asked.append(1)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(adversarial_set, "attack", dies)
    with pytest.raises(KeyboardInterrupt):
        step.set(Study(tmp_path / "killed"))
    step.set(Study(tmp_path / "killed"))
    assert len(asked) == 4
    files = [tmp_path / name / "adversarial" / "pgd" for name in ("whole", "killed")]
    for name in ("inputs.npy", "records.parquet"):
        assert (files[0] / name).read_bytes() == (files[1] / name).read_bytes()
    assert sorted(each.name for each in files[0].iterdir()) == ["inputs.npy", "records.parquet"]


def test_nothing_to_attack_is_no_success(linear: ImageModel, tmp_path: Path) -> None:
    found = attacked(linear, 0).set(Study(tmp_path))
    assert "no image" in found.success.missing  # type: ignore[union-attr]
    assert found.inputs.shape == (0, 1, 4, 4)
