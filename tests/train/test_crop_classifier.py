import numpy as np
import torch
from scipy.special import log_softmax

from imprint.data.imageset import ArrayImages
from imprint.data.view import View
from imprint.nets.fill import initial_model
from imprint.nets.model_card import ModelCard
from imprint.nets.save import save_model
from imprint.train.crop_classifier import predict_crops

CARD = ModelCard("mlp", 1, 3, 4, (0.5,), (0.5,), {"widths": "4"})


def test_predictions_are_the_log_softmax_of_the_logits_of_the_crops_asked_for(tmp_path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 1, 4, 4), dtype=np.uint8)
    crops = ArrayImages(pixels, np.zeros(5, dtype=np.int64), ("a", "b", "c"))
    model = initial_model(CARD, 0).eval()
    save_model(tmp_path / "m.safetensors", model, CARD)
    rows = np.array([4, 1])
    predicted = predict_crops(tmp_path / "m.safetensors", crops, rows, torch.device("cpu"))
    with torch.no_grad():
        logits = model(model.to_inputs(View(crops, rows).read(4).pixels)).double().numpy()
    np.testing.assert_allclose(predicted, log_softmax(logits, axis=1), rtol=1e-6)
    np.testing.assert_allclose(np.exp(predicted).sum(axis=1), 1)
