"""Every store gives the answer of brute force: the same pages in the same order with the same scores, for any search.

The stores are the embedded one and the one for Qdrant servers, here on qdrant-client's local mode: the client's own
Python in place of the engine. What that leaves open about a real server (docs/server.md has the whole table):

- Datatype and quantization are ignored there, all is 32 bits: a server with 8 bits a value is near, not equal.
- A server with a graph over the pooled vectors may shortlist other pages; local mode looks at all of them.
- Local mode forgets a deleted page's words at once; a server counts them, for the rareness of words, until it has
  cleaned up. So does the embedded engine. Nothing is deleted here.
- No request goes through REST or gRPC.

The corpus is made so that all numbers are exact in 16 bits (`corpus.py`); order is compared strictly, ties included.
"""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from oracle.brute_force import BruteForceStore
from oracle.corpus import Exact, ExactReranking, fill, passport_of
from oracle.plans import KINDS, Answer, Plan, make_plans
from qdrant_client import QdrantClient

from visual_rag.records import PageRecord
from visual_rag.retrieve.search import PageSearcher
from visual_rag.server_settings import ServerSettings
from visual_rag.store.edge import EdgeStore
from visual_rag.store.filters import Filter
from visual_rag.store.images import PageImages
from visual_rag.store.protocol import PageStore
from visual_rag.store.qdrant import QdrantStore

N_PLANS = {"maxsim": 25, "soft_bm25": 12}  # of each kind
LEAST_SHARE_WITH_HITS = 0.8
SCORE_TOLERANCE = 1e-4  # of a score; sums of 32 bits come in another order in every engine

pytestmark = pytest.mark.filterwarnings(
    "ignore:Payload indexes have no effect in the local Qdrant", "ignore:Local mode performs exact"
)


@dataclass(frozen=True)
class Searchers:
    """The same corpus, three times."""

    pages: list[PageRecord]
    scored_by: str
    oracle: PageSearcher
    others: dict[str, PageSearcher]


@pytest.fixture(scope="module", params=[Exact, ExactReranking])
def searchers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Searchers]:
    """For an embedder that leaves the last word to MaxSim, and for one with a last stage of its own."""
    embedder, folder = request.param(), tmp_path_factory.mktemp("congruence")
    passport, images = passport_of(embedder), PageImages(folder / "images")
    with ExitStack() as opened:
        client = opened.enter_context(closing(QdrantClient(":memory:")))
        stores: dict[str, PageStore] = {
            "brute force": BruteForceStore(passport),
            "edge": opened.enter_context(EdgeStore.create(folder / "edge", passport)),
            "local mode": QdrantStore.create(ServerSettings(), "pages", passport, client=client),
        }
        pages = [fill(store) for store in stores.values()]
        by_name = {name: PageSearcher(store, embedder, images) for name, store in stores.items()}
        yield Searchers(pages[0], getattr(embedder, "scored_by", "maxsim"), by_name.pop("brute force"), by_name)


@pytest.mark.parametrize("kind", KINDS)
def test_every_store_answers_as_brute_force_does(searchers: Searchers, kind: str) -> None:
    """Ids, order, scores, similarities, groups and counts."""
    plans = make_plans(kind, searchers.pages, n_plans=N_PLANS[searchers.scored_by], seed=1)
    expected = [plan.run(searchers.oracle) for plan in plans]
    n_with_hits = sum(bool(found and found[0][1]) for found in expected)
    assert n_with_hits >= LEAST_SHARE_WITH_HITS * len(plans), "too many of the plans compare nothing with nothing"
    for name, searcher in searchers.others.items():
        for plan, found in zip(plans, expected, strict=True):
            assert_same(plan.run(searcher), found, plan, name)


def assert_same(found: Answer, expected: Answer, plan: Plan, store: str) -> None:
    """Compare two answers to one plan."""
    where = f"{store}: {plan.shown}"
    assert [name for name, _ in found] == [name for name, _ in expected], where
    for (name, rows), (_, wanted) in zip(found, expected, strict=True):
        assert [page_id for page_id, *_ in rows] == [page_id for page_id, *_ in wanted], f"{where}, {name}"
        for position in (1, 2):
            assert [row[position] for row in rows] == pytest.approx(
                [row[position] for row in wanted], rel=SCORE_TOLERANCE, abs=SCORE_TOLERANCE
            ), f"{where}, {name}"


class Backwards(BruteForceStore):
    """Brute force, that goes through its pages from the last to the first."""

    def scroll(self, condition: Filter | None = None) -> Iterator[PageRecord]:
        """Go through pages."""
        return reversed(list(super().scroll(condition)))


def test_the_order_in_which_a_store_keeps_pages_changes_nothing(tmp_path: Path) -> None:
    """Sums in a matrix round by place, so a model's last stage would break ties by it; scores are the very same."""
    embedder, answers = ExactReranking(), []
    for kind in (BruteForceStore, Backwards):
        store = kind(passport_of(embedder))
        pages = fill(store)
        searcher = PageSearcher(store, embedder, PageImages(tmp_path))
        answers.append([plan.run(searcher) for plan in make_plans("filtered", pages, n_plans=40, seed=1)])
    assert answers[0] == answers[1]
