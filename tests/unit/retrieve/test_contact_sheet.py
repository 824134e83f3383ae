"""Contact sheets: nothing that users have in their files and questions breaks them, and what was found is on them."""

import base64
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO

import pytest
from PIL import Image, ImageChops

from visual_rag.errors import InvalidInput, StoreError
from visual_rag.records import Hit, PageRecord
from visual_rag.retrieve.contact_sheet import contact_sheet_png, contact_sheets_html, contact_sheets_png
from visual_rag.retrieve.contact_sheet_page import told_apart

RED = (200, 30, 30)


def _hit(rank: int, *, name: str = "pump.pdf", label: str = "", similarity: float = 0.8, document: str = "d") -> Hit:
    page = PageRecord(
        page_id=f"{document}-{rank}",
        document_id=document,
        document_name=name,
        source_uri="file:///pump.pdf",
        page_index=rank + 10,
        n_pages=90,
        label=label or str(rank + 11),
        page_hash=f"hash-{rank}",
        width_px=400,
        height_px=560,
        dpi=100.0,
        n_vectors=5,
    )
    return Hit(rank=rank, score=12.345, scored_by="maxsim", similarity=similarity, page=page)


def _hit_of(source_uri: str, *, rank: int) -> Hit:
    hit = _hit(rank, name=source_uri.rpartition("/")[2], document=source_uri)
    return replace(hit, page=replace(hit.page, source_uri=source_uri))


def _file(size: tuple[int, int] = (400, 560), color: tuple[int, ...] = RED, file_format: str = "PNG") -> bytes:
    buffer = BytesIO()
    Image.new("RGBA" if len(color) == 4 else "RGB", size, color).save(buffer, file_format)
    return buffer.getvalue()


def _red(page: PageRecord) -> bytes:
    return _file()


def _opened(png: bytes) -> Image.Image:
    picture = Image.open(BytesIO(png))
    assert picture.format == "PNG"
    return picture.convert("RGB")


def _share_of(picture: Image.Image, color: tuple[int, int, int]) -> float:
    """How much of a picture has a colour, give or take what scaling does to it."""
    difference = ImageChops.difference(picture, Image.new("RGB", picture.size, color)).convert("L")
    return sum(difference.histogram()[:12]) / (picture.width * picture.height)


def test_every_page_that_was_found_is_on_the_picture() -> None:
    """Four red pages are four times as much red as one."""
    pictures = [_opened(contact_sheet_png("q", [_hit(rank) for rank in range(1, n + 1)], _red)) for n in (1, 4)]
    single, four = (_share_of(picture, RED) for picture in pictures)
    assert single > 0.1
    assert four == pytest.approx(4 * single, rel=0.05)


def test_more_hits_than_columns_go_on_in_the_next_row() -> None:
    """Nothing is left out at twelve hits."""
    five = _opened(contact_sheet_png("q", [_hit(rank) for rank in range(1, 6)], _red))
    twelve = _opened(contact_sheet_png("q", [_hit(rank) for rank in range(1, 13)], _red))
    assert twelve.width == five.width
    assert twelve.height > 2 * five.height
    red = [_share_of(picture, RED) * picture.height for picture in (five, twelve)]
    assert red[1] == pytest.approx(red[0] * 12 / 5, rel=0.05)


def test_the_same_search_gives_the_same_picture() -> None:
    """Pictures in a repository change only when something changed."""
    assert contact_sheet_png("q", [_hit(1)], _red) == contact_sheet_png("q", [_hit(1)], _red)


def test_the_bar_shows_the_similarity() -> None:
    """More of it, more bar; out of range is cut, not drawn over the edge."""
    sheets = [_opened(contact_sheet_png("q", [_hit(1, similarity=s)], _red)) for s in (0.0, 0.5, 1.0, 7.0)]
    accents = [_share_of(sheet, (37, 99, 235)) for sheet in sheets]
    assert accents[0] < accents[1] < accents[2]
    assert accents[3] == accents[2]


@pytest.mark.parametrize("hits", [[], [_hit(1)]])
def test_an_empty_result_is_drawn_as_such(hits: Sequence[Hit]) -> None:
    """The question stays, alone or beside others."""
    picture = _opened(contact_sheets_png([("nothing", []), ("something", hits)], _red))
    assert picture.width == 1800
    assert (_share_of(picture, RED) > 0) == bool(hits)


def test_no_search_at_all_is_refused() -> None:
    """An empty picture would look like a failure."""
    with pytest.raises(InvalidInput, match="no search"):
        contact_sheets_png([], _red)
    with pytest.raises(InvalidInput, match="no search"):
        contact_sheets_html([], _red)


