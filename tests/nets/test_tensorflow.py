import sys

import pytest

from imprint.core.errors import ImprintError
from imprint.nets.tensorflow import find_checkpoint, read_checkpoint


def test_finding_a_checkpoint(tmp_path):
    run = tmp_path / "55"
    (run / "checkpoints").mkdir(parents=True)
    with pytest.raises(ImprintError, match=r"no TensorFlow checkpoint at .*55"):
        find_checkpoint(run)
    (run / "checkpoints" / "ckpt-90.index").touch()
    prefix = run / "checkpoints" / "ckpt-90"
    for path in (run, prefix.parent, prefix, prefix.with_name("ckpt-90.index")):
        assert find_checkpoint(path) == prefix
    (run / "checkpoints" / "ckpt-95.index").touch()
    with pytest.raises(ImprintError, match=r"2 checkpoints \(ckpt-90, ckpt-95\)"):
        find_checkpoint(run)


def test_without_tensorflow_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(ImprintError, match=r"pip install 'imprint\[tf\]'"):
        read_checkpoint(tmp_path / "ckpt-1")


def test_a_damaged_checkpoint_is_rejected(tmp_path):
    pytest.importorskip("tensorflow")
    (tmp_path / "ckpt-1.index").write_bytes(b"no table at all")
    with pytest.raises(ImprintError, match="damaged or not a TensorFlow checkpoint"):
        read_checkpoint(tmp_path / "ckpt-1")
