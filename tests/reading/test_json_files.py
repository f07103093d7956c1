import pytest

from imprint.reading.json_files import read_json
from tests.reading.refusals import sentence_about


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a": 1, "a": 2}', "key 'a' is duplicated"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        ("[NaN]", "NaN is not a JSON value"),
        ("[Infinity]", "Infinity is not a JSON value"),
        ("1" * 5000, "damaged or not JSON"),
        (b"\xff\xfe", "damaged or not JSON"),
        ("", "damaged or not JSON"),
    ],
)
def test_json_that_is_invalid_is_rejected(tmp_path, content, message):
    assert message in sentence_about(read_json, tmp_path / "a.json", content)


def test_a_key_that_is_there_twice_among_many_is_found_at_once(tmp_path):
    content = "{" + ",".join(f'"{key}":0' for key in range(300_000)) + ',"a":0,"a":0}'
    assert "key 'a' is duplicated" in sentence_about(read_json, tmp_path / "a.json", content)
