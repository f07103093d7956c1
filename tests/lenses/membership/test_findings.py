from imprint.lenses.membership.findings import best_attack, names_by_auc, resolved_fprs
from tests.lenses.membership.cases import found


def test_the_best_attack_is_the_one_at_the_least_rate_all_show() -> None:
    attacks = {
        "wide": found((0.9, 0.8, 0.95), (0.02, 0.0, 0.1)),
        "sharp": found((0.7, 0.6, 0.8), (0.3, 0.2, 0.4)),
    }
    assert best_attack(attacks) == ("sharp", "0.01")
    assert names_by_auc(attacks) == ["wide", "sharp"]
    attacks["coarse"] = found((0.6, 0.5, 0.7), None)
    assert resolved_fprs(attacks) == ["0.1"]
    assert best_attack(attacks) == ("wide", "0.1")
