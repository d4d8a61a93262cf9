"""The example province, and what preflight says of inventories that are wrong."""

from __future__ import annotations

import json
import os
import re
import subprocess
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from contract import topics

REPOSITORY = Path(__file__).parents[2]
BIN = REPOSITORY / ".venv-ansible/bin"
ROLES = REPOSITORY / "ansible/roles"
EXAMPLE = REPOSITORY / "ansible/inventories/example"
PLAY = """
- hosts: center:sites
  gather_facts: false
  any_errors_fatal: true
  tasks:
    - ansible.builtin.import_role: {name: preflight, tasks_from: inventory}
"""
GOOD = {
    "all": {
        "vars": {
            "diemcau_version": "0.1.0",
            "diemcau_center_address": "10.20.0.10",
            "identity_ca_passphrase": "bốn con chim sẻ",
        }
    },
    "center": {"hosts": {"trung-tam": {"ansible_host": "10.20.0.10"}}},
    "sites": {
        "hosts": {
            "so-y-te": {"ansible_host": "10.20.2.20", "diemcau_site_name": "Sở Y tế", "diemcau_site_ssid": 7},
            "so-noi-vu": {"ansible_host": "10.20.2.11", "diemcau_site_name": "Sở Nội vụ", "diemcau_site_ssid": 8},
        }
    },
}

DRIVER = """
import json, sys
sys.path.insert(0, sys.argv[1] + "/preflight/filter_plugins")
from inventory_faults import inventory_faults
print(json.dumps([inventory_faults(case["hostvars"], case["groups"], sys.argv[1]) for case in json.load(sys.stdin)]))
"""

Say = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def say(tmp_path: Path) -> Say:
    """Run preflight's look at an inventory; its exit status and sentences. No host is connected to."""
    (tmp_path / "play.yml").write_text(PLAY, encoding="utf-8")
    debs = tmp_path / "debs"
    debs.mkdir()
    for name in ("agent", "center"):
        (debs / f"diemcau-{name}_0.1.0_amd64.deb").touch()
    environment = {
        "ANSIBLE_ROLES_PATH": str(ROLES),
        "ANSIBLE_HOME": str(tmp_path / "home"),
        "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default",
        "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
        "ANSIBLE_NOCOLOR": "1",
        "LC_ALL": "C.UTF-8",
    }

    def run(inventory: Path, **extra: object) -> tuple[int, list[str]]:
        done = subprocess.run(
            [BIN / "ansible-playbook", "-i", inventory, tmp_path / "play.yml", "-e", json.dumps({"diemcau_packages": str(debs)} | extra)],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | environment,
        )
        found = re.search(r"^(?:fatal|failed): \[.*?\](?:: FAILED!| \(item=.*\)) => (\{.*\})$", done.stdout, re.MULTILINE)
        if found is None:
            assert done.returncode == 0, done.stdout + done.stderr
            return 0, []
        message = json.loads(found[1])["msg"]
        return done.returncode, message[1:] if isinstance(message, list) else [message]

    return run


@pytest.fixture
def inventory_file(tmp_path: Path) -> Callable[[dict[str, object]], Path]:
    """Writes `GOOD` with changes."""

    def write(changes: dict[str, object]) -> Path:
        file = tmp_path / "hosts.yml"
        file.write_text(yaml.safe_dump(changed(changes), allow_unicode=True), encoding="utf-8")
        return file

    return write


def changed(changes: dict[str, object]) -> dict[str, Any]:
    """`GOOD` with keys set, each ``group/host/key`` or ``all/vars/key``; None takes one away."""
    inventory: dict[str, Any] = json.loads(json.dumps(GOOD))
    for path, content in changes.items():
        group, host, key = path.split("/")
        table = inventory[group][host] if group == "all" else inventory[group]["hosts"][host]
        if content is None:
            del table[key]
        else:
            table[key] = content
    return inventory


