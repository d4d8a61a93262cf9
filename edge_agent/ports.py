"""What the daemon needs of its neighbours, so that each can be replaced in a test."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from contract.messages import ComponentState, Event, Figures, Heartbeat
from contract.topics import Kind


class Journal(Protocol):
    """The part of `edge_agent.outbox.Outbox` that writes."""

    def append(self, kind: Kind, payload: Event | Figures, time: datetime) -> object:
        """Put one row into the journal; returns before it is on disk."""
        ...


class Teller(Protocol):
    """The part of `edge_agent.uplink.Uplink` that tells what is true now."""

    def publish_state(self, component: str, state: ComponentState) -> None:
        """Replace the retained state of a component."""
        ...

    def heartbeat(self, heartbeat: Heartbeat) -> None:
        """Give a sign of life."""
        ...


class Mute:
    """Teller of a site without a center."""

    def publish_state(self, component: str, state: ComponentState) -> None:
        """Nobody listens."""

    def heartbeat(self, heartbeat: Heartbeat) -> None:
        """Nobody listens."""
