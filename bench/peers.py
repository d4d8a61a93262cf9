"""Public agents measured the same way: fetched as Debian packages into an ignored folder, never installed, never committed."""

from __future__ import annotations

import contextlib
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.processes import Footprint, watch
from demo.stage import LOOPBACK, Program, free_port

CACHE = Path("var/bench/peers")


class Peer(NamedTuple):
    """A public agent: its package, its command, and the address that makes it work when it is asked."""

    package: str
    command: Callable[[Path, int], list[str]]
    path: str


PEERS = (
    Peer(
        "prometheus-node-exporter",
        lambda root, port: [str(root / "usr/bin/prometheus-node-exporter"), f"--web.listen-address={LOOPBACK}:{port}"],
        "/metrics",
    ),
    Peer(
        "prometheus-blackbox-exporter",
        lambda root, port: [
            str(root / "usr/bin/prometheus-blackbox-exporter"),
            f"--config.file={root / 'etc/prometheus/blackbox.yml'}",
            f"--web.listen-address={LOOPBACK}:{port}",
        ],
        f"/probe?target={LOOPBACK}&module=icmp",
    ),
    Peer(
        "prometheus-smokeping-prober",
        lambda root, port: [str(root / "usr/bin/prometheus-smokeping-prober"), f"--web.listen-address={LOOPBACK}:{port}", LOOPBACK],
        "/metrics",
    ),
)


def measure(peer: Peer, seconds: float) -> Footprint | str:
    """Footprint of a peer that is asked every ten seconds, or why it could not be measured."""
    root = fetched(peer.package)
    if isinstance(root, str):
        return root
    port = free_port()
    with _running(peer, root, port) as program:
        turns = 0

        def ask() -> None:
            nonlocal turns
            turns += 1
            if turns % 10 == 0:
                with contextlib.suppress(OSError):
                    urllib.request.urlopen(f"http://{LOOPBACK}:{port}{peer.path}", timeout=5).close()

        footprint = watch(program.process.pid, seconds, ask)
        return footprint if program.process.poll() is None else f"it ended with status {program.process.returncode}"


@contextmanager
def _running(peer: Peer, root: Path, port: int) -> Iterator[Program]:
    program = Program(peer.package, peer.command(root, port), CACHE / f"{peer.package}.log", {})
    try:
        yield program
    finally:
        program.stop()


def fetched(package: str) -> Path | str:
    """Folder of a Debian package unpacked, or why there is none."""
    folder = CACHE.resolve() / package
    if folder.exists():
        return folder
    downloads = CACHE.resolve() / "debs"
    downloads.mkdir(parents=True, exist_ok=True)
    fetched = subprocess.run(["apt-get", "download", package], cwd=downloads, capture_output=True, text=True, check=False)
    found = sorted(downloads.glob(f"{package}_*.deb"))
    if fetched.returncode != 0 or not found:
        return "its package cannot be had here"
    subprocess.run(["dpkg", "-x", str(found[-1]), str(folder)], check=True)
    return folder
