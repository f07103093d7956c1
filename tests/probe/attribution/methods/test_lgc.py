import torch

from tests.probe.attribution.networks import Modules, ask, build, compute


def test_grad_cam_tells_channels_apart():
    question = ask(build(Modules))
    found = compute("lgc", question)
    assert found["conv1"].shape == (6, 4)
    slope, value = question.gradients["conv1"], question.seen.values["conv1"]
    wanted = slope.mean((2, 3)) * value.mean((2, 3))
    torch.testing.assert_close(found["conv1"], wanted.detach())
