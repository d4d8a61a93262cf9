"""The site PC: a virtual machine with a V4L2 camera (vivid), a sound card (snd-aloop) and cables that can be pulled."""

from __future__ import annotations

import base64
import json
import shutil
import socket
from pathlib import Path
from typing import Any

from tests.vm import network
from tests.vm.images import MachineImage
from tests.vm.shell import Child, Remote, RigError, run, wait_for

BOOT_LIMIT_S = 420.0
_CABLE = "cable"
"""QEMU's name of the network cable of eth0."""


class SitePc:
    """Powers the machine on and off, resets it, pulls its cable; what happens inside goes through `ssh`.

    Args:
        folder: Where its disk, sockets and logs are.
        namespace: The network namespace that holds its cables' other ends.
        ssh: Way in over the rig's own cable.
    """

    def __init__(self, folder: Path, namespace: str, ssh: Remote) -> None:
        self.folder, self.ssh, self._namespace = folder, ssh, namespace
        self.child: Child | None = None

    @property
    def serial_log(self) -> Path:
        """What the machine says on its serial port."""
        return self.folder / "serial.log"

    def prepare(self, image: MachineImage) -> None:
        """Give it a disk of its own."""
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(image.kernel, self.folder / "vmlinuz")
        shutil.copyfile(image.initrd, self.folder / "initrd")
        # Sparse: of 6 GB hardly one is in use.
        run("cp", "--sparse=always", "--reflink=auto", image.disk, self.folder / "disk.img", timeout_s=300)

    def power_on(self, public_key: str) -> None:
        """Start it; root may log in with this key."""
        credential = base64.b64encode(public_key.encode()).decode()
        self.child = Child.start(
            *("ip", "netns", "exec", self._namespace, "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max"),
            *("-m", "2048", "-smp", "2", "-kernel", self.folder / "vmlinuz", "-initrd", self.folder / "initrd"),
            *("-append", "root=/dev/vda rw console=ttyS0 net.ifnames=0 quiet"),
            *("-drive", f"file={self.folder / 'disk.img'},if=virtio,format=raw"),
            *("-smbios", f"type=11,value=io.systemd.credential.binary:ssh.authorized_keys.root={credential}"),
            *("-netdev", f"tap,id=t0,ifname={network.SITE_TAP},script=no,downscript=no"),
            *("-device", f"virtio-net-pci,netdev=t0,id={_CABLE},mac=52:54:00:80:01:11"),
            *("-netdev", f"tap,id=t1,ifname={network.RIG_TAP},script=no,downscript=no"),
            *("-device", "virtio-net-pci,netdev=t1,id=rig,mac=52:54:00:80:09:02"),
            *("-display", "none", "-monitor", "none", "-serial", f"file:{self.serial_log}"),
            *("-qmp", f"unix:{self._qmp_socket},server=on,wait=off"),
            log=self.folder / "qemu.log",
        )

    def wait_until_up(self, other_boot_than: str = "") -> str:
        """Wait until one can log in; the id of this boot of the kernel."""

        def up() -> str:
            if self.child is None or not self.child.lives():
                raise RigError(f"QEMU has ended; see {self.folder / 'qemu.log'}")
            boot = self.ssh.out("cat /proc/sys/kernel/random/boot_id", timeout_s=40)
            return boot if boot != other_boot_than else ""

        return wait_for("the site PC answers by SSH", up, limit_s=BOOT_LIMIT_S, every_s=4)

    def reset(self) -> None:
        """The reset button: nothing is written, nobody is asked."""
        self.qmp("system_reset")

    def pull_cable(self) -> None:
        """Take the cable out of eth0: its carrier goes."""
        self.qmp("set_link", name=_CABLE, up=False)

    def plug_cable(self) -> None:
        """Put it back."""
        self.qmp("set_link", name=_CABLE, up=True)

    def power_off(self) -> None:
        """Unplug the machine."""
        if self.child is not None:
            self.child.end(grace_s=5)

    @property
    def _qmp_socket(self) -> Path:
        return self.folder / "qmp"

    def qmp(self, command: str, **arguments: Any) -> Any:
        """Give QEMU one order."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(30)
            line.connect(str(self._qmp_socket))
            stream = line.makefile("rw", encoding="utf-8")
            stream.readline()  # the greeting
            answer: dict[str, Any] = {}
            for order, given in (("qmp_capabilities", {}), (command, arguments)):
                stream.write(json.dumps({"execute": order, "arguments": given}) + "\n")
                stream.flush()
                while "return" not in (answer := json.loads(stream.readline())):  # events come in between
                    if "error" in answer:
                        raise RigError(f"QEMU refused {order}: {answer['error']['desc']}")
        return answer["return"]
