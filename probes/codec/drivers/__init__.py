"""Interfaces of the makers of conferencing systems, each behind the same small function: ask once, tell `Facts`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from probes.codec.drivers import poly, room_os
from probes.codec.drivers.api import Api, ApiError
from probes.codec.facts import Facts
from probes.codec.limits import Maker

DRIVERS: Mapping[Maker, Callable[[Api], Facts]] = {Maker.ROOM_OS: room_os.ask, Maker.POLY: poly.ask}

__all__ = ["DRIVERS", "Api", "ApiError"]
