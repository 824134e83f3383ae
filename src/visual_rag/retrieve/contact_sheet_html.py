"""The contact sheet as one web page that needs nothing else: no network, no script, no second file.

A click on a page opens it large, in the browser's own popover. What users wrote (questions, names) is escaped, and the
page's own policy forbids the browser to load or run anything.
"""

import base64
from collections.abc import Sequence
from html import escape
from io import BytesIO
from math import sqrt
from string import Template

from PIL import Image

from visual_rag.errors import InvalidInput
from visual_rag.records import Hit, PageRecord
from visual_rag.retrieve.contact_sheet_page import (
    ImageOf,
    found_text,
    page_picture,
    page_title,
    score_text,
    similarity_percent,
    thumbnail,
    told_apart,
)
from visual_rag.retrieve.contact_sheet_text import visible

_THUMBNAIL_PX = (480, 720)
_LARGE_PIXELS = 2_500_000  # A4 at 150 dpi is 2.2 million: small print stays legible
_MAX_SIDE_PX = 16_000  # WebP ends at 16,383

_SHEET = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>$title</title>
<style>
:root {
  --ground: #f4f6f9; --ink: #182130; --soft: #566072; --rule: #dbe0e8; --accent: #2563eb; --badge: #475569;
  --panel: #fff; --shadow: 0 1px 2px rgb(15 23 42 / .12), 0 6px 18px rgb(15 23 42 / .12);
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #12161d; --ink: #e7ebf1; --soft: #a0abbb; --rule: #2c3442; --accent: #7aa5ff; --badge: #566275;
    --panel: #1b212b; --shadow: 0 1px 2px rgb(0 0 0 / .5), 0 6px 18px rgb(0 0 0 / .4);
  }
}
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 92rem; padding: clamp(1rem, 3vw, 2.5rem); background: var(--ground);
  color: var(--ink); font: 1rem/1.45 system-ui, sans-serif }
header p, .count { color: var(--soft); margin: .25rem 0 0; font-size: .9rem }
h1 { margin: 0; font-size: 1rem; font-weight: 600; color: var(--soft) }
h2 { margin: 0; font-size: 1.45rem; line-height: 1.25; overflow-wrap: anywhere }
nav ol { margin: .75rem 0 0; padding-left: 1.4rem }
nav a { color: var(--accent); overflow-wrap: anywhere }
section { padding: 1.75rem 0; border-top: 1px solid var(--rule); margin-top: 1.5rem }
.hits { list-style: none; margin: 1.25rem 0 0; padding: 0; display: grid; column-gap: 1.5rem;
  grid-template-columns: repeat(auto-fill, minmax(11.5rem, 1fr)) }
.hits li { min-width: 0 }
.page { position: relative; display: block; width: fit-content; margin: 0 auto; padding: 0; border: 0;
  background: none; cursor: zoom-in }
.page img { display: block; max-width: 100%; height: auto; background: #fff; box-shadow: var(--shadow);
  outline: 1px solid var(--rule); border-radius: 2px }
