"""SNMP against a real agent: both versions, tables, refusals; secrets stay where they are."""

from __future__ import annotations

import threading
from pathlib import Path

import msgspec
import pytest

from contract.readings import Failure
from probes.snmp import RowQuestion, SnmpAnswer, SnmpRequest, ask, ask_in_child
from probes.snmp_access import Seal, SnmpAccess
from tests.probes.conftest import AUTH, DESCRIPTION, PRIVACY, SnmpAgent, udp_port

SYS_DESCR, UPTIME = "1.3.6.1.2.1.1.1.0", "1.3.6.1.2.1.1.3.0"
IF_DESCR, IF_NAME, IN_OCTETS = "1.3.6.1.2.1.2.2.1.2", "1.3.6.1.2.1.31.1.1.1.1", "1.3.6.1.2.1.31.1.1.1.6"


def request(access: SnmpAccess, **what: object) -> SnmpRequest:
    return SnmpRequest(host="127.0.0.1", access=access, timeout_s=1.0, **what)  # type: ignore[arg-type]


def asked(one: SnmpRequest) -> SnmpAnswer:
    """In a thread of its own: a browser's loop may run in this one."""
    said: list[SnmpAnswer] = []
    thread = threading.Thread(target=lambda: said.append(ask(one)))
    thread.start()
    thread.join()
    return said[0]


@pytest.mark.parametrize("version", ["v2c", "v3"])
def test_a_real_agent_tells_numbers_and_words_by_both_versions(snmp_agent: SnmpAgent, version: str) -> None:
    said = ask_in_child(request(getattr(snmp_agent, version), objects=(SYS_DESCR, UPTIME)))
    assert said.failure is None, said.error
    assert said.values[SYS_DESCR] == DESCRIPTION
    assert isinstance(said.values[UPTIME], int)


@pytest.mark.parametrize("name", ["lo", "LO", "1"])
def test_a_row_is_found_by_its_name_or_its_number(snmp_agent: SnmpAgent, name: str) -> None:
    row = RowQuestion(name=name, found_in=(IF_NAME, IF_DESCR), columns=(IF_DESCR, IN_OCTETS))
    said = asked(request(snmp_agent.v2c, objects=(UPTIME,), row=row))
    assert said.values[IF_DESCR] == "lo"
    assert set(said.values) == {UPTIME, IF_DESCR, IN_OCTETS}


def test_a_row_that_is_not_there_is_absent_and_an_object_that_is_not_there_is_left_out(snmp_agent: SnmpAgent) -> None:
    row = RowQuestion(name="Gi0/99", found_in=(IF_NAME, IF_DESCR), columns=(IN_OCTETS,))
    assert asked(request(snmp_agent.v2c, row=row)).failure is Failure.ABSENT
    said = asked(request(snmp_agent.v2c, objects=("1.3.6.1.2.1.33.1.2.1.0", UPTIME)))
    assert (said.failure, set(said.values)) == (None, {UPTIME})


@pytest.mark.parametrize("change", [{"user": "nguoi-la"}, {"auth": Seal.SHA512}, {"auth_file": "wrong"}, {"privacy_file": ""}])
def test_a_user_who_is_not_let_in_is_told_from_a_device_that_is_silent(
    snmp_agent: SnmpAgent, tmp_path: Path, change: dict[str, object]
) -> None:
    if change.get("auth_file"):
        wrong = tmp_path / "wrong"
        wrong.write_text("mot-cum-tu-sai\n")
        change = {"auth_file": str(wrong)}
    said = ask_in_child(request(msgspec.structs.replace(snmp_agent.v3, **change), objects=(UPTIME,)))
    assert said.failure is Failure.PERMISSION
    assert AUTH not in said.error
    assert PRIVACY not in said.error


def test_nobody_at_the_port_is_a_timeout_and_a_missing_secret_a_matter_of_permission(snmp_agent: SnmpAgent, tmp_path: Path) -> None:
    nobody = msgspec.structs.replace(snmp_agent.v2c, port=udp_port())
    assert asked(SnmpRequest(host="127.0.0.1", access=nobody, timeout_s=0.1, objects=(UPTIME,))).failure is Failure.TIMEOUT
    nothing = SnmpAccess(community_file=str(tmp_path / "none"))
    assert asked(request(nothing, objects=(UPTIME,))).failure is Failure.PERMISSION
    assert asked(SnmpRequest(host="nowhere.invalid", access=snmp_agent.v2c, objects=(UPTIME,))).failure is Failure.UNREACHABLE


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"community_file": "a", "user": "b"},
        {"community_file": "a", "auth_file": "b"},
        {"user": "a", "privacy_file": "b"},
    ],
)
def test_an_access_that_contradicts_itself_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"community_file|privacy_file"):
        SnmpAccess(**wrong)  # type: ignore[arg-type]
