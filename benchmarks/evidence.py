"""How well the evidence of a one-word question fits the word: `python benchmarks/evidence.py FOLDER [--words N]`.

Words of at least four letters are drawn at random from the text layers of the PDFs in FOLDER; spotter sees pixels
alone. A box contains the word when it holds the centre of the word's own box and covers at least 80 % of its area;
any place on the page where the word stands counts, case ignored. The text layer's boxes are those of the ink.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from visual_rag.embed.spotter import Spotter
from visual_rag.embed.spotter_words import split_words
from visual_rag.records import Page, PageEmbedding, Region, TokenEvidence
from visual_rag.render import PageRendered, RenderRequest, render_documents
from visual_rag.retrieve.evidence import find_evidence
from visual_rag.settings import RenderSettings
from visual_rag.sources.local import describe, list_files
from visual_rag.testing import make_record

LEAST_LETTERS, LEAST_COVERED, LEAST_ON_WORD = 4, 0.8, 0.1
PAGES_AT_ONCE = 8


@dataclass(frozen=True)
class NamedPage:
    """A page and the document it is of."""

    document_name: str
    page: Page


@dataclass(frozen=True)
class Found:
    """One word that was looked for: where it stands, and what was found."""

    word: str
    place: NamedPage
    boxes: list[Region]
    token: TokenEvidence

    @property
    def covered(self) -> list[float]:
        """Share of each of the word's boxes that the found box covers."""
        return [shared_area(self.token.box, box) / area(box) for box in self.boxes]

    @property
    def contained(self) -> list[Region]:
        """The word's boxes that the found box contains."""
        return [
            box
            for box, covered in zip(self.boxes, self.covered, strict=True)
            if covered >= LEAST_COVERED and holds_centre(self.token.box, box)
        ]

    @property
    def outcome(self) -> str:
        """Contained, or what went wrong."""
        if self.contained:
            return "contained"
        if max(self.covered) >= LEAST_ON_WORD:
            return "on the word, but too small"
        return f"elsewhere, strength {'0.5 or more' if self.token.strength >= 0.5 else 'below 0.5'}"


def area(box: Region) -> float:
    """In shares of the page."""
    return (box.right - box.left) * (box.bottom - box.top)


def shared_area(one: Region, other: Region) -> float:
    """Of two boxes."""
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    return max(width, 0) * max(height, 0)


def holds_centre(box: Region, word: Region) -> bool:
    """Whether the middle of the word is in the box."""
    x, y = (word.left + word.right) / 2, (word.top + word.bottom) / 2
    return box.left <= x <= box.right and box.top <= y <= box.bottom


def edge_error(found: Found) -> float:
    """Median distance of the matched region's four edges from the word's, in heights of the word."""
    size = np.array(found.place.page.image.size * 2)
    word, region = np.array(found.contained[0]) * size, np.array(found.token.region) * size
    return float(np.median(np.abs(region - word)) / (word[3] - word[1]))


def words_of(page: Page) -> list[str]:
    """Words of a page that can be drawn: whole tokens of the text layer with enough letters."""
    found = set()
    for word in page.words:
        pieces = split_words(word.text)
        if len(pieces) == 1 and sum(letter.isalpha() for letter in pieces[0]) >= LEAST_LETTERS and area(word.region):
            found.add(pieces[0])
    return sorted(found)


def places_of(word: str, page: Page) -> list[Region]:
    """Where a word stands on a page. Of a compound, `nose-down`, it has its share of the letters and so of the box."""
    places = []
    for token in page.words:
        left, top, right, bottom = token.region
        pieces = split_words(token.text)
        start = token.text.casefold().find(word)
        if pieces == [word]:
            places.append(token.region)
        elif word in pieces and start >= 0:
            letter = (right - left) / len(token.text)
            places.append(Region(left + letter * start, top, left + letter * (start + len(word)), bottom))
    return [place for place in places if area(place) > 0]


def render_folder(folder: Path, dpi: int) -> list[NamedPage]:
    """Render the pages of a folder's PDFs that have a text layer with words to draw from."""
    requests = (
        RenderRequest(document=describe(file.path), path=file.path)
        for file in list_files([folder])
        if file.path.suffix == ".pdf"
    )
    events = render_documents(requests, RenderSettings(), dpi=dpi)
    pages = [NamedPage(event.document.name, event.page) for event in events if isinstance(event, PageRendered)]
    return [named for named in pages if words_of(named.page)]


def draw_words(pages: Sequence[NamedPage], n_words: int, n_pages: int, seed: int) -> list[tuple[NamedPage, str]]:
    """Draw pages, then words of them, each page as often as the other."""
    random = np.random.default_rng(seed)
    chosen = random.permutation(len(pages))[:n_pages]
    drawn = []
    for turn in range(n_words):
        named = pages[chosen[turn % len(chosen)]]
        drawn.append((named, str(random.choice(words_of(named.page)))))
    return drawn


def look_for(drawn: Sequence[tuple[NamedPage, str]], spotter: Spotter) -> list[Found]:
    """Ask for each word alone and find it on its page."""
    distinct = list({id(named): named for named, _ in drawn}.values())
    embeddings: dict[int, PageEmbedding] = {}
    for first in range(0, len(distinct), PAGES_AT_ONCE):
        batch = distinct[first : first + PAGES_AT_ONCE]
        embedded = spotter.embed_pages([named.page for named in batch])
        embeddings.update(zip(map(id, batch), embedded, strict=True))
    found = []
    for named, word in drawn:
        [query] = spotter.embed_queries([word])
        record = make_record(width_px=named.page.image.width, height_px=named.page.image.height)
        evidence = find_evidence(query, record, embeddings[id(named)])
        found.append(Found(word, named, places_of(word, named.page), evidence.tokens[0]))
    return found


def report(found: Sequence[Found]) -> None:
    """Print the share, how tight the boxes are, and the misses."""
    outcomes = Counter(item.outcome for item in found)
    print(f"{100 * outcomes['contained'] / len(found):.1f} % of {len(found)} words are in the box of their evidence")
    ratios = [area(item.token.box) / area(item.contained[0]) for item in found if item.contained]
    print(f"area of box / area of word: median {np.median(ratios):.2f}, 90th percentile {np.quantile(ratios, 0.9):.2f}")
    errors = [edge_error(item) for item in found if item.contained]
    print(f"edges of the region before the margin: median error {np.median(errors):.2f} of the type's height")
    for outcome, count in outcomes.most_common():
        print(f"  {count:4d} {outcome}")
    for item in found:
        if not item.contained:
            page = f"{item.place.document_name} page {item.place.page.page_index + 1}"
            print(f"  {item.word!r:24} {page:48} strength {item.token.strength:.2f}  covered {max(item.covered):.2f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--words", type=int, default=200)
    parser.add_argument("--pages", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    spotter = Spotter()
    pages = render_folder(arguments.folder, spotter.page_dpi)
    report(look_for(draw_words(pages, arguments.words, arguments.pages, arguments.seed), spotter))


if __name__ == "__main__":
    main()
