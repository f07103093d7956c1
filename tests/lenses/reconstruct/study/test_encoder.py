"""The encoder that a run keeps, and representations that were damaged."""

import json

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.reconstruct.study.encoder import (
    KeepEncoder,
    kept_encoder,
    open_representations,
)
from imprint.nets.load import NetworkFile


def test_of_a_folder_only_the_files_of_the_network_are_kept(tmp_path):
    folder = tmp_path / "model"
    (folder / ".git").mkdir(parents=True)
    for name in ("config.json", "model.safetensors", "pytorch_model.bin", "code.py"):
        (folder / name).write_text("{}")
    run = folder / "runs" / "one"  # within: a copy of all would copy itself
    run.mkdir(parents=True)
    KeepEncoder(NetworkFile(folder, {"mean": [0.5]})).build(run / "encoder")
    kept = kept_encoder(run)
    assert sorted(file.name for file in kept.path.iterdir()) == ["config.json", "model.safetensors"]
    assert kept.overrides == {"mean": [0.5]}


@pytest.mark.parametrize("content", [None, "[1]", "3"])
def test_a_folder_whose_facts_are_damaged_is_refused(tmp_path, content):
    (tmp_path / "encoder" / "folder").mkdir(parents=True)
    if content is not None:
        (tmp_path / "encoder" / "stated.json").write_text(json.dumps(json.loads(content)))
    with pytest.raises(ImprintError, match=r"stated\.json is damaged or missing"):
        kept_encoder(tmp_path)


@pytest.mark.parametrize("damage", ["cut", "gone", "junk", "short", "dtype"])
def test_damaged_representations_are_refused(tmp_path, damage):
    file = tmp_path / "representations.npy"
    values = np.arange(12, dtype=np.float32).reshape(4, 3)
    np.save(file, values)
    np.testing.assert_array_equal(open_representations(file, 4), values)
    match damage:
        case "cut":
            file.write_bytes(file.read_bytes()[:-4])
        case "gone":
            file.unlink()
        case "junk":
            file.write_bytes(b"junk")
        case "short":
            np.save(file, values[:3])
        case "dtype":
            np.save(file, values.astype(np.float64))
    with pytest.raises(ImprintError, match=r"representations\.npy is damaged or missing"):
        open_representations(file, 4)
