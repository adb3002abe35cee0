from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from femtobarn.base import settings
from femtobarn.data.storage import decide

MIB, GB = 1024**2, 1000**3
POLICIES = st.sampled_from(["auto", "cache", "stream"])
SIZES = st.integers(0, 200 * GB)
SHARES = st.none() | st.floats(0, 1)


@pytest.mark.parametrize(
    ("size", "more", "how"),
    [
        (256 * MIB, {}, "cache"),
        (256 * MIB + 1, {}, "stream"),
        (2 * GB, {"seen": True}, "cache"),
        (2 * GB, {"share": 0.51}, "cache"),
        (2 * GB, {"share": 0.5}, "stream"),
        (5 * GB, {"seen": True}, "cache"),
        (5 * GB + 1, {"seen": True, "share": 1.0}, "stream"),
        (188 * GB, {"cached": True}, "cache"),
    ],
)
def test_what_is_worth_keeping(size: int, more: dict, how: str) -> None:
    facts = {"cached": False, "seen": False, "share": None} | more
    assert decide("auto", size=size, **facts) == how


def test_the_environment_moves_the_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEMTOBARN_CACHE_SMALL", "10")
    monkeypatch.setenv("FEMTOBARN_CACHE_LARGEST", "20")
    facts = {"cached": False, "share": None}
    found = [decide("auto", size=n, seen=seen, **facts) for n, seen in ((10, 0), (11, 0), (20, 1), (21, 1))]
    assert found == ["cache", "stream", "cache", "stream"]
    assert (settings.cache_small(), settings.cache_largest()) == (10, 20)


@given(POLICIES, SIZES, st.booleans(), st.booleans(), SHARES)
def test_a_named_policy_is_followed(policy: str, size: int, cached: bool, seen: bool, share: float) -> None:
    how = decide(policy, size=size, cached=cached, seen=seen, share=share)
    assert how in {"cache", "stream"} if policy == "auto" else how == policy


@given(SIZES, SIZES, st.booleans(), SHARES)
def test_a_larger_file_is_never_cached_sooner(one: int, other: int, seen: bool, share: float) -> None:
    facts = {"cached": False, "seen": seen, "share": share}
    small, large = sorted((one, other))
    if decide("auto", size=large, **facts) == "cache":
        assert decide("auto", size=small, **facts) == "cache"


@given(SIZES, SHARES)
def test_being_seen_never_makes_a_stream(size: int, share: float) -> None:
    facts = {"cached": False, "share": share}
    if decide("auto", size=size, seen=False, **facts) == "cache":
        assert decide("auto", size=size, seen=True, **facts) == "cache"
