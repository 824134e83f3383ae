"""Who may create an index in a folder, who may open it, and what a kill in the middle leaves behind."""

import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from store_samples import PASSPORT, as_nobody, folder_of_nobody, random_points, start_python

from visual_rag.errors import CollectionNotFound, InvalidInput, PassportMismatch, StoreError, StoreLocked
from visual_rag.passport import IndexPassport
from visual_rag.store.edge import EdgeStore
from visual_rag.store.filters import Between
from visual_rag.store.protocol import QueryPlan


def files_in(folder: Path) -> dict[str, bytes]:
    """All files and their bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["missing", "empty", "foreign"])
def test_where_there_is_no_index_none_is_opened(tmp_path: Path, name: str) -> None:
    """The error names the folder and the next step, and opening leaves nothing behind."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "foreign" / "pages").mkdir(parents=True)
    (tmp_path / "foreign" / "pages" / "novel.txt").write_text("mine")
    before = files_in(tmp_path)
    with pytest.raises(CollectionNotFound, match=f"'{name}'; ingest"):
        EdgeStore.open(tmp_path / name)
    assert files_in(tmp_path) == before


@pytest.mark.parametrize("name", ["notes.txt", "pages/novel.txt", "rows/1.npy", "visual_rag.lock.txt"])
def test_a_foreign_folder_is_left_alone(tmp_path: Path, name: str) -> None:
    """Nobody's files are removed or mixed with an index."""
    folder = tmp_path / "papers"
    (folder / name).parent.mkdir(parents=True)
    (folder / name).write_text("mine")
    with pytest.raises(StoreError, match="no index"):
        EdgeStore.create(folder, PASSPORT)
    assert files_in(folder) == {name: b"mine"}


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    """The error says so."""
    (tmp_path / "index").write_text("mine")
    with pytest.raises(StoreError, match="is a file"):
        EdgeStore.create(tmp_path / "index", PASSPORT)


def test_an_index_is_not_created_over(tmp_path: Path) -> None:
    """A second creation is refused, and the index keeps its pages."""
    with EdgeStore.create(tmp_path / "index", PASSPORT) as store:
        store.upsert(random_points(2))
    with pytest.raises(StoreError, match="already holds an index"):
        EdgeStore.create(tmp_path / "index", PASSPORT)
    with EdgeStore.open(tmp_path / "index") as store:
        assert store.count() == 2


def test_a_damaged_index_is_not_created_over(tmp_path: Path) -> None:
    """What cannot be read is an error to tell, never a reason to remove."""
    EdgeStore.create(tmp_path / "index", PASSPORT).close()
    for part in ("pages", "documents"):
        (tmp_path / "index" / part / "edge_config.json").write_text("broken")
    with pytest.raises(StoreError, match="opening index 'index' failed"):
        EdgeStore.open(tmp_path / "index")
    with pytest.raises(StoreError, match="already holds an index"):
        EdgeStore.create(tmp_path / "index", PASSPORT)


def test_kept_images_may_lie_there_first(tmp_path: Path) -> None:
    """Page images share the folder, whoever is there first."""
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.webp").write_bytes(b"image")
    EdgeStore.create(tmp_path, PASSPORT).close()
    assert files_in(tmp_path)["images/a.webp"] == b"image"


def test_an_unknown_datatype_creates_nothing_that_stays(tmp_path: Path) -> None:
    """After the refusal the folder can be used."""
    wrong = IndexPassport(model=PASSPORT.model, dpi=96, renderer="pdfium", pooling="runs8", datatype="int3")
    with pytest.raises(InvalidInput, match="int3"):
        EdgeStore.create(tmp_path / "index", wrong)
    EdgeStore.create(tmp_path / "index", PASSPORT).close()


def test_an_index_of_another_schema_is_refused_and_unlocked(tmp_path: Path) -> None:
    """The passport is read before anything else is done with an index."""
    future = IndexPassport(model=PASSPORT.model, dpi=96, renderer="pdfium", pooling="runs8", schema_version=99)
    EdgeStore.create(tmp_path / "index", future).close()
    for _ in range(2):
        with pytest.raises(PassportMismatch, match="99"):
            EdgeStore.open(tmp_path / "index")


@pytest.mark.parametrize(
    "lost", ["pages", "documents", "pages/edge_config.json", "documents/edge_config.json", "pages documents"]
)
def test_an_index_that_has_lost_a_part_is_damaged(tmp_path: Path, lost: str) -> None:
    """It is neither taken for no index nor created over; the message names the folder, what is missing, what to do."""
    with EdgeStore.create(tmp_path / "index", PASSPORT) as store:
        store.upsert(random_points(1))
    for name in lost.split():
        path = tmp_path / "index" / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    before = files_in(tmp_path)
    for opener in (EdgeStore.open, lambda folder: EdgeStore.create(folder, PASSPORT)):
        with pytest.raises(
            StoreError, match=r"^index 'index' is damaged: '\w+/edge_config.json' is missing; restore its folder"
        ) as caught:
            opener(tmp_path / "index")
        assert not isinstance(caught.value, CollectionNotFound)
    assert files_in(tmp_path) == before


