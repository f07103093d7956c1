"""Networks that give outputs and nothing else."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from imprint.core.errors import ImprintError
from imprint.nets.predictor.module import ModulePredictor
from imprint.nets.predictor.outputs_alone import OutputsAlone, why_outputs_alone
from imprint.nets.predictor.predictor import NetworkPredictor, Predictor, as_predictor
from imprint.observation.gather import gather_audit

X = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)


class Answering(nn.Module):
    """A linear layer whose result a function changes."""

    def __init__(self, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)
        self.change = change

    def forward(self, inputs: Tensor) -> Tensor:
        return self.change(self.layer(inputs))


def scripted() -> nn.Module:
    module: nn.Module = torch.jit.script(nn.Linear(3, 2))
    return module


def reason(module: nn.Module) -> str | None:
    return why_outputs_alone(ModulePredictor(module.eval(), "net"), X)


@pytest.mark.parametrize("module", [nn.Linear(3, 2), nn.Linear(3, 2).requires_grad_(False)])
def test_network_with_hooks_and_gradients_is_one(module: nn.Module) -> None:
    assert reason(module) is None


def test_network_that_changes_its_inputs_in_place_is_one() -> None:
    module = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(3, 2))
    assert reason(module) is None


@pytest.mark.parametrize(
    "module",
    [
        scripted(),
        Answering(torch.Tensor.detach),
        Answering(lambda outputs: outputs > 0),
        Answering(lambda outputs: outputs.long()),
        nn.Identity(),
    ],
    ids=["scripted", "detached", "bool", "whole", "no layer"],
)
def test_other_networks_are_asked_for_outputs_alone(module: nn.Module) -> None:
    assert reason(module) is not None
    targets = np.arange(6) % 2
    audited = gather_audit(module, (X, targets), (X, targets))
    assert audited.network is None
    outputs = 3 if isinstance(module, nn.Identity) else 2
    assert audited.predictor.predict(X, None).shape == (6, outputs)


def test_outputs_are_those_of_the_network() -> None:
    network = ModulePredictor(nn.Linear(3, 2), "net")
    alone = OutputsAlone(network)
    assert isinstance(alone, Predictor)
    assert not isinstance(alone, NetworkPredictor)
    assert (alone.name, alone.kind, alone.classes) == ("net", "logits", ())
    assert alone.fingerprint() == network.fingerprint()
    assert np.array_equal(alone.predict(X, None), network.predict(X, None))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda outputs: outputs * 1j, "complex64: return real numbers"),
        (lambda outputs: outputs.to("meta"), "meta device: return real numbers"),
        (lambda outputs: outputs[:1], "outputs \\[1, 2\\] for 6 records"),
        (lambda outputs: outputs[:, None], "return one row a record"),
    ],
)
def test_outputs_that_are_none_are_refused(
    change: Callable[[Tensor], Tensor], message: str
) -> None:
    predictor = ModulePredictor(Answering(change), "net")
    with pytest.raises(ImprintError, match=message):
        predictor.predict(X, None)


def test_sparse_outputs_are_made_dense() -> None:
    module = Answering(lambda outputs: outputs.to_sparse())
    dense = module.layer(torch.from_numpy(X)).detach().numpy()
    assert np.allclose(ModulePredictor(module, "net").predict(X, None), dense)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_inputs_take_the_type_of_the_weights(dtype: torch.dtype) -> None:
    module = nn.Linear(3, 2)
    single = ModulePredictor(module, "net").predict(X, None)
    outputs = ModulePredictor(module.to(dtype), "net").predict(X, None)
    assert np.allclose(outputs, single, atol=0.05)


def test_lazy_network_keeps_what_its_first_pass_makes() -> None:
    module = nn.LazyLinear(2)
    ModulePredictor(module, "net").predict(X, None)
    assert not module.weight.is_inference()


def test_compiled_network_is_the_network_inside() -> None:
    inside = nn.Linear(3, 2)
    predictor = as_predictor(torch.compile(inside, backend="eager"))
    assert isinstance(predictor, NetworkPredictor)
    assert predictor.module is inside


def test_network_without_weights_is_refused() -> None:
    with pytest.raises(ImprintError, match="give a network with weights"):
        as_predictor(nn.Linear(3, 2).to("meta"))


class Odd(nn.Linear):
    """State beside the weights, and no text."""

    def get_extra_state(self) -> object:
        return {"step": 3}

    def set_extra_state(self, state: object) -> None:
        """Take nothing."""

    def __repr__(self) -> str:
        raise RuntimeError("no text")


class Silent(Exception):
    """Cannot say what it is about."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


def test_odd_network_has_a_fingerprint() -> None:
    module = Odd(3, 2)
    first = ModulePredictor(module, "net").fingerprint()
    assert ModulePredictor(module, "net").fingerprint() == first
    nn.init.zeros_(module.weight)
    assert ModulePredictor(module, "net").fingerprint() != first


def test_exception_without_text_is_one_sentence() -> None:
    def fail(_: Tensor) -> Tensor:
        raise Silent

    with pytest.raises(ImprintError, match=r"Silent$"):
        ModulePredictor(Answering(fail), "net").predict(X, None)
