"""The real program with a real Mosquitto; a site is played by an MQTT client and a sender of STAMP packets."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from contract import messages, stamp, topics
from contract.findings import Finding, Severity
from contract.meetings import Phase
from contract.messages import Ack, Agenda, Cleared, Heartbeat, Interruption, Onset, Payload, Presence, Status
from contract.topics import Kind, Topic
from control_center.incidents.model import Incident, IncidentState
from control_center.store import database, incidents
from control_center.store import forms as form_store

ROOT = Path(__file__).parents[2]
SITE = "hoai-nhon"


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(type=kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wait_until(holds: Callable[[], Any], what: str, limit_s: float = 60) -> Any:
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        found = holds()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited {limit_s} s in vain for {what}")


class Center:
    """`control-center` over a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.mqtt_port, self.web_port, self.stamp_port = free_port(), free_port(), free_port(socket.SOCK_DGRAM)
        self.file = folder / "center.toml"
        self.file.write_text(
            f'[center]\ndirectory = "{self.state}"\n[broker]\nport = {self.mqtt_port}\n'
            f"[stamp]\nport = {self.stamp_port}\n[web]\nport = {self.web_port}\n[incidents]\nheartbeat_grace_s = 60.0\n",
            encoding="utf-8",
        )
        self.log = folder / "log"
        self.process: subprocess.Popen[bytes] | None = None

    def command(self, *arguments: str) -> str:
        line = [sys.executable, "-m", "control_center.cli", *arguments, "--config", str(self.file)]
        return subprocess.run(line, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60).stdout

    def start(self) -> None:
        line = [sys.executable, "-m", "control_center.cli", "run", "--config", str(self.file)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(line, cwd=ROOT, stdout=log, stderr=log)
        wait_until(self.answers, f"the board; log: {self.log.read_text()}")

    def answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        with contextlib.suppress(OSError):
            return bool(urllib.request.urlopen(f"http://127.0.0.1:{self.web_port}/", timeout=5).status == 200)
        return False

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(60)

    def incidents(self) -> list[Incident]:
        """What the store holds now, alarmed ones only."""
        engine = database.open_store(self.state)
        try:
            return incidents.between(engine, datetime.now(UTC) - timedelta(days=1), datetime.now(UTC))
        finally:
            engine.dispose()


class Site:
    """A site's agent as the center sees it."""

    def __init__(self, center: Center, version: str = "") -> None:
        self.boot = "boot1"
        self._version = version
        self.seq = 0
        self.agendas: list[Agenda] = []
        self.acks: list[Ack] = []
        self.sending = threading.Event()
        self.sending.set()
        self._ended = threading.Event()
        self._stamp_port = center.stamp_port
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=SITE, protocol=MQTTProtocolVersion.MQTTv5)
        password = (center.state / "identities" / f"{SITE}.password").read_text(encoding="ascii").strip()
        self._client.username_pw_set(SITE, password)
        self._client.on_message = self._take
        self._client.on_connect = self._greet
        self._client.connect("127.0.0.1", center.mqtt_port)
        self._client.loop_start()
        self._thread = threading.Thread(target=self._stamp, daemon=True)
        self._thread.start()

    def _greet(self, *_: Any) -> None:
        self._client.subscribe([(topics.agenda(SITE), 1), (topics.site_topic(SITE, Kind.ACK), 1)])
        self.say(Kind.STATUS, Status(boot=self.boot, state=Presence.READY, at=datetime.now(UTC), version=self._version))

    def _take(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        payload = messages.decode(message.topic, bytes(message.payload)).payload
        if isinstance(payload, Agenda):
            self.agendas.append(payload)
        elif isinstance(payload, Ack):
            self.acks.append(payload)

    def say(self, kind: Kind, payload: Payload) -> None:
        self.seq += 1
        topic = Topic(SITE, kind)
        octets = messages.encode(topic, payload, boot=self.boot, seq=self.seq, time=datetime.now(UTC), clock_offset_ms=0.0)
        self._client.publish(topics.site_topic(SITE, kind), octets, qos=1)

    def _stamp(self) -> None:
        number = 0
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            while not self._ended.wait(0.02):
                if self.sending.is_set():
                    number += 1
                    packet = stamp.SenderPacket(seq=number, sent=stamp.ntp_from_ns(time.time_ns()), ssid=1, tlvs=(stamp.cadence(20),))
                    sock.sendto(stamp.pack_sender(packet), ("127.0.0.1", self._stamp_port))

    def close(self) -> None:
        self._ended.set()
        self._thread.join(10)
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def center(tmp_path: Path) -> Iterator[Center]:
    made = Center(tmp_path)
    made.command("site", "add", SITE, "--name", "Thị xã Hoài Nhơn")
    yield made
    if made.process is not None and made.process.poll() is None:
        made.process.kill()
        made.process.wait(30)
        pid_file = made.state / "broker" / "mosquitto.pid"
        if pid_file.exists():
            subprocess.run(["kill", pid_file.read_text().strip()], check=False)


@pytest.fixture
def site(center: Center) -> Iterator[Site]:
    center.start()
    made = Site(center)
    yield made
    made.close()


def register(center: Center, *, live_in_s: float, length_s: float) -> str:
    begins = datetime.now(UTC) + timedelta(seconds=live_in_s)
    ends = begins + timedelta(seconds=length_s)
    words = ["--title", "Họp thử", "--organizer", "UBND", "--main", SITE, "--no-rehearsal", "--precheck-lead", "1s", "--wrap-up", "1s"]
    return center.command("meeting", "add", *words, "--begins", begins.isoformat(), "--ends", ends.isoformat()).split()[0]


@pytest.mark.req("R33", "R36", "R39")
def test_a_meeting_from_its_registration_to_its_form_with_a_drop_seen_from_both_ends(center: Center, site: Site) -> None:
    meeting_id = register(center, live_in_s=4, length_s=12)
    agenda = wait_until(lambda: [one for one in site.agendas if one.meetings], "the agenda at the site")[-1]
    assert agenda.meetings[0].id == meeting_id
    plan = agenda.meetings[0].plan
    wait_until(lambda: plan.phase_at(datetime.now(UTC)) is Phase.LIVE, "the meeting to begin")
    site.sending.clear()
    began_at = datetime.now(UTC)
    alarm = wait_until(lambda: [one for one in center.incidents() if one.state is IncidentState.OPEN], "the alarm")[0]
    assert (alarm.code, alarm.meeting, alarm.seen_by_center) == ("link.down", meeting_id, True)
    center.command("incident", "ack", alarm.id, "--by", "Lan")
    site.sending.set()
    ended_at = datetime.now(UTC)
    wait_until(lambda: center.incidents()[0].state is IncidentState.CLOSED, "the end of the incident")
    gap = Interruption(
        began_at=began_at,
        ended_at=ended_at,
        duration_s=(ended_at - began_at).total_seconds(),
        targets=("mcu", "center"),
        answered=("gateway",),
        confirmed=True,
        meeting=meeting_id,
    )
    site.say(Kind.EVENT, gap)
    exact = wait_until(lambda: [one for one in center.incidents() if one.seen_by_site], "the site's word")
    assert [(one.began_at, one.ended_at, one.place, one.acknowledged_by) for one in exact] == [(began_at, ended_at, "tslcd", "Lan")]
    wait_until(lambda: datetime.now(UTC) >= plan.wrap_up.ends_at, "the end of the meeting")
    forms = [center.state / "forms" / f"{meeting_id}.{ending}" for ending in ("docx", "pdf", "html")]
    wait_until(lambda: all(form.exists() for form in forms), "the form")
    assert "Thị xã Hoài Nhơn" in forms[2].read_text(encoding="utf-8")
    engine = database.open_store(center.state)
    version = form_store.latest(engine, meeting_id)
    engine.dispose()
    assert version is not None
    assert version.author == ""
    assert center.stop() == 0


def howling(meeting: str) -> tuple[Onset, Cleared]:
    began_at = datetime.now(UTC)
    finding = Finding(code="microphone.howling", severity=Severity.CRITICAL, component="microphone", since=began_at, frequency_hz=1600.0)
    ended = Cleared(code="microphone.howling", component="microphone", began_at=began_at, ended_at=began_at + timedelta(seconds=2))
    return Onset(finding=finding, phase=Phase.LIVE, meeting=meeting), ended


def test_a_finding_survives_the_death_of_the_center_and_is_closed_by_the_next_one(center: Center, site: Site) -> None:
    onset, cleared = howling("")
    site.say(Kind.EVENT, onset)
    opened = wait_until(center.incidents, "the incident")[0]
    assert (opened.state, opened.frequency_hz) == (IncidentState.OPEN, 1600.0)
    assert center.stop(signal.SIGKILL) == -signal.SIGKILL
    center.start()
    wait_until(site._client.is_connected, "the site to come back")
    site.say(Kind.EVENT, cleared)
    closed = wait_until(lambda: [one for one in center.incidents() if one.state is IncidentState.CLOSED], "the end")
    assert [one.id for one in closed] == [opened.id]
    assert center.stop() == 0


def test_an_event_that_was_stored_before_a_crash_makes_its_incident_after_it(center: Center, site: Site) -> None:
    onset, _ = howling("")
    site.say(Kind.EVENT, onset)
    wait_until(center.incidents, "the incident")
    center.stop()
    engine = database.open_store(center.state)
    with engine.begin() as connection:  # as if the crash had fallen between the two writes
        connection.exec_driver_sql("DROP TRIGGER incident_log_no_delete")
        connection.exec_driver_sql("DELETE FROM incident_log")
        connection.exec_driver_sql("DELETE FROM incidents")
    assert incidents.lasting(engine) == []
    engine.dispose()
    center.start()
    again = wait_until(center.incidents, "the incident, made again")
    assert [one.code for one in again] == ["microphone.howling"]
    assert center.stop() == 0


def test_a_site_that_is_added_while_the_center_runs_can_connect_at_once(center: Center) -> None:
    center.start()
    center.command("site", "add", "an-nhon", "--name", "Thị xã An Nhơn")
    password = (center.state / "identities" / "an-nhon.password").read_text(encoding="ascii").strip()
    answers: list[bool] = []
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="an-nhon", protocol=MQTTProtocolVersion.MQTTv5)
    client.username_pw_set("an-nhon", password)
    client.on_connect = lambda *words: answers.append(not words[3].is_failure)
    client.reconnect_delay_set(1, 1)
    client.connect("127.0.0.1", center.mqtt_port)
    client.loop_start()
    wait_until(lambda: any(answers), "the broker to know the new site")
    client.disconnect()
    client.loop_stop()
    assert center.stop() == 0