def test_too_many_searches_for_a_picture_are_refused_before_memory_runs_out() -> None:
    """The message names the web page as the way out."""
    with pytest.raises(InvalidInput, match="contact_sheets_html"):
        contact_sheets_png([("nothing", [])] * 500, _red)


@pytest.mark.parametrize("size", [(40, 4000), (4000, 40), (1, 1), (3, 1000), (800, 450), (20, 20)])
def test_pages_of_any_shape_stay_within_their_tile(size: tuple[int, int]) -> None:
    """Slides, long strips and icons; the picture stays as wide as ever, and a row at most as high as a tall page."""
    picture = _opened(contact_sheet_png("q", [_hit(1), _hit(2)], lambda page: _file(size)))
    assert picture.width == 1800
    assert picture.height < 1100
    assert _share_of(picture, RED) > 0.01
    assert contact_sheets_html([("q", [_hit(1)])], lambda page: _file(size)).count("<img") == 2


def test_pages_of_one_row_hang_from_one_line() -> None:
    """A slide stands no lower than the tall page beside it."""
    tall, wide = (120, 30, 30), (30, 120, 30)
    files = {"d-1": _file((400, 560), tall), "d-2": _file((560, 300), wide)}
    sheet = _opened(contact_sheet_png("q", [_hit(1), _hit(2)], lambda page: files[page.page_id]))
    tops = []
    for column, color in ((300, tall), (720, wide)):
        pixels = [sheet.getpixel((column, y)) for y in range(sheet.height)]
        tops.append(pixels.index(color))
    assert tops[0] == tops[1]


def test_documents_of_one_name_are_told_apart() -> None:
    """By as many folders as it takes; a name that is the only one stays bare."""
    uris = [
        "file:///m/2023/a/report.pdf",
        "file:///m/2024/a/report.pdf",
        "file:///m/2024/b/report.pdf",
        "file:///x.pdf",
    ]
    hits = [_hit_of(uri, rank=rank) for rank, uri in enumerate([*uris, uris[0]], start=1)]
    [(_, named)] = told_apart([("q", hits)])
    assert [hit.page.document_name for hit in named] == [
        "2023/a/report.pdf", "2024/a/report.pdf", "b/report.pdf", "x.pdf", "2023/a/report.pdf",
    ]  # fmt: skip
    assert "2024/a/report.pdf" in contact_sheets_html([("q", hits)], _red)


@pytest.mark.parametrize("broken", [b"", b"no image", _file()[:60], None])
def test_a_page_without_its_image_does_not_cost_the_sheet(broken: bytes | None) -> None:
    """Missing, empty, damaged: the others are drawn, and the page keeps its place and caption."""

    def image_of(page: PageRecord) -> bytes:
        if page.page_id != "d-2":
            return _file()
        if broken is None:
            raise StoreError("the image is gone")
        return broken

    whole = _share_of(_opened(contact_sheet_png("q", [_hit(1), _hit(2), _hit(3)], _red)), RED)
    partial = _share_of(_opened(contact_sheet_png("q", [_hit(1), _hit(2), _hit(3)], image_of)), RED)
    assert partial == pytest.approx(whole * 2 / 3, rel=0.05)
    assert contact_sheets_html([("q", [_hit(1), _hit(2)])], image_of).count("<li>") == 2


def test_other_errors_are_not_swallowed() -> None:
    """A mistake in the caller's own code shows itself."""

    def image_of(page: PageRecord) -> bytes:
        raise KeyError(page.page_id)

    with pytest.raises(KeyError):
        contact_sheet_png("q", [_hit(1)], image_of)


def test_transparent_pages_lie_on_white() -> None:
    """As they do on paper; Pillow alone would make them black."""
    picture = _opened(contact_sheet_png("q", [_hit(1)], lambda page: _file(color=(0, 0, 0, 0))))
    assert _share_of(picture, (0, 0, 0)) == 0


NAMES = [
    "取扱説明書.pdf",
    "دليل المضخة.pdf",
    "Öl-Prüfung\N{EN DASH}groß 🙂.pdf",
    "e\u0301te\u0301.pdf",
    "two\nlines\x00and\x07bell.pdf",
    "report\u202efdp.exe",
    "broken\udcff.pdf",
    "w" * 500 + ".pdf",
    "",
    "$name ${page} {hit}",
]


@pytest.mark.parametrize("name", NAMES)
def test_no_name_question_or_label_breaks_a_sheet(name: str) -> None:
    """Whatever the language, the length, or the characters that a file system lets through."""
    searches = [(name * 3, [_hit(1, name=name, label=name)]), (name, [])]
    assert _opened(contact_sheets_png(searches, _red)).width == 1800
    html = contact_sheets_html(searches, _red)
    html.encode("utf-8")
    assert "\u202e" not in html
    assert "\x00" not in html


