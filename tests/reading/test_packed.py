import gzip

from imprint.reading.packed import read_packed
from tests.reading.refusals import refused


def test_a_packed_file_of_zeros_is_refused(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(bytes(64 << 20)))
    assert "unpacks to more than 100 times" in refused(read_packed, tmp_path / "a.gz", 1 << 40)
    assert read_packed(tmp_path / "a.gz", 4) == bytes(4)
