"""Two processes must train as one does; one launch of ``torchrun`` serves all tests here."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from imprint import cli
from imprint.data.sources.composite import composite
from imprint.nets.fill import build_model
from imprint.nets.model_card import ModelCard
from imprint.train.command import process_group
from imprint.train.distribute import distribute
from imprint.train.gather import all_sum, gather, rank, world_size
from imprint.train.loop import LossModule, train
from imprint.train.objective import OBJECTIVES, build_objective
from imprint.train.options import TrainOptions
from imprint.train.probe_options import OnlineProbeOptions

CPU = torch.device("cpu")
ABORTED_AT_EXIT = "terminate called without an active exception"
"""Seen once in some thirty launches, after all work: a thread of PyTorch's outlived the process."""
# Batch normalisation of grids and of rows takes part.
SMALL = {"width": "4", "depth": "1"}
CARD = ModelCard("patch_convnet", 3, 4, 16, (0.5,), (0.25,), projector="8-6", options=SMALL)
OPTIONS = {
    "architecture_options": tuple(SMALL.items()),
    "projector": "8-6",
    "epochs": 2,
    "warmup_epochs": 0,
    "optimizer": "sgd",
    "learning_rate": 0.01,
    "snapshot_every": 0,
    "online_probes": OnlineProbeOptions(on=True),
}
WORDS = (
    "--device cpu --composite-count 50 --train.objective barlow_twins --train.projector 8-6 "
    "--train.batch-size 20 --train.architecture-options width=4,depth=1 --train.optimizer sgd "
    "--train.epochs 2 --train.warmup-epochs 0 --train.snapshot-every 0"
)


def work(root):
    """Leave in a folder what one or two processes make of the same batches."""
    with process_group(CPU):
        found = {name: gradients_of(name) for name in OBJECTIVES.names()}
        rows = torch.full((2, 3), float(rank()), requires_grad=True)
        everyone = gather(rows)
        # Both consumers of the sum receive one and the same gradient.
        (everyone + gather(rows)).sum().backward()
        found["gather"] = {"rows": everyone.detach(), "gradient": rows.grad}
        if rank() == 0:
            root.mkdir()
            torch.save(found, root / "gradients.pt")
        for objective in ("vicreg", "dino"):
            # An odd batch leaves one image over for two processes.
            options = TrainOptions(
                **OPTIONS, objective=objective, batch_size=20 + (world_size() > 1)
            )
            train(
                composite(54),
                np.arange(40),
                options,
                root / objective,
                0,
                CPU,
                held_out=np.arange(40, 53),
            )
        cli.run(["train", "--out", str(root / "command"), *WORDS.split()])


def gradients_of(name):
    """Return gradients, buffers and loss of the second of two batches."""
    torch.manual_seed(0)
    model = build_model(CARD)
    objective = build_objective(name, model, {"small_crops": "2"} if name == "dino" else {})
    batches = [
        [torch.rand(12, 3, size, size) for size in objective.view_sizes(16)] for _ in range(2)
    ]
    labels = torch.randint(4, (12,))
    step = distribute(LossModule(model, objective), CPU)
    mine = slice(rank(), None, world_size())
    for views in batches:
        # The second batch meets a teacher and a centre that have moved.
        loss, _ = step([view[mine] for view in views], labels[mine])
        step.zero_grad()
        loss.backward()
        objective.after_step(model, 0.25)
    kept = {"loss": all_sum(loss.detach()) / world_size()}
    for part, module in (("subject", model), ("objective", objective)):
        for key, parameter in module.named_parameters():
            if parameter.grad is not None:
                kept[f"{part} gradient {key}"] = parameter.grad
        kept |= {f"{part} buffer {key}": buffer for key, buffer in module.named_buffers()}
    return kept


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("processes")
    work(folder / "1")
    done = launch(folder / "2")
    if ABORTED_AT_EXIT in done.stderr:
        shutil.rmtree(folder / "2")
        done = launch(folder / "2")
    assert done.returncode == 0, done.stderr
    return folder / "1", folder / "2"


def launch(folder):
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    return subprocess.run(
        [sys.executable, *launcher, __file__, str(folder)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("name", OBJECTIVES.names())
def test_two_processes_have_the_gradients_of_the_whole_batch(runs, name):
    one, two = (torch.load(run / "gradients.pt", weights_only=True)[name] for run in runs)
    assert one.keys() == two.keys()

    def size(values):
        return float(values.double().norm()) / values.numel() ** 0.5

    largest = max(size(values) for key, values in one.items() if "gradient" in key)
    for key in one:
        # A bias before batch normalisation has a gradient of rounding alone.
        least = 1e-5 * largest if "gradient" in key else 1e-6
        assert size(one[key] - two[key]) <= 1e-4 * size(one[key]) + least, key


def test_gathered_gradients_are_summed_once(runs):
    _, two = (torch.load(run / "gradients.pt", weights_only=True)["gather"] for run in runs)
    assert two["rows"].tolist() == [[0.0] * 3] * 2 + [[1.0] * 3] * 2
    # Two processes with two consumers each send a gradient of 1 to every row.
    assert two["gradient"].tolist() == [[4.0] * 3] * 2


@pytest.mark.parametrize("name", ["vicreg", "dino", "command/network"])
def test_two_processes_train_like_one(runs, name):
    one, two = (load_file(run / name / "final.safetensors") for run in runs)
    assert one.keys() == two.keys()
    for key in one:
        torch.testing.assert_close(one[key], two[key], atol=1e-4, rtol=1e-3, msg=f"{name} {key}")
    lines = [
        [json.loads(line) for line in (run / name / "log.jsonl").read_text().splitlines()]
        for run in runs
    ]
    for first, second in zip(*lines, strict=True):
        for figure in ("loss", "embedding_std", "direction_std", "learning_rate"):
            assert second[figure] == pytest.approx(first[figure], rel=1e-3)
        for depth, reached in first.get("probes", {}).items():
            assert second["probes"][depth] == pytest.approx(reached, rel=1e-3, abs=1e-4)


if __name__ == "__main__":
    torch.set_num_threads(1)
    work(Path(sys.argv[1]))
