import sys

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from imprint.core.errors import ImprintError
from imprint.nets.image_model import ImageModel
from imprint.probe.signals.boundary import BoundarySearchOptions, boundary_distances

pytest.importorskip("art")

CPU = torch.device("cpu")
NONE = np.zeros((0, 3, 1, 1), dtype=np.uint8)
QUICK = BoundarySearchOptions(queries=1000, seed=3)


class Plane(nn.Module):
    """Two classes parted by a plane: class 0 where w·x + b > 0, with |w| = 1."""

    def __init__(self, normal: np.ndarray, offset: float) -> None:
        super().__init__()
        self.normal = nn.Parameter(torch.from_numpy(normal / np.linalg.norm(normal)).float())
        self.offset = offset

    def forward(self, inputs: Tensor) -> Tensor:
        height = inputs @ self.normal + self.offset
        return torch.stack([height, -height], dim=1)


class Constant(nn.Module):
    def forward(self, inputs: Tensor) -> Tensor:
        return torch.tensor([[0.0, 1.0]]).expand(len(inputs), 2)


class Corner(nn.Module):
    """Class 1 where the first two of three inputs are above 0.99, which noise hardly ever is."""

    def forward(self, inputs: Tensor) -> Tensor:
        inside = inputs[:, :2].amin(dim=1) > 0.99
        return torch.stack([(~inside).float(), inside.float()], dim=1)


def model(head: nn.Module, channels: int = 3, side: int = 1) -> ImageModel:
    return ImageModel(nn.Flatten(), channels, side, (0.0,), (1.0,), head=head)


def plane(channels: int, side: int) -> ImageModel:
    normal = np.random.default_rng(5).normal(size=channels * side * side)
    unit = normal / np.linalg.norm(normal)
    return model(Plane(normal, -0.5 * float(unit.sum())), channels, side)


def records(count: int, channels: int = 3, side: int = 1, seed: int = 0) -> np.ndarray:
    """Pixels so far from the walls of the cube that the nearest point of a plane is inside."""
    shape = (count, channels, side, side)
    return np.random.default_rng(seed).integers(60, 196, shape, dtype=np.uint8)


