"""The room's uninterruptible power supply: asked by NUT's network protocol (RFC 9271) or by SNMP (UPS-MIB, RFC 1628).

NUT's `upsd` runs on whatever machine has the USB cable of the UPS, the site PC itself as a rule; reading needs no login there.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import msgspec

from contract.readings import Failure
from probes.cables.limits import NutUps, SnmpUps, Ups
from probes.seldom import keep, recall
from probes.snmp import SnmpAnswer, SnmpRequest, ask_in_child

FILE = "cables-ups.json"
TIMEOUT_S = 2.0
SNMP_PERIOD_S = 30.0
"""A child costs 0.15 s of a processor: it is not started in every look."""
_MAX_OCTETS = 64 * 1024
_VARIABLE = re.compile(r'VAR \S+ (\S+) "((?:[^"\\]|\\.)*)"')
_OUTPUT_SOURCE, _BATTERY_STATUS = "1.3.6.1.2.1.33.1.4.1.0", "1.3.6.1.2.1.33.1.2.1.0"
_MINUTES_LEFT, _CHARGE, _LOAD = "1.3.6.1.2.1.33.1.2.3.0", "1.3.6.1.2.1.33.1.2.4.0", "1.3.6.1.2.1.33.1.4.4.1.5.1"
_TEMPERATURE = "1.3.6.1.2.1.33.1.2.7.0"
_SOURCES = {3: True, 4: True, 5: False, 6: True, 7: True}
"""upsOutputSource: normal, bypass, battery, booster, reducer; what is left says nothing of the mains."""
_LOW = frozenset({3, 4})
"""upsBatteryStatus: low, depleted."""


class UpsFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a UPS says; None where it does not.

    Attributes:
        on_mains: Whether the mains feed the room.
        charge_percent: Of its battery.
        runtime_s: How long it would go on, at the present load.
        load_percent: Of what it can carry.
        temperature_celsius: Of its battery.
        low: Its own word that the battery is nearly empty.
        worn: Its own word that the battery must be replaced.
        failure: Why it was not asked.
    """

    on_mains: bool | None = None
    charge_percent: float | None = None
    runtime_s: float | None = None
    load_percent: float | None = None
    temperature_celsius: float | None = None
    low: bool = False
    worn: bool = False
    failure: Failure | None = None


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """The last answer by SNMP."""

    ups: SnmpUps
    at: datetime
    facts: UpsFacts


def ask(ups: Ups, directory: str, at: datetime, ask_snmp: Callable[[SnmpRequest], SnmpAnswer] = ask_in_child) -> UpsFacts:
    """What the UPS says now, or has said half a minute ago.

    Args:
        ups: How it is asked.
        directory: State directory; empty: nothing is remembered.
        at: Now, UTC.
        ask_snmp: Asks by SNMP.
    """
    if isinstance(ups, NutUps):
        return ask_nut(ups)
    path = Path(directory) / FILE
    known = recall(path, Kept) if directory else None
    if known is not None and known.ups == ups and 0 <= (at - known.at).total_seconds() < SNMP_PERIOD_S:
        return known.facts
    objects = (_OUTPUT_SOURCE, _BATTERY_STATUS, _MINUTES_LEFT, _CHARGE, _LOAD, _TEMPERATURE)
    facts = of_mib(ask_snmp(SnmpRequest(host=ups.host, access=ups.snmp, timeout_s=TIMEOUT_S / 2, objects=objects)))
    if directory:
        keep(path, Kept(ups=ups, at=at, facts=facts))
    return facts


def ask_nut(ups: NutUps) -> UpsFacts:
    """Ask ``upsd`` for all that it knows of one UPS."""
    until_s = time.monotonic() + TIMEOUT_S
    try:
        with socket.create_connection((ups.host, ups.port), TIMEOUT_S) as stream:
            stream.sendall(f"LIST VAR {ups.name}\nLOGOUT\n".encode())
            heard = b""
            while b"END LIST VAR" not in heard and b"ERR " not in heard and len(heard) < _MAX_OCTETS:
                stream.settimeout(max(0.01, until_s - time.monotonic()))
                piece = stream.recv(4096)
                if not piece:
                    break
                heard += piece
    except TimeoutError:
        return UpsFacts(failure=Failure.TIMEOUT)
    except ConnectionRefusedError:
        return UpsFacts(failure=Failure.REFUSED)
    except OSError:
        return UpsFacts(failure=Failure.UNREACHABLE)
    return of_nut(heard.decode("utf-8", "replace"))


def of_nut(text: str) -> UpsFacts:
    """What upsd's answer says. Pure; unknown words are left out."""
    variables = dict(_VARIABLE.findall(text))
    if "ERR " in text and not variables:
        # DATA-STALE and DRIVER-NOT-CONNECTED: upsd is there, its UPS is not; UNKNOWN-UPS: no such name.
        return UpsFacts(failure=Failure.ABSENT if "UNKNOWN-UPS" in text or "DRIVER-NOT-CONNECTED" in text else Failure.BAD_DATA)
    status = variables.get("ups.status", "").split()
    if not status:
        return UpsFacts(failure=Failure.BAD_DATA)
    return UpsFacts(
        on_mains=False if "OB" in status else True if "OL" in status else None,
        charge_percent=_number(variables, "battery.charge"),
        runtime_s=_number(variables, "battery.runtime"),
        load_percent=_number(variables, "ups.load"),
        temperature_celsius=_number(variables, "battery.temperature"),
        low="LB" in status,
        worn="RB" in status,
    )


def of_mib(said: SnmpAnswer) -> UpsFacts:
    """What the UPS-MIB says. Pure."""
    if said.failure is not None:
        return UpsFacts(failure=said.failure)
    numbers = {oid: value for oid, value in said.values.items() if isinstance(value, int)}
    if _OUTPUT_SOURCE not in numbers:
        return UpsFacts(failure=Failure.UNSUPPORTED)
    minutes = numbers.get(_MINUTES_LEFT)
    return UpsFacts(
        on_mains=_SOURCES.get(numbers[_OUTPUT_SOURCE]),
        charge_percent=_float(numbers.get(_CHARGE)),
        runtime_s=None if minutes is None else minutes * 60.0,
        load_percent=_float(numbers.get(_LOAD)),
        temperature_celsius=_float(numbers.get(_TEMPERATURE)),
        low=numbers.get(_BATTERY_STATUS) in _LOW,
    )


def _float(number: int | None) -> float | None:
    return None if number is None else float(number)


def _number(variables: Mapping[str, str], name: str) -> float | None:
    try:
        number = float(variables.get(name, ""))
    except ValueError:
        return None
    return number if 0 <= number < 1e9 else None
