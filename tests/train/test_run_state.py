"""The state of an interrupted training comes back exactly, and a strange file is refused."""

import os
import pickle

import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.data.sources.composite import composite
from imprint.nets.fill import initial_model
from imprint.train.loop import make_card
from imprint.train.objective import build_objective
from imprint.train.optim import build_optimizer
from imprint.train.options import TrainOptions
from imprint.train.run_state import RunState


class Payload:
    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return os.system, (f"touch {self.canary}",)


def new_run(seed):
    options = TrainOptions(architecture_options=(("width", "8"),), projector="8-4")
    model = initial_model(make_card(composite(10), options, seed), seed)
    objective = build_objective("vicreg", model, {})
    optimizer = build_optimizer(model, options, 128)
    return RunState(model, objective, optimizer, torch.amp.GradScaler("cpu", enabled=False))


def test_a_state_comes_back(tmp_path):
    first, second = new_run(0), new_run(1)
    first.log.append({"epoch": 1, "loss": 0.5})
    first.save(tmp_path / "resume.pt")
    second.load(tmp_path / "resume.pt")
    assert second.log == first.log
    for one, other in zip(first.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(one, other)


def strange_files(canary):
    yield "a pickle of code", lambda path: torch.save(Payload(canary), path)
    yield "a plain pickle of code", lambda path: path.write_bytes(pickle.dumps(Payload(canary)))
    yield "no bytes", lambda path: path.write_bytes(b"")
    yield "another state", lambda path: torch.save({"log": []}, path)
    yield "a list", lambda path: torch.save([1, 2], path)


@pytest.mark.parametrize("number", range(5))
def test_a_strange_resume_point_is_one_sentence(number, tmp_path):
    _, write = list(strange_files(tmp_path / "canary"))[number]
    write(tmp_path / "resume.pt")
    with pytest.raises(ImprintError, match=r"resume\.pt is damaged, or not what .* delete the"):
        new_run(0).load(tmp_path / "resume.pt")
    assert not (tmp_path / "canary").exists()
