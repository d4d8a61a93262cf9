"""Asks a device by SNMP (v2c, v3): numbers and words by their object identifiers, and rows of a table by a name in one of its columns.

``python -m probes.snmp`` reads an `SnmpRequest` and prints an `SnmpAnswer`, for probes that run in the daemon itself: pysnmp costs 0.1 s
and 33 MB. A device that does not know an object simply leaves it out of the answer.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from contract.readings import Failure
from probes import child
from probes.child import Answer
from probes.route import resolve
from probes.snmp_access import Cipher, Seal, SnmpAccess

MOST_ROWS = 1024
"""Of a table that is searched for a name: a chassis of switches has some hundreds of ports."""
_ROWS_AT_ONCE = 32
_REFUSALS = frozenset(
    {
        "AuthenticationError",
        "AuthenticationFailure",
        "DecryptionError",
        "NotInTimeWindow",
        "UnknownSecurityName",
        "UnknownUserName",
        "UnsupportedAuthProtocol",
        "UnsupportedPrivProtocol",
        "UnsupportedSecurityLevel",
        "WrongDigest",
    }
)
"""What a device reports of a user that it does not let in (RFC 3414, 3.2), by pysnmp's names."""
_NO_ACCESS = frozenset({6, 16})
"""noAccess and authorizationError (RFC 3416, 3)."""
_LONGEST_WORD = 255
"""DisplayString (RFC 2579)."""

Value = int | str


class RowQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which row of a table is asked for.

    Attributes:
        name: What the row is called; a decimal number is its index itself.
        found_in: Columns that are searched for the name, in this order.
        columns: Columns whose value in that row is wanted.
    """

    name: str
    found_in: tuple[str, ...]
    columns: tuple[str, ...]


class SnmpRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked of one device, in one go.

    Attributes:
        host: Name or address.
        access: How.
        timeout_s: For each packet; it is sent twice.
        objects: Object identifiers of single values, with their instance.
        row: Row of a table; its values come in the same packet as the objects.
    """

    host: str
    access: SnmpAccess
    timeout_s: float = 1.0
    objects: tuple[str, ...] = ()
    row: RowQuestion | None = None


class SnmpAnswer(Answer, frozen=True, kw_only=True):
    """What the device said.

    Attributes:
        values: By object identifier; of the row by its column's.
    """

    values: Mapping[str, Value] = {}


class SnmpError(Exception):
    """The device, or the way to it, did not give what was asked."""

    def __init__(self, failure: Failure, words: str) -> None:
        super().__init__(words)
        self.failure = failure


def ask(request: SnmpRequest) -> SnmpAnswer:
    """Ask in this process; brings pysnmp."""
    try:
        return SnmpAnswer(values=asyncio.run(_asked(request)))
    except SnmpError as error:
        return SnmpAnswer(failure=error.failure, error=str(error))
    except OSError as error:
        return SnmpAnswer(failure=Failure.UNREACHABLE, error=str(error))
    except Exception as error:  # noqa: BLE001 — pysnmp raises its own kinds on a garbled answer; all mean "could not be read"
        return SnmpAnswer(failure=Failure.BAD_DATA, error=type(error).__name__)


def ask_in_child(request: SnmpRequest) -> SnmpAnswer:
    """Ask by a child of its own."""
    return child.ask(request, SnmpAnswer, child.command_of("probes.snmp"))


async def _asked(request: SnmpRequest) -> dict[str, Value]:
    from pysnmp.hlapi.v3arch.asyncio import ContextData, SnmpEngine, UdpTransportTarget  # noqa: PLC0415 — see above
    from pysnmp.hlapi.v3arch.asyncio.transport import Udp6TransportTarget  # noqa: PLC0415

    address = resolve(request.host)
    if address is None:
        raise SnmpError(Failure.UNREACHABLE, f"{request.host} is not known")
    engine, identity = SnmpEngine(), _identity(request.access)
    kind = Udp6TransportTarget if ":" in address else UdpTransportTarget
    try:
        target = await kind.create((address, request.access.port), timeout=request.timeout_s, retries=1)
        way = (engine, identity, target, ContextData())
        named = {oid: oid for oid in request.objects}
        if request.row is not None:
            index = await _index(way, request.row)
            named |= {f"{column}.{index}": column for column in request.row.columns}
        return {named[oid]: value for oid, value in (await _get(way, list(named))).items() if oid in named}
    finally:
        engine.close_dispatcher()


