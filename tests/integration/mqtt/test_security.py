"""Who comes in at the sites' door and what may be done there, tried with the tools an attacker has: mosquitto_pub, openssl.

The broker's files are those that `control-center broker write` makes.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from contract import topics
from contract.messages import Lifecycle
from contract.topics import FROM_SITE, TO_SITE, Kind, site_topic
from control_center import cli
from control_center.broker.supervise import find_mosquitto
from edge_agent.mqtt import Credentials, Endpoint
from edge_agent.outbox import Outbox
from edge_agent.uplink import Uplink

if TYPE_CHECKING:
    from tests.conftest import Authority, MakeAuthority, Pair
    from tests.integration.mqtt.conftest import FreePort, Until

LIMIT_S = 60
CENTER = "_center"
REFUSED_PUBLISH = "Not authorized"


class Door:
    """A Mosquitto as systemd runs it, with the files that the command writes."""

    def __init__(self, folder: Path, authority: Authority, ports: tuple[int, int], until: Until) -> None:
        self.folder, self.authority, self.until = folder / "broker", authority, until
        self.sites_port, self.center_port = ports
        self.server = authority.issue("broker", server=True)
        (folder / "password").write_text("geheim\n", encoding="utf-8")
        words = ["broker", "write", str(self.folder), "--sites-address", "127.0.0.1", "--sites-port", str(ports[0])]
        words += ["--center-port", str(ports[1]), "--center-password-file", str(folder / "password")]
        words += ["--ca", str(authority.ca), "--cert", str(self.server.cert), "--key", str(self.server.key), "--crl", str(authority.crl)]
        assert cli.main(words) == 0
        # As root Mosquitto would become the user mosquitto, who cannot look into this folder.
        configuration = self.folder / "mosquitto.conf"
        configuration.write_text(configuration.read_text(encoding="utf-8") + "\nuser root\n", encoding="utf-8")
        self._log = folder / "broker.log"
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._child = subprocess.Popen([find_mosquitto(), "-c", str(self.folder / "mosquitto.conf")], stdout=log, stderr=log)
        self.until(lambda: self.log().count(" running") > self.log().count(" terminating"), "the broker to run")

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def reload(self) -> None:
        """As ``systemctl reload`` does; Mosquitto says when it begins, and is done with it before it hears anybody again."""
        before = self.log().count("Reloading config")
        os.kill(self._child.pid, signal.SIGHUP)
        self.until(lambda: self.log().count("Reloading config") > before, "the reload")

    def stop(self) -> None:
        self._child.terminate()
        self._child.wait(LIMIT_S)

    def tool(self, name: str, pair: Pair | None, *words: str) -> list[str]:
        line = [name, "-h", "127.0.0.1", "-p", str(self.sites_port), "-V", "5", "--cafile", str(self.authority.ca)]
        return [*line, *(["--cert", str(pair.cert), "--key", str(pair.key)] if pair is not None else []), *words]

    def publish(self, pair: Pair | None, topic: str, *words: str, message: str = "x") -> tuple[bool, str]:
        """Whether it was taken, and what the tool said."""
        line = self.tool("mosquitto_pub", pair, "-q", "1", "-t", topic, "-m", message, *words)
        ended = subprocess.run(line, check=False, capture_output=True, text=True, timeout=LIMIT_S)
        return ended.returncode == 0 and REFUSED_PUBLISH not in ended.stdout + ended.stderr, ended.stdout + ended.stderr

    def comes_in(self, pair: Pair | None) -> bool:
        """Whether the broker takes a message of the site of this certificate on its own topic."""
        return self.publish(pair, site_topic("an-nhon", Kind.HEARTBEAT))[0]

    def from_center(self, topic: str, message: str, *words: str) -> None:
        line = ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.center_port), "-V", "5", "-u", CENTER, "-P", "geheim", "-q", "1"]
        subprocess.run([*line, "-t", topic, "-m", message, *words], check=True, timeout=LIMIT_S)


class Ear:
    """A mosquitto_sub that writes down what it hears."""

    def __init__(self, line: list[str], file: Path, until: Until) -> None:
        self._file = file
        with file.open("wb") as out:
            self._child = subprocess.Popen(["stdbuf", "-oL", *line, "-d", "-F", "heard %t %p"], stdout=out, stderr=out)
        until(lambda: "SUBACK" in self.text() or "Subscribed" in self.text(), "the subscription to be answered")

    def text(self) -> str:
        return self._file.read_text(encoding="utf-8", errors="replace")

    def heard(self) -> set[tuple[str, str]]:
        lines = (line.split(" ", 2) for line in self.text().splitlines() if line.startswith("heard "))
        return {(topic, message) for _, topic, message in lines}

    def stop(self) -> None:
        self._child.kill()
        self._child.wait(LIMIT_S)


Listen = Callable[[list[str]], Ear]


@pytest.fixture
def authority(make_authority: MakeAuthority, tmp_path: Path) -> Authority:
    return make_authority(tmp_path / "authority")


@pytest.fixture
def door(tmp_path: Path, authority: Authority, free_port: FreePort, until: Until) -> Iterator[Door]:
    assert shutil.which("mosquitto_pub"), "apt install mosquitto-clients"
    made = Door(tmp_path, authority, (free_port(), free_port()), until)
    yield made
    made.stop()


@pytest.fixture
def listen(tmp_path: Path, until: Until) -> Iterator[Listen]:
    ears: list[Ear] = []

    def make(line: list[str]) -> Ear:
        ears.append(Ear(line, tmp_path / f"ear{len(ears)}", until))
        return ears[-1]

    yield make
    for ear in ears:
        ear.stop()


def every_topic(site: str, kinds: tuple[Kind, ...]) -> list[str]:
    return [site_topic(site, kind, "x" if kind in (Kind.COMPONENT, Kind.COMMAND) else "") for kind in kinds]


@pytest.mark.req("R9")
def test_a_sites_certificate_publishes_its_own_topics_and_no_others(door: Door, authority: Authority) -> None:
    own = authority.issue("an-nhon")
    for topic in every_topic("an-nhon", FROM_SITE):
        assert door.publish(own, topic)[0], topic
    foreign = every_topic("hoai-nhon", FROM_SITE + TO_SITE) + every_topic("an-nhon", TO_SITE)
    for topic in (*foreign, topics.center_status(), topics.agenda("an-nhon"), "elsewhere", "$SYS/x"):
        taken, said = door.publish(own, topic)
        assert not taken, topic
        assert REFUSED_PUBLISH in said, said


@pytest.mark.req("R9")
def test_a_sites_certificate_hears_what_is_meant_for_it_and_nothing_of_others(
    door: Door, authority: Authority, listen: Listen, until: Until
) -> None:
    own, other = authority.issue("an-nhon"), authority.issue("hoai-nhon")
    wanted = ["#", "diemcau/v1/#", "diemcau/v1/+/ack", "$SYS/#", *every_topic("hoai-nhon", FROM_SITE + TO_SITE)]
    ear = listen(door.tool("mosquitto_sub", own, *(word for topic in wanted for word in ("-t", topic))))
    for topic in every_topic("hoai-nhon", FROM_SITE):
        assert door.publish(other, topic, message="secret")[0]
    for topic in (*every_topic("hoai-nhon", TO_SITE), topics.agenda("hoai-nhon")):
        door.from_center(topic, "secret")
    door.from_center(topics.agenda("an-nhon"), "mine")
    door.from_center(topics.center_status(), "for all")
    until(lambda: (topics.center_status(), "for all") in ear.heard(), "what all may hear")
    assert ear.heard() == {(topics.agenda("an-nhon"), "mine"), (topics.center_status(), "for all")}


@pytest.mark.req("R9")
def test_a_will_on_anothers_topic_is_not_delivered(door: Door, authority: Authority, listen: Listen, until: Until) -> None:
    line = ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(door.center_port), "-V", "5", "-u", CENTER, "-P", "geheim", "-t", "diemcau/v1/#"]
    center = listen(line)
    for site, will in (("an-nhon", "forged"), ("hoai-nhon", "true")):
        words = ("-t", site_topic(site, Kind.LIMITS), "--will-topic", site_topic("hoai-nhon", Kind.STATUS), "--will-payload", will)
        dying = listen(door.tool("mosquitto_sub", authority.issue(site), *words))
        dying.stop()
    until(lambda: (site_topic("hoai-nhon", Kind.STATUS), "true") in center.heard(), "the honest will")
    assert center.heard() == {(site_topic("hoai-nhon", Kind.STATUS), "true")}


@pytest.mark.req("R9")
@pytest.mark.parametrize("who", ["revoked", "expired", "of tomorrow", "of another authority", "of an impostor", "a server's", "none"])
def test_a_certificate_that_does_not_count_cannot_connect(
    door: Door, authority: Authority, make_authority: MakeAuthority, who: str
) -> None:
    strange = {"of another authority": "another", "of an impostor": "diemcau test"}
    if who in strange:
        pair: Pair | None = make_authority(authority.folder / "strange", strange[who]).issue("an-nhon")
    elif who == "none":
        pair = None
    else:
        span = {"expired": {"begins_days": -9.0, "ends_days": -1.0}, "of tomorrow": {"begins_days": 1.0}}.get(who, {})
        pair = authority.issue("an-nhon", server=who == "a server's", file="x", **span)
    if who == "revoked" and pair is not None:
        authority.revoke(pair.serial)
        door.reload()
    assert not door.comes_in(pair)
    assert door.comes_in(authority.issue("an-nhon")), "the door itself is well"


def shake_hands(door: Door, pair: Pair, *words: str) -> subprocess.CompletedProcess[str]:
    line = ["openssl", "s_client", "-connect", f"127.0.0.1:{door.sites_port}", "-CAfile", str(door.authority.ca)]
    line += ["-cert", str(pair.cert), "-key", str(pair.key), "-verify_return_error", *words]
    return subprocess.run(line, check=False, capture_output=True, text=True, timeout=LIMIT_S, stdin=subprocess.DEVNULL)


@pytest.mark.req("R9")
def test_without_tls_or_with_tls_1_2_nobody_comes_in(door: Door, authority: Authority) -> None:
    pair = authority.issue("an-nhon")
    old = shake_hands(door, pair, "-tls1_2")
    assert old.returncode != 0
    assert "alert protocol version" in old.stderr
    new = shake_hands(door, pair, "-tls1_3")
    assert new.returncode == 0
    assert "TLSv1.3" in new.stdout
    line = ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(door.sites_port), "-V", "5", "-q", "1", "-t", "diemcau/v1/an-nhon/hb", "-m", "x"]
    assert subprocess.run(line, check=False, capture_output=True, timeout=LIMIT_S).returncode != 0


@pytest.mark.req("R9")
def test_a_revocation_holds_after_a_reload_and_leaves_the_others_alone(
    door: Door, authority: Authority, listen: Listen, until: Until
) -> None:
    lost, other = authority.issue("an-nhon"), authority.issue("hoai-nhon")
    ear = listen(door.tool("mosquitto_sub", other, "-t", topics.agenda("hoai-nhon")))
    assert door.comes_in(lost)
    authority.revoke(lost.serial)
    assert door.comes_in(lost), "the list on disk alone changes nothing"
    door.reload()
    assert not door.comes_in(lost)
    assert door.comes_in(authority.issue("an-nhon", file="renewed")), "the same site with a new certificate"
    door.from_center(topics.agenda("hoai-nhon"), "still here")
    until(lambda: (topics.agenda("hoai-nhon"), "still here") in ear.heard(), "the connection that was there before")


@pytest.mark.req("R9")
def test_a_revoked_site_that_is_connected_stays_until_the_broker_restarts(
    door: Door, authority: Authority, listen: Listen, until: Until
) -> None:
    """Why the role restarts the broker, and not only reloads it, when it revokes (docs/decisions/0009)."""
    thief = authority.issue("an-nhon")
    ear = listen(door.tool("mosquitto_sub", thief, "-t", topics.agenda("an-nhon")))
    authority.revoke(thief.serial)
    door.reload()
    door.from_center(topics.agenda("an-nhon"), "heard by the thief")
    until(lambda: (topics.agenda("an-nhon"), "heard by the thief") in ear.heard(), "the old connection")
    door.stop()
    door.start()
    door.from_center(topics.agenda("an-nhon"), "a secret", "--retain")
    assert not door.comes_in(thief)
    assert "a secret" not in ear.text()


def test_an_outdated_revocation_list_shuts_everybody_out_until_a_new_one_is_loaded(door: Door, authority: Authority) -> None:
    site = authority.issue("an-nhon")
    authority.revoke(ends_days=-1)
    door.reload()
    assert not door.comes_in(site)
    authority.revoke()
    door.reload()
    assert door.comes_in(site)


def test_the_brokers_own_certificate_is_renewed_by_a_reload(door: Door, authority: Authority) -> None:
    site = authority.issue("an-nhon")
    assert f"{door.server.serial:X}" in serial_at(door, site)
    new = authority.issue("broker", server=True)
    door.reload()
    assert f"{new.serial:X}" in serial_at(door, site)
    assert door.comes_in(site)


def serial_at(door: Door, pair: Pair) -> str:
    shown = shake_hands(door, pair, "-showcerts").stdout
    return subprocess.run(["openssl", "x509", "-noout", "-serial"], input=shown, check=True, capture_output=True, text=True).stdout


@pytest.mark.req("R9")
def test_an_agent_takes_its_renewed_certificate_at_its_next_connection(
    door: Door, authority: Authority, tmp_path: Path, until: Until
) -> None:
    """Only the new one is let in after the restart, so that an agent which comes back has taken it up by itself."""
    old = authority.issue("an-nhon")
    outbox = Outbox(tmp_path / "outbox.sqlite", site="an-nhon")
    credentials = Credentials(ca=authority.ca, cert=old.cert, key=old.key)
    uplink = Uplink(outbox, [Endpoint("127.0.0.1", door.sites_port)], credentials, keepalive_s=2, max_pause_s=0.3)
    uplink.start()
    try:
        until(lambda: uplink.connected, "the agent to connect")
        authority.revoke(old.serial)
        door.stop()
        door.start()
        until(lambda: "does it accept this site's certificate" in uplink.error, "the old certificate to be refused")
        assert not uplink.connected
        authority.issue("an-nhon")  # the same files, as the role `identity` replaces them
        until(lambda: uplink.connected, "the agent to come back by itself")
        assert outbox.append(Kind.EVENT, Lifecycle(what="started", at=datetime.now(UTC)), datetime.now(UTC))
    finally:
        uplink.stop(0.0)
        outbox.close()
