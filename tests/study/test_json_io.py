import json

import pytest

from imprint.core.errors import ImprintError
from imprint.study.json_io import read_json
from imprint.study.store import Study, card_path
from tests.study.steps import write_text


def test_cards_are_json_and_damaged_ones_are_named(tmp_path):
    study = Study(tmp_path)
    study.step("a", {"x": 1}, write_text("a"))
    card = json.loads(card_path(tmp_path / "a").read_text())
    assert card["settings"] == {"x": 1}
    card_path(tmp_path / "a").write_text("{")
    with pytest.raises(ImprintError, match=r"a\.card\.json is damaged"):
        study.step("a", {"x": 1}, write_text("a"))


@pytest.mark.parametrize("content", [b"{", b'{"name": "\xe9"}', b"\x80\x04"])
def test_a_damaged_json_file_is_rejected(tmp_path, content):
    file = tmp_path / "card.json"
    file.write_bytes(content)
    with pytest.raises(ImprintError, match=r"card\.json is damaged .*: delete it and run again"):
        read_json(file)
