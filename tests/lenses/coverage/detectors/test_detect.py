"""``coverage detection`` on a tiny random detector."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from imprint.cli import main
from imprint.core.errors import ImprintError
from imprint.data.boxes.coco_objects import open_coco
from imprint.lenses.coverage.detection.found import METRICS, Quality
from imprint.lenses.coverage.detectors.detect import (
    DetectorSets,
    compare_sets,
    match_categories,
    split_images,
)
from imprint.lenses.coverage.detectors.options import DetectionOptions
from imprint.lenses.coverage.detectors.passes import WholeImages, evidence, held_or_read_again
from imprint.nets.detector import Detections, load_detector_folder
from imprint.stats.estimate import Estimate
from imprint.study.json_io import read_json
from imprint.study.tables import read_table
from tests.lenses.coverage.detection.tiny_detectors import (
    save_detector,
    save_images,
    tiny_yolos,
)

transformers = pytest.importorskip("transformers")
pytest.importorskip("pycocotools")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("detection")
    save_detector(root / "yolos", tiny_yolos(transformers))
    save_images(root / "coco")
    return root


def words(world: Path, out: Path, *more: str) -> list[str]:
    model, coco = str(world / "yolos"), world / "coco"
    given = ["--model", model, "--data", str(coco / "images")]
    given += ["--annotations", str(coco / "instances.json"), "--threshold", "0.2", "--draws", "3"]
    return ["coverage", "detection", *given, "--top-counts", "2,5", "--out", str(out), *more]


def test_blocks_quality_and_drops_of_a_tiny_detector(world: Path, tmp_path: Path) -> None:
    main(words(world, tmp_path))
    found: dict[str, Any] = read_json(tmp_path / "summary.json")["lenses"]["coverage"]["detection"]
    assert (found["ranked_on"], found["tests"], found["objects"]) == (3, 3, 3)
    blocks = {block["name"]: block for block in found["blocks"]}
    assert {"vit.embeddings", "vit.encoder.layer.0", "vit.encoder.layer.1"} < blocks.keys()
    detector = load_detector_folder(world / "yolos", {})
    assert sum(block["parameters"] for block in blocks.values()) == sum(
        part.numel() for part in detector.parameters()
    )
    shares = [block["importance"] for block in blocks.values() if block["neurons"]]
    assert sum(shares) == pytest.approx(1)
    assert blocks["vit.encoder.layer.0"]["neurons"] == 5 * 8 + 12
    assert [each["neurons"] for each in found["ablated"]] == [2, 5]
    sets = read_table(tmp_path / "detection" / "sets.parquet")
    assert len(sets["draw"]) == 2 * (1 + 3 + 3)
    leading = sets["confidence"][(sets["kind"] == "leading") & (sets["neurons"] == 5)][0]
    drop = found["ablated"][1]["drops"]["confidence"]["drop"]
    assert drop["value"] == pytest.approx(found["quality"]["confidence"]["value"] - leading)
    assert drop["ci95"][0] <= drop["value"] <= drop["ci95"][1]

    images, _ = open_coco(world / "coco" / "images", world / "coco" / "instances.json")
    options = DetectionOptions(
        model=world / "yolos", data=Path(), annotations=Path(), out=tmp_path / "other"
    )
    _, tests = split_images(images, options)
    with torch.no_grad():
        pixels = torch.cat([each for _, each in tests.batches(32, 2, "test")])
        confidence = detector(pixels).scores.amax((1, 2)).mean()
    assert found["quality"]["confidence"]["value"] == pytest.approx(float(confidence), abs=1e-5)
    assert 'id="coverage-detection"' in (tmp_path / "report.html").read_text()


def test_neurons_that_are_taken_away_are_zeroed_weights(world: Path, tmp_path: Path) -> None:
    main(words(world, tmp_path, "--attribution", "la"))
    table = read_table(tmp_path / "importance" / "la.parquet")
    whole = table["class"] == -1
    layer, index, score = (table[name][whole] for name in ("layer", "index", "score"))
    kept = ~np.array([any(part in name for part in ("class", "bbox", "score")) for name in layer])
    best = np.argsort(-score[kept], kind="stable")[:5]
    detector = load_detector_folder(world / "yolos", {})
    for name, neuron in zip(layer[kept][best], index[kept][best], strict=True):
        module: Any = detector.get_submodule(str(name))
        with torch.no_grad():
            module.weight[neuron] = 0
            if module.bias is not None:
                module.bias[neuron] = 0
    images, _ = open_coco(world / "coco" / "images", world / "coco" / "instances.json")
    order = DetectionOptions(model=Path(), data=Path(), annotations=Path(), out=tmp_path)
    _, tests = split_images(images, order)
    with torch.no_grad():
        pixels = torch.cat([each for _, each in tests.batches(32, 3, "test")])
        wanted = detector(pixels).scores.amax((1, 2)).mean()
    sets = read_table(tmp_path / "detection" / "sets.parquet")
    row = (sets["kind"] == "leading") & (sets["neurons"] == 5)
    assert sets["confidence"][row][0] == pytest.approx(float(wanted), abs=1e-5)


def test_explained_are_confident_boxes_and_the_best_one_at_least() -> None:
    logits = torch.tensor([[[1.0, 2.0], [3.0, 0.0]], [[1.0, 0.5], [0.25, 0.0]]])
    scores = torch.tensor([[[0.1, 0.9], [0.8, 0.0]], [[0.3, 0.1], [0.2, 0.0]]])
    found = Detections(logits, scores, torch.zeros(2, 2, 4))
    assert evidence(0.5, found).tolist() == [[5.0], [1.0]]


def test_drops_are_compared_with_matched_draws() -> None:
    def quality(value: float) -> Quality:
        return Quality(value, value, value, value)

    kinds = ("leading", "matched", "anywhere", "matched", "anywhere")
    sets = [DetectorSets(kind, 0, np.ones((1, 2), dtype=bool)) for kind in kinds]
    without = [quality(value) for value in (0.5, 0.75, 0.875, 0.25, 1.0)]
    leading = Estimate(0.5, (0.25, 0.75), 8)
    whole, drops = quality(1.0), dict.fromkeys(METRICS, leading)
    (ablated,) = compare_sets(whole, sets, without, (1,), [drops])
    assert set(ablated.drops) == set(METRICS)
    drop = ablated.drops["recall"]
    assert (drop.drop, drop.matched.mean, drop.anywhere.mean) == (leading, 0.5, 0.0625)
    assert drop.p == pytest.approx(2 / 3)


def test_drops_that_differ_by_rounding_are_ties() -> None:
    """Neurons that are the whole layer: matched ones are the same, in another place of a batch."""
    keep = np.ones((1, 4), dtype=bool)
    sets = [DetectorSets("leading", 0, keep)]
    sets += [DetectorSets(kind, 0, keep) for kind in ("matched", "anywhere") for _ in range(9)]
    values = [0.3, *(0.3 + 3e-8 * (-1) ** row for row in range(18))]
    without = [Quality(**dict.fromkeys(METRICS, value)) for value in values]
    whole = Quality(**dict.fromkeys(METRICS, 0.9))
    drops = dict.fromkeys(METRICS, Estimate(0.9 - 0.3, (0.5, 0.7), 8))
    (ablated,) = compare_sets(whole, sets, without, (1,), [drops])
    assert {each.p for each in ablated.drops.values()} == {1.0}


def test_classes_are_matched_by_name() -> None:
    assert match_categories(("N/A", "Cat", "dog "), ("dog", "cat")).tolist() == [-1, 1, 0]
    with pytest.raises(ImprintError, match="no class of the detector, such as 'LABEL_0'"):
        match_categories(("LABEL_0",), ("dog",))


def test_a_class_that_two_categories_are_called_is_refused() -> None:
    with pytest.raises(ImprintError, match=r"several categories .* are called ' DOG ', as a class"):
        match_categories(("Dog", "cat"), ("dog", " DOG ", "cat"))
    assert match_categories(("cat",), ("dog", "Dog", "cat")).tolist() == [2]


def test_many_images_are_read_in_every_pass(world: Path) -> None:
    images, _ = open_coco(world / "coco" / "images", world / "coco" / "instances.json")
    view = WholeImages(images, np.arange(5))
    held, read = (held_or_read_again(view, 16, 2, limit) for limit in (1 << 20, 0))
    assert isinstance(held(), list)
    assert not isinstance(read(), list)
    for _ in range(2):
        assert torch.equal(torch.cat(list(held())), torch.cat(list(read())))


def test_images_are_stretched_whole_to_squares(world: Path) -> None:
    images, _ = open_coco(world / "coco" / "images", world / "coco" / "instances.json")
    ((rows, pixels),) = WholeImages(images, np.array([2, 0])).batches(8, 4, "test")
    assert (rows, pixels.shape) == (slice(0, 2), (2, 3, 8, 8))
    whole = images.read(np.array([2]), np.array([[0.0, 0.0, 40.0, 24.0]]), 8)
    assert np.allclose(pixels[0].numpy() * 255, whole[0])


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--attribution", "nope"), "unknown layer attribution"),
        (("--draws", "1000000000"), "--draws must be"),
        (("--top-counts", "9999"), "is more than the"),
        (("--exclude-layers", "network"), "none of the chosen layers is hidden"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more, message: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words(world, tmp_path, *more))
    assert ended.value.code == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_tests_without_objects_are_refused_before_anything_is_ranked(
    world: Path, tmp_path: Path
) -> None:
    content = read_json(world / "coco" / "instances.json") | {"annotations": []}
    (tmp_path / "bare.json").write_text(json.dumps(content))
    more = ("--annotations", str(tmp_path / "bare.json"))
    with pytest.raises(SystemExit):
        main(words(world, tmp_path / "out", *more))
    assert not (tmp_path / "out" / "importance").exists()