@pytest.mark.parametrize("lost", ["segment.json", "payload_storage"])
def test_an_index_that_has_lost_files_of_the_engine_is_damaged(tmp_path: Path, lost: str) -> None:
    """Also where the engine opens it: what has lost its record is no page, and no KeyError."""
    with EdgeStore.create(tmp_path / "index", PASSPORT) as store:
        store.upsert(random_points(3))
        store.maintain()
    for path in (tmp_path / "index" / "pages" / "segments").glob(f"*/{lost}"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    with (
        pytest.raises(StoreError, match=r"'index'.* is damaged: .*(delete it|restore)"),
        EdgeStore.open(tmp_path / "index") as store,
    ):
        list(store.scroll())


@pytest.mark.parametrize("mode", [0o500, 0o000])
def test_an_index_that_may_not_be_written_is_told_in_one_line(mode: int) -> None:
    """The engine cannot open it, not even to search; the message names the folder, the reason and the way out."""
    with folder_of_nobody() as parent:
        folder = parent / "index"
        EdgeStore.create(folder, PASSPORT).close()
        folder.chmod(mode)
        for opener in (EdgeStore.open, lambda folder: EdgeStore.create(folder, PASSPORT)):
            with (
                as_nobody(),
                pytest.raises(StoreError, match=r"index 'index'.*(Permission denied.*writable|already)") as caught,
            ):
                opener(folder)
            assert str(folder) not in str(caught.value)
        folder.chmod(0o700)


def test_no_index_is_made_where_nothing_may_be_written() -> None:
    """Likewise."""
    with folder_of_nobody() as parent:
        parent.chmod(0o555)
        with as_nobody(), pytest.raises(StoreError, match=r"creating index 'index' failed: .*Permission denied"):
            EdgeStore.create(parent / "index", PASSPORT)
        parent.chmod(0o755)


def moved(folder: Path) -> None:
    """To another name."""
    folder.rename(folder.with_name("elsewhere"))


def replaced(folder: Path) -> None:
    """By another index of the same name."""
    moved(folder)
    EdgeStore.create(folder, PASSPORT).close()


WRITES: dict[str, Callable[[EdgeStore], None]] = {
    "upsert": lambda store: store.upsert(random_points(2)),
    "update_payload": lambda store: store.update_payload(list(store.scroll())),
    "delete": lambda store: store.delete(Between("page_index", gte=0)),
    "delete_document": lambda store: store.delete_document("8db2dd68-aa14-414e-a74f-ec59ca1f35ad"),
    "maintain": lambda store: store.maintain(),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("change", [moved, replaced, shutil.rmtree])
def test_nothing_is_written_once_the_folder_is_gone(tmp_path: Path, change: Callable[[Path], None], write: str) -> None:
    """Not to where it was, and not to what lies there now; the message names the folder and the next step."""
    store = EdgeStore.create(tmp_path / "index", PASSPORT)
    store.upsert(random_points(3))
    change(tmp_path / "index")
    before = files_in(tmp_path)
    with pytest.raises(StoreError, match=r"folder of index 'index' was moved, deleted or replaced.* open it where"):
        WRITES[write](store)
    assert files_in(tmp_path) == before
    assert store.count() == 3  # reading still works
    with pytest.raises(StoreError, match="was moved, deleted or replaced"):
        store.close()  # the last writes could not be brought to disk


def test_a_moved_index_has_lost_nothing(tmp_path: Path) -> None:
    """The write-ahead log moved with it, and closing gave the locks back."""
    store = EdgeStore.create(tmp_path / "index", PASSPORT)
    store.upsert(random_points(3))
    shards = store._session.shards
    moved(tmp_path / "index")
    with pytest.raises(StoreError, match="was moved"):
        store.close()
    with EdgeStore.open(tmp_path / "elsewhere") as found:
        assert found.count() == 3
    assert shards is not None  # still held here: they were closed, not collected
    assert not (tmp_path / "index").exists()


KILLED_CREATION = """
import os, signal
from pathlib import Path
from store_samples import PASSPORT
from visual_rag.store import edge, edge_folder
def kill(*_):
    os.kill(os.getpid(), signal.SIGKILL)
setattr({"edge": edge, "edge_folder": edge_folder}[sys.argv[2]], sys.argv[3], kill)
edge.EdgeStore.create(Path(sys.argv[1]), PASSPORT)
"""


@pytest.mark.parametrize(
    ("module", "function"),
    [
        ("edge_folder", "create_pages"),
        ("edge_folder", "create_documents"),
        ("edge", "put"),
        ("edge", "finish_creation"),
    ],
)
def test_a_killed_creation_is_no_index_and_no_obstacle(tmp_path: Path, module: str, function: str) -> None:
    """Whenever kill -9 strikes, opening finds nothing and creating again works."""
    folder = tmp_path / "index"
    child = start_python(KILLED_CREATION, folder, module, function)
    _, errors = child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL, errors
    with pytest.raises(CollectionNotFound, match="create it again"):
        EdgeStore.open(folder)
    with EdgeStore.create(folder, PASSPORT) as store:
        store.upsert(random_points(1))
    with EdgeStore.open(folder) as store:
        assert store.count() == 1


def test_a_second_opener_in_the_same_process_is_refused(tmp_path: Path) -> None:
    """The message says that it is this very process; after closing, the index opens."""
    with EdgeStore.create(tmp_path / "index", PASSPORT):
        for opener in (EdgeStore.open, lambda folder: EdgeStore.create(folder, PASSPORT)):
            with pytest.raises(StoreError, match=r"this process itself|already holds"):
                opener(tmp_path / "index")
    EdgeStore.open(tmp_path / "index").close()


HOLDING = """
import time
from pathlib import Path
from visual_rag.store.edge import EdgeStore
store = EdgeStore.open(Path(sys.argv[1]))
print("open", flush=True)
time.sleep(600)
"""


def test_a_second_process_is_refused_and_told_who_holds_the_index(tmp_path: Path) -> None:
    """The message names the other process; once that is killed, its lock is gone."""
    EdgeStore.create(tmp_path / "index", PASSPORT).close()
    child = start_python(HOLDING, tmp_path / "index")
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "open\n"
        with pytest.raises(StoreLocked, match=rf"'index' is open in process {child.pid} \(-c\).*Close it there"):
            EdgeStore.open(tmp_path / "index")
    finally:
        child.kill()
        child.communicate()
    EdgeStore.open(tmp_path / "index").close()


UPSERTING = """
from pathlib import Path
from store_samples import random_points
from visual_rag.store.edge import EdgeStore
store = EdgeStore.open(Path(sys.argv[1]))
points = random_points(2000, n_rows=60)
for start in range(0, len(points), 5):
    store.upsert(points[start:start + 5])
    print(start + 5, flush=True)
"""


@pytest.mark.parametrize("n_batches", [1, 7, 23])
def test_a_kill_while_writing_loses_no_acknowledged_page(tmp_path: Path, n_batches: int) -> None:
    """Every batch whose upsert returned is there after kill -9, searchable, with its vectors; no half page is."""
    folder = tmp_path / "index"
    EdgeStore.create(folder, PASSPORT).close()
    child = start_python(UPSERTING, folder)
    assert child.stdout is not None
    acknowledged = [int(child.stdout.readline()) for _ in range(n_batches)][-1]
    child.kill()
    child.communicate()

    points = random_points(2000, n_rows=60)[: acknowledged + 100]
    with EdgeStore.open(folder) as store:
        stored = {page.page_index: page for page in store.scroll()}
        assert stored.keys() >= set(range(acknowledged))
        assert store.size().n_vectors == 60 * len(stored)
        for index in (0, acknowledged - 1):
            rows = store.query(QueryPlan(vectors=points[index].embedding.vectors[:4], limit=1))
            assert rows[0].page == stored[index]
        embeddings = store.embeddings(list(stored.values()))
        for page, embedding in zip(stored.values(), embeddings, strict=True):
            assert (embedding.vectors * points[page.page_index].embedding.vectors).sum(axis=1).min() > 0.99
        store.upsert(points[:3])
        store.maintain()
        assert store.count() == len(stored)


KILLED_UPSERT = """
import os, signal
from pathlib import Path
from store_samples import random_points
from visual_rag.store import rows
from visual_rag.store.edge import EdgeStore
store = EdgeStore.open(Path(sys.argv[1]))
store.upsert(random_points(3))
n_saved, save = 0, rows.np.save
def killing_save(file, *arguments, **options):
    global n_saved
    n_saved += 1
    if n_saved == 3:
        file.write(b"half a f")
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    save(file, *arguments, **options)
rows.np.save = killing_save
store.upsert(random_points(8)[3:])
"""


def test_what_a_kill_leaves_of_row_files_goes_with_the_next_maintenance(tmp_path: Path) -> None:
    """Files of pages that the engine never got, and half of one; those of pages stay, and so does what is not ours."""
    folder = tmp_path / "index"
    EdgeStore.create(folder, PASSPORT).close()
    child = start_python(KILLED_UPSERT, folder)
    _, errors = child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL, errors
    left = [path for path in (folder / "rows").rglob("*") if path.is_file()]
    assert sorted(path.suffix for path in left) == [".npy"] * 5 + [".part"]
    foreign = left[0].with_name(".DS_Store")
    foreign.touch()
    with EdgeStore.open(folder) as store:
        assert store.count() == 3
        store.maintain()
        kept = [path for path in (folder / "rows").rglob("*") if path.is_file()]
        assert [path for path in kept if path.parent.name != "packed"] == [foreign]
        assert len({path.stem for path in kept if path.parent.name == "packed"} - {"manifest"}) == 1
        assert len(store.embeddings(list(store.scroll()))) == 3
