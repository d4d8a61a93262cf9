"""Cameras that can be turned, on loopback, and that misbehave as real ones do."""

from __future__ import annotations

import base64
import hashlib
import heapq
import math
import re
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Place = tuple[float, float, float]
MEMORIES: dict[int, Place] = {1: (0, 0, 0), 2: (800, -200, 4000), 3: (-1200, 300, 9000)}
"""Pan, tilt and zoom in steps; negative ones too, so that the sign is proved."""
MOVE_S = 0.25


@dataclass
class Mechanics:
    """A head that needs its time, moves evenly and stops where it is told, or where it must.

    Attributes:
        stuck: It does not move.
        stops_off: It stops this many pan steps beside every memory.
    """

    stuck: bool = False
    stops_off: float = 0.0
    memories: dict[int, Place] = field(default_factory=lambda: dict(MEMORIES))
    start: Place = (100, 50, 500)
    goal: Place = (100, 50, 500)
    began_s: float = -10.0
    recalled: list[int] = field(default_factory=list)

    def recall(self, number: int) -> None:
        self.recalled.append(number)
        if self.stuck:
            return
        self.start = self.place()
        pan, tilt, zoom = self.memories[number]
        self.goal, self.began_s = (pan + self.stops_off, tilt, zoom), time.monotonic()

    def place(self) -> Place:
        share = min(1.0, max(0.0, (time.monotonic() - self.began_s) / MOVE_S))
        pan, tilt, zoom = (one + (other - one) * share for one, other in zip(self.start, self.goal, strict=True))
        return pan, tilt, zoom


class ViscaStub:
    """A VISCA over IP camera; `manners` is any of the words that `_answers` and `_packed` know."""

    def __init__(self, *manners: str, late_s: float = 0.3) -> None:
        self.head = Mechanics(stuck="stuck" in manners, stops_off=400 if "elsewhere" in manners else 0)
        self.manners = frozenset(manners)
        self.heard = 0
        self._late_s = late_s
        self._expects = 1
        self._outbox: list[tuple[float, int, bytes, Any]] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join(10)
        self._socket.close()

    def _serve(self) -> None:
        count = 0
        self._socket.settimeout(0.02)
        while not self._over.is_set():
            try:
                packet, peer = self._socket.recvfrom(2048)
            except TimeoutError:
                packet, peer = b"", None
            if packet:
                self.heard += 1
                for reply in self._answers(packet):
                    delay_s = self._late_s if "late" in self.manners else 0.0
                    for _ in range(2 if "twice" in self.manners else 1):
                        heapq.heappush(self._outbox, (time.monotonic() + delay_s, count, reply, peer))
                        count += 1
            while self._outbox and self._outbox[0][0] <= time.monotonic():
                _, _, reply, peer = heapq.heappop(self._outbox)
                self._socket.sendto(reply, peer)

    def _answers(self, packet: bytes) -> list[bytes]:
        kind, _, number = struct.unpack(">HHI", packet[:8])
        message = packet[8:]
        if "silent" in self.manners:
            return []
        if "garbage" in self.manners:
            return [b"\xff\x00\x90 no camera \xff", b"\x90", b"", b"\x01\x11\x00\x0b" + b"\xee" * 15]
        if kind == 0x0200:
            self._expects = 1
            return [struct.pack(">HHI", 0x0201, 1, number) + b"\x01"] if "no_reset" not in self.manners else []
        if "strict" in self.manners and number != self._expects:
            return [struct.pack(">HHI", 0x0201, 2, number) + b"\x0f\x01"]
        self._expects = number + 1
        return [self._packed(reply, number) for reply in self._replies(message)]

    def _packed(self, reply: bytes, number: int) -> bytes:
        if "bare" in self.manners:
            return reply
        number = (
            0
            if "numbers_zero" in self.manners
            else 1
            if "numbers_stand" in self.manners
            else (number * 7 + 3) & 0xFFFFFFFF
            if "numbers_wrong" in self.manners
            else number
        )
        return struct.pack(">HHI", 0x0111, len(reply), number) + reply

    def _replies(self, message: bytes) -> list[bytes]:
        if message[:5] == bytes.fromhex("8101043f02"):
            return self._recall(message[5])
        if "tells_nothing" in self.manners:
            return [b"\x90\x60\x02\xff"]
        pan, tilt, zoom = (round(axis) for axis in self.head.place())
        if message == bytes.fromhex("81090612ff"):
            return [b"\x90\x50" + _nibbles(pan) + _nibbles(tilt) + b"\xff"]
        if message == bytes.fromhex("81090447ff") and "no_zoom" not in self.manners:
            return [b"\x90\x50" + _nibbles(zoom) + b"\xff"]
        return [b"\x90\x60\x02\xff"]

    def _recall(self, number: int) -> list[bytes]:
        if "rejects" in self.manners or number not in self.head.memories:
            return [b"\x90\x61\x41\xff"] if "not_now" in self.manners else [b"\x90\x60\x02\xff"]
        self.head.recall(number)
        if "rejects_and_moves" in self.manners:
            return [b"\x90\x60\x02\xff"]
        if "acks_nothing" in self.manners:
            return []
        # The completion comes with the ACK: a camera that lies about having arrived.
        return [b"\x90\x41\xff"] if "no_completion" in self.manners else [b"\x90\x41\xff", b"\x90\x51\xff"]


