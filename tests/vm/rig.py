"""The whole rig: network, site PC and center, how it is made, found again (`--keep`) and taken away."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from tests.vm import images, network
from tests.vm.center_machine import CenterMachine
from tests.vm.network import Network
from tests.vm.shell import Child, Remote, RigError, run
from tests.vm.site_pc import SitePc

VAR = images.REPOSITORY / "var/vm-test"
KEPT = VAR / "rig.json"
"""Where a rig that was kept is written down."""


class Rig:
    """Two machines and the network between them.

    Args:
        folder: Everything of this run: disks, keys, debs, logs.
        word: What its namespaces and its machine are named after.
    """

    def __init__(self, folder: Path, word: str) -> None:
        self.folder, self.word = folder, word
        self.network = Network.named(word)
        self.key = folder / "key"
        self.known_hosts = folder / "known_hosts"
        self.center = CenterMachine(folder / "center", self.network.center, f"diemcau-{word}", self._remote(network.CENTER))
        self.site = SitePc(folder / "site", self.network.node, self._remote(network.SITE_RIG_SIDE))
        self.notes: dict[str, Any] = {}
        """What one step leaves for a later one; plain JSON, so that it lasts as long as a kept rig."""

    def _remote(self, address: str) -> Remote:
        return Remote(self.network.node, address, self.key, self.known_hosts)

    @classmethod
    def new(cls) -> Rig:
        """A rig whose machines are not started yet."""
        folder = Path(tempfile.mkdtemp(prefix="diemcau-vm-"))
        rig = cls(folder, str(os.getpid()))
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "vm-test", "-f", rig.key)
        return rig

    @classmethod
    def kept(cls) -> Rig:
        """The rig that an earlier run left standing."""
        if not KEPT.is_file():
            raise RigError(f"no rig was kept ({KEPT} is missing): run once with --keep")
        found = json.loads(KEPT.read_text(encoding="utf-8"))
        rig = cls(Path(found["folder"]), found["word"])
        rig.notes = found["notes"]
        for machine, name in ((rig.site, "site"), (rig.center, "center")):
            if found[name] is not None:
                machine.child = Child(*found[name])
        return rig

    @property
    def public_key(self) -> str:
        """What the machines are given."""
        return self.key.with_suffix(".pub").read_text(encoding="ascii").strip()

    def on_node(self, *command: str | Path) -> list[str | Path]:
        """A command as the control node runs it: inside its network."""
        return ["ip", "netns", "exec", self.network.node, *command]

    def keep(self) -> None:
        """Write down how to find everything again."""
        VAR.mkdir(parents=True, exist_ok=True)
        children = {name: None if child is None else [child.pid, child.began] for name, child in self._children().items()}
        KEPT.write_text(json.dumps({"folder": str(self.folder), "word": self.word, "notes": self.notes, **children}), encoding="utf-8")

    def _children(self) -> dict[str, Child | None]:
        return {"site": self.site.child, "center": self.center.child}

    def collect_logs(self, to: Path) -> None:
        """Save what both machines say of themselves, as far as they still answer."""
        to.mkdir(parents=True, exist_ok=True)
        for file in (self.site.serial_log, self.site.folder / "qemu.log", self.center.folder / "console.log"):
            if file.is_file():
                shutil.copyfile(file, to / f"{file.parent.name}-{file.name}")
        look = (
            "systemctl --no-pager --failed; systemctl --no-pager status 'diemcau-*'; ip address; ip route; "
            "dmesg | tail -50; journalctl --no-pager -n 3000"
        )
        for name, machine in (("site", self.site), ("center", self.center)):
            if machine.child is not None and machine.child.lives():
                try:
                    text = machine.ssh.sh(look, check=False).stdout
                except RigError as error:
                    text = str(error)
                (to / f"{name}.txt").write_text(text, encoding="utf-8")

    def remove(self) -> None:
        """End both machines and take away whatever the rig has made."""
        self.site.power_off()
        self.center.power_off()
        self.network.remove()
        shutil.rmtree(self.folder, ignore_errors=True)
        KEPT.unlink(missing_ok=True)
