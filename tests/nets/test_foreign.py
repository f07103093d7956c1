import sys
from copy import deepcopy
from dataclasses import replace
from types import ModuleType, SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from imprint.core import user_code
from imprint.core.errors import ImprintError
from imprint.nets.build import build_network
from imprint.nets.fill import build_model, initial_model
from imprint.nets.load import load_model
from imprint.nets.model_card import ModelCard
from imprint.nets.save import save_model
from imprint.nets.wrapped import as_backbone

IMAGES = torch.rand(2, 3, 8, 8)


class Classic(nn.Module):
    """Laid out as torchvision does: convolution, pool, ``fc``."""

    def __init__(self, num_classes: int = 1000, width: int = 4, channels: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, width, 3)
        self.fc = nn.Linear(width, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.conv(images).mean((2, 3)))


class WithFeatures(nn.Module):
    """Laid out as timm does, and with ``features``."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.body = nn.Conv2d(channels, 4, 3)
        self.classifier = nn.Linear(4, outputs) if outputs else nn.Identity()

    def features(self, images: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(images), pre_logits=True)

    def forward_features(self, images: Tensor) -> Tensor:
        return self.body(images)

    def forward_head(self, maps: Tensor, pre_logits: bool = False) -> Tensor:
        pooled = maps.mean((2, 3))
        return pooled if pre_logits else self.classifier(pooled)

    def get_classifier(self) -> nn.Module:
        return self.classifier

    def forward(self, images: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(images))


class Tokens(nn.Module):
    """The base of a Hugging Face model: three tokens and perhaps a pooler."""

    def __init__(self, pooler: nn.Module | None = None, pools: bool = True) -> None:
        super().__init__()
        self.embed = nn.Linear(3, 5)
        self.pools = pools
        if pooler is not None:
            self.pooler = pooler

    @property
    def base_model(self) -> nn.Module:
        return self

    def forward(self, pixel_values: Tensor) -> SimpleNamespace:
        tokens = self.embed(pixel_values.flatten(2)[:, :, :3].transpose(1, 2))
        pooled = tokens.mean(1)[:, :, None, None] if self.pools else None
        return SimpleNamespace(last_hidden_state=tokens, pooler_output=pooled)


class Labelled(nn.Module):
    def __init__(self, labels: int) -> None:
        super().__init__()
        self.base_model = Tokens()
        self.classifier = nn.Linear(5, labels)

    def forward(self, pixel_values: Tensor) -> SimpleNamespace:
        pooled = self.base_model(pixel_values).pooler_output.flatten(1)
        return SimpleNamespace(logits=self.classifier(pooled))


def module(monkeypatch, name: str, **content: object) -> None:
    made = ModuleType(name)
    made.__dict__.update(content)
    made.__path__ = []
    monkeypatch.setitem(sys.modules, name, made)


def refused(name: str, channels: int = 3, **options: object) -> str:
    with pytest.raises(ImprintError) as caught:
        build_network(name, channels, 7, 8, options)
    return str(caught.value)


def without_arguments() -> nn.Module:
    return Classic(7)


def of_outputs_alone(outputs: int) -> nn.Module:
    return Classic(outputs)


def own_function(channels: int, outputs: int | None, input_size: int, width: int = 4) -> nn.Module:
    return Classic(outputs or 5, width, channels)


@pytest.fixture
def user_module(monkeypatch):
    module(
        monkeypatch,
        "their_nets",
        classic=own_function,
        featured=lambda channels, outputs, input_size: WithFeatures(channels, outputs),
        zoo=lambda channels, outputs, input_size: build_network(
            "mlp", channels, outputs, input_size
        ),
        text=lambda **_: "no module",
        picky=lambda **_: nn.Linear(5, 5),
        failing=lambda **_: int("seven"),
        bare=without_arguments,
        sized=of_outputs_alone,
        Classic=Classic,
        needy=lambda depth: Classic(depth),
    )
    names = ("classic", "featured", "zoo", "text", "picky", "failing", "missing")
    names += ("bare", "sized", "Classic", "needy")
    consented = {f"their_nets:{name}" for name in names} | {"no_such_module:f"}
    monkeypatch.setattr(user_code, "_trusted", consented)


@pytest.mark.usefixtures("user_module")
@pytest.mark.parametrize("name", ["bare", "sized", "Classic"])
def test_a_users_function_takes_the_arguments_that_its_signature_has(name) -> None:
    options = {"num_classes": 7} if name == "Classic" else {}
    network = build_network(f"their_nets:{name}", 3, 7, 8, options)
    assert network.classifier is network.published.fc
    assert network(IMAGES).shape == (2, 7)


@pytest.mark.usefixtures("user_module")
def test_a_users_function_without_arguments_has_the_outputs_it_has() -> None:
    with pytest.raises(ImprintError, match=r"shape \[1, 7\] .* says outputs 9: correct outputs"):
        build_network("their_nets:bare", 3, 9, 8)
    assert "cannot be called with no arguments" in refused("their_nets:needy")


@pytest.mark.usefixtures("user_module")
def test_a_users_network_without_outputs_on_its_card_ends_in_its_features() -> None:
    network = build_network("their_nets:classic", 3, None, 8, {"width": "6"})
    assert network.feature_width == 5
    assert network.classifier is None
    assert not network.has_outputs
    assert torch.equal(network(IMAGES), network.features(IMAGES))
    assert network.published.conv.out_channels == 6


@pytest.mark.usefixtures("user_module")
def test_a_users_network_with_features_is_asked_for_them() -> None:
    network = build_network("their_nets:featured", 3, 7, 8)
    assert network.feature_width == 4
    assert network.classifier is network.published.classifier
    features, outputs = network.features_and_outputs(IMAGES)
    assert torch.equal(outputs, network(IMAGES))
    assert torch.equal(outputs, network.classifier(features))


@pytest.mark.usefixtures("user_module")
def test_a_users_backbone_passes_as_it_is() -> None:
    network = build_network("their_nets:zoo", 3, 7, 8)
    assert network.published is network


@pytest.mark.usefixtures("user_module")
def test_a_copy_of_a_wrapped_network_computes_with_its_own_weights() -> None:
    network = build_network("their_nets:featured", 3, 7, 8)
    copy = deepcopy(network)
    with torch.no_grad():
        for parameter in copy.parameters():
            parameter.zero_()
    assert copy.features(IMAGES).eq(0).all()
    assert not network.features(IMAGES).eq(0).all()


@pytest.mark.usefixtures("user_module")
def test_checkpoints_of_a_wrapped_network_keep_its_own_names(tmp_path) -> None:
    card = ModelCard("their_nets:featured", 3, 7, 8, (0.5,), (0.5,))
    model = build_model(card).eval()
    torch.save(model.network.published.state_dict(), tmp_path / "bare.pt")
    save_model(tmp_path / "own.safetensors", model, card)
    for loaded in (
        load_model(tmp_path / "bare.pt", card),
        load_model(tmp_path / "own.safetensors"),
    ):
        assert torch.equal(loaded(IMAGES), model(IMAGES))


@pytest.mark.usefixtures("user_module")
@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("no_such_module:f", {}, "put the module's folder on PYTHONPATH"),
        ("their_nets:missing", {}, "module 'their_nets' has no function 'missing'"),
        (
            "their_nets:classic",
            {"w": 1},
            "architecture 'their_nets:classic' has no option 'w'; it has: channels, input_size, "
            "outputs, width",
        ),
        ("their_nets:text", {}, "must return a torch.nn.Module, it returned str"),
        ("their_nets:failing", {}, "their_nets:failing failed with ValueError: invalid literal"),
        ("their_nets:picky", {}, "the network does not take images [3, 8, 8]: mat1 and mat2"),
    ],
)
def test_a_users_function_that_does_not_fit_is_rejected(name, options, message) -> None:
    assert message in refused(name, **options)


def test_measuring_the_width_leaves_the_mode_and_the_statistics(monkeypatch) -> None:
    network = nn.Sequential(nn.BatchNorm2d(3), nn.Flatten())
    wrapped = as_backbone(network, 3, 8)
    assert wrapped.feature_width == 192
    assert network.training
    assert network[0].num_batches_tracked == 0


def test_torchvision_features_are_what_its_classifier_is_given(monkeypatch) -> None:
    def get_model(name: str, weights: None, num_classes: int = 1000) -> nn.Module:
        if name != "classic":
            raise ValueError(f"Unknown model {name}")
        return Classic(num_classes)

    module(monkeypatch, "torchvision")
    module(
        monkeypatch,
        "torchvision.models",
        get_model=get_model,
        list_models=lambda module: ["classic"],
    )
    network = build_network("torchvision:classic", 3, 7, 8)
    assert network.feature_width == 4
    features = network.features(IMAGES)
    assert torch.equal(network.classifier(features), network(IMAGES))
    assert not network.published.fc._forward_pre_hooks
    bare = build_network("torchvision:classic", 3, None, 8)
    assert bare.feature_width == 4
    assert set(bare.published.state_dict()) == {"conv.weight", "conv.bias"}
    assert refused("torchvision:x").startswith("torchvision has no classifier 'x'")
    assert "torchvision:classic has no option 'weights'" in refused(
        "torchvision:classic", weights=1
    )
    assert "takes 3-channel images, not 1-channel ones" in refused(
        "torchvision:classic", channels=1
    )


def test_timm_features_are_those_before_the_logits(monkeypatch) -> None:
    def create_model(name: str, pretrained: bool, num_classes: int, in_chans: int) -> nn.Module:
        if name != "net":
            raise RuntimeError(f"Unknown model ({name})")
        assert not pretrained
        return WithFeatures(in_chans, num_classes)

    module(monkeypatch, "timm", create_model=create_model, is_model=lambda name: name == "net")
    network = build_network("timm:net", 3, 7, 8)
    assert torch.equal(network.classifier(network.features(IMAGES)), network(IMAGES))
    bare = build_network("timm:net", 3, None, 8)
    assert bare.classifier is None
    assert torch.equal(bare(IMAGES), bare.features(IMAGES))
    assert refused("timm:x").startswith("timm has no network 'x'")
    for option in ("w", "pretrained", "checkpoint_path", "pretrained_cfg"):
        assert f"timm:net has no option {option!r}" in refused("timm:net", **{option: "x"})


class Config(SimpleNamespace):
    """A Hugging Face configuration."""

    @classmethod
    def from_pretrained(
        cls, folder: str, local_files_only: bool, trust_remote_code: bool, **given: object
    ) -> SimpleNamespace:
        assert local_files_only
        assert trust_remote_code is False
        return cls(**{"width": 5, "num_labels": 2, **given})

    def to_dict(self) -> dict[str, object]:
        return dict(vars(self))


def transformers_with(monkeypatch, base: nn.Module) -> None:
    def weights_of(make):
        def load(
            folder: str,
            config: Config,
            use_safetensors: bool,
            local_files_only: bool,
            trust_remote_code: bool,
            output_loading_info: bool,
        ) -> tuple[nn.Module, dict[str, object]]:
            assert output_loading_info
            assert use_safetensors
            assert local_files_only
            assert trust_remote_code is False
            made = make(config)
            for tensor in made.parameters():
                nn.init.constant_(tensor, 0.25)
            return made, {}

        return load

    def base_of(_: Config, trust_remote_code: bool = False) -> nn.Module:
        assert trust_remote_code is False
        made = deepcopy(base)
        made.embed.reset_parameters()
        return made

    def labelled(config: Config, trust_remote_code: bool = False) -> nn.Module:
        assert trust_remote_code is False
        return Labelled(config.num_labels)

    module(
        monkeypatch,
        "transformers",
        logging=SimpleNamespace(
            disable_progress_bar=lambda: None,
            get_verbosity=lambda: 30,
            set_verbosity=lambda level: None,
            set_verbosity_error=lambda: None,
        ),
        AutoConfig=Config,
        AutoModel=SimpleNamespace(from_config=base_of, from_pretrained=weights_of(base_of)),
        AutoModelForImageClassification=SimpleNamespace(
            from_config=labelled, from_pretrained=weights_of(labelled)
        ),
    )


def test_transformers_classifiers_give_logits_and_pooled_features(monkeypatch, tmp_path) -> None:
    transformers_with(monkeypatch, Tokens())
    network = build_network(f"transformers:{tmp_path}", 3, 7, 8)
    assert network.feature_width == 5
    assert network.classifier is network.published.classifier
    assert network.classifier.out_features == 7
    assert torch.equal(network(IMAGES), network.classifier(network.features(IMAGES)))


def test_transformers_networks_are_fresh_unless_asked_for_their_weights(
    monkeypatch, tmp_path
) -> None:
    transformers_with(monkeypatch, Tokens())
    card = ModelCard(f"transformers:{tmp_path}", 3, 7, 8, (0.5,), (0.5,))
    first, again, other = (initial_model(card, seed) for seed in (0, 0, 1))
    weight = "network.module.base_model.embed.weight"
    assert torch.equal(first.state_dict()[weight], again.state_dict()[weight])
    assert not torch.equal(first.state_dict()[weight], other.state_dict()[weight])
    asked = build_model(replace(card, options={"pretrained": "true"}))
    assert (asked.state_dict()[weight] == 0.25).all()
    refused_too = build_model(replace(card, options={"pretrained": "false"}))
    assert not (refused_too.state_dict()[weight] == 0.25).any()


def test_saved_transformers_networks_come_back(monkeypatch, tmp_path) -> None:
    transformers_with(monkeypatch, Tokens())
    card = ModelCard(f"transformers:{tmp_path}", 3, 7, 8, (0.5,), (0.5,))
    model = build_model(card).eval()
    save_model(tmp_path / "m.safetensors", model, card)
    assert torch.equal(load_model(tmp_path / "m.safetensors")(IMAGES), model(IMAGES))


def test_transformers_options_are_those_of_the_configuration(monkeypatch, tmp_path) -> None:
    transformers_with(monkeypatch, Tokens())
    name = f"transformers:{tmp_path}"
    build_network(name, 3, 7, 8, {"width": 6})
    assert refused(name, depth=2).startswith("the model in ")
    assert "has no option 'depth'" in refused(name, depth=2)
    assert "pretrained must be true or false, got 'yes'" in refused(name, pretrained="yes")
    for option in (
        "depth",
        "trust_remote_code",
        "code_revision",
        "auto_map",
        "quantization_config",
    ):
        assert f"has no option {option!r}" in refused(name, pretrained="true", **{option: "true"})


@pytest.mark.parametrize(
    ("base", "pooled"),
    [
        (Tokens(), True),
        (Tokens(pooler=nn.AdaptiveAvgPool1d(1)), True),
        (Tokens(pooler=nn.Linear(5, 5)), False),
        (Tokens(pools=False), False),
    ],
)
def test_transformers_features_avoid_an_untrained_pooler(
    monkeypatch, tmp_path, base, pooled
) -> None:
    transformers_with(monkeypatch, base)
    network = build_network(f"transformers:{tmp_path}", 3, None, 8)
    tokens = network.published(IMAGES).last_hidden_state
    assert torch.equal(network(IMAGES), tokens.mean(1) if pooled else tokens[:, 0])


def test_a_folder_that_is_not_there(tmp_path) -> None:
    assert "download the model there first" in refused(f"transformers:{tmp_path / 'none'}")


@pytest.mark.parametrize("package", ["timm", "torchvision", "transformers"])
def test_a_missing_package_is_named(monkeypatch, tmp_path, package) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    name = f"{package}:{tmp_path}"
    assert refused(name) == f"{name} needs the package {package}: pip install {package}"


def test_a_broken_package_is_distinguished_from_a_missing_one(monkeypatch, tmp_path) -> None:
    folder = tmp_path / "torchvision"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise RuntimeError('operator nms does not exist')\n")
    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    message = refused("torchvision:resnet18")
    assert "installed but cannot be imported (operator nms does not exist)" in message
    assert f"install the version made for torch {torch.__version__}" in message
