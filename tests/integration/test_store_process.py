"""The search process for real: what it does for other threads, and how it and its parent live and die."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from pathlib import Path

import numpy as np
import pytest

from visual_rag.errors import CollectionNotFound, DimensionMismatch, InvalidInput, StoreError, StoreLocked
from visual_rag.errors import StoreUnavailable as Unavailable
from visual_rag.passport import IndexPassport
from visual_rag.records import FloatArray, ModelIdentity, PagePoint
from visual_rag.scoring import maxsim, normalise_rows
from visual_rag.store.edge import EdgeStore
from visual_rag.store.filters import In
from visual_rag.store.process import ProcessStore
from visual_rag.store.protocol import QueryPlan
from visual_rag.store.schema import PAGE_INDEX
from visual_rag.testing import make_point

DIM, PATIENCE_S = 32, 60
MODEL = ModelIdentity(name="random", revision="1", weights_hash="ab", dim=DIM, backend="none")
PASSPORT = IndexPassport(model=MODEL, dpi=96, renderer="pdfium 5", pooling="runs8", datatype="float16")
PROGRAM = """
import os, sys
from pathlib import Path
import numpy as np
from visual_rag.store.process import ProcessStore
from visual_rag.store.protocol import QueryPlan
store = ProcessStore.open(Path({folder!r}))
plan = QueryPlan(vectors=np.eye(32, dtype=np.float32)[:4], limit=3)
"""


class Language(StrEnum):
    """A user's own type, which the search process cannot import."""

    GERMAN = "de"


def rows(seed: int, n_rows: int) -> FloatArray:
    """Random rows of unit length."""
    return normalise_rows(np.random.default_rng(seed).standard_normal((n_rows, DIM), dtype=np.float32))


def points(n_pages: int, *, n_rows: int = 8, version: int = 0) -> list[PagePoint]:
    """Pages whose vectors follow from position and version."""
    return [page_point(index, version, n_rows) for index in range(n_pages)]


def page_point(index: int, version: int, n_rows: int = 8) -> PagePoint:
    """One page; its metadata say the version."""
    return make_point(rows(1000 * version + index, n_rows), page_index=index, metadata={"version": version})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A closed index of 20 pages."""
    with EdgeStore.create(tmp_path / "manuals", PASSPORT) as store:
        store.upsert(points(20))
    return tmp_path / "manuals"


@pytest.fixture
def store(folder: Path) -> Iterator[ProcessStore]:
    """The same, open in a search process."""
    with ProcessStore.open(folder) as opened:
        yield opened


def pid_of(store: ProcessStore) -> int:
    """Process number of the search process."""
    assert store._process is not None
    return store._process.pid


def kill(store: ProcessStore) -> None:
    """End the search process as a system out of memory does."""
    os.kill(pid_of(store), signal.SIGKILL)


def wait_until(holds: Callable[[], bool]) -> bool:
    """Look again and again."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.05)
    return holds()


def can_be_opened(folder: Path) -> bool:
    """Whether nobody holds the index."""
    try:
        EdgeStore.open(folder).close()
    except StoreLocked:
        return False
    return True


def run(program: str, folder: Path) -> "subprocess.Popen[str]":
    """Run a program without `if __name__ == "__main__"`, as from a notebook: there is no file of it."""
    command = [sys.executable, "-c", PROGRAM.format(folder=str(folder)) + program]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, start_new_session=True)


def ticks_a_second(store: EdgeStore | ProcessStore) -> float:
    """How often a thread that sleeps 1 ms at a time runs while another one searches."""
    plan = QueryPlan(vectors=rows(7, 200), limit=5)
    store.query(plan)
    done, n_ticks = threading.Event(), 0

    def tick() -> None:
        nonlocal n_ticks
        while not done.wait(0.001):
            n_ticks += 1

    with ThreadPoolExecutor() as pool:
        ticking = pool.submit(tick)
        started = time.perf_counter()
        for _ in range(8):
            store.query(plan)
        seconds = time.perf_counter() - started
        done.set()
        ticking.result()
    return n_ticks / seconds


def test_other_threads_run_while_it_searches(tmp_path: Path) -> None:
    """In process a search keeps all other threads waiting; in the search process it keeps none."""
    with EdgeStore.create(tmp_path / "index", PASSPORT) as store:
        store.upsert(points(600, n_rows=200))
        in_process = ticks_a_second(store)
    with ProcessStore.open(tmp_path / "index") as apart:
        assert ticks_a_second(apart) > 10 * in_process


