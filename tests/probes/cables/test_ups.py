"""The UPS: a real upsd with NUT's dummy driver, UPS-MIB answers by the RFC, and words that no UPS should say."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.catalog import sentence
from contract.meetings import Phase
from contract.messages import ProbeReport
from contract.readings import Failure
from probes.cables.limits import CablesLimits, CablesSettings, NutUps, SnmpUps, Ups
from probes.cables.probe import run
from probes.cables.ups import UpsFacts, ask, ask_nut, of_mib, of_nut
from probes.interface import Look
from probes.snmp import SnmpAnswer, SnmpRequest
from probes.snmp_access import SnmpAccess
from tests.probes.conftest import SnmpAgent

pytestmark = pytest.mark.req("R15")

AT = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)
MIB = "1.3.6.1.2.1.33.1."


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


class DummyUps:
    """NUT's dummy driver: it says what its file says."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.settings = folder, NutUps(port=port, name="phong-hop")

    def say(self, **variables: str) -> None:
        lines = [f"{name.replace('_', '.')}: {value}" for name, value in variables.items()]
        fresh = self.folder / "new.dev"
        fresh.write_text("\n".join([*lines, "TIMER 1", ""]))
        fresh.replace(self.folder / "phong-hop.dev")

    def wait_for(self, **wanted: object) -> UpsFacts:
        until_s = time.monotonic() + 20
        while True:
            facts = ask_nut(self.settings)
            if all(getattr(facts, name) == value for name, value in wanted.items()):
                return facts
            assert time.monotonic() < until_s, f"the dummy UPS says {facts}"
            time.sleep(0.2)


@contextmanager
def started(command: list[str], folder: Path) -> Iterator[None]:
    environment = {**os.environ, "NUT_CONFPATH": str(folder), "NUT_STATEPATH": str(folder), "NUT_ALTPIDPATH": str(folder)}
    with (folder / f"{Path(command[0]).name}.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture
def dummy(tmp_path: Path) -> Iterator[DummyUps]:
    driver, server = Path("/lib/nut/dummy-ups"), Path("/lib/nut/upsd")
    if not (server.exists() and driver.exists()):
        pytest.skip("NUT is not installed")
    folder = Path(tmp_path / "nut")
    folder.mkdir(mode=0o700)
    port = free_port()
    (folder / "ups.conf").write_text(f'[phong-hop]\n driver = dummy-ups\n port = "{folder}/phong-hop.dev"\n mode = dummy-loop\n')
    (folder / "upsd.conf").write_text(f"LISTEN 127.0.0.1 {port}\nSTATEPATH {folder}\n")
    (folder / "upsd.users").write_text("")
    ups = DummyUps(folder, port)
    ups.say(ups_status="OL", battery_charge="100", battery_runtime="2400", ups_load="31", battery_temperature="27.5")
    who = ["-u", "root"] if os.geteuid() == 0 else []
    with ExitStack() as running:
        running.enter_context(started([str(driver), "-a", "phong-hop", "-F", *who], folder))
        until_s = time.monotonic() + 10
        while not any(path.is_socket() for path in folder.iterdir()) and time.monotonic() < until_s:
            time.sleep(0.1)
        running.enter_context(started([str(server), "-F", *who], folder))
        yield ups


def look(ups: Ups, directory: Path, phase: Phase = Phase.LIVE) -> ProbeReport:
    settings = CablesSettings(port="lo", sysfs=str(directory / "sys"), ups=ups)
    return run(settings, CablesLimits(), Look(phase=phase, state_directory=str(directory)))


def of_ups(report: ProbeReport) -> list[str]:
    return [sentence(found, "vi") for found in report.findings if found.target.startswith("UPS")]


def test_a_real_upsd_tells_of_mains_battery_and_load_and_of_the_power_cut(dummy: DummyUps, tmp_path: Path) -> None:
    assert dummy.wait_for(on_mains=True, failure=None) == UpsFacts(
        on_mains=True, charge_percent=100, runtime_s=2400, load_percent=31, temperature_celsius=27.5
    )
    assert of_ups(look(dummy.settings, tmp_path)) == []
    dummy.say(ups_status="OB DISCHRG", battery_charge="62", battery_runtime="1500")
    dummy.wait_for(on_mains=False, charge_percent=62)
    assert of_ups(look(dummy.settings, tmp_path)) == ["Mất điện lưới, UPS phong-hop đang chạy pin, còn 62%"]
    dummy.say(ups_status="OB LB", battery_charge="9", battery_runtime="200")
    dummy.wait_for(low=True)
    assert of_ups(look(dummy.settings, tmp_path)) == [
        "UPS phong-hop đang chạy pin và sắp cạn, còn khoảng 200\u00a0s (ngưỡng 600\u00a0s)",
        "Mất điện lưới, UPS phong-hop đang chạy pin, còn 9%",
    ]
    dummy.say(ups_status="OL RB", battery_charge="100")
    dummy.wait_for(worn=True)
    (words,) = of_ups(look(dummy.settings, tmp_path))
    assert words.startswith("UPS phong-hop báo pin đã hỏng")


def test_a_name_that_upsd_does_not_know_and_an_upsd_that_is_not_there_are_not_measured(dummy: DummyUps, tmp_path: Path) -> None:
    dummy.wait_for(on_mains=True)
    unknown = NutUps(port=dummy.settings.port, name="khac")
    assert ask_nut(unknown).failure is Failure.ABSENT
    report = look(NutUps(port=free_port()), tmp_path)
    mains = next(reading for reading in report.readings if reading.metric == "cables.mains" and reading.target)
    assert (mains.failure, of_ups(report)) == (Failure.REFUSED, [])


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ('VAR ups ups.status "OL CHRG"\n', UpsFacts(on_mains=True)),
        ('VAR ups ups.status "ALARM OB LB"\nVAR ups battery.charge "5"\n', UpsFacts(on_mains=False, charge_percent=5, low=True)),
        ('VAR ups ups.status "BYPASS"\n', UpsFacts()),
        ('VAR ups ups.status "OL"\nVAR ups battery.charge "NaN"\nVAR ups battery.runtime "-1"\n', UpsFacts(on_mains=True)),
        ("ERR DATA-STALE\n", UpsFacts(failure=Failure.BAD_DATA)),
        ("ERR DRIVER-NOT-CONNECTED\n", UpsFacts(failure=Failure.ABSENT)),
        ("SSH-2.0\n", UpsFacts(failure=Failure.BAD_DATA)),
    ],
)
def test_upsds_words_say_what_they_say(text: str, facts: UpsFacts) -> None:
    assert of_nut(text) == facts


