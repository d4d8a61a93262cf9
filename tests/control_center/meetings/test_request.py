"""Phụ lục I: the regulation's words, what was registered, and nobody's mark-up."""

from __future__ import annotations

import io
import re
import subprocess
import unicodedata
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import docx
import msgspec
import pytest
from docx.oxml.ns import qn

from control_center.config import NamesSettings
from control_center.meetings.request import Printed, printed
from control_center.meetings.request_docx import render_docx
from control_center.meetings.request_pdf import render_pdf
from control_center.store.registry import MeetingRecord, Need, Site

REGULATION = """
Tên CQ, TC CHỦ QUẢN                       CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM
TÊN CƠ QUAN TỔ CHỨC                       Độc lập - Tự do - Hạnh phúc
PHIẾU ĐĂNG KÝ SỬ DỤNG HỆ THỐNG, THIẾT BỊ HỌP TRỰC TUYẾN
Kính gửi: Sở Thông tin và Truyền thông.
1. Căn cứ (văn bản chỉ đạo tổ chức họp qua hệ thống, thiết bị họp trực tuyến – ghi rõ số văn bản, ngày tháng năm, cơ quan ban hành).
2. Đơn vị chủ trì:            Địa điểm tổ chức:
3. Nội dung cuộc họp:
4. Người chủ trì:             Chức vụ:
5. Thời gian:
6. Cán bộ kỹ thuật:           Số điện thoại:
7. Số lượng điểm cầu nhánh:
STT | Điểm cầu nhánh | Địa chỉ | Số lượng người tham dự | Đầu mối liên hệ
8. Yêu cầu khác (đánh dấu X vào ô có yêu cầu)
☐ Máy chiếu. ☐ Phát Video. ☐ Phát biểu. ☐ Lưu trữ video, hình ảnh cuộc họp.
Đề nghị Sở Thông tin và Truyền thông quan tâm hỗ trợ tổ chức họp trực tuyến./.
Bình Định, ngày ... tháng ... năm ...
Ý kiến của Sở Thông tin và Truyền thông        Thủ trưởng đơn vị (Ký, đóng dấu)
"""
"""Word for word; where a line breaks is the printer's business."""
AT = datetime(2026, 11, 2, tzinfo=UTC)


def squeezed(text: str) -> str:
    return re.sub(r"[\s|]+", "", unicodedata.normalize("NFC", text))


def words_of_docx(content: bytes) -> str:
    body = docx.Document(io.BytesIO(content)).element.body
    return "".join(text.text or "" for text in body.iter(qn("w:t")))


def words_of_pdf(content: bytes, folder: Path) -> str:
    file = folder / "form.pdf"
    file.write_bytes(content)
    return subprocess.run(["pdftotext", "-raw", str(file), "-"], capture_output=True, check=True).stdout.decode()


def empty() -> Printed:
    return printed(None, {}, NamesSettings())


@pytest.mark.req("R20")
def test_the_empty_form_has_the_words_of_the_regulation_and_no_others(tmp_path: Path) -> None:
    assert squeezed(words_of_docx(render_docx(empty(), AT))) == squeezed(REGULATION)
    assert squeezed(words_of_pdf(render_pdf(empty(), AT), tmp_path)) == squeezed(REGULATION)


@pytest.mark.req("R20")
def test_every_field_of_the_registration_stands_in_both_files(filled: MeetingRecord, room: dict[str, Site], tmp_path: Path) -> None:
    form = printed(filled, room, NamesSettings())
    for said in (words_of_docx(render_docx(form, AT)), words_of_pdf(render_pdf(form, AT), tmp_path)):
        for words in (
            *(
                filled.title,
                filled.organizer,
                filled.place,
                filled.chair,
                filled.chair_position,
                filled.technician,
                filled.phone,
                filled.basis,
            ),
            *("từ 08:00 đến 11:00 ngày 16/11/2026", "7. Số lượng điểm cầu nhánh: 02", "Bình Định, ngày 02 tháng 11 năm 2026"),
            *("1UBND thị xã Hoài Nhơn04 Bạch Đằng, Bồng Sơn12Bà Hoa, 0905 111 222", '2UBND huyện An LãoÔng "Tư" 0256'),
            "☐ Máy chiếu. ☒ Phát Video. ☐ Phát biểu. ☒ Lưu trữ video, hình ảnh cuộc họp.",
        ):
            assert squeezed(words) in squeezed(said)


def test_boxes_of_the_word_file_can_be_clicked(filled: MeetingRecord, room: dict[str, Site]) -> None:
    body = docx.Document(io.BytesIO(render_docx(printed(filled, room, NamesSettings()), AT))).element.body
    checked: list[Any] = list(body.iter("{http://schemas.microsoft.com/office/word/2010/wordml}checked"))
    assert [int(one.values()[0]) for one in checked] == [int(need in filled.needs) for need in Need]


def test_the_same_registration_gives_the_same_bytes(filled: MeetingRecord, room: dict[str, Site]) -> None:
    form = printed(filled, room, NamesSettings())
    assert render_docx(form, AT) == render_docx(form, AT)
    assert render_pdf(form, AT) == render_pdf(form, AT)


def test_names_of_department_and_place_are_configuration(tmp_path: Path) -> None:
    form = printed(None, {}, NamesSettings(department="Sở Khoa học và Công nghệ", place="Gia Lai"))
    for said in (words_of_docx(render_docx(form, AT)), words_of_pdf(render_pdf(form, AT), tmp_path)):
        assert squeezed("Kính gửi: Sở Khoa học và Công nghệ.") in squeezed(said)
        assert squeezed("Gia Lai, ngày") in squeezed(said)
        assert squeezed("Thông tin và Truyền thông") not in squeezed(said)


def test_any_character_that_was_typed_leaves_a_file_that_opens(filled: MeetingRecord, room: dict[str, Site], tmp_path: Path) -> None:
    odd = msgspec.structs.replace(filled, title="#set page(height: 1pt) $x$ \\ \x00\x1b\ufffe <w:p/> & ]] 漢😀", basis="a" * 3000)
    form = printed(odd, room, NamesSettings())
    assert "#setpage(height:1pt)$x$" in squeezed(words_of_pdf(render_pdf(form, AT), tmp_path))
    assert "<w:p/>&]]" in squeezed(words_of_docx(render_docx(form, AT)))
