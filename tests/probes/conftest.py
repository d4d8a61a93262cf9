"""Real peers that more than one probe is tried against."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator

import msgspec
import pytest

from probes.snmp import SnmpRequest, ask_in_child
from probes.snmp_access import SnmpAccess

COMMUNITY, USER, AUTH, PRIVACY = "xemthoi", "giamsat", "matkhau-xacthuc", "matkhau-mahoa"
DESCRIPTION = "Hệ thống hội nghị thử nghiệm"


class SnmpAgent(msgspec.Struct, frozen=True):
    """A real net-snmp agent on loopback.

    Attributes:
        port: Its UDP port.
        v2c, v3: How it lets itself be read.
    """

    port: int
    v2c: SnmpAccess
    v3: SnmpAccess


def udp_port() -> int:
    """A UDP port that is free now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def snmp_agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SnmpAgent]:
    """One for all tests: nothing that they do changes it."""
    snmpd = shutil.which("snmpd", path="/usr/sbin:/usr/bin:/sbin")
    if snmpd is None:
        pytest.skip("snmpd is not installed")
    directory = tmp_path_factory.mktemp("snmpd")
    port, files = udp_port(), {name: directory / name for name in ("community", "auth", "privacy")}
    for file, word in zip(files.values(), (COMMUNITY, AUTH, PRIVACY), strict=True):
        file.write_text(word + "\n")
    configuration = directory / "snmpd.conf"
    configuration.write_text(
        f"rocommunity {COMMUNITY} 127.0.0.1\nsysDescr {DESCRIPTION}\nsysName phong-hop\n"
        f"createUser {USER} SHA-256 {AUTH} AES {PRIVACY}\nrouser {USER} priv\n"
    )
    process = subprocess.Popen(
        [snmpd, "-f", "-Lf", str(directory / "log"), "-C", "-c", str(configuration), "-p", str(directory / "pid"), f"udp:127.0.0.1:{port}"],
        env={"SNMP_PERSISTENT_DIR": str(directory), "PATH": "/usr/bin"},
    )
    access = SnmpAccess(port=port, community_file=str(files["community"]))
    sealed = SnmpAccess(port=port, user=USER, auth_file=str(files["auth"]), privacy_file=str(files["privacy"]))
    try:
        _wait_for(access)
        yield SnmpAgent(port, access, sealed)
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(access: SnmpAccess) -> None:
    until_s = time.monotonic() + 30
    while ask_in_child(SnmpRequest(host="127.0.0.1", access=access, objects=("1.3.6.1.2.1.1.3.0",))).failure is not None:
        assert time.monotonic() < until_s, "snmpd does not answer"
        time.sleep(0.2)
