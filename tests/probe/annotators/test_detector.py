import numpy as np
import pytest
import torch

from imprint.cli import main
from imprint.core.errors import ImprintError
from imprint.probe.annotators.detector import load_detector
from tests.probe.annotators.detectors import SIZES, folder_of_images

KINDS = ("grounding-dino", "owlvit", "owlv2")


def pictures():
    drawn = np.random.default_rng(0)
    return [drawn.integers(0, 256, (3, height, width), dtype=np.uint8) for width, height in SIZES]


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


def test_unusable_detectors_and_prompts_are_rejected(folders, tmp_path, capsys) -> None:
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
