import pytest

from imprint.cli import main
from imprint.lenses.coverage.criterion.criterion import CRITERIA
from imprint.study.command import COMMANDS


@pytest.mark.parametrize("name", ["measure", "importance", "wisdom", "monitor"])
def test_the_short_help_fits_a_screen_and_names_the_model(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["coverage", name, "--help"])
    assert not left.value.code
    text = capsys.readouterr().out
    assert len(text.splitlines()) <= 60
    for option in ("--model", "--members", COMMANDS.get(f"coverage {name}").main[3]):
        assert option.replace("_", "-") in text


def test_criteria_and_attributions_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    main(["list", "criteria"])
    listed = capsys.readouterr().out
    for name in CRITERIA.names():
        assert f"{name} " in listed
    main(["list", "attributions"])
    assert "lrp" in capsys.readouterr().out
