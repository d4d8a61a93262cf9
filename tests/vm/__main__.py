"""`make vm-test`: a site PC and a center as real machines, deployed by Ansible; faults, a hard reset, upgrade, rollback, purge."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from tests.vm import checklist, network, rig
from tests.vm.checklist import Outcome, Step
from tests.vm.rig import Rig
from tests.vm.shell import RigError
from tests.vm.steps import STEPS

NEEDED = ("qemu-system-x86_64", "systemd-nspawn", "ip", "ssh", "scp", "ssh-keygen", "mkfs.ext4", "mmdebstrap", "dpkg-deb")
PACKAGES = "qemu-system-x86 systemd-container iproute2 openssh-client e2fsprogs mmdebstrap dpkg"


def main() -> int:
    """Run the steps; 0 when all is proved, 1 when not, 2 when it could not be tried."""
    options = _parser().parse_args()
    if options.list:
        print("\n".join(f"{step.name:<12} {step.goal}" for step in STEPS))
        return 0
    for sign in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, _interrupted)  # ends like Ctrl-C: machines are stopped, namespaces taken away
    try:
        _require_tools()
        if options.end:
            Rig.kept().remove()
            return 0
        return _run(options)
    except RigError as error:
        print(f"vm-test: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("vm-test: interrupted", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.vm", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the machines up; --from and --only then use them")
    parser.add_argument("--from", dest="begin", default="", metavar="STEP", help="begin with this step, on the machines that were kept")
    parser.add_argument(
        "--only", action="append", default=[], metavar="STEP", help="only this step (may be repeated), on the machines that were kept"
    )
    parser.add_argument("--end", action="store_true", help="take away the machines that were kept")
    parser.add_argument("--list", action="store_true", help="name the steps")
    return parser


def _interrupted(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _require_tools() -> None:
    if os.geteuid() != 0:
        raise RigError("network namespaces, mounts and systemd-nspawn need root: sudo make vm-test")
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        raise RigError(f"missing here: {', '.join(missing)}. Install: apt-get install --no-install-recommends {PACKAGES}")


def _run(options: argparse.Namespace) -> int:
    steps = checklist.chosen(STEPS, begin=options.begin, only=options.only)
    again = bool(options.begin or options.only) and rig.KEPT.is_file()
    if not again and rig.KEPT.is_file():
        raise RigError(f"a rig was kept ({rig.KEPT}): take it away first with --end, or name a step with --from or --only")
    machines = Rig.kept() if again else Rig.new()
    logs = rig.VAR / f"{datetime.now(UTC):%Y%m%d-%H%M%SZ}"

    def save_logs(step: Step) -> None:
        folder = logs / step.name
        machines.collect_logs(folder)
        print(f"      logs of both machines: {folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder}")

    try:
        results = checklist.run_steps(steps, machines, on_failure=save_logs)
    finally:
        if options.keep or again:
            machines.keep()
            print(f"kept: {machines.folder}; to look in, with HOST {network.SITE_RIG_SIDE} (site) or {network.CENTER} (center):")
            print(f"      ip netns exec {machines.network.node} ssh -i {machines.key} root@HOST")
        else:
            machines.remove()
    print("\n" + checklist.table(results))
    return 0 if all(result.outcome is Outcome.PROVED for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
