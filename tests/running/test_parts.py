"""Parts of a file cover its entries exactly once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from femtobarn.running.engine.parts import limit, part_edges


@given(
    entries=st.integers(0, 10_000),
    parts=st.integers(1, 60),
    inner=st.lists(st.integers(0, 12_000), max_size=40),
)
def test_parts_cover_every_entry_once(entries: int, parts: int, inner: list[int]) -> None:
    boundaries = np.unique(np.array([0, *inner, 12_000], dtype=np.int64))
    edges = part_edges(boundaries, entries, parts)
    assert edges.shape == (parts + 1,)
    assert edges[0] == 0
    assert edges[-1] == entries
    assert np.all(np.diff(edges) >= 0)


@given(
    entries=st.integers(1, 10_000),
    parts=st.integers(1, 60),
    inner=st.lists(st.integers(1, 9_999), max_size=40),
)
def test_edges_stay_within_half_a_part_of_the_ideal(entries: int, parts: int, inner: list[int]) -> None:
    boundaries = np.unique(np.array([0, *(b for b in inner if b < entries), entries], dtype=np.int64))
    edges = part_edges(boundaries, entries, parts)
    ideal = np.arange(parts + 1) * entries // parts
    assert np.all(2 * parts * np.abs(edges - ideal) <= entries)


def test_edges_move_to_clusters() -> None:
    boundaries = np.array([0, 90, 210, 300])
    assert part_edges(boundaries, 300, 3).tolist() == [0, 90, 210, 300]


def test_without_near_clusters_the_ideal_edge_stays() -> None:
    assert part_edges(np.array([0, 1000]), 1000, 4).tolist() == [0, 250, 500, 750, 1000]


@pytest.mark.parametrize(
    ("most", "fraction", "expected"),
    [
        (None, None, 1000),
        (10, None, 10),
        (2000, None, 1000),
        (None, 0.25, 250),
        (100, 0.25, 100),
        (None, 0.0001, 0),
    ],
)
def test_limits(most: int | None, fraction: float | None, expected: int) -> None:
    assert limit(1000, most, fraction) == expected
