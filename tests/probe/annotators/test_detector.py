import json

import numpy as np
import pytest
import torch
from PIL import Image

from imprint.cli import main
from imprint.core.errors import ImprintError
from imprint.data.boxes.boxes import parse_voc
from imprint.data.open import open_images
from imprint.probe.annotators.detector import load_detector
from imprint.probe.boxes import picture, write_boxes

WNIDS = ("n01440764", "n01443537")
SIZES = ((40, 20), (25, 30), (32, 32))


@pytest.fixture(scope="module")
def library():
    return pytest.importorskip("transformers", reason="needs the extra models: transformers")


@pytest.fixture(scope="module")
def folders(library, tmp_path_factory):
    from tests.probe.annotators.tiny_models import save_clip, save_grounding_dino, save_owl

    root = tmp_path_factory.mktemp("models")
    return {
        "grounding-dino": save_grounding_dino(root / "gd", library),
        "owlvit": save_owl(root / "owlvit", library, "owlvit"),
        "owlv2": save_owl(root / "owlv2", library, "owlv2"),
        "clip": save_clip(root / "clip", library),
    }


KINDS = ("grounding-dino", "owlvit", "owlv2")


def pictures():
    drawn = np.random.default_rng(0)
    return [drawn.integers(0, 256, (3, height, width), dtype=np.uint8) for width, height in SIZES]


def folder_of_images(root, words=True):
    drawn = np.random.default_rng(1)
    for wnid in WNIDS:
        (root / "train" / wnid).mkdir(parents=True)
        for number, (width, height) in enumerate(SIZES):
            pixels = drawn.integers(0, 256, (height, width, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / "train" / wnid / f"{wnid}_{number}.JPEG")
    if words:
        (root / "words.txt").write_text(f"{WNIDS[0]}\ttench, Tinca\n{WNIDS[1]}\tgold_fish\n")
    return root


def library_boxes(library, folder, images, prompt, threshold):
    """Boxes from the library alone, one image at a time."""
    model = library.AutoModelForZeroShotObjectDetection.from_pretrained(folder).eval()
    processor = library.AutoProcessor.from_pretrained(folder)
    found = []
    for pixels in images:
        height, width = pixels.shape[1:]
        text = prompt if "dino" in model.config.model_type else [[prompt]]
        inputs = processor(images=pixels.transpose(1, 2, 0), text=text, return_tensors="pt")
        with torch.no_grad():
            outputs = model(**inputs)
        # Boxes are (centre x, centre y, width, height) as shares of the image, or of the padded
        # square; a score is the sigmoid of the highest logit.
        scores = outputs.logits[0].sigmoid().max(dim=1).values
        across, down = (width, height)
        if model.config.model_type == "owlv2":
            across = down = max(width, height)
        x, y, w, h = outputs.pred_boxes[0].unbind(1)
        corners = torch.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], dim=1)
        corners = corners * torch.tensor([across, down, across, down])
        found.append((corners[scores > threshold], scores[scores > threshold]))
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_boxes_are_the_librarys_rounded_outwards_and_cut_to_the_image(
    library, folders, kind
) -> None:
    prompt = {"grounding-dino": "gold fish."}.get(kind, "a photo of gold fish")
    everything = library_boxes(library, folders[kind], pictures(), prompt, 0.0)
    threshold = float(torch.cat([scores for _, scores in everything]).median())
    detector = load_detector(folders[kind], box_threshold=threshold)
    found = [detector.detect([pixels], "gold fish")[0] for pixels in pictures()]
    expected = library_boxes(library, folders[kind], pictures(), prompt, threshold)
    assert 0 < sum(len(one.boxes) for one in found) < sum(len(one) for one, _ in everything)
    for one, (boxes, scores), (width, height) in zip(found, expected, SIZES, strict=True):
        rows = [
            [max(0, np.floor(x0)), max(0, np.floor(y0)), min(width, np.ceil(x1)),
             min(height, np.ceil(y1))]
            for x0, y0, x1, y1 in boxes.double().tolist()
        ]  # fmt: skip
        kept = [row for row, (x0, y0, x1, y1) in enumerate(rows) if x0 < x1 and y0 < y1]
        np.testing.assert_allclose(one.boxes, [rows[row] for row in kept], atol=1)
        np.testing.assert_allclose(one.scores, scores[kept], atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_images_in_a_batch_are_found_the_same(folders, kind) -> None:
    detector = load_detector(folders[kind], box_threshold=0.0)
    alone = [detector.detect([pixels], "gold fish")[0] for pixels in pictures()]
    together = detector.detect([*pictures(), *pictures()], "gold fish")
    for one, other in zip([*alone, *alone], together, strict=True):
        assert len(one.boxes) == len(other.boxes) > 0
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-5)
        np.testing.assert_allclose(one.boxes, other.boxes, atol=1)


