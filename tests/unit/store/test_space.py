"""A full disk is an error and never the end of the process."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from store_samples import PASSPORT, random_points

from visual_rag.errors import StoreUnavailable
from visual_rag.store import space
from visual_rag.store.edge import EdgeStore
from visual_rag.store.filters import Between

TESTS = Path(__file__).parent
IN_MEMORY = """
import sys
sys.path[:0] = {paths!r}
from pathlib import Path
from store_samples import DIM, PASSPORT, random_points, random_rows
from visual_rag.errors import StoreUnavailable
from visual_rag.store.edge import EdgeStore
from visual_rag.store.protocol import QueryPlan
from visual_rag.testing import make_point

def pages():
    for start in range(0, 100_000, 20):
        rows = random_rows(3000, seed=start)
        yield [make_point(rows, page_index=index) for index in range(start, start + 20)]

def fill(store):
    try:
        for batch in pages():
            store.upsert(batch)
    except StoreUnavailable as error:
        print(error)

folder = Path(sys.argv[1]) / "index"
"""


def run_in_memory(n_megabytes: int, folder: Path, script: str) -> "subprocess.CompletedProcess[str]":
    """Run a script in a process whose `folder` is a file system of this size in memory."""
    lines = IN_MEMORY.format(paths=[str(TESTS), *sys.path]) + script
    mount = f'mount -t tmpfs -o size={n_megabytes}m tmpfs "$0" && exec "$1" -c "$2" "$0"'
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", mount, str(folder), sys.executable, lines]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    """A folder to mount on."""
    if shutil.which("unshare") is None or run_in_memory(10, tmp_path, "").returncode:
        pytest.skip("mounting a tmpfs is not allowed here")
    return tmp_path


def test_a_small_memory_file_system_is_refused_at_creation(memory: Path) -> None:
    """The engine would need more at the first opening; the message names folder, need and what is there."""
    child = run_in_memory(150, memory, "EdgeStore.create(folder, PASSPORT)")
    assert (
        "StoreUnavailable: creating index 'index' needs about 256 MB free on the disk of its folder, 14" in child.stderr
    )
    assert child.returncode == 1


@pytest.mark.parametrize("n_megabytes", [260, 330])
def test_a_memory_file_system_that_fills_up_ends_in_an_error(memory: Path, n_megabytes: int) -> None:
    """While writing, maintaining, and opening again: never by a signal, and what is reported stored is searchable."""
    script = """
store = EdgeStore.create(folder, PASSPORT)
fill(store)
n_pages = store.count()
fill(store)
try:
    store.maintain()
except StoreUnavailable as error:
    print(error)
assert store.count() == n_pages > 0
assert len(store.query(QueryPlan(vectors=random_rows(3), limit=3))) == 3
store.close()
try:
    with EdgeStore.open(folder) as store:
        assert store.count() == n_pages
        fill(store)
except StoreUnavailable as error:
    print(error)
"""
    child = run_in_memory(n_megabytes, memory, script)
    assert child.returncode == 0, child.stderr
    assert "writing pages into index 'index' needs about 32 MB free" in child.stdout


class _Usage(NamedTuple):
    free: int


def test_on_a_full_disk_what_writes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Searching needs no room, opening next to none."""
    store = EdgeStore.create(tmp_path / "index", PASSPORT)
    store.upsert(random_points(3))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: _Usage(31 * space.MB))
    for write in (
        lambda: store.upsert(random_points(1)),
        lambda: store.delete(Between("page_index", gte=0)),
        store.maintain,
        lambda: EdgeStore.create(tmp_path / "other", PASSPORT),
    ):
        with pytest.raises(StoreUnavailable, match="needs about 32 MB free on the disk of its folder, 31 MB are there"):
            write()
    assert store.count() == 3
    store.close()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: _Usage(0))
    with pytest.raises(StoreUnavailable, match=r"1 MB free .* 0 MB are there; free space, or put the index on another"):
        EdgeStore.open(tmp_path / "index")
    monkeypatch.undo()
    with EdgeStore.open(tmp_path / "index") as store:
        assert store.count() == 3


def test_maintenance_waits_for_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the index cannot be copied once more it stays as it is, whole; with room again, space is given back."""
    with EdgeStore.create(tmp_path / "index", PASSPORT) as store:
        store.upsert(random_points(150, n_rows=2))
        store.delete(Between("page_index", gte=10))
        shards = store._session.shards
        monkeypatch.setattr(shutil, "disk_usage", lambda _: _Usage(200 * space.MB))
        store.maintain()
        assert store._session.shards is shards
        assert store.count() == 10
        monkeypatch.undo()
        store.maintain()
        assert store._session.shards is not shards
        assert store.count() == 10
