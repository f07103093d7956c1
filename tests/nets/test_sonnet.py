"""Names, axes and padding of the conversion, by hand; the whole network against TensorFlow."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from imprint.cli import main
from imprint.core.errors import ImprintError
from imprint.nets.build import build_network
from imprint.nets.load import load_model
from imprint.nets.sonnet import convert_weights, model_from_sonnet, sonnet_names, to_torch
from imprint.nets.zoo.resnet import SamePool

WHERE = Path("run/checkpoints/ckpt-90")


def on_meta(depth):
    with torch.device("meta"):
        return build_network(f"resnet{depth}", 3, 10, 224)


def checkpoint(depth=50, root="model/"):
    """The arrays of a Sonnet checkpoint, all zero, with what stands in it beside the network."""
    arrays = {}
    for name, tensor in on_meta(depth).state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        shape = tuple(tensor.shape)
        if len(shape) == 4:
            shape = (*shape[2:], shape[1], shape[0])
        elif len(shape) == 2:
            shape = shape[::-1]
        elif "running" in name:
            shape = (1, 1, 1, *shape)
        there = root + sonnet_names(depth)[name]
        arrays[there] = np.broadcast_to(np.float32(0), shape)
        if "running" in name:
            arrays[there.replace("average", "_hidden")] = arrays[there]
            arrays[there.replace("average", "_counter")] = np.int64(7)
    counters = {"epoch": np.int64(90), "global_step": np.int64(5), "save_counter": np.int64(1)}
    return {**arrays, **counters, "optimizer/accumulated_momentum/0": np.zeros(3)}


@pytest.mark.parametrize("depth", [50, 101])
def test_every_tensor_has_one_name_there(depth):
    names = sonnet_names(depth)
    here = {name for name in on_meta(depth).state_dict() if "num_batches" not in name}
    assert names.keys() == here
    assert len(set(names.values())) == len(names)


def test_names_stand_where_sonnet_puts_them():
    names = sonnet_names(50)
    block = "_block_groups/2/_blocks/5"
    assert names["layer3.5.conv2.weight"] == f"{block}/_layers/1/0/w"
    assert names["layer3.5.bn2.bias"] == f"{block}/_layers/1/1/offset"
    assert (
        names["layer1.0.downsample.1.weight"] == "_block_groups/0/_blocks/0/_proj_batchnorm/scale"
    )
    assert "layer1.1.downsample.0.weight" not in names


def test_a_converted_convolution_is_the_sum_over_window_and_channels():
    random = np.random.default_rng(0)
    image, weight = random.normal(size=(5, 6, 2)), random.normal(size=(3, 3, 2, 4))
    expected = np.zeros((3, 4, 4))
    for row, column in np.ndindex(3, 4):
        window = image[row : row + 3, column : column + 3]
        expected[row, column] = np.einsum("hwi,hwio->o", window, weight)
    maps = torch.from_numpy(image.transpose(2, 0, 1)[None]).float()
    found = functional.conv2d(maps, to_torch("conv1.weight", weight))
    np.testing.assert_allclose(found[0].permute(1, 2, 0), expected, atol=1e-5)


def test_a_converted_linear_layer_is_the_product():
    weight = np.arange(6.0).reshape(2, 3)
    assert functional.linear(
        torch.tensor([[1.0, 10.0]]), to_torch("fc.weight", weight)
    ).tolist() == [[30.0, 41.0, 52.0]]


@pytest.mark.parametrize("side", [224, 223, 65])
def test_the_stem_is_padded_alike_on_either_side(side):
    stem = on_meta(50).conv1.to_empty(device="cpu")
    torch.nn.init.normal_(stem.weight, generator=torch.Generator().manual_seed(0))
    images = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(1))
    by_hand = functional.conv2d(functional.pad(images, (3, 3, 3, 3)), stem.weight, stride=2)
    torch.testing.assert_close(stem(images), by_hand)


def test_pooling_of_an_even_side_starts_at_the_first_pixel():
    row = torch.tensor([5.0, 1, 2, 0, 3, 4]).repeat(1, 1, 6, 1)
    # Windows of TensorFlow: pixels 0–2, 2–4, 4–5; of torch: 0–1, 1–3, 3–5.
    assert SamePool()(row)[0, 0, 0].tolist() == [5, 3, 4]
    assert functional.max_pool2d(row, 3, 2, 1)[0, 0, 0].tolist() == [5, 2, 4]
    odd = torch.rand(2, 3, 7, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(SamePool()(odd), functional.max_pool2d(odd, 3, 2, 1))
    even = torch.rand(2, 3, 8, 6, generator=torch.Generator().manual_seed(0))
    by_hand = functional.max_pool2d(functional.pad(even, (0, 1, 0, 1)), 3, 2)
    assert torch.equal(SamePool()(even), by_hand)


@pytest.mark.parametrize("root", ["model/", "", "experiment/net/"])
def test_a_checkpoint_becomes_a_model_wherever_the_network_stands_in_it(root):
    arrays = checkpoint(root=root)
    arrays[f"{root}_logits/b"] = np.arange(10, dtype=np.float32)
    model, card = model_from_sonnet(arrays, "resnet50", WHERE)
    assert (card.outputs, card.channels, card.input_size) == (10, 3, 224)
    assert card.options == {"same_pooling": True}
    assert (card.training["epoch"], card.training["checkpoint"]) == (90, "ckpt-90")
    assert isinstance(model.network.maxpool, SamePool)
    assert model.network.fc.bias.tolist() == list(range(10))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model/_logits/b": None}, r"1 missing \(model/_logits/b\)"),
        ({"model/_logits/c": 0}, r"1 left over \(model/_logits/c\)"),
        ({"model/_block_groups/0/_blocks/3/_layers/0/0/w": 0}, "1 left over"),
        ({"model/_initial_conv/w": None}, "holds no ResNet of Sonnet: there is no _initial_conv/w"),
        ({"average/_initial_conv/w": 0}, r"2 networks \(model/, average/\)"),
    ],
)
def test_missing_and_left_over_tensors_are_named(changes, message):
    arrays = {k: v for k, v in {**checkpoint(), **changes}.items() if v is not None}
    with pytest.raises(ImprintError, match=message):
        convert_weights(arrays, 50, WHERE)


def test_another_depth_is_rejected():
    with pytest.raises(ImprintError, match=r"ResNet of 50 layers .* left over .*_block_groups/2"):
        convert_weights(checkpoint(101), 50, WHERE)


def test_another_shape_is_rejected():
    arrays = checkpoint()
    arrays["model/_initial_conv/w"] = np.zeros((3, 3, 3, 64))
    with pytest.raises(ImprintError, match=r"1 of another shape \(conv1.weight"):
        model_from_sonnet(arrays, "resnet50", WHERE)


def test_the_converted_network_computes_what_tensorflow_does(tmp_path, capsys):
    tensorflow = pytest.importorskip("tensorflow")
    from tests.nets.sonnet_network import build

    network = build(tensorflow, (3, 4, 6, 3), 7, seed=0)
    saved = tensorflow.train.Checkpoint(
        model=network, epoch=tensorflow.Variable(90), global_step=tensorflow.Variable(5)
    ).save(tmp_path / "12" / "checkpoints" / "ckpt")
    main(["convert", "--checkpoint", str(tmp_path / "12"), "--out", str(tmp_path / "o"), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["card"]["training"]["checkpoint"] == Path(saved).name
    model = load_model(tmp_path / "o" / "12.safetensors")
    for side in (64, 96, 70):
        images = np.random.default_rng(side).random((2, 3, side, side), dtype=np.float32)
        with torch.no_grad():
            found = model(torch.from_numpy(images)).numpy()
            normalised = model.normalise(torch.from_numpy(images)).numpy()
        expected = network(normalised.transpose(0, 2, 3, 1)).numpy()
        assert expected.std() > 0.01
        assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()
