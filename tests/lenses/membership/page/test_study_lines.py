from imprint.lenses.membership.page.study_lines import chosen_attacks
from imprint.lenses.membership.study_findings import read_study
from tests.lenses.membership.page.test_study import MODELS, page


def test_attacks_that_are_alike_share_a_line_and_the_loss_is_always_there():
    assert chosen_attacks(read_study(MODELS).points) == ["base", "lira", "curvature_lr", "loss"]
    text = page(MODELS)
    assert "base = rmia" in text
    assert "from 2 references on" in text
    assert "the last step still gains" in text
