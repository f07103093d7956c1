import torch

from tests.probe.attribution.networks import (
    Modules,
    ask,
    build,
    close,
    compute,
)


def test_identical_baselines_make_deep_lift_shap_deep_lift():
    question = ask(build(Modules))
    zeros = ask(build(Modules), pool=torch.zeros(3, 3, 8, 8))
    close(compute("ldls", question), compute("ldl", question), 1e-7)
    close(compute("ldls", zeros), compute("ldl", question), 1e-6)
    pool = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(5))
    other = compute("ldls", ask(build(Modules), pool=pool))
    assert (other["fc1"] - compute("ldl", question)["fc1"]).abs().max() > 1e-3
