"""The check of a store against its hashes."""

import numpy as np
import pytest
from PIL import Image

from imprint.cli import main
from imprint.core.errors import ImprintError
from imprint.data.open import inspect_images
from imprint.data.packed.step import PackFiles, damaged_images, pack_of
from imprint.data.sources.composite import composite
from imprint.study.store import Study
from tests.data.packed.packs import folder_of, pack_folder


@pytest.mark.parametrize("keep", ["pixels", "files"])
def test_images_that_changed_are_found(tmp_path, keep):
    path = tmp_path / "a.pack"
    _, packed = pack_folder(folder_of(tmp_path / "set"), path, keep)
    assert damaged_images(packed).tolist() == []
    file = path / ("pixels.npy" if keep == "pixels" else "encoded.bin")
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)
    assert damaged_images(inspect_images(path).images).tolist() == [6]


def test_files_are_checked_by_decoding(tmp_path):
    root = folder_of(tmp_path / "set")
    (root / "ant" / "05.jpg").write_bytes(b"")
    images = inspect_images(root).images
    assert pack_of(images) is None
    assert damaged_images(images).tolist() == [2]
    assert damaged_images(composite(10)).tolist() == []


def test_a_study_packs_once(tmp_path):
    images = inspect_images(folder_of(tmp_path / "set")).images
    step = PackFiles(images, "auto", "")
    first = Study(tmp_path / "study").run(step)
    before = (first / "header.json").stat().st_mtime_ns
    assert (Study(tmp_path / "study").run(step) / "header.json").stat().st_mtime_ns == before
    with pytest.raises(ImprintError, match="was made with other settings"):
        Study(tmp_path / "study").run(PackFiles(images, "files", ""))


def test_a_study_of_the_folder_goes_on_with_the_store(tmp_path):
    root = folder_of(tmp_path / "set", 40)
    main(["data", "pack", "--data", str(root), "--out", str(tmp_path / "packed"), "--json"])
    split = ["data", "split", "--per-class", "5", "--without-boxes", "--json"]
    out = ["--out", str(tmp_path / "study")]
    main([*split, *out, "--data", str(root)])
    main([*split, *out, "--data", str(tmp_path / "packed" / "images.pack")])
    Image.new("RGB", (24, 24)).save(root / "ant" / "01.jpg")
    with pytest.raises(SystemExit) as refused:
        main([*split, *out, "--data", str(root)])
    assert refused.value.code == 2


def test_the_commands_say_what_they_did(tmp_path, capsys):
    root = folder_of(tmp_path / "set")
    out = tmp_path / "packed"
    main(["data", "pack", "--data", str(root), "--out", str(out)])
    assert "7 images as pixels" in capsys.readouterr().out
    check = ["data", "check", "--out", str(tmp_path / "check"), "--data"]
    main([*check, str(out / "images.pack")])
    assert "7 images are whole, checked by hashes" in capsys.readouterr().out
    main([*check, str(root)])
    assert "checked by decoding" in capsys.readouterr().out
    content = np.load(out / "images.pack" / "pixels.npy")
    content[3] ^= 1
    np.save(out / "images.pack" / "pixels.npy", content)
    with pytest.raises(SystemExit):
        main([*check, str(out / "images.pack")])
    assert "1 of 7 images are damaged: bee/00.jpg" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["data", "pack", "--data", str(root), "--box-margin", "2", "--out", "x"])
    assert "--box-margin is not packed" in capsys.readouterr().err
