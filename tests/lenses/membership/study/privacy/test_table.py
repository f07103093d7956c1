from imprint.lenses.membership.study.privacy.table import show_privacy
from imprint.study.finding import to_json
from tests.lenses.membership.privacy_cases import audited


def test_every_model_has_a_row_with_both_bounds(capsys):
    show_privacy(to_json(audited()))
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert "200 mislabelled canaries, of which 104 members (fair coins: p = 0.62)" in lines[1]
    private = next(line for line in lines if line.startswith("epsilon-1"))
    assert private.split()[1:5] == ["ε", "≤", "0.99", "nothing"]
    assert "66 of 120" in private
    assert private.endswith("–")
    free = next(line for line in lines if line.startswith("not-private"))
    assert free.split()[1:5] == ["none", "ε", "≥", "2.50"]
