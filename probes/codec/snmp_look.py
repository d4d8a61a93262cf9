"""What SNMP tells of the conferencing system: who it is, since when it runs, and how its network port is doing."""

from __future__ import annotations

import time

from probes.codec.answers import Answer
from probes.codec.limits import CodecSettings
from probes.snmp import RowQuestion, SnmpRequest, ask

_SYS_DESCR, _SYS_UPTIME = "1.3.6.1.2.1.1.1.0", "1.3.6.1.2.1.1.3.0"
_IF_DESCR, _IF_NAME = "1.3.6.1.2.1.2.2.1.2", "1.3.6.1.2.1.31.1.1.1.1"
_IN_ERRORS, _OUT_ERRORS, _SPEED = "1.3.6.1.2.1.2.2.1.14", "1.3.6.1.2.1.2.2.1.20", "1.3.6.1.2.1.31.1.1.1.15"
_DUPLEX = "1.3.6.1.2.1.10.7.2.1.19"
"""``dot3StatsDuplexStatus`` (RFC 3635): 1 unknown, 2 half, 3 full."""
_FULL_DUPLEX = {2: 0.0, 3: 1.0}
_TICKS_PER_S = 100
_LONGEST_NAME = 60


def ask_snmp(settings: CodecSettings, timeout_s: float) -> Answer:
    """Ask once; an interface that the system does not have leaves out its figures."""
    assert settings.snmp is not None
    row = None
    if settings.snmp_interface:
        columns = (_IN_ERRORS, _OUT_ERRORS, _SPEED, _DUPLEX)
        row = RowQuestion(name=settings.snmp_interface, found_in=(_IF_NAME, _IF_DESCR), columns=columns)
    began_s = time.monotonic()
    request = SnmpRequest(host=settings.host, access=settings.snmp, timeout_s=timeout_s / 2, objects=(_SYS_DESCR, _SYS_UPTIME), row=row)
    said = ask(request)
    if said.failure is not None:
        return Answer(failure=said.failure)
    numbers = {oid: value for oid, value in said.values.items() if isinstance(value, int)}
    figures = {"codec.snmp_ms": (time.monotonic() - began_s) * 1000}
    if _SYS_UPTIME in numbers:
        figures["codec.uptime_s"] = numbers[_SYS_UPTIME] / _TICKS_PER_S
    if numbers.get(_SPEED):
        figures["codec.port_speed_mbps"] = float(numbers[_SPEED])
    if {_IN_ERRORS, _OUT_ERRORS} <= numbers.keys():
        figures["codec.port_errors"] = float(numbers[_IN_ERRORS] + numbers[_OUT_ERRORS])
    if numbers.get(_DUPLEX) in _FULL_DUPLEX:
        figures["codec.full_duplex"] = _FULL_DUPLEX[numbers[_DUPLEX]]
    return Answer(figures=figures, names=str(said.values.get(_SYS_DESCR, ""))[:_LONGEST_NAME])
