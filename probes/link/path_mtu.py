"""The largest packet that reaches the end of a path whole: pure search, whatever the routers say or keep to themselves.

A router that may not break a packet up should tell by ICMP how much it can carry (RFC 1191); some are silent (the "black hole" of
RFC 2923), so every word is tried out, and where there is none the size is searched (as RFC 4821 does for streams).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

LEAST = 576
"""What every host must take (RFC 1122, 3.3.2); a path that does not even answer to this tells nothing."""
LARGEST = 1500
"""Video is never sent in larger packets, whatever the cable can carry."""
_SIZES_AT_ONCE = 7


class Fate(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the packets of one size.

    Attributes:
        answered: The end has echoed one.
        told: Size that a router says it can carry instead; 0: it did not say.
        told_by: That router.
    """

    answered: bool = False
    told: int = 0
    told_by: str = ""


class PathMtu(msgspec.Struct, frozen=True, kw_only=True):
    """The path's MTU: octets of the largest whole IP packet, and the router that tells of it; empty where none does."""

    octets: int
    told_by: str = ""


def path_mtu(ask: Callable[[Sequence[int]], Mapping[int, Fate] | None], largest: int = LARGEST) -> PathMtu | None:
    """Search the path's MTU.

    Args:
        ask: Sends packets of these sizes, not to be broken up, and tells what became of them; None: there is no more time.
        largest: What the first cable carries.

    Returns:
        None if the end does not answer, or there was no time to find out.
    """
    largest = min(largest, LARGEST)
    low, high, teller = 0, largest + 1, Fate()
    tried: set[int] = set()
    sizes: Sequence[int] = sorted({min(LEAST, largest), min(1280, largest), largest})
    while high - low > 1:
        fates = ask(sizes)
        if fates is None:
            return None
        tried.update(sizes)
        low = max([low, *(size for size, fate in fates.items() if fate.answered)])
        if low == 0:
            return None
        high = min([high, *(size for size, fate in fates.items() if size > low and not fate.answered)], default=high)
        high = max(high, low + 1)
        for fate in fates.values():
            if low <= fate.told < high:
                teller = fate
        sizes = _next(low, high, teller.told, tried)
    return PathMtu(octets=low, told_by=teller.told_by if teller.told == low else "")


def _next(low: int, high: int, told: int, tried: set[int]) -> list[int]:
    """What a router says and one octet more; or sizes spread evenly over what is not known yet."""
    if low <= told < high and not {told, told + 1} <= tried:
        return sorted({told, told + 1} - {low, high}) or [(low + high) // 2]
    step = max(1, (high - low) // (_SIZES_AT_ONCE + 1))
    return list(range(low + step, high, step))[: _SIZES_AT_ONCE + 1]
