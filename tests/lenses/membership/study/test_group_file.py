import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.membership.study.group_file import read_groups

NAMES = ("dog/1.png", "dog/2.png", "cat/1.png")


def groups_of(tmp_path, text, index=(0, 1, 2)):
    file = tmp_path / "groups.csv"
    file.write_text(text)
    return read_groups(file, NAMES, np.array(index))


def test_columns_are_joined_by_name_and_others_have_none(tmp_path):
    found = groups_of(tmp_path, "name,site,year\ndata/dog/1.jpg,a,1999\ncat/1,b,2001\n")
    assert found == {"site": ("a", "(none)", "b"), "year": ("1999", "(none)", "2001")}
    assert read_groups(None, NAMES, np.arange(3)) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name\ndog/1\n", "has the columns name: it needs name and at least one other"),
        ("file,site\ndog/1,a\n", "has the columns file, site: it needs name"),
        ("name,site\nowl/9,a\n", "names none of the attacked images"),
        ("name,site\n1.png,a\n", "groups.csv: "),
        ("name,site\ndog/1\n", "line 2 does not have 2 values"),
        ("name,site\ndog/1,a,b\n", "line 2 does not have 2 values"),
        ("", "has the columns none"),
    ],
)
def test_other_files_are_one_sentence(tmp_path, text, message):
    with pytest.raises(ImprintError, match=message):
        groups_of(tmp_path, text)


def test_a_file_that_is_missing_or_no_text_is_named(tmp_path):
    with pytest.raises(ImprintError, match=r"no file at .*none\.csv"):
        read_groups(tmp_path / "none.csv", NAMES, np.arange(3))
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ImprintError, match="is not a CSV file"):
        read_groups(tmp_path / "b.csv", NAMES, np.arange(3))