def test_concurrent_searches_see_whole_versions(store: ProcessStore) -> None:
    """While one thread rewrites and removes pages, every answer of four others is one that was right at some moment."""
    query, done, n_versions = rows(99, 4), threading.Event(), 12

    def write() -> None:
        for version in range(1, n_versions + 1):
            store.delete(In(PAGE_INDEX, (version,)))
            store.upsert(points(20, version=version))
        done.set()

    def search() -> int:
        n_searches = 0
        while not done.is_set() or not n_searches:
            found = store.query(QueryPlan(vectors=query, limit=20, shortlist=None if n_searches % 2 else 20))
            scores = {row.page.page_index: row.score for row in found}
            versions = {row.page.page_index: int(row.page.metadata["version"]) for row in found}
            expected = {i: maxsim(query, page_point(i, v).embedding.vectors) for i, v in versions.items()}
            assert scores == pytest.approx(expected, rel=2e-3)
            assert list(scores.values()) == sorted(scores.values(), reverse=True)
            assert set(range(20)) - set(versions) <= {min(versions.values()) + 1}
            n_searches += 1
        return n_searches

    with ThreadPoolExecutor() as pool:
        searching = [pool.submit(search) for _ in range(4)]
        pool.submit(write).result()
        assert min(task.result() for task in searching) > 1
    assert {page.metadata["version"] for page in store.scroll()} == {n_versions}


def test_a_search_gets_in_between_the_parts_of_a_scroll(folder: Path) -> None:
    """Several scrolls and a search take turns; those that are read to the end are whole, one may be left."""
    with ProcessStore.open(folder) as store:
        store.upsert(points(600, n_rows=1))
        scrolls = [store.scroll() for _ in range(3)]
        firsts = [next(pages) for pages in scrolls]
        assert len(store.query(QueryPlan(vectors=rows(1, 2), limit=9))) == 9
        del scrolls[1]
        for first, rest in zip([firsts[0], firsts[2]], scrolls, strict=True):
            assert len({first.page_id, *(page.page_id for page in rest)}) == 600


def test_rewritten_pages_give_their_new_vectors(store: ProcessStore) -> None:
    """Vectors that were read before are not remembered past a write."""
    pages = sorted(store.scroll(), key=lambda page: page.page_index)
    for version in (0, 1, 2):
        store.upsert(points(20, version=version))
        for point, embedding in zip(points(20, version=version), store.embeddings(pages), strict=True):
            assert np.vecdot(point.embedding.vectors, embedding.vectors).min() > 0.999


def test_killed_in_the_middle_it_loses_nothing_and_comes_back(store: ProcessStore) -> None:
    """Calls that wait say so and may be tried again; every page that `upsert` had returned for is there."""
    written, errors = 20, []
    for _ in range(3):
        assert store.count() >= written
        threading.Timer(0.2, kill, [store]).start()
        try:
            for _ in range(2000):  # a kill between two calls costs none of them
                store.upsert([page_point(written, 0)])
                written += 1
        except Unavailable as error:
            errors.append(error)
    assert errors, "three kills in the middle of 2,000 writes each, and none was told"
    assert all("SIGKILL" in str(error) and error.retryable for error in errors)
    assert {error.collection for error in errors} == {"manuals"}
    query = rows(5, 4)
    found = {row.page.page_index: row.score for row in store.query(QueryPlan(vectors=query, limit=10_000))}
    expected = {i: maxsim(query, page_point(i, 0).embedding.vectors) for i in range(written)}
    assert {index: found[index] for index in expected} == pytest.approx(expected, rel=2e-3)


def test_a_scroll_does_not_go_on_in_another_process(store: ProcessStore) -> None:
    """It would give pages twice or leave some out, so it fails; the next one is whole."""
    store.upsert(points(600, n_rows=1))
    pages = store.scroll()
    next(pages)
    kill(store)
    with pytest.raises(Unavailable):
        list(pages)
    assert len(list(store.scroll())) == 600


def test_killed_while_idle_nobody_notices(store: ProcessStore) -> None:
    """A death between two calls costs neither."""
    revision = store.revision
    for _ in range(5):
        kill(store)
        os.waitid(os.P_PID, pid_of(store), os.WEXITED | os.WNOWAIT)
        assert store.count() == 20
    assert store.revision == revision


