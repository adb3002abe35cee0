from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from femtobarn.data.storage.coalesce import GAP, LARGEST, coalesce

_ranges = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 80)), max_size=30)


@given(_ranges, st.integers(0, 50), st.integers(1, 200))
def test_groups_hold_every_range_once(ranges: list[tuple[int, int]], gap: int, largest: int) -> None:
    groups = coalesce(ranges, gap=gap, largest=largest)
    members = sorted(member for group in groups for member in group.members)
    assert members == [number for number, (_, count) in enumerate(ranges) if count]
    for group in groups:
        inside = [ranges[member] for member in group.members]
        assert all(group.offset <= start and start + n <= group.offset + group.count for start, n in inside)
        assert group.offset == min(start for start, _ in inside)
        assert group.offset + group.count == max(start + n for start, n in inside)
        assert group.count <= largest or len(inside) == 1
        wanted = {byte for start, n in inside for byte in range(start, start + n)}
        holes = [a for a in range(group.offset, group.offset + group.count) if a not in wanted]
        assert longest_run(holes) <= gap
    offsets = [group.offset for group in groups]
    assert offsets == sorted(offsets)


def longest_run(numbers: list[int]) -> int:
    best = run = 0
    for place, number in enumerate(numbers):
        run = run + 1 if place and numbers[place - 1] == number - 1 else 1
        best = max(best, run)
    return best


def test_far_and_large_ranges_stay_apart() -> None:
    near, far = [(0, 10), (10 + GAP, 10)], [(0, 10), (11 + GAP, 10)]
    assert len(coalesce(near)) == 1
    assert len(coalesce(far)) == 2
    assert len(coalesce([(0, LARGEST), (LARGEST, 1)])) == 2
    assert coalesce([(0, 3 * LARGEST)])[0].count == 3 * LARGEST
    assert coalesce([]) == coalesce([(5, 0)]) == ()
