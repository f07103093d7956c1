import numpy as np
import torch

from imprint.nets.fill import initial_model
from imprint.nets.model_card import ModelCard
from imprint.probe.signals.scorer import Classifier
from imprint.probe.signals.signal import (
    SIGNALS,
    RecordBatch,
    SignalOptions,
    signal_kinds,
    signals_of_table,
)

CARD = ModelCard("mlp", 1, 2, 4, (0.5,), (0.25,), {"widths": "3"})


def batch(count: int) -> RecordBatch:
    model = initial_model(CARD, 0).eval()
    images = torch.rand(count, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    classifier = Classifier("m", model, torch.ones(1, 1, 1), torch.float32)
    labels, index = torch.zeros(count, dtype=torch.int64), np.arange(count)
    return RecordBatch(classifier, images, labels, index, "identity", SignalOptions(probes=2))


def test_each_table_of_an_audit_holds_its_signals_in_order() -> None:
    assert signals_of_table("signals") == ("margin", "mentr", "entropy", "correct")
    assert signals_of_table("curvature") == ("log_curvature",)
    assert signals_of_table("white_box") == ("trace", "input_gradient", "parameter_gradient")
    white_box = [each.name for each in SIGNALS.entries() if each.is_white_box]
    assert tuple(white_box) == signals_of_table("white_box")


def test_attacks_know_signals_by_their_kind_and_a_signal_says_what_it_costs() -> None:
    kinds = signal_kinds()
    assert kinds["phi"].name == "margin"
    assert kinds["phi"].queries(10) == 1
    assert kinds["log_curvature"].queries(10) == 41
    assert "correct" not in kinds


def test_micro_batches_have_the_logits_and_the_signs_of_the_whole() -> None:
    whole = batch(7)
    parts = list(whole.parts())
    assert [len(part.images) for part in parts] == [7]
    alone = [whole.logits[row] for row in range(7)]
    torch.testing.assert_close(batch(7).logits, torch.stack(alone))
    first, second = whole.signs("test", 5)
    assert first.shape == (7, 5)
    assert set(first.unique().tolist()) <= {-1, 1}
    assert not torch.equal(first, second)
    assert torch.equal(next(batch(3).signs("test", 5)), first[:3])
