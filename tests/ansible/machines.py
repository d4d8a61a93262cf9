"""Small booted Debian machines on an overlay of the cached root, and Ansible runs against them."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
PLAYBOOK = REPOSITORY / ".venv-ansible/bin/ansible-playbook"
BOOT_S = 90


class Machine:
    """A systemd of its own in a container: own processes, own network, files on an overlay.

    Attributes:
        name: Its name.
        root: Where its files are seen from outside.
    """

    def __init__(self, name: str, base: Path, folder: Path, *, shared: Path, network: Sequence[str] = ("--private-network",)) -> None:
        self.name = name
        self.root = folder / name / "root"
        self._log = folder / name / "boot.log"
        upper, work = folder / name / "upper", folder / name / "work"
        for place in (self.root, upper, work):
            place.mkdir(parents=True)
        _run("mount", "-t", "overlay", "overlay", "-o", f"lowerdir={base},upperdir={upper},workdir={work}", str(self.root))
        try:
            self._nspawn = self._start(shared, network)
            self._leader = self._wait_for_boot()
        except BaseException:
            self.stop()
            raise

    def _start(self, shared: Path, network: Sequence[str]) -> subprocess.Popen[bytes]:
        options = ["--register=no", "--keep-unit", "--console=pipe", *network, f"--bind={shared}:/srv/heard", f"--machine={self.name}"]
        with self._log.open("wb") as log:
            return subprocess.Popen(
                ["systemd-nspawn", "--quiet", f"--directory={self.root}", "--boot", *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _wait_for_boot(self) -> int:
        deadline = time.monotonic() + BOOT_S
        said = ""
        while time.monotonic() < deadline and self._nspawn.poll() is None:
            children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text(encoding="utf-8").split()
            if children:
                self._leader = int(children[0])
                said = self.run("systemctl", "is-system-running", check=False).strip()
                if said in {"running", "degraded"}:
                    return self._leader
            time.sleep(0.2)
        raise AssertionError(
            f"{self.name} did not boot ({said or 'no word from systemd'}):\n{self._log.read_text(errors='replace')[-2000:]}"
        )

    @property
    def enter(self) -> list[str]:
        """Command before a command that is to run inside."""
        return ["nsenter", f"--target={self._leader}", "--all", "--wd=/", "--"]

    def run(self, *command: str, check: bool = True) -> str:
        """Output of a command inside."""
        done = subprocess.run([*self.enter, *command], check=False, capture_output=True, text=True)
        if check and done.returncode:
            raise AssertionError(f"{self.name}: {' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def version(self, package: str = "diemcau-agent") -> str:
        """Installed version of a package; empty: none."""
        status, _, version = self.run(
            "dpkg-query", "--show", "--showformat=${db:Status-Abbrev}\t${Version}", package, check=False
        ).partition("\t")
        return version if status.strip() == "ii" else ""

    def has(self, path: str) -> bool:
        """Whether something lies there."""
        return os.path.lexists(self.root / path.lstrip("/"))

    def read(self, path: str) -> str:
        """Text of a file inside."""
        return (self.root / path.lstrip("/")).read_text(encoding="utf-8")

    def stop(self) -> None:
        """End it and take the overlay away."""
        if hasattr(self, "_nspawn") and self._nspawn.poll() is None:
            if hasattr(self, "_leader"):
                subprocess.run(["kill", "-KILL", str(self._leader)], check=False, capture_output=True)
            try:
                self._nspawn.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self._nspawn.kill()
                self._nspawn.wait()
        subprocess.run(["umount", "--lazy", str(self.root)], check=False, capture_output=True)


@dataclass(frozen=True)
class Played:
    """What a run of a playbook said.

    Attributes:
        status: Exit status.
        said: All it printed.
        document: The same, of Ansible's JSON callback.
    """

    status: int
    said: str
    document: dict[str, Any]

    def count(self, host: str, what: str) -> int:
        """Tasks of a host: ``ok``, ``changed``, ``failures``, ``rescued``; 0 too for a host that was never reached."""
        return int(self.document["stats"].get(host, {}).get(what, 0))

    def tasks(self, host: str, what: str) -> list[str]:
        """Names of a host's tasks that were `what`: ``changed`` or ``failed``."""
        return [task["task"]["name"] for play in self.document["plays"] for task in play["tasks"] if task["hosts"].get(host, {}).get(what)]

    def failure(self, host: str) -> str:
        """The sentence of a host's last failure."""
        messages = [
            str(task["hosts"][host].get("msg", ""))
            for play in self.document["plays"]
            for task in play["tasks"]
            if task["hosts"].get(host, {}).get("failed")
        ]
        assert messages, f"{host} did not fail:\n{self.said[-4000:]}"
        return messages[-1]


class Controller:
    """The control node: this machine, with an inventory of machines."""

    def __init__(self, folder: Path, machines: Mapping[str, Sequence[Machine]], playbook: Path, variables: Mapping[str, Any]) -> None:
        self.folder = folder
        self._playbook = playbook
        entered = folder / "enter"
        # The connection takes a host's address for a folder below the working one, so an inventory with plain names passes preflight.
        self._roots = folder / "roots"
        self._roots.mkdir()
        lines = ["#!/bin/sh", "# Stands where the connection expects chroot: root, command…", 'root=$1; shift; case "$root" in']
        for machine in (machine for group in machines.values() for machine in group):
            (self._roots / machine.name).symlink_to(machine.root)
            lines.append(f'{machine.name}) exec {" ".join(machine.enter)} "$@" ;;')
        entered.write_text("\n".join([*lines, "esac", "exit 127"]) + "\n", encoding="utf-8")
        entered.chmod(0o700)
        connection = {
            "ansible_connection": "community.general.chroot",
            "ansible_chroot_exe": str(entered),
            "ansible_python_interpreter": "/usr/bin/python3",
        }
        groups = {
            group: {"hosts": {machine.name: {"ansible_host": machine.name, **connection} for machine in members}}
            for group, members in machines.items()
        }
        self._inventory = folder / "hosts.json"
        self._inventory.write_text(json.dumps({"all": {"children": groups, "vars": dict(variables)}}, ensure_ascii=False), encoding="utf-8")

    def play(self, variables: Mapping[str, Any], *arguments: str) -> Played:
        """Run the playbook with variables laid over the inventory's."""
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
            "ANSIBLE_ROLES_PATH": str(REPOSITORY / "ansible/roles"),
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "ANSIBLE_HOME": str(self.folder / "ansible-home"),
            "LC_ALL": "C.UTF-8",
        }
        command = [
            str(PLAYBOOK),
            f"--inventory={self._inventory}",
            f"--extra-vars={json.dumps(dict(variables), ensure_ascii=False)}",
            *arguments,
        ]
        done = subprocess.run(
            [*command, str(self._playbook)], check=False, capture_output=True, text=True, env=environment, cwd=self._roots
        )
        start = done.stdout.find("{")
        assert start >= 0, f"ansible-playbook said no JSON ({done.returncode}):\n{done.stdout}{done.stderr}"
        return Played(done.returncode, done.stdout + done.stderr, json.JSONDecoder().raw_decode(done.stdout[start:])[0])


def _run(*command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
