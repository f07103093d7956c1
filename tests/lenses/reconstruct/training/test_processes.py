"""Two processes must train a diffusion model as one does; one launch serves most tests here."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from imprint import cli
from imprint.core.errors import ImprintError
from imprint.lenses.reconstruct.training import loop
from imprint.lenses.reconstruct.training.run_file import read_run_card
from imprint.nets.fill import build_model
from imprint.nets.model_card import ModelCard
from imprint.nets.save import save_model
from imprint.train.command import process_group

SMALL = {"width": "4", "depth": "1"}
CARD = ModelCard("patch_convnet", 3, 4, 16, (0.5,), (0.25,), projector="8-6", options=SMALL)
WORDS = (
    "reconstruct train --device cpu --composite-count 20 --train.unet.image-size 16 "
    "--train.unet.patch 2 --train.unet.width 8 --train.unet.multipliers 1,1 --train.steps 6 "
    "--train.batch-size 8 --train.warmup-steps 0 --train.resume-every 2"
)
LOG = Path("network") / "log.jsonl"
NAMES = {"plain": [], "parts": ["--train.accumulate", "2"]}
DIES_AT = 5
"""Step before which the second process is killed, after the state of step 4 was written."""


def words(folder, name):
    encoder = ["--encoder", str(folder.parent / "encoder.safetensors")]
    return [*WORDS.split(), *encoder, "--out", str(folder / name), *NAMES.get(name, [])]


def work(folder):
    """Train in one or two processes, train again what is done, and with other settings."""
    torch.set_num_threads(1)
    with process_group(torch.device("cpu")):
        for name in (*NAMES, "plain"):
            cli.run(words(folder, name))
        with pytest.raises(ImprintError, match="made with other settings"):
            cli.run([*words(folder, "plain"), "--train.steps", "7"])


def die(folder):
    """Train in two processes, of which the second dies."""
    take_step = loop._take_step

    def dying(run, *rest):
        if run.step == DIES_AT - 1 and os.environ["RANK"] == "1":
            os.kill(os.getpid(), 9)
        return take_step(run, *rest)

    loop._take_step = dying
    cli.run(words(folder, "plain"))


def launch(task, folder):
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    return subprocess.run(
        [sys.executable, *launcher, __file__, task, str(folder)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("processes")
    save_model(folder / "encoder.safetensors", build_model(CARD), CARD)
    work(folder / "1")
    launched = launch("work", folder / "2")
    assert launched.returncode == 0, launched.stderr
    assert "find_unused_parameters" not in launched.stderr
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_two_processes_train_a_diffusion_model_like_one(runs, name):
    assert deviation(runs / "1" / name, runs / "2" / name) < 0.02
    first, second = (json.loads((runs / n / name / LOG).read_text()) for n in "12")
    assert second == pytest.approx(first, rel=1e-5)


def test_training_left_by_a_dead_process_goes_on_in_one(runs):
    launched = launch("die", runs / "3")
    assert launched.returncode != 0
    assert "exitcode  : -9" in launched.stderr
    assert not (runs / "3" / "plain" / "network").exists()
    assert list((runs / "3" / "plain").glob(".*/resume.pt"))
    cli.run(words(runs / "3", "plain"))
    assert deviation(runs / "1" / "plain", runs / "3" / "plain") < 0.02


def deviation(run, other):
    """Return the distance of two networks beside how far training moved the first one."""
    file = Path("network") / loop.FINAL
    trained, compared = load_file(run / file), load_file(other / file)
    assert trained.keys() == compared.keys()
    torch.manual_seed(loop.derive(0, "initial weights"))
    fresh = read_run_card(run / file).build().state_dict()
    names = [name for name in trained if name not in ("mean", "deviation")]

    def distance(one, two):
        return sum(float((one[name] - two[name]).double().square().sum()) for name in names) ** 0.5

    return distance(trained, compared) / distance(trained, fresh)


if __name__ == "__main__":
    {"work": work, "die": die}[sys.argv[1]](Path(sys.argv[2]))
