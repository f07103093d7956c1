import json

import pytest
import torch

from imprint.commands.convert import ConvertedSettings, ConvertWeights, summarise
from imprint.core.errors import ImprintError
from imprint.nets.fill import initial_model
from imprint.nets.load import load_model
from imprint.nets.model_card import ModelCard
from imprint.nets.save import save_model

SETTINGS = "training: {loss: simclr, batch_size: 512, epochs: 10}\nmodel: {arch: resnet50}\n"
CARD = ModelCard("mlp", 3, 4, 8, (0.5,), (0.25,), {"widths": "6"})


def test_weights_with_a_card_of_their_own_are_written_under_a_new_name(tmp_path, capsys):
    model = initial_model(CARD, 0)
    save_model(tmp_path / "mlp.safetensors", model, CARD)
    weights = tmp_path / "mlp.safetensors"
    out = tmp_path / "out"
    converted = ConvertWeights(
        out=out, checkpoint=weights, name="copy", card=tmp_path / "mlp.json"
    ).run()
    assert converted.weights == str(out / "copy.safetensors")
    assert converted.card == json.loads((out / "copy.json").read_text())
    images = torch.rand(2, 3, 8, 8)
    assert torch.equal(load_model(out / "copy.safetensors")(images), load_model(weights)(images))
    assert capsys.readouterr().out == f"{out / 'copy.safetensors'}: mlp, all tensors placed\n"


def test_settings_are_not_written_over_themselves(tmp_path):
    file = tmp_path / "vicreg.yaml"
    file.write_text(
        "training: {loss: simclr, batch_size: 512, epochs: 10}\nmodel: {arch: resnet50}"
    )
    with pytest.raises(ImprintError, match="would be overwritten: choose another --name or --out"):
        ConvertWeights(out=tmp_path, checkpoint=file).run()


def test_settings_that_no_command_takes_are_not_written(tmp_path):
    settings = tmp_path / "run.sh"
    settings.write_text("python exact_nngp/nt_opt_query.py --DEPTH 1000000000000\n")
    with pytest.raises(ImprintError, match=r"run.sh stands for .*depth must be in \[1, 1000\]"):
        ConvertWeights(out=tmp_path / "out", checkpoint=settings).run()
    assert not list((tmp_path / "out").glob("*"))


def test_settings_become_options_of_training(tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text(
        "training: {loss: simclr, batch_size: 512, epochs: 10}\nmodel: {arch: resnet50}"
    )
    converted = ConvertWeights(out=tmp_path / "out", checkpoint=file, json=True).run()
    assert isinstance(converted, ConvertedSettings)
    assert converted.config == str(tmp_path / "out" / "params.yaml")
    assert converted.options["train"]["objective"] == "simclr"


def test_a_summary_names_layout_outputs_and_what_was_left_out():
    assert summarise("vicreg", CARD, ["ema"]) == (
        "layout vicreg, mlp, widths 6, 4 classes, images − [0.5] / [0.25], "
        "1 tensors of the training left out, all others placed"
    )
