from pathlib import Path

import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.data.geometry import whole_rectangles
from imprint.data.imageset import ArrayImages
from imprint.data.view import View
from imprint.nets.fill import build_model
from imprint.nets.image_model import ImageModel
from imprint.nets.model_card import ModelCard
from imprint.probe.signals.augmented import augment
from imprint.probe.signals.confidence import correct, margin, modified_entropy, probability
from imprint.probe.signals.curvature import zeroth_order_curvature
from imprint.probe.signals.hessian import exact_trace
from imprint.probe.signals.rademacher import rademacher
from imprint.probe.signals.signal import SIGNALS, SignalOptions
from imprint.probe.signals.signals import take_signals
from imprint.study.tables import Table, read_table, write_table

CPU = torch.device("cpu")
COUNT, SIDE = 9, 16
INDICES = np.array([8, 0, 3, 4, 7, 1], dtype=np.int64)
ALL = tuple(each.name for each in SIGNALS.entries())
EVERYTHING = SignalOptions(signals=ALL, augmentations=("identity", "flip"), probes=2, step=0.01)


@pytest.fixture(scope="module")
def images() -> ArrayImages:
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (COUNT, 3, SIDE, SIDE), dtype=np.uint8)
    names = tuple(str(label) for label in range(4))
    return ArrayImages(pixels, np.arange(COUNT) % 4, names)


def network(seed: int = 0) -> ImageModel:
    torch.manual_seed(seed)
    return build_model(ModelCard("lenet", 3, 4, SIDE, (0.5,), (0.25,)))


def take(images: ArrayImages, options: SignalOptions = EVERYTHING, **changes) -> dict[str, Table]:
    models = changes.pop("models", {"a": network(0), "b": network(1)})
    indices = changes.pop("indices", INDICES)
    rectangles = whole_rectangles(images.sizes()[indices])
    view = View(images, indices, rectangles=rectangles)
    return take_signals(models, view, options, CPU, "test", **changes)


def test_columns_hold_what_each_function_says(images: ArrayImages) -> None:
    found = take(images)
    assert list(found) == ["a", "b"]
    table = found["b"]
    columns = [f"{name}.{augmentation}" for name in ALL for augmentation in ("identity", "flip")]
    assert list(table) == ["index", *columns]
    assert np.array_equal(table["index"], INDICES)
    model = network(1).eval()
    inputs = augment(torch.from_numpy(images.pixels[INDICES]).float() / 255, "flip")
    labels = torch.from_numpy(images.labels[INDICES])
    logits = model(inputs).detach().double()
    expected = {
        "margin": margin(logits, labels),
        "mentr": modified_entropy(logits, labels),
        "correct": correct(logits, labels),
        "probability": probability(logits, labels),
        "trace": exact_trace(model, inputs, model.std),
    }
    for name, values in expected.items():
        assert np.allclose(table[f"{name}.flip"], values.numpy(), rtol=1e-4, atol=1e-6), name
    probes = (
        rademacher(0, "curvature", "flip", n, INDICES, 2 * inputs[0].numel()) for n in range(2)
    )
    curvature = zeroth_order_curvature(model, inputs, labels, probes, 0.01, model.std)
    assert np.allclose(np.exp(table["log_curvature.flip"]), curvature.numpy(), rtol=0.05)


def test_neither_batches_nor_order_nor_company_change_a_table(images: ArrayImages) -> None:
    whole = take(images)["a"]
    for other in (
        take(images, batch_size=2)["a"],
        take(images, models={"a": network(0)})["a"],
        {name: column[::-1] for name, column in take(images, indices=INDICES[::-1])["a"].items()},
    ):
        for name, column in whole.items():
            tolerance = 0.05 if name.startswith("log_curvature") else 1e-4
            assert np.allclose(column, other[name], rtol=tolerance, atol=1e-6), name


