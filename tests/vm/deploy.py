"""Ansible as a control node runs it: the product's own playbook, with the inventory beside this file."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
from pathlib import Path

from tests.vm.images import REPOSITORY
from tests.vm.rig import Rig
from tests.vm.shell import RigError, run, tail

USER = "quantri"
HOSTS = ("trung-tam", "phong-hop")
PLAY_LIMIT_S = 1500.0
_VENV = REPOSITORY / ".venv-ansible/bin"
_RECAP = re.compile(r"^(\S+)\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)


class Recap(dict[str, dict[str, int]]):
    """By host: how many tasks were ok, changed, unreachable, failed."""

    @classmethod
    def read(cls, words: str) -> Recap:
        """What the last PLAY RECAP of a run says."""
        last = words.rpartition("PLAY RECAP")[2]
        names = ("ok", "changed", "unreachable", "failed")
        return cls({host: dict(zip(names, map(int, counts), strict=True)) for host, *counts in _RECAP.findall(last)})

    @property
    def well(self) -> bool:
        """Whether it speaks of every host, and none failed or was away."""
        return all(host in self and not self[host]["failed"] and not self[host]["unreachable"] for host in HOSTS)

    def said(self) -> str:
        """In one line."""
        return "; ".join(f"{host} ok={count['ok']} changed={count['changed']} failed={count['failed']}" for host, count in self.items())


def prepare(rig: Rig) -> None:
    """A technician with sudo on both machines, and the inventory with this run's way in and secrets."""
    if not (_VENV / "ansible-playbook").exists():
        raise RigError(f"{_VENV} is missing: run `make setup`")
    make_user = (
        f"id {USER} >/dev/null 2>&1 || useradd --create-home --shell /bin/bash {USER}; install -d -m 700 -o {USER} /home/{USER}/.ssh; "
        f"install -m 600 -o {USER} /root/.ssh/authorized_keys /home/{USER}/.ssh/; "
        f"echo '{USER} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/{USER}"
    )
    for machine in (rig.site, rig.center):
        machine.ssh.sh(make_user)
    folder = rig.folder / "inventory"
    shutil.copytree(Path(__file__).parent / "inventory", folder, dirs_exist_ok=True)
    (folder / "group_vars/all/run.yml").write_text(
        f"---\nansible_ssh_private_key_file: {rig.key}\n"
        f"ansible_ssh_common_args: -o UserKnownHostsFile={rig.known_hosts} -o StrictHostKeyChecking=accept-new\n"
        f"diemcau_packages: {rig.folder / 'debs'}\n",
        encoding="utf-8",
    )
    vault = folder / "group_vars/all/vault.yml"
    if vault.exists():  # the step is run again; the CA that was made keeps its passphrase
        return
    password = rig.folder / "vault-password"
    password.write_text(secrets.token_urlsafe(24), encoding="ascii")
    password.chmod(0o600)
    vault.write_text(f"---\nidentity_ca_passphrase: {secrets.token_urlsafe(24)}\n", encoding="ascii")
    run(_VENV / "ansible-vault", "encrypt", "--vault-password-file", password, vault)


def play(rig: Rig, name: str, version: str, *more: str) -> tuple[Recap, str]:
    """Run ``site.yml``; its recap and all its words, which also go to a log named `name`."""
    environment = os.environ | {
        "ANSIBLE_CONFIG": str(REPOSITORY / "ansible/ansible.cfg"),
        "ANSIBLE_HOME": str(rig.folder / "ansible"),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(rig.folder / "cp"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_CALLBACKS_ENABLED": "ansible.posix.profile_tasks",
        "PATH": f"{_VENV}:{os.environ['PATH']}",
    }
    inventory, password = rig.folder / "inventory", rig.folder / "vault-password"
    command: list[str | Path] = ["ansible-playbook", "-i", inventory, "--vault-password-file", password]
    command += ["-e", f"diemcau_version={version}", *more, REPOSITORY / "ansible/site.yml"]
    log = rig.folder / f"ansible-{name}.log"
    with log.open("w", encoding="utf-8") as words:
        try:
            subprocess.run(
                [str(word) for word in rig.on_node(*command)],
                stdout=words,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=REPOSITORY,
                timeout=PLAY_LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise RigError(f"site.yml did not end within {PLAY_LIMIT_S:g} s; see {log}:\n{tail(log.read_text(encoding='utf-8'))}") from None
    said = log.read_text(encoding="utf-8", errors="replace")
    recap = Recap.read(said)
    if not recap:
        raise RigError(f"site.yml ended without a recap:\n{tail(said)}")
    return recap, said


def failures(words: str) -> str:
    """The failed tasks of a run."""
    found = re.findall(
        r"^TASK \[[^\n]*\n(?:(?!^TASK|^PLAY).*\n)*?^(?:fatal|failed|\[ERROR\]).*(?:\n(?!TASK|PLAY).*){0,25}", words, re.MULTILINE
    )
    return tail("\n".join(found), 60) or tail(words)
