"""Images that change between two runs into one folder: no command passes old results for new."""

import numpy as np
import pytest
from PIL import Image

from imprint.cli import main

TRAIN = [
    "train", "--device", "cpu", "--train.epochs", "1", "--train.warmup-epochs", "0",
    "--train.objective", "supervised", "--train.architecture", "mlp", "--train.projector", "",
    "--train.batch-size", "4", "--train.input-size", "8",
]  # fmt: skip
COMMANDS = {
    "train": TRAIN,
    "crops": ["data", "crops", "--crop", "corner", "--size", "8"],
    "split": ["data", "split", "--without-boxes", "--per-class", "2"],
    "fit": ["leave-one-out", "fit", "--input-size", "4", "--scaling", "unit"],
}


@pytest.fixture
def photos(tmp_path):
    """Return two classes of six photos of unequal size, as bitmaps: bytes count pixels alone."""
    random = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(6):
            size = (20 + number, 24, 3)
            pixels = random.integers(0, 256, size, dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "data" / name / f"{number}.bmp")
    return tmp_path / "data"


def written(folder):
    return {
        file.relative_to(folder): file.read_bytes() for file in folder.rglob("*") if file.is_file()
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_replaced_pixels_are_refused_by_the_name_of_the_image(photos, tmp_path, capsys, command):
    words = [*COMMANDS[command], "--data", str(photos), "--out", str(tmp_path / "out")]
    main(words)
    before = written(tmp_path / "out")
    file = photos / "dog" / "3.bmp"
    length = file.stat().st_size
    Image.fromarray(255 - np.asarray(Image.open(file))).save(file)
    assert file.stat().st_size == length
    with pytest.raises(SystemExit) as exit_status:
        main(words)
    told = capsys.readouterr().err
    assert exit_status.value.code == 2
    image = "record 9" if command == "fit" else r"dog/3.bmp"
    assert f"{image} was changed" in told
    assert "choose another --out" in told
    assert written(tmp_path / "out") == before
