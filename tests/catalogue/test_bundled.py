"""Looking up a few files in the bundled tables gives what the whole tables say."""

from __future__ import annotations

import pytest

from femtobarn.data.catalogue import bundled

WITH_FILES = [name for name in bundled.settings() if bundled.has_files(name)]


@pytest.mark.parametrize("release", WITH_FILES)
def test_files_by_skim(release: str) -> None:
    skims = bundled.by_skim(release)
    whole = bundled.files(release)
    assert list(skims) == list(dict.fromkeys(f.skim for f in whole))
    assert len(skims) == len({f.skim for f in whole})
    for skim, files in skims.items():
        assert files == tuple(f for f in whole if f.skim == skim)


@pytest.mark.parametrize("release", WITH_FILES)
def test_files_by_name(release: str) -> None:
    whole = bundled.files(release)
    for file in (whole[0], whole[len(whole) // 2], whole[-1]):
        assert bundled.named(release, file.name) == tuple(f for f in whole if f.name == file.name)
    assert bundled.named(release, "no such file") == ()


def test_a_release_of_which_no_files_are_known() -> None:
    bare = next(name for name in bundled.settings() if name not in WITH_FILES)
    assert (dict(bundled.by_skim(bare)), bundled.named(bare, "a.root"), bundled.files(bare)) == ({}, (), ())