def test_a_folder_of_boxes_opens_as_boxes(folders, tmp_path, capsys) -> None:
    root = folder_of_images(tmp_path / "imagenet")
    out = tmp_path / "out"
    words = ["data", "boxes", "--detector", str(folders["owlv2"]), "--data", str(root)]
    words += ["--box-threshold", "0", "--device", "cpu", "--json", "--out", str(out)]
    main(words)
    told = json.loads(capsys.readouterr().out)
    indices = np.load(out / "boxes" / "bbox_annotation_idx.npy")
    summary = json.loads((out / "boxes" / "summary.json").read_text())
    assert summary.keys() == {"tench", "gold_fish"}
    assert told["images"] == 6
    assert told["images_with_boxes"] == sum(summary.values()) == len(indices) > 0
    boxed = open_images(root, boxes=out / "boxes")
    assert [row for row, boxes in enumerate(boxed.boxes()) if len(boxes)] == indices.tolist()
    detector = load_detector(folders["owlv2"], box_threshold=0.0)
    first = int(indices[0])
    (found,) = detector.detect([picture(boxed, first)], "tench" if first < 3 else "gold fish")
    assert boxed.boxes()[first].tolist() == found.boxes.tolist()
    stem = boxed.paths[first].removesuffix(".JPEG")
    assert parse_voc(out / "boxes" / "Annotation" / f"{stem}.xml").size == SIZES[first % 3]
    # Under a set of boxes there is less background, and what there is can be described.
    main(["data", "describe", "--data", str(root), "--boxes", str(out / "boxes"), "--out",
          str(tmp_path / "facts")])  # fmt: skip


class DyingAt:
    """A detector that is killed when it is asked for one name."""

    def __init__(self, detector, name: str) -> None:
        self.detector, self.name = detector, name

    def detect(self, pixels, what):
        if what == self.name:
            raise KeyboardInterrupt
        return self.detector.detect(pixels, what)


def test_a_killed_run_goes_on_with_the_next_class(folders, tmp_path) -> None:
    images = open_images(folder_of_images(tmp_path / "imagenet"))
    detector = load_detector(folders["owlvit"], box_threshold=0.0)
    whole = tmp_path / "whole"
    write_boxes(whole, images, np.arange(6), detector, 2)

    half = tmp_path / "half"
    with pytest.raises(KeyboardInterrupt):
        write_boxes(half, images, np.arange(6), DyingAt(detector, "gold fish"), 2)
    assert [path.name for path in (half / "Annotation").iterdir()] == [WNIDS[0]]
    write_boxes(half, images, np.arange(6), DyingAt(detector, "tench"), 2)
    files = sorted(path.relative_to(whole) for path in whole.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(half) for path in half.rglob("*") if path.is_file())
    assert all((whole / file).read_bytes() == (half / file).read_bytes() for file in files)


def test_an_image_without_a_detection_has_no_file(folders, tmp_path) -> None:
    images = open_images(folder_of_images(tmp_path / "imagenet"))
    write_boxes(
        tmp_path / "out", images, np.arange(6), load_detector(folders["owlvit"], "", 1.0), 4
    )
    assert list((tmp_path / "out").rglob("*.xml")) == []
    assert json.loads((tmp_path / "out" / "summary.json").read_text()) == {
        "tench": 0, "gold_fish": 0
    }  # fmt: skip
    assert np.load(tmp_path / "out" / "bbox_annotation_idx.npy").shape == (0,)


def test_what_will_not_do(folders, tmp_path, capsys) -> None:
    with pytest.raises(ImprintError, match="cannot load ZeroShotObjectDetection from"):
        load_detector(folders["clip"])
    with pytest.raises(ImprintError, match=r"box_threshold is 1\.5: it must lie in"):
        load_detector(folders["owlvit"], box_threshold=1.5)
    with pytest.raises(ImprintError, match="the prompt 'it' has no place for the name"):
        load_detector(folders["owlvit"], "it")
    root = folder_of_images(tmp_path / "imagenet", words=False)
    words = ["data", "boxes", "--detector", str(folders["owlvit"]), "--data", str(root)]
    with pytest.raises(SystemExit):
        main([*words, "--out", str(tmp_path / "out")])
    assert "have no names to look for, only ids such as n01440764" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