def test_a_port_that_is_taken_ends_the_start_with_a_sentence(center: Center) -> None:
    with socket.create_server(("127.0.0.1", center.web_port)):
        line = [sys.executable, "-m", "control_center.cli", "run", "--config", str(center.file)]
        ended = subprocess.run(line, cwd=ROOT, check=False, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    assert f"control-center: {center.file}: web: 127.0.0.1:{center.web_port}: Address already in use" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_heartbeats_show_on_the_board(center: Center, site: Site) -> None:
    site.say(Kind.HEARTBEAT, Heartbeat(boot=site.boot, at=datetime.now(UTC)))
    with urllib.request.urlopen(f"http://127.0.0.1:{center.web_port}/events", timeout=30) as stream:
        wait_until(lambda: SITE.encode() in stream.readline(), "the site in the stream")
    assert center.stop() == 0
    assert center.incidents() == []


def ask_health(center: Center, *words: str, site: str = SITE) -> tuple[int, str]:
    line = [sys.executable, "-m", "control_center.cli", "site", "health", site, *words, "--config", str(center.file)]
    ended = subprocess.run(line, cwd=ROOT, check=False, capture_output=True, text=True, timeout=90)
    assert ended.stderr.count("\n") <= 1, ended.stderr
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.req("R13")
def test_an_operator_or_ansible_asks_the_running_center_whether_a_site_is_well(center: Center) -> None:
    status, told = ask_health(center)
    assert status == 2
    assert "does not answer" in told
    center.start()
    assert ask_health(center, site="nobody")[0] == 2
    status, told = ask_health(center)
    assert status == 1
    assert "has not connected" in told
    site = Site(center, version="7.1")
    try:
        site.say(Kind.HEARTBEAT, Heartbeat(boot=site.boot, at=datetime.now(UTC), uptime_s=3600.0))
        status, told = ask_health(center, "--version", "7.1", "--wait", "60")
        assert status == 0, told
        told = ask_health(center, "--json")[1]
        assert (json.loads(told)["healthy"], json.loads(told)["boot"]) == (True, site.boot)
        assert "wanted is 7.2" in ask_health(center, "--version", "7.2")[1]
        since = (datetime.now(UTC) - timedelta(minutes=10)).isoformat()
        status, told = ask_health(center, "--since", since)
        assert status == 1
        assert "not restarted since" in told
    finally:
        site.close()


def test_systemd_hears_when_the_center_is_ready_that_it_lives_and_that_it_stops(
    center: Center, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        center.start()
        assert systemd.recv(1000) == b"READY=1\nSTATUS=board up, broker connected"
        assert systemd.recv(1000) == b"WATCHDOG=1"
        assert center.stop() == 0
        last = b"WATCHDOG=1"
        while last == b"WATCHDOG=1":
            last = systemd.recv(1000)
        assert last == b"STOPPING=1"