def test_it_gives_up_on_a_process_that_never_answers(store: ProcessStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three deaths in a row end the trying, by an error that says so."""
    kill(store)
    os.waitid(os.P_PID, pid_of(store), os.WEXITED | os.WNOWAIT)
    monkeypatch.setenv("PYTHONHOME", "/nowhere")  # no interpreter starts with it
    for _ in range(2):  # the kill was the first death
        with pytest.raises(Unavailable, match="exit code 1"):
            store.count()
    for _ in range(2):
        with pytest.raises(StoreError, match="times in a row") as caught:
            store.count()
        assert not caught.value.retryable


def test_an_index_has_one_opener(store: ProcessStore, folder: Path) -> None:
    """The lock is the embedded store's own, held by the search process until it is closed."""
    for kind in (EdgeStore, ProcessStore):
        with pytest.raises(StoreLocked, match=str(pid_of(store))):
            kind.open(folder)
    store.close()
    store.close()
    assert can_be_opened(folder)


def test_a_store_that_is_dropped_unclosed_lets_go(folder: Path) -> None:
    """Its process ends when it is collected."""
    store = ProcessStore.open(folder)
    assert not can_be_opened(folder)
    del store
    assert wait_until(lambda: can_be_opened(folder))


def complaint(act: Callable[..., object], *arguments: object) -> tuple[type, str, object]:
    """Class, message and collection of the error."""
    with pytest.raises((StoreError, InvalidInput)) as caught:
        act(*arguments)
    return type(caught.value), str(caught.value), getattr(caught.value, "collection", None)


def complaints(kind: type[EdgeStore] | type[ProcessStore], folder: Path) -> list[tuple[type, str, object]]:
    """The errors of opening, creating, writing, searching, reading, and using what is closed."""
    errors = [complaint(kind.open, folder.parent / "nothing"), complaint(kind.create, folder, PASSPORT)]
    store = kind.open(folder)
    bad = make_point(rows(1, 2), page_index=3, metadata={"seen": object()})
    errors.append(complaint(store.upsert, [*points(2), bad]))
    errors.append(complaint(store.query, QueryPlan(vectors=np.ones((2, 5), dtype=np.float32), limit=3)))
    page = next(store.scroll(In(PAGE_INDEX, (4,))))
    store.delete(In(PAGE_INDEX, (4,)))
    errors.append(complaint(store.embeddings, [page]))
    store.upsert(points(20))
    store.close()
    errors += [complaint(store.count), complaint(list, store.scroll()), complaint(store.embeddings, [page])]
    return errors


def test_errors_are_those_of_the_embedded_store(folder: Path) -> None:
    """Class, message and attributes, whatever goes wrong."""
    errors = complaints(EdgeStore, folder)
    assert errors == complaints(ProcessStore, folder)
    assert [errors[0][0], errors[3][0], errors[-1][0]] == [CollectionNotFound, DimensionMismatch, StoreError]


def test_values_of_the_users_own_types_are_what_they_stand_for(store: ProcessStore) -> None:
    """The search process knows nothing of the user's classes; what has no plain meaning is refused."""
    store.upsert([make_point(rows(1, 2), page_index=3, metadata={"language": Language.GERMAN})])
    assert store.count(In("metadata.language", (Language.GERMAN,))) == 1
    assert next(store.scroll(In("metadata.language", ("de",)))).metadata == {"language": "de"}
    for value in (lambda: None, Callable, wait_until):
        with pytest.raises(InvalidInput):
            store.upsert([make_point(rows(1, 2), page_index=4, metadata={"odd": value})])
    assert store.count() == 20


@pytest.mark.parametrize("idle", ["while True: store.query(plan)", "import time; time.sleep(600)"])
def test_when_the_parent_is_killed_it_ends(folder: Path, idle: str) -> None:
    """At work or not; the index can be opened again."""
    with run(f"print(store.count(), flush=True)\n{idle}", folder) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "20\n"
        assert not can_be_opened(folder)
        parent.kill()
        assert wait_until(lambda: can_be_opened(folder))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no os.fork on this system")
def test_a_fork_cannot_use_it_and_does_not_keep_it(folder: Path) -> None:
    """The forked side gets an error and may close; the parent goes on; and the lock ends with the parent."""
    program = """
if not os.fork():
    try:
        store.count()
    except Exception as error:
        print(type(error).__name__, "forked" in str(error), flush=True)
    store.close()
    sys.stdin.read()
    os._exit(0)
print(store.count(), flush=True)
os.kill(os.getpid(), 9)
"""
    with run(program, folder) as parent:
        assert parent.stdout is not None
        assert sorted([parent.stdout.readline(), parent.stdout.readline()]) == ["20\n", "StoreError True\n"]
        assert wait_until(lambda: can_be_opened(folder))  # though the fork is there still, with its end of the pipe
        assert parent.stdin is not None
        parent.stdin.close()


def test_control_c_leaves_it_to_the_parent_to_finish(folder: Path) -> None:
    """A terminal interrupts the whole group; what the parent then does to end well still works."""
    program = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background would have it ignored
print("ready", flush=True)
try:
    while True:
        store.query(plan)
except KeyboardInterrupt:
    print(store.count(), len(store.query(plan)), flush=True)
store.close()
"""
    with run(program, folder) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "ready\n"
        time.sleep(0.2)
        os.killpg(parent.pid, signal.SIGINT)
        assert parent.stdout.read() == "20 3\n"
    assert parent.returncode == 0
    assert can_be_opened(folder)
