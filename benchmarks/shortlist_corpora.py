"""Corpora and queries for `shortlist.py`: rows of all pages in a file, 8 bits a value.

- `drawn`: 700 x 128 a page, like patches: the ten pages of a document share directions, neighbours are alike, a quarter
  is background; queries are 20 noisy rows of one page. Scored by MaxSim. It flatters pooling to 64 rows: a page is
  drawn from 60 directions.
- `words`: 300 x 128 a page, by Zipf's law from 20,000 directions; queries are six rare ones of a page. MaxSim.
- `spotter`: rows that spotter sees on real pages. A page takes its words from twelve of them, in shares drawn for it,
  each seen a little differently (cosine 0.95), so no two pages are near-duplicates, yet words of one subject come
  together. Queries are two to six words of one page, as typed. Scored by soft BM25.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pipeline import render_all

from visual_rag.embed.soft_bm25 import Gate
from visual_rag.embed.spotter import Spotter
from visual_rag.records import FloatArray, IntArray, Page, PageEmbedding
from visual_rag.scoring import normalise_rows

DIM, N_QUERIES = 128, 40
PagesRows = Iterator[FloatArray]


@dataclass(frozen=True)
class Corpus:
    """Rows of all pages in a file, page after page.

    Attributes:
        rows: Shape (n_rows, DIM).
        scales: Shape (n_rows,): what each row is multiplied by.
        starts: Shape (n_pages + 1,): where each page's rows start.
        gate: Of soft BM25; None scores by MaxSim.
    """

    rows: NDArray[np.int8]
    scales: FloatArray
    starts: IntArray
    gate: Gate | None

    @property
    def n_pages(self) -> int:
        """Pages."""
        return len(self.starts) - 1

    def decoded(self, first: int, last: int) -> FloatArray:
        """Rows as float32."""
        return self.rows[first:last].astype(np.float32) * self.scales[first:last, None]


def stored(pages: PagesRows, file: Path, gate: Gate | None) -> Corpus:
    """Write pages to a file as they come, 8 bits a value."""
    scales, lengths = [], []
    with file.open("wb") as out:
        for rows in pages:
            scale = np.abs(rows).max(axis=1) / 127
            out.write(np.rint(rows / scale[:, None]).astype(np.int8).tobytes())
            scales.append(scale)
            lengths.append(len(rows))
    starts = np.concatenate([[0], np.cumsum(lengths)])
    rows = np.memmap(file, dtype=np.int8, mode="r", shape=(int(starts[-1]), DIM))
    return Corpus(rows, np.concatenate(scales), starts, gate)


def noise(random: np.random.Generator, n_rows: int, size: float) -> FloatArray:
    """Draw rows of about that length."""
    rows: FloatArray = random.standard_normal((n_rows, DIM), dtype=np.float32)
    rows *= size / DIM**0.5
    return rows


def draw_patches(n_pages: int, random: np.random.Generator, queries: list[FloatArray]) -> PagesRows:
    """Draw pages like grids of patches, and queries to some of them."""
    n_rows, n_topics, n_background = 700, 48, 12
    known, background = normalise_rows(noise(random, 2000, 1)), normalise_rows(noise(random, n_background, 1))
    frequency = 1 / np.arange(1, 2001) ** 0.7
    asked = set(random.choice(n_pages, N_QUERIES, replace=False).tolist())
    for number in range(n_pages):
        if number % 10 == 0:
            chosen = random.choice(2000, 80, replace=False, p=frequency / frequency.sum())
            document = known[chosen] + noise(random, 80, 0.45)
        topics = document[random.choice(80, n_topics, replace=False)] + noise(random, n_topics, 0.35)
        runs = random.integers(0, n_topics, n_rows)
        is_background = random.random(n_rows) < 0.25
        runs[is_background] = n_topics + random.integers(0, n_background, is_background.sum())
        labels = np.repeat(runs, 1 + random.poisson(6, n_rows))[:n_rows]
        rows = normalise_rows(np.concatenate([topics, background])[labels] + noise(random, n_rows, 0.75))
        if number in asked:
            picked = random.choice(np.flatnonzero(labels < n_topics), 20, replace=False)
            queries.append(normalise_rows(rows[picked] + noise(random, 20, 1.1)))
        yield rows


def draw_words(n_pages: int, random: np.random.Generator, queries: list[FloatArray]) -> PagesRows:
    """Draw pages of words, as `search.py` does."""
    n_known, n_rows, n_asked = 20_000, 300, 6
    known = normalise_rows(noise(random, n_known, 1))
    frequency = 1 / np.arange(1, n_known + 1)
    asked = set(random.choice(n_pages, N_QUERIES, replace=False).tolist())
    for number in range(n_pages):
        drawn = random.choice(n_known, n_rows, p=frequency / frequency.sum())
        if number in asked:
            rare = np.unique(drawn)[-3 * n_asked :]
            queries.append(known[random.choice(rare, n_asked, replace=False)])
        yield normalise_rows(known[drawn] + noise(random, n_rows, 0.05 * DIM**0.5))


def mix_words(
    n_pages: int, random: np.random.Generator, queries: list[FloatArray], spotter: Spotter, folder: Path
) -> PagesRows:
    """Mix pages from the words of real ones."""
    pages = [page for page in render_all(folder, spotter.page_dpi) if page.words]
    seen = [pair for pair in zip(pages, spotter.embed_pages(pages), strict=True) if len(pair[1].vectors) >= 60]
    texts = [texts_of(*pair) for pair in seen]
    asked = set(random.choice(n_pages, N_QUERIES, replace=False).tolist())
    for number in range(n_pages):
        n_rows = len(texts[random.integers(len(texts))])
        chosen = random.choice(len(seen), 12, replace=False)
        shares = random.multinomial(n_rows, random.dirichlet(np.full(12, 0.7)))
        rows, words = [], []
        for page, share in zip(chosen, shares, strict=True):
            picked = random.choice(len(texts[page]), min(share, len(texts[page])), replace=False)
            rows.append(seen[page][1].vectors[picked])
            words += [texts[page][row] for row in picked]
        if number in asked:
            usable = sorted({word for word in words if len(word) >= 4 and word.isalpha()})
            question = " ".join(random.choice(usable, random.integers(2, 7), replace=False))
            queries.append(spotter.embed_queries([question])[0].vectors)
        page_rows = np.concatenate(rows)
        yield normalise_rows(page_rows + noise(random, len(page_rows), 0.33))


def texts_of(page: Page, embedding: PageEmbedding) -> list[str]:
    """Name each row by the word of the text layer that its middle lies in."""
    boxes = np.array([word.region for word in page.words], dtype=np.float32)
    middle = (embedding.regions[:, None, :2] + embedding.regions[:, None, 2:]) / 2
    inside = np.all((middle >= boxes[None, :, :2]) & (middle <= boxes[None, :, 2:]), axis=2)  # (n_rows, n_words)
    hits = zip(inside.argmax(axis=1).tolist(), np.any(inside, axis=1).tolist(), strict=True)
    names = [re.sub(r"\W", "", word.text).lower() for word in page.words]
    return [names[word] if hit else "" for word, hit in hits]


def make_corpus(kind: str, n_pages: int, folder: Path | None, file: Path) -> tuple[Corpus, list[FloatArray]]:
    """Draw or mix pages, and queries to them."""
    random, queries, gate = np.random.default_rng(7), list[FloatArray](), None
    if kind == "spotter":
        if folder is None:
            raise ValueError("spotter reads real pages: --folder FOLDER_OF_PDFS")
        spotter = Spotter()
        card = json.loads((resources.files("visual_rag") / "weights" / "spotter.json").read_text("utf8"))
        gate = Gate(card["gate_centre"], card["gate_softness"])
        pages = mix_words(n_pages, random, queries, spotter, folder)
    else:
        draw = draw_patches if kind == "drawn" else draw_words
        pages = draw(n_pages, random, queries)
    return stored(pages, file, gate), queries
