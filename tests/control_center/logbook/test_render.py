"""The three renderings: the regulation's words, the right boxes, all letters, and nobody's mark-up."""

from __future__ import annotations

import html.parser
import io
import re
import subprocess
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docx
import msgspec
import pytest
from docx.oxml.ns import qn

from control_center.logbook import blank_form, render_docx, render_html, render_pdf
from control_center.logbook.form import FormDocument, Tick
from control_center.logbook.printed import DATE_LINE, SIGNATURES, Printed, printed

VIETNAMESE = (
    "".join(
        dict.fromkeys(
            unicodedata.normalize("NFC", letter + tone)
            for letter in "aăâeêioôơuưyAĂÂEÊIOÔƠUƯY"
            for tone in ["", *"\u0300\u0301\u0309\u0303\u0323"]
        )
    )
    + "đĐ"
)


def squeezed(text: str) -> str:
    """Text without its spaces and line breaks: where a line breaks is the renderer's business."""
    return re.sub(r"[\s|]+", "", unicodedata.normalize("NFC", text))


class _Words(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self._silent = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent = tag in ("style", "title")

    def handle_endtag(self, tag: str) -> None:
        self._silent = False

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.said.append(data)


def html_words(document: FormDocument) -> str:
    reader = _Words()
    reader.feed(render_html(document))
    return "".join(reader.said)


def docx_words(document: FormDocument) -> str:
    made = docx.Document(io.BytesIO(render_docx(document)))
    return "".join(node.text or "" for node in made.element.body.iter(qn("w:t")))


@pytest.fixture
def pdf_words(tmp_path: Path) -> Callable[[FormDocument], str]:
    def read(document: FormDocument) -> str:
        """Words in the order of the tags, without the page numbers and the header row that each page repeats."""
        file = tmp_path / "form.pdf"
        file.write_bytes(render_pdf(document))
        text = subprocess.run(["pdftotext", "-raw", "-enc", "UTF-8", str(file), "-"], check=True, capture_output=True).stdout.decode()
        first, *rest = text.split("\f")
        return first + "".join(re.sub(r"^\d+\n", "", page).replace("STT Điểm cầu Tình trạng Thiết bị\n", "", 1) for page in rest)

    return read


@pytest.fixture(params=["html", "docx", "pdf"])
def words_of(request: pytest.FixtureRequest, pdf_words: Callable[[FormDocument], str]) -> Callable[[FormDocument], str]:
    found: Callable[[FormDocument], str] = {"html": html_words, "docx": docx_words, "pdf": pdf_words}[request.param]
    return found


def regulation(canonical: str) -> str:
    """The canonical words in full: "(the same)" of the branch rows written out."""
    same = canonical[canonical.index("☐ Bình thường") : canonical.index("II |")]
    return canonical.replace("(the same)", same)


@pytest.mark.req("R40")
def test_the_blank_form_has_exactly_the_words_of_the_regulation(words_of: Callable[[FormDocument], str], canonical: str) -> None:
    assert squeezed(words_of(blank_form())) == squeezed(regulation(canonical))


def parts_filled_in(form: Printed) -> list[str]:
    """All that stands on the form and is not the regulation's, in order."""
    parts = [said for _, said in form.fields]
    for section in form.sections:
        for row in section.rows:
            listed = [f"– {sentence}" for sentence in row.sentences] if len(row.sentences) > 1 else list(row.sentences)
            parts += [*listed, row.note, *(line.note for line in row.lines)]
    return [*parts, form.date_line, *(word for pair in form.signatures for word in pair)]


@pytest.mark.req("R40")
def test_a_filled_form_is_the_regulations_words_and_what_was_filled_in(
    story: Any, words_of: Callable[[FormDocument], str], canonical: str
) -> None:
    document = story.document()
    text = squeezed(words_of(document)).replace("☒", "☐")
    for part in filter(None, map(squeezed, parts_filled_in(printed(document)))):
        before, found, after = text.partition(part)
        assert found, f"{part} is missing"
        text = before + after
    names = {"<Tên cơ quan>": "Văn phòng UBND tỉnh", "<Tên cơ quan 1>": "UBND thị xã Hoài Nhơn", "<Tên cơ quan 2>": "an-lao"}
    expected = regulation(canonical)
    for placeholder, name in names.items():
        expected = expected.replace(placeholder, name)
    assert text == squeezed(expected)


@pytest.mark.req("R40")
def test_all_three_tick_the_same_boxes(story: Any, words_of: Callable[[FormDocument], str]) -> None:
    document = story.document()
    wanted = []
    for row in document.rows:
        for tick in (row.tick, *(line.tick for line in row.lines)):
            wanted += ["☒" if tick is Tick.NORMAL else "☐", "☒" if tick is Tick.WRONG else "☐"]
    assert re.findall("[☐☒☑]", words_of(document)) == wanted
    assert {"☐", "☒"} == set(wanted)


@pytest.mark.req("R40")
def test_boxes_of_the_word_file_are_content_controls_that_agree_with_their_glyph(story: Any) -> None:
    made = docx.Document(io.BytesIO(render_docx(story.document())))
    w14 = "{http://schemas.microsoft.com/office/word/2010/wordml}"
    controls = [node for node in made.element.body.iter(qn("w:sdt")) if node.find(f".//{w14}checkbox") is not None]
    assert len(controls) == 3 * 12
    ids = {node.find(f".//{qn('w:id')}").get(qn("w:val")) for node in controls}
    assert len(ids) == len(controls)
    for node in controls:
        checked = node.find(f".//{w14}checked").get(f"{w14}val") == "1"
        assert node.find(f".//{qn('w:t')}").text == ("☒" if checked else "☐")
        assert chr(int(node.find(f".//{w14}checkedState").get(f"{w14}val"), 16)) == "☒"
        assert chr(int(node.find(f".//{w14}uncheckedState").get(f"{w14}val"), 16)) == "☐"


@pytest.mark.parametrize("render", [render_docx, render_pdf, render_html])
def test_the_same_document_gives_the_same_bytes(story: Any, render: Callable[[FormDocument], Any]) -> None:
    assert render(story.document()) == render(story.document())


@pytest.mark.parametrize("system_fonts", [True, False])
def test_the_pdf_is_archival_with_all_fonts_inside_and_every_vietnamese_letter(story: Any, tmp_path: Path, system_fonts: bool) -> None:
    document = msgspec.structs.replace(story.document(), title=" ".join(VIETNAMESE), organizer="☐ ☒ – − …")
    file = tmp_path / "form.pdf"
    file.write_bytes(render_pdf(document, system_fonts=system_fonts))
    assert b"pdfaid" in file.read_bytes()  # typst refuses PDF/A when a glyph is missing
    fonts = subprocess.run(["pdffonts", str(file)], check=True, capture_output=True, text=True).stdout.splitlines()[2:]
    assert all(re.search(r"\byes yes yes\b", line) for line in fonts)
    names = {re.split(r"\s+", line)[0].partition("+")[2] for line in fonts}
    assert not any("Liberation" in name for name in names)
    if not system_fonts:
        assert all(name.startswith(("Libertinus", "DejaVuSansMono")) for name in names)
    text = subprocess.run(["pdftotext", "-raw", str(file), "-"], check=True, capture_output=True, text=True).stdout
    assert VIETNAMESE in squeezed(text)


def test_a_letter_that_no_font_has_does_not_stop_the_form(story: Any) -> None:
    document = msgspec.structs.replace(story.document(), title="Họp \U00012000 khẩn")
    assert render_pdf(document, system_fonts=False).startswith(b"%PDF")


HOSTILE = '<script>alert(1)</script> #panic("x") $x$ *a* _b_ ]]> &amp; {{ 1+1 }} "\' \x00\x0b\ufffe\U000e0001'


def test_what_people_and_sites_wrote_stays_text(story: Any, words_of: Callable[[FormDocument], str]) -> None:
    document = story.document()
    row = msgspec.structs.replace(document.main[0], name=HOSTILE, description=(HOSTILE,), site='"><img src=x>')
    hostile = msgspec.structs.replace(document, title=HOSTILE, organizer=HOSTILE, meeting='"><b>', main=(row,))
    said = squeezed(words_of(hostile))
    assert said.count(squeezed('<script>alert(1)</script> #panic("x") $x$ *a* _b_ ]]> &amp; {{ 1+1 }} "\'')) == 4
    page = render_html(hostile)
    assert "<script" not in page
    assert "<img" not in page
    assert "<b>" not in page


def test_the_page_needs_nothing_from_elsewhere(story: Any) -> None:
    page = render_html(story.document())
    assert page.startswith("<!DOCTYPE html>")
    assert not re.search(r"(?:src|href)\s*=|url\(|@import|https?:", page)


def test_the_fragment_for_the_board_is_the_same_article_without_page_and_style(story: Any) -> None:
    page, fragment = render_html(story.document()), render_html(story.document(), fragment=True)
    assert fragment.startswith('<article class="form2" lang="vi" data-meeting="hop-1">')
    assert fragment.strip() in page
    assert "<style" not in fragment


def test_the_confirmation_stands_below_a_filled_form_only(story: Any) -> None:
    for words, there in ((html_words(story.document()), True), (html_words(blank_form()), False)):
        assert all((part in words) is there for part in (DATE_LINE, *(who for who, _ in SIGNATURES)))


def test_the_word_file_is_a_whole_package_without_a_clock(story: Any) -> None:
    with zipfile.ZipFile(io.BytesIO(render_docx(story.document()))) as package:
        assert package.testzip() is None
        assert {part.date_time for part in package.infolist()} == {(2000, 1, 1, 0, 0, 0)}
        assert 'w:altName w:val="Tinos"' in package.read("word/fontTable.xml").decode()


def test_a_very_long_description_still_comes_out_whole(story: Any, pdf_words: Callable[[FormDocument], str]) -> None:
    document = story.document()
    sentence = "Mất kết nối đường TSLCD do cáp quang bị đứt trên quốc lộ, đã báo nhà cung cấp."
    row = msgspec.structs.replace(document.main[0], description=tuple(f"{number}: {sentence}" for number in range(80)))
    text = squeezed(pdf_words(msgspec.structs.replace(document, main=(row,))))
    assert all(squeezed(f"– {number}: {sentence}") in text for number in range(80))
