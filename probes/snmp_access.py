"""How a device is asked by SNMP: part of the site's file; imports nothing but msgspec, since the daemon reads it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec


class Seal(StrEnum):
    """How a user of SNMPv3 proves itself (RFC 3414 with RFC 7860); MD5 is not offered."""

    SHA1 = "sha1"
    SHA224 = "sha224"
    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"


class Cipher(StrEnum):
    """How SNMPv3 keeps secret (RFC 3826, and what Cisco made of it for longer keys); DES is not offered."""

    AES128 = "aes128"
    AES192 = "aes192"
    AES256 = "aes256"


class SnmpAccess(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Version 2c with a community, or version 3 with a user; secrets stand in files of their own, readable by the agent alone.

    Attributes:
        port: UDP port of the device.
        community_file: File that holds the read community: version 2c.
        user: Name of a user who may read: version 3.
        auth: How the user proves itself.
        auth_file: File that holds its passphrase; empty: it proves nothing.
        privacy: How what is said is kept secret.
        privacy_file: File that holds the passphrase of that; empty: it is not kept secret.
    """

    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 161
    community_file: str = ""
    user: Annotated[str, msgspec.Meta(max_length=32)] = ""
    auth: Seal = Seal.SHA256
    auth_file: str = ""
    privacy: Cipher = Cipher.AES128
    privacy_file: str = ""

    def __post_init__(self) -> None:
        if bool(self.community_file) == bool(self.user):
            raise ValueError("either community_file (version 2c) or user (version 3) is needed, not both")
        if self.community_file and (self.auth_file or self.privacy_file):
            raise ValueError("auth_file and privacy_file belong to a user (version 3)")
        if self.privacy_file and not self.auth_file:
            raise ValueError("privacy_file needs an auth_file too (RFC 3414: no privacy without authentication)")