class _Elements(HTMLParser):
    """Collects the tags of a page with their attributes, the text, and what is never closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "img"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def parse() -> Callable[[str], _Elements]:
    """Parses a page and checks that every element is closed."""

    def parsed(html: str) -> _Elements:
        elements = _Elements(html)
        assert not elements.open
        return elements

    return parsed


def test_the_web_page_says_what_was_found(parse: Callable[[str], _Elements]) -> None:
    """Question, rank, name, page, printed number, similarity and the score with its name."""
    page = parse(contact_sheets_html([("Which oil?", [_hit(1, label="iv")])], _red))
    for expected in ("Which oil?", "pump.pdf", "page 12 · printed iv", "80%", "maxsim 12.35", "1 page"):
        assert expected in page.words
    assert [image["alt"] for image in page.named("img")] == ["pump.pdf, page 12 · printed iv"] * 2


def test_the_printed_number_is_named_only_where_it_differs(parse: Callable[[str], _Elements]) -> None:
    """`page 12 · printed 12` says nothing."""
    assert "printed" not in parse(contact_sheets_html([("q", [_hit(1)])], _red)).words


def test_the_web_page_needs_nothing_else(parse: Callable[[str], _Elements]) -> None:
    """No script, no address, no second file; the page's own policy forbids them too."""
    html = contact_sheets_html([("q", [_hit(1), _hit(2)])], _red)
    page = parse(html)
    assert not [tag for tag, _ in page.tags if tag in {"script", "link", "iframe", "object"}]
    assert "http://" not in html
    assert "https://" not in html
    for image in page.named("img"):
        kind, _, data = (image["src"] or "").partition(",")
        assert kind == "data:image/webp;base64"
        assert Image.open(BytesIO(base64.b64decode(data))).size >= (1, 1)
    policy = next(meta for meta in page.named("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in (policy["content"] or "")


def test_a_click_opens_the_page_large(parse: Callable[[str], _Elements]) -> None:
    """Each picture is a button of a dialog that exists, and that has a button to close it."""
    page = parse(contact_sheets_html([("q", [_hit(1), _hit(2)])], lambda page: _file((1240, 1754))))
    dialogs = {dialog["id"] for dialog in page.named("dialog")}
    opening = [button["popovertarget"] for button in page.named("button") if button.get("class") == "page"]
    assert set(opening) == dialogs
    assert len(page.named("button")) == 4
    widths = sorted(int(image["width"] or 0) for image in page.named("img"))
    assert widths == [240, 240, 1240, 1240]


def test_a_page_found_twice_is_embedded_large_once(parse: Callable[[str], _Elements]) -> None:
    """Ids stay unique, and the file small."""
    page = parse(contact_sheets_html([("q", [_hit(1)]), ("r", [_hit(1), _hit(2)])], _red))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert len(page.named("dialog")) == 2
    assert len(page.named("li")) == 3 + 2  # and two lines of contents


@pytest.mark.parametrize(
    "attack", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</title><h1>x", "&lt;"]
)
def test_what_users_wrote_is_text(attack: str, parse: Callable[[str], _Elements]) -> None:
    """In the question, the file's name, the printed number and the ids."""
    hit = _hit(1, name=attack, label=attack, document=attack)
    page = parse(contact_sheets_html([(attack, [hit]), ("other", [])], _red))
    assert not page.named("script")
    assert not [attributes for _, attributes in page.tags if "onerror" in attributes]
    assert len(page.named("h1")) == 1
    assert page.words.count(attack) >= 3


def test_the_web_page_can_be_read_by_a_machine_that_reads_aloud(parse: Callable[[str], _Elements]) -> None:
    """Language, one main heading, a heading for each question, names for buttons, alternatives for pictures."""
    page = parse(contact_sheets_html([("q", [_hit(1)]), ("r", [])], _red))
    assert page.named("html")[0]["lang"] == "en"
    assert len(page.named("h1")) == 1
    assert len(page.named("h2")) == 2
    assert all(image["alt"] for image in page.named("img"))
    assert all(button.get("aria-label") for button in page.named("button") if button.get("class") == "page")
    assert "No page found" in page.words


def test_the_web_page_knows_light_and_dark() -> None:
    """By the reader's own setting."""
    html = contact_sheets_html([("q", [])], _red)
    assert "prefers-color-scheme: dark" in html
    assert re.search(r'name="color-scheme" content="light dark"', html)
