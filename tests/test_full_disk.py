"""Every writer of a study on a device that is always full."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from imprint.core import durable
from imprint.core.errors import ImprintError
from imprint.data.sources.composite import composite
from imprint.nets.checkpoint import write_weights
from imprint.study.json_io import write_json
from imprint.study.store import Study
from imprint.study.tables import write_table

FULL = Path("/dev/full")


def write_state(path):
    from imprint.nets.fill import initial_model
    from imprint.train.loop import make_card
    from imprint.train.objective import build_objective
    from imprint.train.optim import build_optimizer
    from imprint.train.options import TrainOptions
    from imprint.train.run_state import RunState

    options = TrainOptions(architecture_options=(("width", "8"),), projector="8-4")
    model = initial_model(make_card(composite(10), options, 0), 0)
    objective = build_objective("vicreg", model, {})
    optimizer = build_optimizer(model, options, 128)
    RunState(model, objective, optimizer, torch.amp.GradScaler("cpu", enabled=False)).save(path)


@pytest.mark.skipif(not FULL.exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize(
    "write",
    [
        lambda path: write_json(path, {"x": 1}),
        lambda path: write_table(path, {"index": np.arange(100_000)}),
        lambda path: write_weights(path, {"x": torch.zeros(100_000)}),
        lambda path: Study(path.parent).step(
            path.name, {}, lambda part: part.write_bytes(bytes(99))
        ),
        write_state,
    ],
    ids=["json", "table", "weights", "step", "resume point"],
)
def test_a_full_disk_is_one_sentence(write, tmp_path, monkeypatch):
    # A link, because some writers remove the file they could not finish.
    link = tmp_path / "part"
    link.symlink_to(FULL)
    monkeypatch.setattr(durable, "unfinished_path", lambda path, resume: link)
    monkeypatch.setattr(durable, "_remove", lambda path: None)
    with pytest.raises(ImprintError, match=r"the disk is full: .* was not written"):
        write(tmp_path / "artefact")


@pytest.mark.parametrize(
    "error",
    [OSError(errno.EFBIG, os.strerror(errno.EFBIG)), RuntimeError("x: File too large")],
    ids=["of the system", "quoted by a library"],
)
def test_a_limit_on_the_size_of_files_is_one_sentence(error, tmp_path):
    def build(part):
        part.write_bytes(b"half")
        raise error

    with pytest.raises(ImprintError, match=r"larger than the system lets .* \(ulimit -f\)"):
        Study(tmp_path).step("artefact", {}, build)
    assert list(tmp_path.iterdir()) == []
