"""Stands in for edge-agent: the same words on the command line, and told to the center through a shared folder instead of MQTT."""

import json
import os
import socket
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

VERSION = ""
CONFIG = Path("/etc/diemcau/edge-agent.toml")
KNOWN = {"site", "center", "link", "cables", "camera", "microphone", "codec", "page", "limits"}


def check(path: Path) -> dict[str, Any]:
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    unknown = sorted(set(document) - KNOWN)
    if unknown:
        sys.exit(f"{path}: {unknown[0]}: unknown table")
    return document


def run() -> None:
    site = check(CONFIG)["site"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
    heard = Path("/srv/heard") / f"{site['id']}-{time.time_ns()}.json"
    heard.write_text(json.dumps({"version": VERSION, "name": site["name"], "born": time.time()}), encoding="utf-8")
    while True:
        time.sleep(3600)


if sys.argv[1:3] == ["config", "check"]:
    check(Path(sys.argv[4]))
else:
    run()
