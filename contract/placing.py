"""Where a broken connection lies, from who is silent and who goes on answering (R31); both ends place it by these words."""

from __future__ import annotations

from collections.abc import Iterable

GATEWAY, MCU, CENTER = "gateway", "mcu", "center"
"""Names of the link's ends that say something about the place."""

SITE_LAN, TSLCD, UNKNOWN = "site_lan", "tslcd", "unknown"
"""Further places; a gateway, the MCU and the center are places too."""


def locate(silent: Iterable[str], answered: Iterable[str], *, carrier_lost: bool = False) -> str:
    """Place of the fault: ``site_lan``, ``gateway``, ``tslcd``, ``mcu``, ``center`` or ``unknown``.

    Args:
        silent: Ends that stopped answering.
        answered: Ends that went on answering; an end that was not asked is in neither.
        carrier_lost: The site PC's own port has lost its carrier.
    """
    gone, there = set(silent), set(answered)
    gone -= there
    if not gone:
        return UNKNOWN
    if carrier_lost and not there:
        return SITE_LAN
    if GATEWAY in gone and not there:
        return GATEWAY
    beyond = gone - {GATEWAY}
    if {MCU, CENTER} <= beyond:
        return TSLCD
    if MCU in beyond:
        return MCU if CENTER in there else TSLCD if GATEWAY in there else UNKNOWN
    if CENTER in beyond:
        # With the MCU answering the path is whole and the center's end is at fault; without one to ask, the path is.
        return CENTER if MCU in there else TSLCD if GATEWAY in there else UNKNOWN
    return UNKNOWN
