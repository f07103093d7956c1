"""Networks that return a tuple, a mapping or an object: which entry is the output."""

from collections import OrderedDict, namedtuple
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from imprint.core.errors import ImprintError
from imprint.nets.image_model import ImageModel
from imprint.nets.outputs import OutputRule
from imprint.nets.wrapped import as_backbone

LOGITS, FEATURES, MAPS = torch.ones(2, 3), torch.zeros(2, 5), torch.zeros(2, 3, 4, 4)
Named = namedtuple("Named", "scores hidden")


@dataclass
class Result:
    scores: Tensor
    hidden: Tensor


class Boxed:
    def __init__(self, **entries: object) -> None:
        self.__dict__.update(entries)


@pytest.mark.parametrize(
    ("result", "rule"),
    [
        (LOGITS, OutputRule()),
        ((LOGITS, FEATURES), OutputRule(3)),
        ([FEATURES, LOGITS, MAPS], OutputRule(3)),
        ((LOGITS,), OutputRule()),
        ((LOGITS, MAPS, None, "text"), OutputRule()),
        ((LOGITS, torch.ones(2, 3, dtype=torch.int64)), OutputRule(3)),
        ({"logits": LOGITS, "aux": LOGITS + 1}, OutputRule(3)),
        ({"features": FEATURES, "scores": LOGITS}, OutputRule(3)),
        (OrderedDict(loss=torch.tensor(0.0), logits=LOGITS), OutputRule(7)),
        (Boxed(logits=LOGITS, hidden=LOGITS + 1), OutputRule()),
        (Named(LOGITS, FEATURES), OutputRule(3)),
        (Result(LOGITS, FEATURES), OutputRule(3)),
        ((LOGITS + 1, LOGITS), OutputRule(3, "1")),
        ((LOGITS + 1, LOGITS), OutputRule(3, "-1")),
        ({"a": LOGITS + 1, "b": LOGITS}, OutputRule(3, "b")),
        ({"heads": [LOGITS, LOGITS + 1]}, OutputRule(3, "heads.0")),
        (Named(LOGITS, LOGITS + 1), OutputRule(3, "scores")),
        (Named(LOGITS, LOGITS + 1), OutputRule(3, "0")),
        (Boxed(first=LOGITS, second=LOGITS + 1), OutputRule(3, "first")),
    ],
)
def test_the_output_is_picked(result, rule) -> None:
    assert rule.pick(result) is LOGITS


@pytest.mark.parametrize(
    ("result", "rule", "message"),
    [
        ((LOGITS, LOGITS), OutputRule(3), "a tuple (0: [2, 3], 1: [2, 3]), 2 of which may be"),
        ((FEATURES, MAPS), OutputRule(3), "none of which may be the logits"),
        ((LOGITS, FEATURES), OutputRule(), "name the entry with --output"),
        ({}, OutputRule(3), "the network returns a dict, not a tensor"),
        (None, OutputRule(3), "the network returns a NoneType, not a tensor"),
        ((LOGITS,), OutputRule(3, "1"), "no entry '1' of --output 1: it has 0: [2, 3]"),
        (LOGITS, OutputRule(3, "0"), "it is a single tensor; leave it out"),
        (
            {"a": "text"},
            OutputRule(3, "a"),
            "the entry --output a of the network's output is a str",
        ),
    ],
)
def test_what_cannot_be_picked_is_rejected(result, rule, message) -> None:
    with pytest.raises(ImprintError) as caught:
        rule.pick(result)
    assert message in str(caught.value)


class Pair(nn.Module):
    """Returns features and logits, as a tuple or a mapping."""

    def __init__(self, kind: type) -> None:
        super().__init__()
        self.kind = kind
        self.body, self.classifier = nn.Linear(12, 4), nn.Linear(4, 3)

    def features(self, images: Tensor) -> Tensor:
        return self.body(images.flatten(1)).relu()

    def forward(self, images: Tensor) -> object:
        features = self.features(images)
        if self.kind is dict:
            return {"features": features, "logits": self.classifier(features)}
        return features, self.classifier(features)


@pytest.mark.parametrize("kind", [tuple, dict])
def test_a_model_of_such_a_network_answers_with_logits(kind) -> None:
    network, images = Pair(kind), torch.rand(2, 3, 2, 2)
    model = ImageModel(network, 3, 2, (0.0,), (1.0,), output=OutputRule(3))
    expected = network.classifier(network.features(images))
    assert torch.equal(model(images), expected)
    assert torch.equal(model.embed(images, "backbone"), network.features(images))


def test_a_network_whose_output_is_its_features_may_name_them() -> None:
    network = Pair(tuple)
    del network.classifier
    network.forward = lambda images: (images.flatten(1), images.flatten(1) + 1)
    network.features = None
    images = torch.rand(2, 3, 2, 2)
    backbone = as_backbone(network, 3, 2, OutputRule(None, "1"))
    assert torch.equal(backbone(images), images.flatten(1) + 1)