def _nibbles(number: int) -> bytes:
    number &= 0xFFFF
    return bytes([number >> 12 & 15, number >> 8 & 15, number >> 4 & 15, number & 15])


_ENVELOPE = (
    '<?xml version="1.0"?><e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:x="urn:x"><e:Body>{}</e:Body></e:Envelope>'
)
_FAULT = (
    "<e:Fault><e:Code><e:Value>e:Sender</e:Value><e:Subcode><e:Value>ter:{0}</e:Value></e:Subcode></e:Code>"
    "<e:Reason><e:Text>{0}</e:Text></e:Reason></e:Fault>"
)


class OnvifStub:
    """An ONVIF camera; `manners` is any of the words that the handler knows. Checks the digest of name and password."""

    def __init__(self, *manners: str, user: str = "an", password: str = "m<ật>", behind_s: float = 0.0) -> None:
        self.head = Mechanics(stuck="stuck" in manners, stops_off=400 if "elsewhere" in manners else 0)
        self.manners = frozenset(manners)
        self.user, self.password, self.behind_s = user, password, behind_s
        self.asked: list[str] = []
        self.over = threading.Event()
        server: Any = ThreadingHTTPServer(("127.0.0.1", 0), _OnvifHandler)
        server.camera = self
        self._server = server
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    def knows(self, request: str) -> bool:
        """Whether the digest proves name and password, at a time near the camera's own."""
        parts = {name: re.search(rf"<\w+:{name}(?: [^>]*)?>([^<]*)<", request) for name in ("Username", "Password", "Nonce", "Created")}
        said = {name: found[1] for name, found in parts.items() if found is not None}
        if len(said) < 4 or said["Username"] != self.user:
            return False
        right = hashlib.sha1(base64.b64decode(said["Nonce"]) + said["Created"].encode() + self.password.encode()).digest()
        created_s = time.mktime(time.strptime(said["Created"], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
        return said["Password"] == base64.b64encode(right).decode() and math.isclose(created_s, time.time() - self.behind_s, abs_tol=5)

    def answer(self, method: str, request: str) -> tuple[int, str]:
        """Status and body."""
        if method == "GetSystemDateAndTime":
            now = time.gmtime(time.time() - self.behind_s)
            date = f"<x:Date><x:Year>{now.tm_year}</x:Year><x:Month>{now.tm_mon}</x:Month><x:Day>{now.tm_mday}</x:Day></x:Date>"
            clock = f"<x:Time><x:Hour>{now.tm_hour}</x:Hour><x:Minute>{now.tm_min}</x:Minute><x:Second>{now.tm_sec}</x:Second></x:Time>"
            return 200, f"<x:R><x:UTCDateTime>{clock}{date}</x:UTCDateTime></x:R>"
        if not self.knows(request):
            return 400, _FAULT.format("NotAuthorized")
        if method == "GetCapabilities":
            # An address that leads nowhere: the camera does not know that it is behind address translation.
            ptz = "" if "no_ptz" in self.manners else "<x:PTZ><x:XAddr>http://192.0.2.77/onvif/turn</x:XAddr></x:PTZ>"
            return 200, f"<x:R><x:Media><x:XAddr>http://192.0.2.77/onvif/media</x:XAddr></x:Media>{ptz}</x:R>"
        if method == "GetProfiles":
            return 200, '<x:R><x:Profiles token="fixed"/><x:Profiles token="main"><x:PTZConfiguration token="p"/></x:Profiles></x:R>'
        if method == "GetPresets":
            return 200, f"<x:R>{''.join(self._preset(number) for number in self.head.memories)}</x:R>"
        if method == "GotoPreset":
            return self._go(request)
        if method == "GetStatus":
            return 200, f"<x:R><x:PTZStatus>{'' if 'tells_nothing' in self.manners else self._place(self.head.place())}</x:PTZStatus></x:R>"
        return 500, _FAULT.format("ActionNotSupported")

    def _go(self, request: str) -> tuple[int, str]:
        token = re.search(r"<PresetToken>token-(\d)<", request)
        if "rejects" in self.manners or token is None or int(token[1]) not in self.head.memories:
            return 400, _FAULT.format("NoToken")
        self.head.recall(int(token[1]))
        if "says_nothing" in self.manners:
            self.over.wait(5)
        return 200, "<x:GotoPresetResponse/>"

    def _preset(self, number: int) -> str:
        place = self._place(self.head.memories[number]) if "places" in self.manners else ""
        return f'<x:Preset token="token-{number}"><x:Name> Vị trí {number} </x:Name>{place}</x:Preset>'

    def _place(self, place: Place) -> str:
        pan, tilt, zoom = place[0] / 2448, place[1] / 864, place[2] / 16384
        return f'<x:PTZPosition><x:Position><x:PanTilt x="{pan}" y="{tilt}"/><x:Zoom x="{zoom}"/></x:Position></x:PTZPosition>'


class _OnvifHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"
    server: Any

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def do_POST(self) -> None:
        camera: OnvifStub = self.server.camera
        request = self.rfile.read(int(self.headers["Content-Length"])).decode()
        found = re.search(r"<s:Body><(\w+)", request)
        method = found[1] if found else ""
        camera.asked.append(method)
        if "silent" in camera.manners:
            camera.over.wait(5)
            return
        if "http_digest" in camera.manners and not self._knows_digest(camera):
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Digest realm="camera", nonce="abc", qop="auth", algorithm=MD5')
            self.end_headers()
            return
        status, body = camera.answer(method, request)
        if "garbage" in camera.manners:
            self._send(200, b"<html>not soap<br>")
        elif "entities" in camera.manners:
            self._send(200, b'<!DOCTYPE a [<!ENTITY b "bbbb">]><a>&b;</a>')
        elif "drips" in camera.manners:
            self._drip(_ENVELOPE.format(body).encode())
        else:
            self._send(status, _ENVELOPE.format(body).encode())

    def _knows_digest(self, camera: OnvifStub) -> bool:
        """RFC 7616: what a camera asks for that leaves the SOAP header unread."""
        said = dict(re.findall(r'(\w+)="?([^",]+)"?', self.headers.get("Authorization", "")))
        one = hashlib.md5(f"{camera.user}:camera:{camera.password}".encode()).hexdigest()
        two = hashlib.md5(f"POST:{self.path}".encode()).hexdigest()
        right = hashlib.md5(f"{one}:abc:{said.get('nc')}:{said.get('cnonce')}:auth:{two}".encode()).hexdigest()
        return said.get("response") == right

    def _send(self, status: int, body: bytes) -> None:
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/soap+xml")
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            return

    def _drip(self, body: bytes) -> None:
        try:
            self.send_response(200)
            self.end_headers()
            for each in body:
                self.wfile.write(bytes([each]))
                if self.server.camera.over.wait(0.05):
                    return
        except OSError:
            return