WRONG: list[tuple[dict[str, object], str]] = [
    ({"sites/so-y-te/diemcau_site_id": "Sở Y tế"}, "so-y-te: diemcau_site_id: 'Sở Y tế' không hợp lệ"),
    ({"sites/so-y-te/diemcau_site_ssid": 8}, "so-noi-vu: diemcau_site_ssid: 8 trùng với so-y-te"),
    ({"sites/so-y-te/diemcau_site_ssid": "bảy"}, "so-y-te: diemcau_site_ssid: là 'bảy', phải là số từ 1 đến 65535"),
    ({"sites/so-y-te/diemcau_site_ssid": 65536}, "so-y-te: diemcau_site_ssid: là 65536"),
    ({"sites/so-y-te/diemcau_site_id": "so-noi-vu"}, "so-noi-vu: diemcau_site_id: so-noi-vu trùng với so-y-te"),
    ({"sites/so-y-te/ansible_host": None}, "so-y-te: ansible_host: chưa có địa chỉ / is missing; give a name or an address"),
    ({"sites/so-y-te/ansible_host": "10.20.2.11"}, "so-noi-vu: ansible_host: 10.20.2.11 trùng với so-y-te"),
    ({"sites/so-y-te/diemcau_site_name": ""}, "so-y-te: diemcau_site_name: chưa có tên điểm cầu"),
    (
        {"all/vars/diemcau_center_address": "10.20.0.10/24"},
        "trung-tam: diemcau_center_address: '10.20.0.10/24' không phải tên máy hay địa chỉ",
    ),
    ({"all/vars/diemcau_broker_port": "tám"}, "trung-tam: diemcau_broker_port: sai kiểu hoặc giá trị / argument 'diemcau_broker_port'"),
    (
        {"sites/so-y-te/diemcau_site_capabilities": {"camera": "eigen"}},
        "so-y-te: diemcau_site_capabilities: sai kiểu hoặc giá trị / value of",
    ),
    ({"sites/so-y-te/diemcau_sote_room": "2"}, "so-y-te: diemcau_sote_room: không có biến này; có phải diemcau_site_room?"),
    (
        {"all/vars/identity_ca_passphrase": "THAY-DOI-change-me"},
        "trung-tam: identity_ca_passphrase: vẫn là chữ mẫu, hãy đặt mật khẩu riêng",
    ),
    ({"all/vars/identity_site_day": 30}, "trung-tam: identity_site_day: không có biến này; có phải identity_site_days?"),
    ({"all/vars/identity_ca_passphrase": "ngắn"}, "trung-tam: identity_ca_passphrase: quá ngắn, cần ít nhất 12 ký tự"),
]


