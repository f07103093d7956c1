import pytest

from imprint.report.model_facts import ModelAccuracy, ModelFacts, accuracy_estimate, network_facts
from imprint.stats.estimate import Estimate
from imprint.stats.proportion import proportion
from imprint.study.finding import from_json, to_json


@pytest.mark.parametrize(
    "facts",
    [
        ModelFacts(),
        ModelFacts(
            fingerprint="ab" * 32,
            architecture="resnet20",
            task="classification",
            accuracy=ModelAccuracy(members=Estimate(0.9, (0.8, 0.95), 50), tests=0.5),
            models=16,
        ),
    ],
)
def test_facts_come_back_from_json(facts: ModelFacts) -> None:
    assert from_json(ModelFacts, to_json(facts), "summary.json") == facts


def test_what_is_unknown_is_left_out() -> None:
    assert to_json(ModelFacts(task="regression")) == {"task": "regression"}


def test_a_share_is_taken_for_its_count() -> None:
    assert accuracy_estimate(2 / 3, 3) == proportion(2, 3)


def test_a_network_says_its_architecture_and_hash(tmp_path) -> None:
    from imprint.nets.fill import initial_model
    from imprint.nets.load import NetworkFile
    from imprint.nets.model_card import ModelCard
    from imprint.nets.save import save_model

    card = ModelCard("mlp", 1, 2, 4, (0.5,), (0.5,), options={"widths": "2"})
    path = tmp_path / "model.safetensors"
    save_model(path, initial_model(card, 0), card)
    facts = network_facts(NetworkFile(path))
    assert facts.architecture == "mlp"
    assert facts.fingerprint == NetworkFile(path).fingerprint()
    assert len(str(facts.fingerprint)) == 64
