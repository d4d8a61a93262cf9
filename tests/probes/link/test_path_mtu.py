"""The largest whole packet of a path: exact, whatever routers tell, keep to themselves or lie about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.link.path_mtu import LARGEST, LEAST, Fate, PathMtu, path_mtu

ROUTER = "10.0.0.1"


class Path:
    """A path that carries so much, and whose narrow router says so, says something else or says nothing."""

    def __init__(self, carries: int, says: int | None = None) -> None:
        self.carries, self.says, self.rounds = carries, says, 0

    def __call__(self, sizes: Sequence[int]) -> Mapping[int, Fate]:
        self.rounds += 1
        assert sizes
        refused = Fate() if self.says is None else Fate(told=self.says, told_by=ROUTER)
        return {size: Fate(answered=True) if size <= self.carries else refused for size in sizes}


@pytest.mark.req("R31")
@given(st.integers(LEAST, LARGEST))
def test_a_silent_path_is_measured_to_the_octet_in_a_few_rounds(carries: int) -> None:
    path = Path(carries)
    assert path_mtu(path) == PathMtu(octets=carries)
    assert path.rounds <= 5


@pytest.mark.req("R31")
@given(st.integers(LEAST, LARGEST - 1))
def test_a_router_that_tells_spares_the_search_and_is_named(carries: int) -> None:
    path = Path(carries, says=carries)
    assert path_mtu(path) == PathMtu(octets=carries, told_by=ROUTER)
    assert path.rounds <= 2


@given(st.integers(LEAST, LARGEST), st.integers(0, 70000))
def test_a_router_that_lies_changes_no_figure(carries: int, says: int) -> None:
    found = path_mtu(Path(carries, says=says))
    assert found is not None
    assert found.octets == carries


@given(st.integers(LEAST, 9000))
def test_no_more_is_asked_than_the_first_cable_carries(first: int) -> None:
    found = path_mtu(Path(9000), first)
    assert found == PathMtu(octets=min(first, LARGEST))


def test_an_end_that_does_not_answer_or_no_time_tells_nothing() -> None:
    assert path_mtu(Path(0)) is None
    assert path_mtu(lambda _: None) is None


@given(st.integers(LEAST, LARGEST), st.sets(st.integers(0, 3)))
def test_a_loss_of_all_copies_of_one_size_never_raises_the_figure_nor_hangs(carries: int, lost_rounds: set[int]) -> None:
    path = Path(carries)

    def lossy(sizes: Sequence[int]) -> Mapping[int, Fate]:
        fates = dict(path(sizes))
        if path.rounds - 1 in lost_rounds:
            fates[sizes[len(sizes) // 2]] = Fate()
        return fates

    found = path_mtu(lossy)
    assert found is None or found.octets <= carries
