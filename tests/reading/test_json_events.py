import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imprint.reading.json_events import MAX_DEPTH, MAX_VALUE_BYTES, json_events
from imprint.reading.regular import UnreadableFile

SCALARS = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=5)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=15
)


def write(folder, content):
    path = folder / "a.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rebuild(events):
    """Return the value that events are of."""
    event, value = next(events)
    if event == "start_array":
        items = []
        while (item := rebuild(events)) is not StopIteration:
            items.append(item)
        return items
    if event == "start_map":
        pairs = {}
        while (pair := next(events))[0] == "map_key":
            pairs[pair[1]] = rebuild(events)
        return pairs
    return StopIteration if event == "end_array" else value


@given(VALUES)
def test_events_are_those_of_the_value(tmp_path_factory, value):
    path = write(tmp_path_factory.mktemp("json"), json.dumps(value))
    assert rebuild(json_events(path)) == value


def test_a_byte_order_mark_is_passed_over(tmp_path):
    assert list(json_events(write(tmp_path, b"\xef\xbb\xbf[1]")))[1] == ("number", 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "damaged or not JSON"),
        ('{"a": NaN}', "damaged or not JSON"),
        ('{"a": 1e999}', "damaged or not JSON"),
        ('{"a": ' + "9" * 400 + "}", "damaged or not JSON"),
        ('{"a": 1', "damaged or not JSON"),
        ("{} {}", "damaged or not JSON"),
        (b'{"a": "\xff"}', "damaged or not JSON"),
        ('{"a": 1}'.encode("utf-16"), "damaged or not JSON"),
        ("[" * (MAX_DEPTH + 1), "nested more than 32 deep"),
        ("[" * 2_000_000, "nested more than 32 deep"),
        ('["' + "x" * (MAX_VALUE_BYTES + 100_000), "a single value of more than"),
    ],
)
def test_hostile_content_is_refused_in_one_sentence(tmp_path, content, message):
    with pytest.raises(UnreadableFile, match=message) as caught:
        list(json_events(write(tmp_path, content)))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_file_beyond_the_limit_is_refused(tmp_path):
    with pytest.raises(UnreadableFile, match="more than 1,000 bytes"):
        list(json_events(write(tmp_path, "[" + "1," * 1000 + "1]"), limit=1000))


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(UnreadableFile, match="is a folder"):
        list(json_events(tmp_path))


def test_memory_does_not_grow_with_the_file(tmp_path):
    """3 MB of numbers are read in less than 1 MB of Python's memory."""
    path = write(tmp_path, "[" + "1234567890," * 300_000 + "1]")
    tracemalloc.start()
    assert sum(event == "number" for event, _ in json_events(path)) == 300_001
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 3_000_000