@given(st.text(max_size=200))
def test_whatever_is_heard_is_facts(text: str) -> None:
    assert isinstance(of_nut(text), UpsFacts)


@pytest.mark.parametrize(
    ("source", "status", "facts"),
    [
        (3, 2, UpsFacts(on_mains=True, charge_percent=90, runtime_s=1200)),
        (5, 2, UpsFacts(on_mains=False, charge_percent=90, runtime_s=1200)),
        (5, 3, UpsFacts(on_mains=False, charge_percent=90, runtime_s=1200, low=True)),
        (6, 2, UpsFacts(on_mains=True, charge_percent=90, runtime_s=1200)),
        (1, 1, UpsFacts(charge_percent=90, runtime_s=1200)),
    ],
)
def test_the_ups_mib_says_what_the_rfc_says(source: int, status: int, facts: UpsFacts) -> None:
    values = {MIB + "4.1.0": source, MIB + "2.1.0": status, MIB + "2.3.0": 20, MIB + "2.4.0": 90}
    assert of_mib(SnmpAnswer(values=values)) == facts


def test_a_real_agent_without_the_ups_mib_is_unsupported_and_is_not_asked_in_every_look(snmp_agent: SnmpAgent, tmp_path: Path) -> None:
    ups = SnmpUps(host="127.0.0.1", snmp=snmp_agent.v2c)
    assert ask(ups, str(tmp_path), AT).failure is Failure.UNSUPPORTED
    asked: list[SnmpRequest] = []

    def answer(request: SnmpRequest) -> SnmpAnswer:
        asked.append(request)
        return SnmpAnswer(values={MIB + "4.1.0": 3})

    assert ask(ups, str(tmp_path), AT + timedelta(seconds=10), answer).failure is Failure.UNSUPPORTED
    assert asked == []
    assert ask(ups, str(tmp_path), AT + timedelta(seconds=30), answer).on_mains is True
    other = SnmpUps(host="192.0.2.7", snmp=SnmpAccess(community_file="x"))
    assert ask(other, str(tmp_path), AT + timedelta(seconds=31), answer).on_mains is True
    assert len(asked) == 2


def test_a_room_without_a_ups_says_nothing_of_one(tmp_path: Path) -> None:
    report = run(CablesSettings(port="lo", sysfs=str(tmp_path)), CablesLimits(), Look(phase=Phase.LIVE))
    assert not [reading for reading in report.readings if reading.target.startswith("UPS")]
