import pytest

from imprint.core.errors import ImprintError


def refused(read, path, *arguments):
    with pytest.raises(ImprintError) as caught:
        read(path, *arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def sentence_about(read, path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return refused(read, path)
