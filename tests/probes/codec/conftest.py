"""A conferencing system's own interface, played by a small HTTPS server: fixtures written by hand after the makers' references."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

USER, PASSWORD = "giamsat", "mật khẩu-7"

STATUS = """<?xml version="1.0"?>
<Status product="Cisco Codec" version="ce9.15.3" apiVersion="4">
<Audio><Microphones><Mute>Off</Mute></Microphones></Audio>
<Call item="1"><Status>Connected</Status><TransmitCallRate>1920</TransmitCallRate></Call>
<H323><Gatekeeper><Status>Inactive</Status></Gatekeeper></H323>
<Network item="1"><IPv4><Address>10.20.20.9</Address></IPv4></Network>
<SIP><Registration item="1"><Status>Registered</Status></Registration></SIP>
<SystemUnit><ProductId>Cisco Webex Room Kit</ProductId><Software><Version>ce9.15.3</Version></Software><Uptime>86400</Uptime></SystemUnit>
<Video><Input>
<Connector item="1"><Connected>True</Connected><SignalState>OK</SignalState></Connector>
<Connector item="2"><Connected>{second}</Connected><SignalState>{state}</SignalState></Connector>
<MainVideoSource>1</MainVideoSource>
<Source item="1"><Resolution><Height>{height}</Height><Width>1920</Width></Resolution></Source>
<Source item="2"><Resolution><Height>1080</Height><Width>1920</Width></Resolution></Source>
</Input></Video>
</Status>"""
CONFIGURATION = """<?xml version="1.0"?>
<Configuration>
<Audio><Input><Microphone item="1"><EchoControl><Mode>On</Mode></EchoControl></Microphone>
<Microphone item="2"><EchoControl><Mode>{echo}</Mode></EchoControl></Microphone></Input></Audio>
<Conference><DefaultCall><Rate>{rate}</Rate></DefaultCall></Conference>
</Configuration>"""


def room_os(*, second: str = "True", state: str = "OK", height: int = 1080, echo: str = "On", rate: int = 2048) -> dict[str, Any]:
    """Pages of a RoomOS system."""
    return {
        "/getxml?location=/Status": STATUS.format(second=second, state=state, height=height),
        "/getxml?location=/Configuration": CONFIGURATION.format(echo=echo, rate=rate),
    }


def poly() -> dict[str, Any]:
    """Pages of a Poly system in a call, with one camera of two connected."""
    return {
        "/rest/session": "{}",
        "/rest/system": json.dumps({"model": "Studio X50", "softwareVersion": "4.1.0", "uptime": 5}),
        "/rest/audio": json.dumps({"muted": True, "numOfMicsConnected": 1}),
        "/rest/conferences": json.dumps([{"id": 0}]),
        "/rest/cameras/near/all": json.dumps([{"connected": True}, {"connected": False}]),
    }


class System:
    """What the server answers, and what it was asked."""

    def __init__(self, port: int, ca: Path, password_file: Path) -> None:
        self.port, self.ca, self.password_file = port, ca, password_file
        self.pages: dict[str, Any] = {}
        self.status = 200
        self.asked: list[tuple[str, str]] = []
        self.cookie = ""
        """What a session needs once it was opened; empty: basic authentication."""


def _handler(system: Callable[[], System]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _let_in(self) -> bool:
            if "/rest/" in self.path:
                return self.path == "/rest/session" or self.headers.get("Cookie") == "session_id=abc"
            return self.headers.get("Authorization") == "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            system().asked.append((self.command, self.path))
            page, status = system().pages.get(self.path), system().status
            if self.path == "/rest/session" and self.command == "POST":
                said = json.loads(body)
                status = 200 if (said["user"], said["password"]) == (USER, PASSWORD) else 401
            elif not self._let_in():
                status = 401
            content = (page if isinstance(page, bytes) else (page or "").encode()) if page is not None else b""
            self.send_response(404 if page is None and status == 200 else status)
            self.send_header("Set-Cookie", "session_id=abc; Path=/; Secure")
            self.send_header("Server", "lighttpd")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = _answer  # noqa: N815 — names that the library wants

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    """A system that speaks HTTPS with a certificate of its own."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    ca, password = tmp_path / "ca.pem", tmp_path / "password"
    authority.cert_pem.write_to_path(str(ca))
    password.write_text(PASSWORD + "\n")
    held: list[System] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(lambda: held[0]))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    held.append(System(server.server_address[1], ca, password))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield held[0]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