async def _get(way: tuple[Any, ...], oids: list[str]) -> dict[str, Value]:
    from pysnmp.hlapi.v3arch.asyncio import ObjectIdentity, ObjectType, get_cmd  # noqa: PLC0415

    objects = [ObjectType(ObjectIdentity(oid)) for oid in oids]
    error, status, _, bindings = await get_cmd(*way, *objects, lookupMib=False)
    _refuse(error, status)
    return {str(oid): value for oid, said in bindings if (value := _value(said)) is not None}


async def _index(way: tuple[Any, ...], row: RowQuestion) -> str:
    """Index of the row with the name that is asked for."""
    if row.name.isascii() and row.name.isdecimal():
        return row.name
    from pysnmp.hlapi.v3arch.asyncio import ObjectIdentity, ObjectType, bulk_walk_cmd  # noqa: PLC0415

    for column in row.found_in:
        walk = bulk_walk_cmd(
            *way, 0, _ROWS_AT_ONCE, ObjectType(ObjectIdentity(column)), lookupMib=False, lexicographicMode=False, maxRows=MOST_ROWS
        )
        async for error, status, _, bindings in walk:
            _refuse(error, status)
            for oid, said in bindings:
                if str(_value(said)).casefold() == row.name.casefold():
                    return str(oid).removeprefix(f"{column}.")
    raise SnmpError(Failure.ABSENT, f"the device has no {row.name!r}")


def _refuse(error: Any, status: Any) -> None:
    """Raise what pysnmp returns."""
    if error:
        kind = type(error).__name__
        raise SnmpError(
            Failure.TIMEOUT if kind == "RequestTimedOut" else Failure.PERMISSION if kind in _REFUSALS else Failure.BAD_DATA, kind
        )
    if status:
        raise SnmpError(Failure.PERMISSION if int(status) in _NO_ACCESS else Failure.BAD_DATA, f"SNMP error {int(status)}")


def _value(said: Any) -> Value | None:
    """A number, or octets as words; None for what the device does not have (noSuchObject, noSuchInstance, endOfMibView)."""
    if type(said).__name__ in ("NoSuchObject", "NoSuchInstance", "EndOfMibView", "Null"):
        return None
    if hasattr(said, "asOctets"):
        return child.word(said.asOctets(), _LONGEST_WORD)
    return str(said) if type(said).__name__ == "ObjectIdentifier" else int(said)


def _identity(access: SnmpAccess) -> Any:
    from pysnmp.hlapi.v3arch import asyncio as api  # noqa: PLC0415

    if access.community_file:
        return api.CommunityData(_secret(access.community_file), mpModel=1)  # noqa: S508 — many a device speaks nothing newer
    auths = {
        Seal.SHA1: api.USM_AUTH_HMAC96_SHA,
        Seal.SHA224: api.USM_AUTH_HMAC128_SHA224,
        Seal.SHA256: api.USM_AUTH_HMAC192_SHA256,
        Seal.SHA384: api.USM_AUTH_HMAC256_SHA384,
        Seal.SHA512: api.USM_AUTH_HMAC384_SHA512,
    }
    ciphers = {
        Cipher.AES128: api.USM_PRIV_CFB128_AES,
        Cipher.AES192: api.USM_PRIV_CFB192_AES,
        Cipher.AES256: api.USM_PRIV_CFB256_AES,
    }
    return api.UsmUserData(
        access.user,
        authKey=_secret(access.auth_file) if access.auth_file else None,
        authProtocol=auths[access.auth] if access.auth_file else api.USM_AUTH_NONE,
        privKey=_secret(access.privacy_file) if access.privacy_file else None,
        privProtocol=ciphers[access.privacy] if access.privacy_file else api.USM_PRIV_NONE,
    )


def _secret(path: str) -> str:
    """First line of a file; the secret goes nowhere else."""
    try:
        line = Path(path).read_text(encoding="utf-8").partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SnmpError(Failure.PERMISSION, f"{path} cannot be read: {type(error).__name__}") from None
    if not line:
        raise SnmpError(Failure.PERMISSION, f"{path} is empty")
    return line


def answer(asked: bytes) -> SnmpAnswer:
    """What is printed."""
    return child.answer(asked, SnmpRequest, SnmpAnswer, ask)


if __name__ == "__main__":
    sys.exit(child.main(answer))