def truth(model: ImageModel, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return |w·x + b| in closed form, and the labels."""
    with torch.no_grad():
        height = model(torch.from_numpy(pixels).float() / 255)[:, 0].double().numpy()
    return np.abs(height), (height <= 0).astype(np.int64)


def measure(model, pixels, labels, options=QUICK, indices=None, others=NONE):
    indices = np.arange(len(pixels)) if indices is None else indices
    return boundary_distances(model, pixels, labels, indices, others, options, CPU)


@pytest.mark.parametrize(
    ("channels", "side", "queries"), [(3, 1, 1000), (1, 2, 1000), (3, 3, 3000)]
)
def test_the_distance_to_a_plane_is_met_from_above(channels, side, queries):
    model, pixels = plane(channels, side), records(10, channels, side)
    distance, labels = truth(model, pixels)
    found = measure(model, pixels, labels, BoundarySearchOptions(queries=queries))["distance"]
    assert (found >= distance - 1e-6).all()
    assert (found <= 1.15 * distance + 1e-4).all()


def test_further_questions_only_bring_it_nearer():
    model, pixels = plane(3, 2), records(6, 3, 2)
    distance, labels = truth(model, pixels)
    few, more = (
        measure(model, pixels, labels, BoundarySearchOptions(queries=queries))["distance"]
        for queries in (150, 1500)
    )
    assert (more <= few).all()
    assert (more / distance).mean() < 1.1 < (few / distance).mean()


def test_the_largest_of_the_changes_is_the_other_norm():
    model, pixels = plane(3, 1), records(6)
    height, labels = truth(model, pixels)
    # The nearest point of a plane in the largest change lies at |w·x + b| / Σ|w|.
    distance = height / float(model.head.normal.detach().abs().sum())
    options = BoundarySearchOptions(norm="linf", queries=2000)
    found = measure(model, pixels, labels, options)["distance"]
    assert (found >= distance - 1e-6).all()
    assert (found <= 1.15 * distance + 1e-4).all()


def test_a_wrong_label_lies_on_the_boundary_and_costs_one_answer():
    model, pixels = plane(3, 1), records(4)
    _, labels = truth(model, pixels)
    labels[[1, 3]] = 1 - labels[[1, 3]]
    found = measure(model, pixels, labels)
    assert (found["distance"] == 0).tolist() == [False, True, False, True]
    assert found["queries"].tolist() == [1000, 1, 1000, 1]


def test_a_record_depends_neither_on_company_nor_on_order_nor_on_what_was_drawn_before():
    model, pixels = plane(3, 1), records(5)
    _, labels = truth(model, pixels)
    indices = np.array([7, 3, 11, 0, 5])
    whole = measure(model, pixels, labels, indices=indices)["distance"]
    np.random.seed(1)  # noqa: NPY002
    rows = np.array([4, 1, 3])
    part = measure(model, pixels[rows], labels[rows], indices=indices[rows])["distance"]
    assert part.tolist() == whole[rows].tolist()
    other = measure(model, pixels, labels, indices=indices + 1)["distance"]
    assert (other != whole).all()


def test_the_global_generator_is_left_as_it_was():
    model, pixels = plane(3, 1), records(1)
    _, labels = truth(model, pixels)
    np.random.seed(1)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(1)  # noqa: NPY002
    measure(model, pixels, labels)
    assert np.random.random() == expected  # noqa: NPY002


def test_every_answer_is_counted():
    model, pixels = plane(3, 1), records(3)
    _, labels = truth(model, pixels)
    answered = []
    model.head.register_forward_hook(lambda _, inputs, __: answered.append(len(inputs[0])))
    short = BoundarySearchOptions(queries=100_000, iterations=3, first_directions=20)
    for options in (QUICK, short):
        answered.clear()
        found = measure(model, pixels, labels, options)
        assert found["queries"].sum() == sum(answered)
        assert (found["queries"] <= options.queries).all()
    assert (found["queries"] < 300).all()


def test_without_any_other_label_the_distance_is_missing():
    found = measure(model(Constant()), records(2), np.array([1, 0]))
    assert np.isnan(found["distance"]).tolist() == [True, False]
    assert found["distance"][1] == 0
    assert found["queries"].tolist() == [1 + QUICK.starts, 1]


def test_where_noise_has_the_same_label_the_search_starts_from_another_image():
    module, pixels, labels = model(Corner()), records(2), np.zeros(2, dtype=np.int64)
    others = np.full((1, 3, 1, 1), 254, dtype=np.uint8)
    assert np.isnan(measure(module, pixels, labels)["distance"]).all()
    found = measure(module, pixels, labels, others=others)["distance"]
    nearest = np.linalg.norm(0.99 - pixels[:, :2, 0, 0] / 255, axis=1)
    start = np.linalg.norm((254 - pixels[:, :, 0, 0]) / 255, axis=1)
    assert (found >= nearest - 1e-6).all()
    assert (found < 0.98 * start).all()


def test_answers_that_are_not_numbers_are_rejected():
    model = plane(3, 1)
    model.head.offset = float("nan")
    with pytest.raises(ImprintError, match="logits that are not finite: check its weights"):
        measure(model, records(1), np.array([0]))


def test_a_missing_library_is_an_error_with_the_extra_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "art", None)
    with pytest.raises(ImprintError, match=r"imprint\[attacks\]"):
        measure(plane(3, 1), records(1), np.array([0]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"norm": "l1"}, "norm must be one of l2, linf, got 'l1'"),
        ({"queries": 0}, "queries must be at least 1, got 0"),
        ({"starts": 0}, "starts must be at least 1"),
        (
            {"most_directions": 99},
            r"most_directions must be at least first_dir.* got 99",
        ),
    ],
)
def test_impossible_settings_are_rejected(changes, message):
    with pytest.raises(ImprintError, match=message):
        BoundarySearchOptions(**changes)
