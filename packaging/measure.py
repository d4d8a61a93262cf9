#!/usr/bin/env python3
"""What the packages weigh and how quickly they start: ``packaging/measure.py dist/*.deb``; figures for docs/packaging.md.

Installs each package's wheels into a throw-away environment, as its postinst does, with this machine's Python (3.11 to 3.13).
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STARTS = 5
IMPORTS = {
    "agent": ("edge_agent.daemon", "numpy", "cv2", "sounddevice", "scapy.layers.inet", "pysnmp.hlapi.v3arch.asyncio"),
    "center": ("control_center.service",),
}
FILES = {
    "agent": ("edge-agent", '[site]\nid = "do"\nname = "Đo"\n[state]\ndirectory = "{place}/state"\n[page]\nport = 0\n'),
    "center": (
        "control-center",
        '[center]\ndirectory = "{place}/state"\n[broker]\nport = {port}\n[web]\nport = 0\n[stamp]\nport = 0\n',
    ),
}
RSS = "import {0}; print(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0])"


def main() -> int:
    """Measure each package that is named."""
    for deb in map(Path, sys.argv[1:]):
        with tempfile.TemporaryDirectory() as place:
            _measure(deb, Path(place))
    return 0


def _measure(deb: Path, place: Path) -> None:
    part = deb.name.split("_")[0].removeprefix("diemcau-")
    subprocess.run(["dpkg-deb", "-x", deb, place / "deb"], check=True)
    share = place / f"deb/usr/share/diemcau-{part}"
    began_s = time.monotonic()
    python = _install(share, place / "venv")
    lasted_s = time.monotonic() - began_s
    print(
        f"\n## {deb.name}: {deb.stat().st_size / 1e6:.0f} MB, environment {_size(place / 'venv') / 1e6:.0f} MB, made in {lasted_s:.0f} s\n"
    )
    _libraries(share, place / "venv")
    _imports(part, python)
    _starts(part, place)


def _install(share: Path, venv: Path) -> Path:
    """As postinst: nothing of the caller's environment, no index, hashes."""
    clean = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PIP_CONFIG_FILE": "/dev/null", "LC_ALL": "C.UTF-8"}
    subprocess.run([sys.executable, "-m", "venv", venv], check=True, env=clean)
    python = venv / "bin/python"
    pip: list[str | Path] = [python, "-I", "-m", "pip", "--isolated", "--quiet", "--no-cache-dir", "--disable-pip-version-check"]
    listed = share / f"requirements-{sys.version_info[0]}.{sys.version_info[1]}.txt"
    offline: list[str | Path] = ["--no-index", "--find-links", share / "wheels", "--no-deps", "--require-hashes", "--no-compile"]
    subprocess.run([*pip, "install", *offline, "-r", listed], check=True, env=clean)
    subprocess.run([*pip, "uninstall", "--yes", "pip", "setuptools"], check=True, env=clean, capture_output=True)
    (site,) = venv.glob("lib/python*/site-packages")
    for pattern in (share / "leave-out").read_text(encoding="utf-8").splitlines():
        for path in site.glob(pattern) if pattern and not pattern.startswith("#") else ():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    subprocess.run([python, "-I", "-m", "compileall", "-qq", "-j", "0", venv / "lib"], check=False, env=clean)
    return python


def _size(path: Path) -> int:
    return sum(each.lstat().st_size for each in path.rglob("*") if each.is_file() and not each.is_symlink())


def _libraries(share: Path, venv: Path) -> None:
    (site,) = venv.glob("lib/python*/site-packages")
    print("| library | wheels in the package, MB | installed, MB |\n|---|---:|---:|")
    rows = []
    for found in importlib.metadata.distributions(path=[str(site)]):
        tops = {Path(str(file)).parts[0] for file in found.files or () if ".." not in str(file)}
        installed = sum(
            _size(site / top) if (site / top).is_dir() else (site / top).lstat().st_size for top in tops if (site / top).exists()
        )
        name = found.name.lower().replace("-", "_")
        packed = sum(wheel.stat().st_size for wheel in (share / "wheels").glob("*.whl") if wheel.name.lower().startswith(f"{name}-"))
        rows.append((installed / 1e6, f"| {found.name} {found.version} | {packed / 1e6:.1f} | {installed / 1e6:.1f} |"))
    for _, row in sorted(rows, reverse=True):
        print(row)


def _imports(part: str, python: Path) -> None:
    print(f"\n| import | seconds (median of {STARTS}) | peak memory, MB |\n|---|---:|---:|")
    for module in ("sys", *IMPORTS[part]):
        lasted, peak = [], 0
        for _ in range(STARTS):
            began_s = time.monotonic()
            done = subprocess.run([python, "-I", "-c", RSS.format(module)], capture_output=True, text=True, check=False)
            lasted.append(time.monotonic() - began_s)
            peak = int(done.stdout) if done.returncode == 0 else 0
        print(
            f"| {module} | {statistics.median(lasted):.2f} | {peak / 1024:.0f} |"
            if peak
            else f"| {module} | {done.stderr.strip().splitlines()[-1]} | |"
        )


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _starts(part: str, place: Path) -> None:
    """From the start of the process until it tells systemd that it is ready."""
    command, text = FILES[part]
    (place / "file.toml").write_text(text.format(place=place, port=_free_port()), encoding="utf-8")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(place / "notify"))
        systemd.settimeout(60)
        lasted, resident = [], 0
        for _ in range(STARTS):
            began_s = time.monotonic()
            arguments: list[str | Path] = [place / "venv/bin" / command, "run", "--config", place / "file.toml"]
            environment = {**os.environ, "NOTIFY_SOCKET": str(place / "notify")}
            with subprocess.Popen(arguments, stderr=subprocess.DEVNULL, env=environment) as child:
                while b"READY=1" not in systemd.recv(4096):
                    pass
                lasted.append(time.monotonic() - began_s)
                status = Path(f"/proc/{child.pid}/status").read_text(encoding="utf-8")
                resident = int(status.partition("VmRSS:")[2].split()[0])
                child.terminate()
    print(f"\n{command}: ready {statistics.median(lasted):.2f} s after its start (median of {STARTS}), {resident / 1024:.0f} MB then")


if __name__ == "__main__":
    sys.exit(main())
