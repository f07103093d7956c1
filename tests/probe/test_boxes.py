import json
from functools import partial

import numpy as np
import pytest

from imprint.cli import main
from imprint.data.boxes.boxes import parse_voc
from imprint.data.open import open_images
from imprint.launch.launcher import using
from imprint.launch.shards import cut_into
from imprint.probe.annotators.detector import load_detector
from imprint.probe.boxes import BoxFiles, picture, write_boxes
from imprint.study.store import Study
from tests.launch.inline import InlineLauncher, Killed
from tests.probe.annotators.detectors import SIZES, WNIDS, folder_of_images


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


def test_classes_annotated_by_tasks_have_the_files_of_one_pass(folders, tmp_path) -> None:
    images = open_images(folder_of_images(tmp_path / "imagenet"))
    load = partial(load_detector, folders["owlvit"], "", 0.0)
    step = BoxFiles(
        data=images,
        indices=np.arange(6),
        detector="",
        prompt="",
        box_threshold=0.0,
        text_threshold=0.0,
        load=load,
        batch_size=2,
    )
    whole, parts = (Study(tmp_path / name) for name in ("whole", "parts"))
    expected = files_of(whole.run(step))
    assert len(expected) > 2
    killed, again = InlineLauncher(survives=1), InlineLauncher()
    with using(killed), cut_into(2), pytest.raises(Killed):
        parts.run(step)
    with using(again), cut_into(2):
        assert files_of(parts.run(step)) == expected
    uncut = Study(tmp_path / "uncut")
    with using(InlineLauncher(survives=1)), cut_into(2), pytest.raises(Killed):
        uncut.run(step)
    assert files_of(uncut.run(step)) == expected
    assert [*killed.keys, *again.keys] == ["boxes/0-1", "boxes/1-2"]


def files_of(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder): path.read_bytes() for path in files}