.page:hover img { outline: 2px solid var(--accent) }
.page:focus-visible { outline: 3px solid var(--accent); outline-offset: 4px }
.rank { position: absolute; top: -.6rem; left: -.6rem; min-width: 1.6rem; height: 1.6rem; padding: 0 .4rem;
  border-radius: 1rem; background: var(--badge); color: #fff; font: 600 .85rem/1.6rem system-ui, sans-serif }
li:first-child .rank { background: #2563eb }
.name { margin: .75rem 0 0; font-size: .95rem; font-weight: 600; overflow-wrap: anywhere; display: -webkit-box;
  -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden }
.details { padding-bottom: 1.75rem }
.detail { margin: .1rem 0 0; font-size: .85rem; color: var(--soft); overflow-wrap: anywhere }
.similarity { display: flex; align-items: center; gap: .6rem; margin: .4rem 0 0; font-size: .85rem;
  font-variant-numeric: tabular-nums }
.track { flex: 1; height: .35rem; border-radius: 1rem; background: var(--rule); overflow: hidden }
.track span { display: block; height: 100%; background: var(--accent); border-radius: 1rem }
.none { margin: 1.25rem 0 0; padding: 2rem; text-align: center; color: var(--soft); background: var(--panel);
  border: 1px solid var(--rule); border-radius: .6rem }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap }
dialog { max-width: min(96vw, 80rem); max-height: 96vh; padding: 0; border: 0; border-radius: .6rem; color: var(--ink);
  background: var(--panel); box-shadow: 0 20px 60px rgb(0 0 0 / .4); overflow: auto }
dialog::backdrop { background: rgb(10 14 20 / .7) }
dialog .bar { position: sticky; top: 0; display: flex; gap: 1rem; align-items: center; padding: .6rem .6rem .6rem 1rem;
  background: var(--panel); border-bottom: 1px solid var(--rule) }
dialog h3 { flex: 1; margin: 0; font-size: 1rem; overflow-wrap: anywhere }
dialog button { padding: .4rem .9rem; border: 1px solid var(--rule); border-radius: .4rem; background: var(--ground);
  color: var(--ink); font: inherit; cursor: pointer }
dialog img { display: block; max-width: 100%; height: auto; margin: 0 auto; background: #fff }
@media print { dialog { display: none } section { break-inside: avoid } }
</style>
</head>
<body>
<header>
<h1>$heading</h1>
<p>The bar shows how well the words of the question are matched. Click a page to enlarge it.</p>
$contents</header>
<main>
$sections</main>
$dialogs</body>
</html>
""")

_SECTION = Template("""\
<section id="search-$number" aria-labelledby="question-$number">
<h2 id="question-$number" dir="auto">$question</h2>
<p class="count">$count</p>
$hits</section>
""")

_HIT = Template("""\
<li>
<button type="button" class="page" popovertarget="page-$page_id" aria-label="Enlarge rank $rank: $title">
<img src="$source" width="$width" height="$height" alt="$title" loading="lazy">
<span class="rank" aria-hidden="true">$rank</span>
</button>
<p class="name" title="$name"><bdi>$name</bdi></p>
<div class="details">
<p class="detail">$page</p>
<p class="similarity"><span class="track" aria-hidden="true"><span style="width:$percent%"></span></span>
<span><span class="unseen">similarity </span>$percent%</span></p>
<p class="detail">$score</p>
</div>
</li>
""")

_DIALOG = Template("""\
<dialog popover id="page-$page_id" aria-labelledby="title-$page_id">
<div class="bar"><h3 id="title-$page_id"><bdi>$name</bdi>, $page</h3>
<button type="button" popovertarget="page-$page_id" popovertargetaction="hide">Close</button></div>
<img src="$source" width="$width" height="$height" alt="$title" loading="lazy">
</dialog>
""")


def contact_sheets_html(searches: Sequence[tuple[str, Sequence[Hit]]], image_of: ImageOf) -> str:
    """Write several searches as one web page: each question, and below it the pages that were found, best first.

    Args:
        searches: Questions with their hits.
        image_of: Reads a page's image file. It may raise an error of this package; the page is then shown empty.

    Returns:
        A whole HTML document with all images inside, about 0.2 MB for each page that was found.

    Raises:
        InvalidInput: There is no search.
    """
    if not searches:
        raise InvalidInput("there is no search to show; give at least one question with its hits")
    sections: list[str] = []
    dialogs: dict[str, str] = {}  # by page id: found twice, embedded once
    for number, (question, hits) in enumerate(told_apart(searches), start=1):
        items: list[str] = []
        for hit in hits:
            picture = page_picture(hit.page, image_of)
            items.append(_hit(hit, picture))
            if hit.page.page_id not in dialogs:
                dialogs[hit.page.page_id] = _dialog(hit.page, picture)
        sections.append(_section(number, question, items))
    several = f"Pages found for {len(searches)} questions"
    return _SHEET.substitute(
        title=several if len(searches) > 1 else _text(searches[0][0]),
        heading=several if len(searches) > 1 else "Pages found",
        contents=_contents([question for question, _ in searches]),
        sections="".join(sections),
        dialogs="".join(dialogs.values()),
    )


def _contents(questions: Sequence[str]) -> str:
    if len(questions) == 1:
        return ""
    items = (
        f'<li><a href="#search-{number}" dir="auto">{_text(question)}</a></li>\n'
        for number, question in enumerate(questions, start=1)
    )
    return f'<nav aria-label="Questions"><ol>\n{"".join(items)}</ol></nav>\n'


def _section(number: int, question: str, items: Sequence[str]) -> str:
    return _SECTION.substitute(
        number=number,
        question=_text(question),
        count=found_text(len(items)),
        hits=f'<ol class="hits">\n{"".join(items)}</ol>\n' if items else '<p class="none">No page found</p>\n',
    )


def _hit(hit: Hit, picture: Image.Image) -> str:
    small = thumbnail(picture, _THUMBNAIL_PX)
    return _HIT.substitute(
        _page_words(hit.page),
        rank=hit.rank,
        source=_data_uri(small),
        width=small.width // 2,  # the other half of the pixels is for screens that have them
        height=small.height // 2,
        percent=similarity_percent(hit),
        score=_text(score_text(hit)),
    )


def _dialog(page: PageRecord, picture: Image.Image) -> str:
    width, height = picture.size
    scale = min(1.0, sqrt(_LARGE_PIXELS / (width * height)), _MAX_SIDE_PX / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    large = picture if scale == 1 else picture.resize(size, Image.Resampling.LANCZOS)
    return _DIALOG.substitute(_page_words(page), source=_data_uri(large), width=large.width, height=large.height)


def _page_words(page: PageRecord) -> dict[str, str]:
    return {
        "page_id": _text(page.page_id),
        "name": _text(page.document_name),
        "page": _text(page_title(page)),
        "title": _text(f"{page.document_name}, {page_title(page)}"),
    }


def _text(text: str) -> str:
    return escape(visible(text))


def _data_uri(picture: Image.Image) -> str:
    buffer = BytesIO()
    picture.save(buffer, "WEBP", quality=82)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
