import pytest

from imprint.reading.yaml_files import read_yaml
from tests.reading.refusals import sentence_about

BILLION = "a0: &a0 [x, x]\n" + "".join(
    f"a{row}: &a{row} [{', '.join([f'*a{row - 1}'] * 9)}]\n" for row in range(1, 12)
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (BILLION, "holds more than 50,000 values, aliases written out"),
        ("a: &a [*a]", "nests them"),
        ("a: &a {b: *a}", "nests them"),
        ("[" * 1000, "nests them"),
        ("- " * 1000 + "a", "nests them"),
        ("a: 1\nb: 2\na: 3", "line 3: key 'a' is duplicated"),
        ("a: {b: 1, b: 1}", "key 'b' is duplicated"),
        ("!!python/object/apply:os.system [true]", "tag"),
        ("a: !thing 3", "tag"),
        ("? [a]\n: 1", "a key must be a word"),
        ("a: 2026-13-45", "is not YAML"),
        ("a: !!int ''", "is not YAML"),
        ("a: !!timestamp x", "is not YAML"),
        ("a: *b", "is not YAML"),
        ("a: [", "is not YAML"),
        (b"a: \xff", "is not UTF-8 text"),
        ("x" * 300_000, "has more than 262,144 bytes"),
    ],
)
def test_yaml_that_is_not_a_list_of_options_is_rejected(tmp_path, content, message):
    assert message in sentence_about(read_yaml, tmp_path / "a.yaml", content)


def test_plain_yaml_comes_back(tmp_path):
    text = "a: 1\nb: [x, 2.5, null, true]\nc: {d: &d [1], e: *d}\non: 3\n"
    (tmp_path / "a.yaml").write_text(text)
    assert read_yaml(tmp_path / "a.yaml") == {
        "a": 1,
        "b": ["x", 2.5, None, True],
        "c": {"d": [1], "e": [1]},
        True: 3,
    }
    (tmp_path / "a.yaml").write_text("")
    assert read_yaml(tmp_path / "a.yaml") is None
