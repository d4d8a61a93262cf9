"""What a certificate is worth, asked of real ones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from contract.certificates import CertificateError, Papers, read, verify

if TYPE_CHECKING:
    from tests.conftest import Authority, MakeAuthority, Pair

NOW = datetime.now(UTC)


@pytest.fixture
def authority(make_authority: MakeAuthority, tmp_path: Path) -> Authority:
    return make_authority(tmp_path / "authority")


def papers(authority: Authority, pair: Pair) -> Papers:
    return Papers(authority.ca, pair.cert, pair.key)


def test_a_sites_certificate_says_its_name_and_its_span(authority: Authority) -> None:
    said = verify(papers(authority, authority.issue("an-nhon", ends_days=20)), NOW)
    assert said.common_name == "an-nhon"
    assert said.days_left(NOW) == pytest.approx(20, abs=0.01)
    assert said.not_before < NOW < said.not_after


def test_a_brokers_certificate_says_for_which_addresses_it_holds(authority: Authority) -> None:
    said = verify(papers(authority, authority.issue("broker", server=True)), NOW, server=True)
    assert said.names == ("localhost", "127.0.0.1")


def test_one_that_has_expired_can_be_read_but_not_verified(authority: Authority) -> None:
    old = papers(authority, authority.issue("an-nhon", begins_days=-20, ends_days=-10))
    assert read(old).days_left(NOW) == pytest.approx(-10, abs=0.01)
    with pytest.raises(CertificateError, match=r"an-nhon\.crt: has expired on .* UTC; this machine's clock says .* UTC: renew"):
        verify(old, NOW)


def test_one_of_tomorrow_names_the_clock(authority: Authority) -> None:
    early = papers(authority, authority.issue("an-nhon", begins_days=1))
    with pytest.raises(CertificateError, match=r"is not valid before .* UTC; this machine's clock says .* UTC: set the clock"):
        verify(early, NOW)
    with pytest.raises(CertificateError, match="set the clock"):
        verify(papers(authority, authority.issue("an-nhon")), NOW - timedelta(days=9000))


def test_a_strangers_certificate_is_not_signed_by_our_authority(authority: Authority, make_authority: MakeAuthority) -> None:
    stranger = make_authority(authority.folder / "stranger", "another").issue("an-nhon")
    with pytest.raises(CertificateError, match=r"stranger/an-nhon\.crt: was not signed by .*ca\.crt"):
        read(papers(authority, stranger))


def test_an_authority_of_the_same_name_is_a_stranger_too(authority: Authority, make_authority: MakeAuthority) -> None:
    impostor = make_authority(authority.folder / "impostor").issue("an-nhon")
    with pytest.raises(CertificateError, match=r"an-nhon\.crt: was not signed by"):
        read(papers(authority, impostor))


def test_anothers_key_is_named(authority: Authority) -> None:
    one, other = authority.issue("an-nhon"), authority.issue("hoai-nhon")
    with pytest.raises(CertificateError, match=r"hoai-nhon\.key: is not the key of .*an-nhon\.crt"):
        read(Papers(authority.ca, one.cert, other.key))


def test_a_brokers_certificate_is_none_for_a_site(authority: Authority) -> None:
    with pytest.raises(CertificateError, match="purpose"):
        read(papers(authority, authority.issue("broker", server=True)))


def test_a_revoked_one_is_named_with_its_list(authority: Authority) -> None:
    one, other = authority.issue("broker", server=True), authority.issue("other", server=True)
    authority.revoke(one.serial)
    verify(papers(authority, other)._replace(crl=authority.crl), NOW, server=True)
    with pytest.raises(CertificateError, match=r"broker\.crt: is revoked by .*crl\.pem"):
        verify(papers(authority, one)._replace(crl=authority.crl), NOW, server=True)


def test_an_outdated_list_and_one_of_another_authority_are_refused(authority: Authority, make_authority: MakeAuthority) -> None:
    broker = papers(authority, authority.issue("broker", server=True))
    authority.revoke(ends_days=-1)
    with pytest.raises(CertificateError, match=r"crl\.pem: CRL has expired: make the revocation list anew"):
        verify(broker._replace(crl=authority.crl), NOW, server=True)
    stranger = make_authority(authority.folder / "stranger", "another")
    with pytest.raises(CertificateError, match=r"stranger/crl\.pem: .*CRL"):
        verify(broker._replace(crl=stranger.crl), NOW, server=True)


Break = Callable[[Path], object]


@pytest.mark.parametrize("which", ["ca", "cert", "key"])
@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda path: path.unlink(), "cannot be read: No such file"),
        (lambda path: path.write_bytes(b""), "holds no PEM of kind"),
        (lambda path: path.write_bytes(b"\xff\x00"), "holds no PEM of kind"),
        (lambda path: path.write_bytes(path.read_bytes()[:80] + b"\n"), "PEM|cannot be used"),
        (lambda path: path.write_bytes(path.read_bytes().replace(b"MI", b"!!")), "PEM|cannot be used"),
    ],
    ids=["missing", "empty", "bytes", "cut off", "no base64"],
)
def test_a_broken_file_is_named(authority: Authority, which: str, harm: Break, words: str) -> None:
    given = papers(authority, authority.issue("an-nhon"))
    harm(getattr(given, which))
    with pytest.raises(CertificateError, match=words) as told:
        read(given)
    assert str(getattr(given, which)) in str(told.value)


def test_an_encrypted_key_is_refused_and_asks_nobody(authority: Authority) -> None:
    import subprocess

    given = papers(authority, authority.issue("an-nhon"))
    locked = given.key.with_suffix(".locked")
    subprocess.run(["openssl", "pkey", "-in", given.key, "-aes256", "-passout", "pass:x", "-out", locked], check=True, timeout=60)
    with pytest.raises(CertificateError, match=r"cannot be used|kind PRIVATE KEY"):
        read(given._replace(key=locked))
