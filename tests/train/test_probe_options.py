import pytest

from imprint.core.errors import ImprintError
from imprint.train.probe_options import OnlineProbeOptions, ProbeOptions


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (ProbeOptions, {"start_learning_rate": -1.0}),
        (ProbeOptions, {"end_learning_rate": float("inf")}),
        (OnlineProbeOptions, {"learning_rate": 0.0}),
        (OnlineProbeOptions, {"weight_decay": -1.0}),
        (OnlineProbeOptions, {"validate_every": 0}),
    ],
)
def test_values_outside_their_range_are_rejected(kind, changes) -> None:
    with pytest.raises(ImprintError, match=next(iter(changes))):
        kind(**changes)


@pytest.mark.parametrize("changes", [{"epochs": 0}, {"batch_size": 0}])
def test_a_probe_needs_an_epoch_and_an_image_a_batch(changes) -> None:
    with pytest.raises(ImprintError, match=r"must be at least 1, got 0"):
        ProbeOptions(**changes)
