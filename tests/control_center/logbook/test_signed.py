"""Signed forms that come back: real signatures by a real library; another form, a changed one and an unsigned one are refused."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers

from control_center import cli
from control_center.logbook import files
from control_center.logbook.form import blank_form
from control_center.logbook.render_pdf import render_pdf
from control_center.logbook.signed import Signature, SignatureError, check
from control_center.store import forms
from control_center.store.database import open_store

NOW = datetime.now(UTC)

pytestmark = pytest.mark.req("R11", "R39")


def apart(act: Callable[[], Any]) -> Any:
    """In a thread of its own: the library runs a loop, and a browser's may run in this one."""
    said: list[Any] = []

    def go() -> None:
        try:
            said.append(act())
        except SignatureError as error:
            said.append(error)

    thread = threading.Thread(target=go)
    thread.start()
    thread.join()
    if isinstance(said[0], SignatureError):
        raise said[0]
    return said[0]


@pytest.fixture(scope="module")
def form() -> bytes:
    return render_pdf(blank_form())


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def sign(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., bytes]:
    def sign(pdf: bytes, name: str = "Lê Thị Lãnh Đạo", field: str = "ChuKy1") -> bytes:
        folder = tmp_path_factory.mktemp("signer")
        leaf = authority.issue_cert("lanhdao@example.vn", common_name=name)
        key, chain, root = folder / "key.pem", folder / "cert.pem", folder / "root.pem"
        leaf.private_key_pem.write_to_path(str(key))
        leaf.cert_chain_pems[0].write_to_path(str(chain))
        authority.cert_pem.write_to_path(str(root))
        signer = signers.SimpleSigner.load(str(key), str(chain), ca_chain_files=(str(root),))  # type: ignore[no-untyped-call]
        assert signer is not None
        writer = IncrementalPdfFileWriter(io.BytesIO(pdf), strict=False)
        meta = signers.PdfSignatureMetadata(field_name=field)
        out: io.BytesIO = apart(lambda: signers.sign_pdf(writer, meta, signer=signer))
        return out.getvalue()

    return sign


def checked(signed: bytes, form: bytes, *roots: bytes) -> tuple[Signature, ...]:
    found: tuple[Signature, ...] = apart(lambda: check(signed, form, roots))
    return found


def test_a_form_that_was_signed_is_taken_with_the_signers_name(form: bytes, sign: Callable[..., bytes]) -> None:
    (found,) = checked(sign(form), form)
    assert (found.signer, found.trusted) == ("Lê Thị Lãnh Đạo", None)
    assert found.signed_at is not None


def test_two_may_sign_one_after_the_other(form: bytes, sign: Callable[..., bytes]) -> None:
    twice = sign(sign(form), "Trần Văn Trực", "ChuKy2")
    assert [one.signer for one in checked(twice, form)] == ["Lê Thị Lãnh Đạo", "Trần Văn Trực"]


def test_who_signed_is_checked_where_roots_are_given(form: bytes, sign: Callable[..., bytes], authority: trustme.CA) -> None:
    stranger = trustme.CA().cert_pem.bytes()
    with pytest.raises(SignatureError, match="không do tổ chức được tin cậy"):
        checked(sign(form), form, stranger)
    assert authority.cert_pem.bytes()


@pytest.mark.parametrize("change", ["unsigned", "another form", "flipped", "appended", "cut", "rubbish"])
def test_whatever_is_not_the_locked_form_signed_and_whole_is_refused(form: bytes, sign: Callable[..., bytes], change: str) -> None:
    signed = sign(form)
    place = len(form) + (len(signed) - len(form)) // 3
    changed = {
        "unsigned": form,
        "another form": sign(form.replace(b"%PDF-1.7", b"%PDF-1.6", 1)),
        "flipped": signed[:place] + bytes([signed[place] ^ 1]) + signed[place + 1 :],
        "appended": signed + b"\n1 0 obj\n<<>>\nendobj\n",
        "cut": signed[:-200],
        "rubbish": b"\x00" * 100,
    }[change]
    with pytest.raises(SignatureError):
        checked(changed, form)


def test_the_command_takes_a_locked_form_that_was_signed_and_nothing_else(
    sign: Callable[..., bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    center = tmp_path / "center.toml"
    center.write_text(f'[center]\ndirectory = "{tmp_path / "state"}"\n')

    def types(*words: str) -> int:
        status: int = apart(lambda: cli.main([*words, "--config", str(center)]))
        return status

    for site in ("a", "b"):
        assert types("site", "add", site, "--name", site.upper()) == 0
    words = ("--title", "Họp", "--organizer", "UBND", "--main", "a", "--branch", "b", "--id", "hop", "--emergency")
    begins, ends = (f"{NOW + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}" for hours in (4, 5))
    assert types("meeting", "add", *words, "--begins", begins, "--ends", ends) == 0
    engine = open_store(tmp_path / "state")
    document = files.document_of(engine, "hop", NOW)
    forms.save_draft(engine, document, made_at=NOW)
    returned = tmp_path / "returned.pdf"
    returned.write_bytes(sign(render_pdf(document)))
    assert types("signed", "hop", str(returned)) == 2
    assert "not locked" in capsys.readouterr().err
    forms.confirm(engine, "hop", author="Lê Thị C", made_at=NOW)
    forms.lock(engine, "hop", author="Lê Thị C", made_at=NOW)
    assert types("signed", "hop", str(returned)) == 0
    assert "Lê Thị Lãnh Đạo" in capsys.readouterr().out
    assert (tmp_path / "state/forms/signed/hop.pdf").read_bytes() == returned.read_bytes()
    returned.write_bytes(render_pdf(document))
    assert types("signed", "hop", str(returned)) == 2
    assert "chưa có chữ ký số nào" in capsys.readouterr().err
