"""Nobody can keep a site alive who has not its key."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract import stamp, stamp_auth
from contract.stamp import SenderPacket, Tlv
from control_center.liveness import Liveness, SiteAddress
from control_center.liveness.reflector import Asked, Reflector
from probes.link.limits import Kind, LinkSettings, Target
from probes.link.source import Heard, Wire

pytestmark = pytest.mark.req("R36")
SECRET = bytes(range(32))
KEY = stamp_auth.site_key(SECRET, "a")
NOW_NS = 1_700_000_000_000_000_000
PATIENCE_S = 20.0


class Center:
    """A reflector that has answered once, `ago_s` before now."""

    def __init__(self) -> None:
        self.reflector = Reflector(key_of=lambda ssid: KEY if ssid == 7 else b"")

    def hear(self, octets: bytes, now_ns: int = NOW_NS) -> Asked | None:
        return self.reflector.read(octets, now_ns)


def sealed(seq: int, echoed_ns: int | None, *, promise_ms: int | None = None, key: bytes = KEY) -> bytes:
    tlvs: tuple[Tlv, ...] = () if promise_ms is None else (stamp.cadence(promise_ms),)
    if echoed_ns is not None:
        tlvs += (stamp_auth.echo(stamp.ntp_from_ns(echoed_ns)),)
    return stamp_auth.seal_sender(SenderPacket(seq=seq, sent=5, ssid=7, tlvs=tlvs), key)


def is_fresh(center: Center, octets: bytes, now_ns: int = NOW_NS) -> bool:
    asked = center.hear(octets, now_ns)
    assert asked is not None
    return asked.fresh


def test_a_packet_that_returns_our_time_is_fresh_once() -> None:
    center = Center()
    recorded = sealed(1, NOW_NS)
    assert is_fresh(center, recorded)
    assert not is_fresh(center, recorded), "the same again is a replay"
    assert is_fresh(center, sealed(2, NOW_NS))


def test_what_was_recorded_long_ago_or_has_not_heard_us_is_not_fresh() -> None:
    center = Center()
    assert not is_fresh(center, sealed(1, None))
    assert not is_fresh(center, sealed(2, NOW_NS - 3_000_000_000))
    assert is_fresh(center, sealed(3, NOW_NS - 3_000_000_000, promise_ms=5000)), "a slow site heard us as long ago"


def test_an_agent_that_begins_anew_counts_from_one_again() -> None:
    center = Center()
    assert is_fresh(center, sealed(9000, NOW_NS - 500_000_000))
    assert is_fresh(center, sealed(1, NOW_NS))


def test_a_wrong_key_is_counted_and_not_answered() -> None:
    center = Center()
    assert center.hear(sealed(1, NOW_NS, key=bytes(32))) is None
    stranger = stamp_auth.seal_sender(SenderPacket(seq=1, sent=5, ssid=8), b"")
    assert center.hear(stranger) is None, "no key at all is no key"
    assert center.reflector.counters.forged == 2


@pytest.fixture(params=[False, True])
def center(request: pytest.FixtureRequest) -> Iterator[Liveness]:
    made = Liveness("127.0.0.1", 0, {"a": SiteAddress(7)}, lambda _: None, secret=SECRET, require_keys=request.param)
    made.start()
    yield made
    made.stop()


def exchange(wire: Wire, seq: int) -> Heard:
    wire.send(seq, next_within_ms=50)
    ends_s = time.monotonic() + PATIENCE_S
    gathered = Heard()
    while time.monotonic() < ends_s and not (gathered.answers or gathered.strange):
        heard = wire.hear()
        gathered.answers += heard.answers
        gathered.left += heard.left
        gathered.strange += heard.strange
        time.sleep(0.005)
    return gathered


def test_a_site_with_its_key_is_alive_and_a_forger_after_it_is_not(center: Liveness) -> None:
    target = Target(host="127.0.0.1", name="center", kind=Kind.STAMP, port=center.port)
    wire = Wire(target, "127.0.0.1", ssid=7, key=KEY)
    first = exchange(wire, 1)
    assert [answer.seq for answer in first.answers] == [1]
    assert center.heard() == {}, "it has not returned our time yet"
    second = exchange(wire, 2)
    assert [seq for seq, _ in first.left + second.left] == [1, 2], "the kernel's times of leaving are found in sealed packets too"
    heard_at = center.heard()["a"]
    forger = Wire(target, "127.0.0.1", ssid=7)
    assert exchange(forger, 3).answers, "it is answered"
    assert center.heard()["a"] == heard_at, "and means nothing"
    for one in (wire, forger):
        one.close()


def test_answers_that_are_not_sealed_are_not_believed() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as liar:
        liar.bind(("127.0.0.1", 0))
        liar.settimeout(PATIENCE_S)
        target = Target(host="127.0.0.1", name="center", kind=Kind.STAMP, port=liar.getsockname()[1])
        wire = Wire(target, "127.0.0.1", ssid=7, key=KEY)
        wire.send(4)
        octets, site = liar.recvfrom(2048)
        asked = stamp_auth.open_sender(octets, KEY)
        reply = stamp.ReflectorPacket(seq=0, sent=1, received=1, sender_seq=asked.seq, sender_sent=asked.sent, ssid=7)
        for answer in (stamp.pack_reflector(reply), stamp_auth.seal_reflector(reply, bytes(32)), b"", bytes(112)):
            liar.sendto(answer, site)
        heard = Heard()
        ends_s = time.monotonic() + PATIENCE_S
        while heard.strange < 4 and time.monotonic() < ends_s:
            said = wire.hear()
            heard.strange += said.strange
            heard.answers += said.answers
        assert (heard.answers, heard.strange) == ([], 4)
        wire.close()


def test_a_sites_key_comes_from_the_command_and_seals_only_what_goes_to_the_center(tmp_path: Path) -> None:
    secret, key_file = tmp_path / "secret", tmp_path / "key"
    secret.write_text(SECRET.hex() + "\n", encoding="ascii")
    command = [sys.executable, "-m", "control_center.liveness.keys", str(secret), "a"]
    key_file.write_text(subprocess.run(command, capture_output=True, text=True, check=True).stdout, encoding="ascii")
    settings = LinkSettings(ssid=7, targets=("center=stamp:127.0.0.1:8862", "mcu=stamp:127.0.0.1:862"), key_file=str(key_file))
    assert [settings.key_for(target) for target in settings.ends] == [KEY, b""]


def test_a_key_file_that_is_missing_or_holds_no_key_is_a_wrong_configuration(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="key_file"):
        LinkSettings(key_file=str(tmp_path / "nowhere"))
    (tmp_path / "key").write_text("secret", encoding="ascii")
    with pytest.raises(ValueError, match="64 hexadecimal digits") as refused:
        LinkSettings(key_file=str(tmp_path / "key"))
    assert "'secret'" not in str(refused.value)
