"""What is generated for Mosquitto."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from control_center.broker.configuration import (
    Identity,
    Listener,
    Plan,
    Purpose,
    ServerTls,
    access_rules,
    configuration,
    hash_password,
    password_file,
)
from control_center.broker.files import write


def test_a_site_is_never_given_all_below_its_name() -> None:
    rules = access_rules().splitlines()
    assert not any("%u/#" in rule or (rule.endswith("%u") and "agenda" not in rule) for rule in rules)
    assert "pattern write diemcau/v1/%u/evt" in rules
    assert "pattern read diemcau/v1/%u/ack" in rules
    assert "pattern write diemcau/v1/%u/ack" not in rules
    assert not any(rule.startswith("pattern readwrite") for rule in rules)


def test_client_ids_are_user_names_for_sites_and_free_for_the_center(tmp_path: Path) -> None:
    text = configuration(Plan((Listener(1883), Listener(1884, Purpose.CENTER))), tmp_path)
    sites, center = text.split("listener ")[1:]
    assert "use_username_as_clientid true" in sites
    assert "use_username_as_clientid false" in center
    assert "allow_anonymous false" in text
    assert "max_inflight_messages 1000" in text


def test_certificates_need_tls_and_then_are_required(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs tls"):
        Listener(8883, identity=Identity.CERTIFICATE)
    tls = ServerTls(Path("/ca.pem"), Path("/cert.pem"), Path("/key.pem"))
    text = configuration(Plan((Listener(8883, tls=tls, identity=Identity.CERTIFICATE),)), tmp_path)
    for line in ("require_certificate true", "use_identity_as_username true", "tls_version tlsv1.3", "cafile /ca.pem"):
        assert line in text.splitlines()


@pytest.mark.parametrize("user", ["+", "#", "a/b", "A", "", "a" * 41, "_other", "a\nb"])
def test_only_site_ids_and_the_center_are_users(user: str) -> None:
    with pytest.raises(ValueError, match="no site id"):
        Plan((Listener(1883),), {user: "x"})


def test_files_are_secret_and_the_password_is_not_in_them(tmp_path: Path) -> None:
    write(Plan((Listener(1883),), {"an-nhon": "open sesame"}), tmp_path / "broker")
    for file in (tmp_path / "broker").iterdir():
        assert file.stat().st_mode & 0o077 == 0, file
        assert "open sesame" not in file.read_text()
    assert "open sesame" not in repr(Plan((Listener(1883),), {"an-nhon": "open sesame"}))


def test_a_hash_is_what_mosquittos_own_tool_makes(tmp_path: Path) -> None:
    """Same salt and iterations, same line."""
    import base64

    subprocess.run(["mosquitto_passwd", "-b", "-c", str(tmp_path / "theirs"), "an-nhon", "open sesame"], check=True, capture_output=True)
    line = (tmp_path / "theirs").read_text().strip()
    _, _, iterations, salt, _ = line.split("$")
    assert line == "an-nhon:" + hash_password("open sesame", salt=base64.b64decode(salt), iterations=int(iterations))


def test_a_hashed_password_is_written_as_it_is() -> None:
    hashed = hash_password("x", salt=b"\0" * 12)
    assert password_file({"b": hashed, "a": hashed}) == f"a:{hashed}\nb:{hashed}\n"
