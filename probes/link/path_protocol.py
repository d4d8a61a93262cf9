"""What the path's child is asked on standard input and answers on standard output, one JSON document each."""

from __future__ import annotations

from typing import Annotated

import msgspec

from probes.child import Answer


class PathRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which path is asked for.

    Attributes:
        host: Numeric IPv4 address of its end.
        max_hops: Highest TTL; all are sent at once.
        wait_ms: For the last answers.
        dscp: Mark of the packets, 0–63.
        interface: Leave by this one only; empty: as the routes say.
    """

    host: str
    max_hops: Annotated[int, msgspec.Meta(ge=1, le=30)] = 16
    wait_ms: Annotated[float, msgspec.Meta(ge=100, le=3000)] = 1200.0
    dscp: Annotated[int, msgspec.Meta(ge=0, le=63)] = 0
    interface: str = ""


class Hop(msgspec.Struct, frozen=True, kw_only=True):
    """What answered to one TTL.

    Attributes:
        ttl: 1 is the first router.
        address: Who answered first; None: nobody, which says nothing about the hop but that it is silent.
        also: Others that answered to the same TTL and the same flow: the path is balanced packet by packet.
        rtt_ms: To show, not to judge: timed by this program, not by the kernel.
        dscp: Mark that our packet bore when it came there, from the header that was sent back; None if none was.
    """

    ttl: int
    address: str | None = None
    also: tuple[str, ...] = ()
    rtt_ms: float | None = None
    dscp: int | None = None

    @property
    def addresses(self) -> frozenset[str]:
        """All that answered."""
        return frozenset(self.also if self.address is None else (self.address, *self.also))


class PathAnswer(Answer, frozen=True, kw_only=True):
    """The path, or why there is none.

    Attributes:
        hops: By TTL from 1, up to the end of the path or to the last hop that answered.
        reached: Whether the end itself answered; then it is the last hop.
        dscp: Mark with which the packets were sent.
        mtu: Octets of the largest packet that reaches the end whole; None if it could not be found out.
        mtu_told_by: Router that tells of it; empty where none does.
    """

    hops: tuple[Hop, ...] = ()
    reached: bool = False
    dscp: int = 0
    mtu: int | None = None
    mtu_told_by: str = ""
