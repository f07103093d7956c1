import pytest

from imprint.core.errors import ImprintError
from imprint.probe.annotators.zero_shot import load_tagger
from tests.probe.annotators.taggers import tag_list


def test_without_the_extra_the_package_is_named(monkeypatch, tmp_path) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ImprintError, match=r"pip install 'imprint\[models\]'"):
        load_tagger(tmp_path, tag_list())
