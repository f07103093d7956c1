from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from imprint.cli import main
from imprint.lenses.coverage.study.novelty_monitor import load_monitor
from imprint.nets.load import load_model
from imprint.study.json_io import read_json
from imprint.study.tables import read_table
from tests.lenses.coverage.commands_on_files import words_of


def test_a_monitor_scores_test_images_and_can_be_loaded(world: Path, tmp_path: Path) -> None:
    test = ("--tests", str(world / "test.npz"), "--top-neurons", "5")
    main(words_of(world, "monitor", *test, "--out", str(tmp_path)))
    told = read_json(tmp_path / "summary.json")["lenses"]["coverage"]["monitor"]
    shown = read_table(tmp_path / "monitor" / "novelty.parquet")
    assert len(shown["index"]) == 48
    assert told["new"]["value"] == pytest.approx(float((shown["novelty"] == 1).mean()))
    new = shown["training_inputs"] == 0
    np.testing.assert_array_equal(new, shown["novelty"] == 1)
    np.testing.assert_array_equal(new, shown["differs_in"] > 0)
    model = load_model(world / "net.safetensors")
    with np.load(world / "test.npz") as held:
        images = torch.from_numpy(np.moveaxis(held["images"], -1, 1)).float() / 255
    with load_monitor(tmp_path / "monitor" / "monitor.safetensors", model) as monitor:
        _, found = monitor(images)
    np.testing.assert_allclose(found.novelty.numpy(), shown["novelty"])