def test_tables_survive_the_disk_in_both_widths(images: ArrayImages, tmp_path: Path) -> None:
    for storage, width in (("float32", np.float32), ("float16", np.float16)):
        options = SignalOptions(ALL, ("identity", "shift+1-1"), probes=1, storage=storage)
        table = take(images, options)["a"]
        write_table(tmp_path / "a.parquet", table)
        again = read_table(tmp_path / "a.parquet")
        assert all(np.array_equal(table[name], again[name]) for name in table)
        assert again["margin.identity"].dtype == again["log_curvature.shift+1-1"].dtype == width
        assert again["mentr.identity"].dtype == np.float32
        assert again["correct.identity"].dtype == np.bool_


class Remote:
    """A model that is not of PyTorch: it counts what it is asked."""

    input_size = SIDE

    def __init__(self, model: ImageModel) -> None:
        self.model = model.eval()
        self.images = 0

    def logits(self, inputs: np.ndarray) -> np.ndarray:
        assert isinstance(inputs, np.ndarray)
        self.images += len(inputs)
        with torch.inference_mode():
            return self.model(torch.from_numpy(np.array(inputs))).numpy()


def test_a_model_from_elsewhere_has_every_black_box_signal(images: ArrayImages) -> None:
    remote = Remote(network())
    options = SignalOptions(
        ("margin", "mentr", "correct", "probability", "log_curvature"),
        probes=3,
        unit="pixel",
        step=0.01,
    )
    found = take(images, options, models={"remote": remote, "own": network()})
    assert remote.images == len(INDICES) * (1 + 4 * 3)
    for name, column in found["own"].items():
        assert np.allclose(found["remote"][name], column, rtol=0.02, atol=1e-5), name


def test_black_boxes_say_what_they_cannot(images: ArrayImages) -> None:
    models = {"remote": Remote(network())}
    with pytest.raises(
        ImprintError, match="model remote only answers with logits, so it has no tr"
    ):
        take(images, SignalOptions(("trace",)), models=models)
    with pytest.raises(ImprintError, match="choose the unit pixel"):
        take(images, SignalOptions(("log_curvature",)), models=models)


def test_a_smooth_network_is_traced_with_its_label(images: ArrayImages) -> None:
    model = network()
    model.network.relu1 = torch.nn.GELU()
    by_itself = take(images, SignalOptions(("trace",)), models={"a": model})["a"]
    asked = take(images, SignalOptions(("trace",), trace="hutchinson"), models={"a": model})["a"]
    assert np.array_equal(by_itself["trace.identity"], asked["trace.identity"])


def test_a_dead_network_has_finite_curvature(images: ArrayImages) -> None:
    model = network()
    with torch.no_grad():
        model.network.fc3.weight.zero_()
    table = take(images, SignalOptions(("log_curvature",), probes=1), models={"a": model})["a"]
    assert np.isfinite(table["log_curvature.identity"]).all()
    assert (table["log_curvature.identity"] < np.log(1e-4)).all()


def test_numbers_that_are_not_finite_are_named(images: ArrayImages) -> None:
    model = network()
    with torch.no_grad():
        model.network.fc3.bias[0] = torch.nan
    with pytest.raises(ImprintError, match=r"margin.identity of arrays\[8\] under model a is not"):
        take(images, SignalOptions(("margin",)), models={"a": model})
    small = build_model(ModelCard("lenet", 3, 2, SIDE, (0.5,), (0.25,)))
    with pytest.raises(ImprintError, match="labels 0…3 do not fit a network of 2 classes"):
        take(images, SignalOptions(("margin",)), models={"a": small})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"signals": ("curve",)}, "unknown signal 'curve': choose one of correct"),
        ({"signals": ()}, "choose some of"),
        ({"signals": ("margin", "margin")}, "listed twice"),
        ({"temperature": 0.0}, "temperature must be above 0, got 0"),
        ({"step": -1.0}, "step must be above 0, got -1"),
        ({"probes": 0}, "probes must be at least 1, got 0"),
    ],
)
def test_impossible_options_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(ImprintError, match=message):
        SignalOptions(**changes)
