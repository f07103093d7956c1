"""Models of transformers: live and in folders, images and token ids."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.nets.predictor.predictor import as_predictor, classes_of, image_size_of
from imprint.observation.trainers.fresh_weights import with_fresh_weights

transformers = pytest.importorskip("transformers", reason="needs the extra models")

IDS = np.array([[5, 6, 7, 0, 0], [8, 9, 3, 2, 1]])
SMALL = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
}


@pytest.fixture(scope="module")
def bert() -> Any:
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=20, max_position_embeddings=8, id2label={0: "bad", 1: "good"}, **SMALL
    )
    return transformers.BertForSequenceClassification(config).eval()


def test_padding_is_left_out_by_the_attention_mask(bert: Any) -> None:
    predictor = as_predictor(bert)
    with torch.no_grad():
        ids = torch.from_numpy(IDS)
        expected = bert(input_ids=ids, attention_mask=(ids != 0).long()).logits
    assert np.allclose(predictor.predict(IDS, None), expected, atol=1e-6)
    shorter = predictor.predict(IDS[:1, :3], None)
    assert np.allclose(predictor.predict(IDS[:1], None), shorter, atol=1e-5)
    assert classes_of(predictor) == ("bad", "good")
    assert predictor.name == "BertForSequenceClassification"


def test_folder_of_a_text_classifier(bert: Any, tmp_path: Path) -> None:
    bert.save_pretrained(tmp_path / "text")
    predictor = as_predictor(tmp_path / "text")
    assert predictor.name == "text"
    assert np.allclose(predictor.predict(IDS, None), as_predictor(bert).predict(IDS, None))
    (tmp_path / "text" / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(ImprintError, match="transformers cannot load a model from"):
        as_predictor(tmp_path / "text")


def test_folder_that_lacks_a_tensor_is_refused(bert: Any, tmp_path: Path) -> None:
    bert.bert.save_pretrained(tmp_path)  # no classifier
    config = (tmp_path / "config.json").read_text()
    (tmp_path / "config.json").write_text(
        config.replace('"BertModel"', '"BertForSequenceClassification"')
    )
    with pytest.raises(ImprintError, match=r"do not fit its config\.json"):
        as_predictor(tmp_path)


def test_images_of_a_live_model(capsys: pytest.CaptureFixture[str]) -> None:
    config = transformers.ViTConfig(image_size=8, patch_size=4, num_labels=3, **SMALL)
    model = transformers.ViTForImageClassification(config).eval()
    predictor = as_predictor(model)
    assert image_size_of(predictor) == 8
    assert classes_of(predictor) == ()
    assert predictor.predict(np.zeros((2, 3, 8, 8), dtype=np.uint8), None).shape == (2, 3)


def test_fresh_weights_follow_the_rule_of_transformers(bert: Any) -> None:
    module = as_predictor(bert).module  # type: ignore[attr-defined]
    one, same, other = (with_fresh_weights(module, seed) for seed in (1, 1, 2))
    places = [each.network.bert.embeddings.word_embeddings.weight for each in (one, same, other)]
    assert torch.equal(places[0], places[1])
    assert not torch.equal(places[0], places[2])
    assert not torch.equal(places[0], bert.bert.embeddings.word_embeddings.weight)
    assert float(places[0].detach().std()) == pytest.approx(0.02, rel=0.2)
    assert float(one.network.classifier.bias.detach().abs().max()) == 0
