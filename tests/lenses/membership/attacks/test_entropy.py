import pytest

from imprint.membership import attack, entropy


def test_score_is_minus_the_entropy():
    assert entropy([0.8018, 0.0]).tolist() == [-0.8018, 0.0]


def test_it_runs_where_entropies_are_given_beside_margins():
    result = attack(
        [3.0, 2.0, -1.0, 0.0], [1, 1, 0, 0], entropy=[0.1, 0.2, 0.9, 0.8], attacks="entropy"
    )
    assert result["entropy"].auc.value == 1
    assert result["entropy"].reads == "entropy"


def test_it_is_left_out_of_all_without_entropies():
    result = attack([3.0, 2.0, -1.0, 0.0], [1, 1, 0, 0])
    assert "entropy" not in result.findings.attacks
    assert "entropy" not in result.findings.skipped


@pytest.mark.parametrize("probabilities", [(0.7, 0.2, 0.1)])
def test_the_signal_of_a_prediction(probabilities):
    import torch

    from imprint.probe.signals.confidence import entropy as of_logits

    logits = torch.tensor([probabilities, (1.0, 0.0, 0.0)], dtype=torch.float64).log()
    assert of_logits(logits).tolist() == pytest.approx([0.8018, 0.0], abs=5e-5)
