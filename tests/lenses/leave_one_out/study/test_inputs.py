import json
from dataclasses import replace

import numpy as np

from imprint.cli import main
from imprint.data.imageset import ArrayImages
from imprint.lenses.leave_one_out.options import FitOptions
from imprint.lenses.leave_one_out.study.inputs import Inputs, Pixels, inputs_from_images
from tests.lenses.leave_one_out.study.refits import (
    refused,
    words,
)

X, Y = np.eye(4), np.array([0, 0, 1, 1])


def test_classes_of_many_digits_stay_apart(tmp_path):
    labels = np.array([1_000_000, 1_000_000, 123_456_789, 123_456_788])
    np.savez(tmp_path / "arrays.npz", x=X, y=labels, queries=X, query_labels=labels)
    main(words(tmp_path / "arrays.npz", tmp_path / "out"))
    shown = json.loads((tmp_path / "out" / "summary.json").read_text())["lenses"]["leave_one_out"]
    assert shown["classes"] == ["1000000", "123456788", "123456789"]
    assert shown["queries"]["labels"] == ["1000000", "1000000", "123456789", "123456788"]


def test_records_of_another_shape_or_scaling_have_another_fingerprint():
    values = np.arange(64.0).reshape(4, 16)
    flat = Inputs(np.arange(4), values, Y, ("0", "1"), values)
    pixels = Pixels(np.zeros(1), np.ones(1))
    shapes = ((1, 4, 4), (4, 2, 2), (16,))
    others = [
        *(replace(flat, values=values.reshape(4, *shape)) for shape in shapes),
        *(replace(flat, pixels=replace(pixels, mean=np.array([mean]))) for mean in (0.0, 1e-12)),
    ]
    assert len({other.fingerprint() for other in others}) == len(others)
    assert others[2].fingerprint() == flat.fingerprint()


def test_images_are_standardised_over_the_fitted_ones_or_kept_between_0_and_1():
    pixels = np.random.default_rng(2).integers(0, 256, size=(6, 3, 8, 8)).astype(np.uint8)
    pixels[:, 2] = 7
    images = ArrayImages(pixels, np.array([0, 0, 2, 2, 0, 2]), ("a", "b", "c"))
    index = np.array([0, 1, 2, 3])
    options = {"out": None, "input_size": 8}
    unit = inputs_from_images(images, index, FitOptions(scaling="unit", **options), 0)
    np.testing.assert_array_equal(unit.values, pixels[:4] / 255)
    assert unit.classes == ("a", "c")
    assert unit.labels.tolist() == [0, 0, 1, 1]
    scaled = inputs_from_images(images, index, FitOptions(**options), 0)
    np.testing.assert_allclose(scaled.values.mean((0, 2, 3)), 0, atol=1e-12)
    np.testing.assert_allclose(scaled.values.std((0, 2, 3)), [1, 1, 0], atol=1e-12)


def test_queries_of_an_image_fit_are_scaled_like_its_images(image_study, tmp_path, capsys):
    picture = np.random.default_rng(3).integers(0, 256, size=(2, 3, 8, 8)).astype(np.uint8)
    found = []
    for name, queries in (("whole", picture), ("share", picture / 255.0)):
        np.savez(tmp_path / f"{name}.npz", queries=queries)
        out = tmp_path / name
        ask = ["leave-one-out", "query", "--fit", str(image_study), "--out", str(out)]
        main([*ask, "--queries", str(tmp_path / f"{name}.npz")])
        found.append(np.load(out / "leave_one_out" / "queries" / "kl_out_in.npy"))
    np.testing.assert_array_equal(*found)
    capsys.readouterr()
    np.savez(tmp_path / "large.npz", queries=picture.astype(np.float64))
    ask = ["leave-one-out", "query", "--fit", str(image_study), "--out", str(tmp_path / "large")]
    assert "from 0 to 1" in refused([*ask, "--queries", str(tmp_path / "large.npz")], capsys)
