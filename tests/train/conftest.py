import pytest

from imprint.data.sources.composite import composite


@pytest.fixture(scope="module")
def images():
    return composite(40)
