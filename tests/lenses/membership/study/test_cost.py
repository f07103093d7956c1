import numpy as np
import pytest
import torch

from imprint.data.imageset import ArrayImages
from imprint.lenses.membership.study.cost import _duration, count_queries, forecast
from imprint.lenses.membership.study.options import EvidenceChoice, MembershipOptions
from imprint.lenses.membership.study.records import choose_records
from imprint.nets.fill import initial_model
from imprint.nets.model_card import ModelCard

CARD = ModelCard("mlp", 1, 2, 4, (0.5,), (0.25,), {"widths": "4"})


def test_a_probe_of_curvature_costs_four_calls_beside_the_plain_one():
    queries = count_queries(EvidenceChoice(curvature_probes=2))
    assert queries["phi"] == queries["mentr"] == 1
    assert queries["log_curvature"] == 9
    assert queries["trace"] == queries["parameter_gradient"] == 1


def forecast_of(tmp_path, **changes):
    pixels = np.zeros((40, 1, 4, 4), dtype=np.uint8)
    images = ArrayImages(pixels, np.arange(40) % 2, ("a", "b"))
    options = MembershipOptions(out=tmp_path, members=tmp_path, non_members=tmp_path, **changes)
    records = choose_records(20, 20, 0, 0)
    return forecast(initial_model(CARD, 0), images, records, options, torch.device("cpu"))


def test_the_forecast_counts_model_calls_and_the_cost_of_a_shadow_model(tmp_path):
    sentence = forecast_of(tmp_path, curvature_probes=1, augmentations=("identity", "flip"))
    assert sentence.startswith("cost: 12 model calls for each record, about")
    assert "a shadow model would add" in sentence


def test_the_forecast_names_shadow_models_and_hard_labels(tmp_path):
    sentence = forecast_of(tmp_path, curvature=False, shadows=4, label_only=8)
    assert sentence.startswith("cost: 1 model call for each record")
    assert "1000 more for each of 8 records by hard labels" in sentence
    assert "with 4 shadow models about" in sentence


@pytest.mark.parametrize(
    ("seconds", "text"), [(1.26, "1.3 s"), (119, "1.2e+02 s"), (600, "10 min"), (7200, "2.0 h")]
)
def test_durations_have_the_unit_that_reads_best(seconds, text):
    assert _duration(seconds) == text
