from dataclasses import dataclass, fields

from imprint.study.counted import counts, uncounted


@dataclass(frozen=True)
class Options:
    """One option that counts, and one with a default that does not."""

    size: int
    workers: int = uncounted(default=2)


def test_marked_fields_do_not_count_and_keep_their_default() -> None:
    assert {field.name: counts(field) for field in fields(Options)} == {
        "size": True,
        "workers": False,
    }
    assert Options(3).workers == 2
