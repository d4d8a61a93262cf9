"""A PDF of a locked form that came back signed: is it ours, untouched, signed, and by whom (R11, R39).

Signers of PDF append to the file (ISO 32000-1, 12.8: incremental updates), so a signed form begins with exactly the bytes that were handed
out; what a signature covers, and what was changed after it, is pyHanko's to tell.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime

import msgspec
from asn1crypto import pem, x509
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.general import SigningError, UnacceptableSignerError, ValueErrorWithMessage
from pyhanko.sign.validation import SignatureCoverageLevel, validate_pdf_signature
from pyhanko.sign.validation.status import PdfSignatureStatus
from pyhanko_certvalidator import ValidationContext

LARGEST_OCTETS = 64 * 1024 * 1024
_HARMLESS = frozenset({ModificationLevel.NONE, ModificationLevel.LTA_UPDATES})


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """One signature that holds.

    Attributes:
        signer: Who signed, as the certificate says.
        signed_at: When, by the signer's clock; None if the signature does not say.
        trusted: Whether the certificate descends from a root that was given; None: none was given.
    """

    signer: str
    signed_at: datetime | None
    trusted: bool | None


class SignatureError(ValueError):
    """The file is not taken; the text says why, in Vietnamese."""


def check(signed: bytes, original: bytes, roots: Sequence[bytes] = ()) -> tuple[Signature, ...]:
    """The signatures of a file.

    Args:
        signed: The file that came back.
        original: The PDF of the locked form, as it is handed out.
        roots: Certificates (PEM) that the signers' must descend from; empty: who they are is not checked.

    Raises:
        SignatureError: it is another file, was changed, has no signature, or one that does not hold.
    """
    if len(signed) > LARGEST_OCTETS:
        raise SignatureError("Tệp quá lớn.")
    if not signed.startswith(original):
        raise SignatureError("Tệp này không phải biểu mẫu đã khóa: nội dung khác với bản do Trung tâm phát hành.")
    context = ValidationContext(trust_roots=[_certificate(one) for one in roots], allow_fetching=False)
    try:
        embedded = list(PdfFileReader(io.BytesIO(signed), strict=False).embedded_signatures)
        if not embedded:
            raise SignatureError("Tệp chưa có chữ ký số nào.")
        found = [validate_pdf_signature(one, signer_validation_context=context) for one in embedded]
    except (PdfError, SigningError, UnacceptableSignerError, ValueErrorWithMessage) as error:
        raise SignatureError(f"Không đọc được chữ ký trong tệp: {error}") from None
    if found[-1].coverage is not SignatureCoverageLevel.ENTIRE_FILE:
        raise SignatureError("Sau chữ ký cuối cùng, tệp còn bị thêm nội dung.")
    return tuple(_judged(one, known=bool(roots)) for one in found)


def _judged(status: PdfSignatureStatus, *, known: bool) -> Signature:
    name = str(status.signing_cert.subject.native.get("common_name") or status.signing_cert.subject.human_friendly)
    if not (status.intact and status.valid):
        raise SignatureError(f"Chữ ký của {name} không còn đúng: tệp đã bị sửa sau khi ký.")
    whole = status.coverage in (SignatureCoverageLevel.ENTIRE_FILE, SignatureCoverageLevel.ENTIRE_REVISION)
    if not whole or not (status.modification_level in _HARMLESS or status.modification_level is ModificationLevel.FORM_FILLING):
        raise SignatureError(f"Sau khi {name} ký, tệp còn bị thay đổi ngoài phần chữ ký.")
    if known and not status.trusted:
        raise SignatureError(f"Chứng thư của {name} không do tổ chức được tin cậy cấp.")
    return Signature(signer=name, signed_at=status.signer_reported_dt, trusted=status.trusted if known else None)


def _certificate(text: bytes) -> x509.Certificate:
    _, _, der = pem.unarmor(text)
    return x509.Certificate.load(der)
