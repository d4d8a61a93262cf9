"""The center's machine: a Debian root booted by systemd-nspawn, with systemd, sshd and a firewall of its own."""

from __future__ import annotations

from pathlib import Path

from tests.vm import images
from tests.vm.shell import Child, Remote, RigError, wait_for

BOOT_LIMIT_S = 120.0


class CenterMachine:
    """Boots and stops it.

    Args:
        folder: Where its files and log are.
        namespace: Its network namespace.
        name: Its name as a machine; unique on this host.
        ssh: Way in.
    """

    def __init__(self, folder: Path, namespace: str, name: str, ssh: Remote) -> None:
        self.folder, self.ssh, self._namespace, self._name = folder, ssh, namespace, name
        self.child: Child | None = None

    def power_on(self, public_key: str) -> None:
        """Lay its files over the cached root and boot."""
        merged = images.mount_overlay(images.root(), self.folder)
        (merged / "etc/hostname").write_text("trung-tam\n", encoding="ascii")
        (merged / "etc/hosts").write_text("127.0.0.1 localhost\n127.0.1.1 trung-tam\n", encoding="ascii")
        self.child = Child.start(
            *("systemd-nspawn", "--quiet", "--boot", f"--directory={merged}", f"--machine={self._name}"),
            *("--register=no", "--keep-unit", f"--network-namespace-path=/run/netns/{self._namespace}"),
            *("--capability=CAP_NET_ADMIN,CAP_NET_RAW", "--resolv-conf=off", "--timezone=off", "--link-journal=no"),
            f"--set-credential=ssh.authorized_keys.root:{public_key}",
            log=self.folder / "console.log",
        )

    def wait_until_up(self) -> None:
        """Wait until one can log in."""

        def up() -> bool:
            if self.child is None or not self.child.lives():
                raise RigError(f"systemd-nspawn has ended; see {self.folder / 'console.log'}")
            return self.ssh.answers()

        wait_for("the center answers by SSH", up, limit_s=BOOT_LIMIT_S)

    def power_off(self) -> None:
        """Stop it and take its files off the mount table."""
        if self.child is not None:
            self.child.end(grace_s=30)
        images.unmount(self.folder / "merged")
