import os
import sys

import pytest

from imprint.core.errors import ImprintError
from imprint.core.extras import (
    OFFLINE,
    go_offline,
    import_art,
    import_diffusers,
    import_pycocotools,
    import_tensorflow,
    import_transformers,
)


@pytest.mark.parametrize(
    ("name", "import_it", "extra"),
    [
        ("tensorflow", import_tensorflow, "tf"),
        ("transformers", import_transformers, "models"),
        ("diffusers", import_diffusers, "diffusion"),
        ("art", import_art, "attacks"),
        ("pycocotools", import_pycocotools, "detection"),
    ],
)
def test_a_missing_package_names_the_extra_to_install(name, import_it, extra, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImprintError, match=rf"pip install 'imprint\[{extra}\]'"):
        import_it()


def test_offline_settings_keep_the_libraries_from_the_network(monkeypatch):
    for name in OFFLINE:
        monkeypatch.delenv(name, raising=False)
    go_offline()
    assert [os.environ[name] for name in OFFLINE] == ["1", "1", "1"]
