import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.nets.fill import initial_model
from imprint.nets.model_card import ModelCard
from imprint.train.online_probes import OnlineProbes
from imprint.train.probe_options import OnlineProbeOptions
from imprint.train.run_state import RunState
from imprint.train.state_file import write_state

CARD = ModelCard("mlp", 3, 4, 4, (0.5,), (0.25,), {"widths": "6"})


def state_of_a_run():
    model = initial_model(CARD, 0)
    probes = OnlineProbes({"h": 4}, 2, OnlineProbeOptions(on=True), 0)
    probes.learn({"h": torch.ones(3, 4)}, torch.tensor([0, 1, 1]))
    optimizer = torch.optim.AdamW(model.parameters())
    scaler = torch.amp.GradScaler("cpu", enabled=False)
    run = RunState(model, torch.nn.Linear(2, 2), optimizer, scaler, probes, [{"epoch": 1}])
    run.losses, run.deviations = [torch.ones(())] * 2, [torch.ones(2)] * 2
    return run


@pytest.mark.parametrize(
    "changes",
    [
        {"log": "abc"},
        {"log": [1]},
        {"losses": torch.ones(1, 2, 3)},
        {"deviations": torch.ones(1, 3, 2)},
        {"probe sums": {"seen": float("inf"), "sums": {"h": torch.ones(1, 3)}}},
        {"probe sums": {"seen": 0, "sums": {"h": torch.ones(1, 3)}}},
        {"probe sums": {"seen": 3, "sums": {"h": torch.ones(1, 2)}}},
        {"probe sums": {"seen": 3, "sums": {"g": torch.ones(1, 3)}}},
    ],
)
def test_a_state_of_no_training_is_one_sentence(tmp_path, changes):
    run = state_of_a_run()
    file = tmp_path / "resume.pt"
    run.save(file)
    run.load(file)
    assert (run.epoch, run.steps) == (1, 2)
    write_state(file, {**torch.load(file, weights_only=True), **changes})
    with pytest.raises(ImprintError, match="not what an interrupted training leaves"):
        run.load(file)