@pytest.fixture(scope="module")
def sentences() -> list[list[str]]:
    """What the filter says of each inventory of `WRONG`: the filter itself, in the environment that has Ansible, once for all."""
    cases = []
    for changes, _ in WRONG:
        inventory = changed(changes)
        hosts = {group: inventory[group]["hosts"] for group in ("center", "sites")}
        cases.append(
            {
                "groups": {group: list(names) for group, names in hosts.items()},
                "hostvars": {name: inventory["all"]["vars"] | own for names in hosts.values() for name, own in names.items()},
            }
        )
    done = subprocess.run([BIN / "python", "-c", DRIVER, ROLES], input=json.dumps(cases), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said: list[list[str]] = json.loads(done.stdout)
    return said


def example() -> dict[str, dict[str, dict[str, dict[str, object]]]]:
    """Hosts of the example by group."""
    loaded: dict[str, dict[str, dict[str, dict[str, object]]]] = yaml.safe_load((EXAMPLE / "hosts.yml").read_text(encoding="utf-8"))
    return loaded


def test_the_example_is_a_province_of_one_center_a_main_site_12_districts_and_20_departments() -> None:
    groups = example()
    assert {name: len(groups[name]["hosts"]) for name in ("center", "main_site", "districts", "departments")} == {
        "center": 1,
        "main_site": 1,
        "districts": 12,
        "departments": 20,
    }
    assert set(groups["sites"]["children"]) == {"main_site", "districts", "departments"}


@pytest.mark.req("R55")
def test_names_of_the_example_are_composed_vietnamese_and_its_ids_plain_ascii() -> None:
    text = (EXAMPLE / "hosts.yml").read_text(encoding="utf-8")
    assert text == unicodedata.normalize("NFC", text)
    groups = example()
    for group in ("main_site", "districts", "departments"):
        for host, variables in groups[group]["hosts"].items():
            assert topics.SITE_ID.fullmatch(host)
            assert not str(variables["diemcau_site_name"]).isascii() or host == "cong-an-tinh"


def test_the_example_passes_once_it_has_a_secret(say: Say) -> None:
    assert say(EXAMPLE, identity_ca_passphrase="bốn con chim sẻ") == (0, [])


def test_without_its_vault_the_example_is_stopped_with_what_to_do(say: Say) -> None:
    status, sentences = say(EXAMPLE)
    assert status == 2
    assert sentences[0].startswith("trung-tam: identity_ca_passphrase: chưa có; chép vault.yml.example thành vault.yml")
    assert len(sentences) == 34  # each host, once


def test_a_vault_that_is_not_encrypted_is_refused(tmp_path: Path, say: Say) -> None:
    (tmp_path / "inventory/group_vars/all").mkdir(parents=True)
    (tmp_path / "inventory/hosts.yml").write_text(yaml.safe_dump(GOOD, allow_unicode=True), encoding="utf-8")
    (tmp_path / "inventory/group_vars/all/vault.yml").write_text("identity_ca_passphrase: bon-con-chim-se\n", encoding="utf-8")
    _, said = say(tmp_path / "inventory")
    assert len(said) == 1
    assert said[0].startswith("group_vars/all/vault.yml: chưa mã hóa; chạy: ansible-vault encrypt ")


@pytest.mark.parametrize("place", range(len(WRONG)), ids=[next(iter(changes)) for changes, _ in WRONG])
def test_a_wrong_value_is_told_with_host_key_and_reason_in_both_languages(sentences: list[list[str]], place: int) -> None:
    said = sentences[place]
    assert any(one.startswith(WRONG[place][1]) for one in said), said
    assert all(" / " in one for one in said)


def test_every_host_is_told_but_no_other_fault_beside_the_one_there_is(sentences: list[list[str]]) -> None:
    for (changes, _), said in zip(WRONG, sentences, strict=True):
        assert len(said) == (3 if next(iter(changes)).startswith("all/") else 1), said


def test_a_value_that_cannot_be_put_together_is_told(say: Say, inventory_file: Callable[[dict[str, object]], Path]) -> None:
    status, said = say(inventory_file({"sites/so-y-te/firewall_ssh_from": "{{ nobody_wrote_this }}"}))
    assert status == 2
    assert len(said) == 1
    assert said[0].startswith("so-y-te: firewall_ssh_from: không tính được giá trị / ")


def test_a_package_that_was_not_built_is_named(say: Say, tmp_path: Path, inventory_file: Callable[[dict[str, object]], Path]) -> None:
    _, (sentence,) = say(inventory_file({}), diemcau_version="9.9.9")
    assert sentence.startswith(f"diemcau_packages: không có tệp {tmp_path}/debs/diemcau-agent_9.9.9_amd64.deb")


def test_a_site_id_is_the_same_for_ansible_as_for_the_contract() -> None:
    source = (ROLES / "preflight/filter_plugins/inventory_faults.py").read_text(encoding="utf-8")
    assert f'SITE_ID = re.compile(r"{topics.SITE_ID.pattern}")' in source


@pytest.mark.parametrize("role", sorted(path.name for path in ROLES.iterdir()))
def test_every_default_of_a_role_is_described(role: str) -> None:
    folder = ROLES / role
    specs = yaml.safe_load((folder / "meta/argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]
    defaults = folder / "defaults/main.yml"
    names = set(yaml.safe_load(defaults.read_text(encoding="utf-8")) or {}) if defaults.exists() else set()
    assert names <= set(specs["main"].get("options", {}))
