from __future__ import annotations

import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.nets.fill import initial_model
from imprint.nets.model_card import ModelCard
from imprint.nets.quantised import SCHEMES, QuantisedModel, Scheme

CARD = ModelCard("lenet", 1, 4, 16, (0.5,), (0.25,))
IMAGES = torch.rand(32, 1, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_int8_logits_are_near_those_of_float(scheme: Scheme) -> None:
    model = initial_model(CARD, 0).eval()
    before = model.fingerprint()
    engine = torch.backends.quantized.engine
    with torch.no_grad():
        logits, quantised = model(IMAGES), QuantisedModel(model, scheme, IMAGES)(IMAGES)
    assert quantised.shape == logits.shape
    error = (quantised - logits).abs().max()
    assert 0 < error < 0.1 * (logits.max() - logits.min())
    assert (quantised.argmax(1) == logits.argmax(1)).float().mean() >= 0.9
    assert model.fingerprint() == before
    assert torch.backends.quantized.engine == engine


def test_a_network_that_cannot_be_traced_is_one_sentence() -> None:
    model = initial_model(CARD, 0).eval()
    inner = model.network.features

    def features(images: torch.Tensor) -> torch.Tensor:
        return inner(images if images.sum() > 0 else -images)

    model.network.features = features  # type: ignore[method-assign]
    with pytest.raises(ImprintError, match="cannot quantise this network by x86"):
        QuantisedModel(model, "x86", IMAGES)
