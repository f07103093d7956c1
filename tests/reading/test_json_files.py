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
