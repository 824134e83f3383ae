"""Which files of a folder are documents, and what identifies them."""

import hashlib
import os
from pathlib import Path

import pytest

from visual_rag.errors import AccessDenied, InvalidInput, SourceUnavailable
from visual_rag.sources.local import check_listed, check_sources, describe, list_files, source_uri, typed_path

PDF = b"%PDF-1.4 nothing else"


def names(paths: list[Path]) -> list[str]:
    """Names of the documents found, in order."""
    return [listed.path.name for listed in list_files(paths) if listed.is_document]


def test_a_folder_gives_its_documents_in_order_of_name_and_depth(tmp_path: Path) -> None:
    """By suffix, whatever its case; hidden files and folders are left out."""
    (tmp_path / "sub").mkdir()
    (tmp_path / ".hidden").mkdir()
    for name in ("b.PDF", "a.jpg", "sub/c.tiff", ".hidden/d.pdf", ".e.pdf"):
        (tmp_path / name).write_bytes(b"x")
    assert names([tmp_path]) == ["a.jpg", "b.PDF", "c.tiff"]


def test_a_pdf_without_suffix_is_found_and_a_text_file_is_passed_over(tmp_path: Path) -> None:
    """The first bytes decide where the name says nothing."""
    (tmp_path / "no_extension").write_bytes(PDF)
    (tmp_path / "notes.txt").write_bytes(b"hello")
    listed = {item.path.name: item.is_document for item in list_files([tmp_path])}
    assert listed == {"no_extension": True, "notes.txt": False}


def test_a_file_that_is_named_is_always_taken(tmp_path: Path) -> None:
    """Whoever names it wants to hear why it cannot be read."""
    (tmp_path / "notes.txt").write_bytes(b"hello")
    assert names([tmp_path / "notes.txt"]) == ["notes.txt"]


def test_a_file_listed_twice_is_taken_once(tmp_path: Path) -> None:
    """A folder and a file in it, or a link to it, mean one document."""
    (tmp_path / "a.pdf").write_bytes(PDF)
    (tmp_path / "link.pdf").symlink_to(tmp_path / "a.pdf")
    assert names([tmp_path, tmp_path / "a.pdf"]) == ["a.pdf"]


def test_a_missing_path_is_named(tmp_path: Path) -> None:
    """The error has the path as it was typed."""
    with pytest.raises(SourceUnavailable, match=r"nowhere\.pdf"):
        list(list_files([tmp_path / "nowhere.pdf"]))


@pytest.mark.parametrize("url", ["https://example.org/a.pdf", "s3://manuals/a.pdf"])
def test_a_url_is_told_from_a_wrong_path(url: str) -> None:
    """It is written as it was typed, though a path keeps one slash of two."""
    with pytest.raises(InvalidInput, match=f"'{url}' is a URL"):
        list(list_files([Path(url)]))


def test_a_pattern_gives_the_files_that_fit_it(tmp_path: Path) -> None:
    """In order; one that fits nothing is an error."""
    for name in ("b.pdf", "a.pdf", "c.png"):
        (tmp_path / name).write_bytes(PDF)
    assert names([tmp_path / "*.pdf"]) == ["a.pdf", "b.pdf"]
    with pytest.raises(SourceUnavailable, match=r"fits '.*\*\.tiff'"):
        list(list_files([tmp_path / "*.tiff"]))


def test_a_file_that_is_called_like_a_pattern_is_meant_itself(tmp_path: Path) -> None:
    """`[1].pdf` would fit `1.pdf` as well."""
    for name in ("[1].pdf", "1.pdf"):
        (tmp_path / name).write_bytes(PDF)
    assert names([tmp_path / "[1].pdf"]) == ["[1].pdf"]


def test_paths_without_any_document_are_refused(tmp_path: Path) -> None:
    """One document between them is enough."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "notes.txt").write_bytes(b"hello")
    with pytest.raises(InvalidInput, match=r"no PDF and no image in '.*empty', '.*notes'"):
        check_sources([tmp_path / "empty", tmp_path / "notes"])
    (tmp_path / "a.pdf").write_bytes(PDF)
    check_sources([tmp_path / "empty", tmp_path / "a.pdf"])


def test_a_path_is_written_as_it_can_be_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Short where the file lies below the current folder, whole elsewhere; odd names included."""
    path = tmp_path.resolve() / "sub folder" / "résumé #1%.pdf"
    monkeypatch.chdir(tmp_path)
    assert typed_path(source_uri(path)) == "sub folder/résumé #1%.pdf"
    monkeypatch.chdir("/")
    assert Path("/") / typed_path(source_uri(path)) == path


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    """Instead of looking empty."""
    (tmp_path / "locked").mkdir(mode=0)
    [listed] = list_files([tmp_path])
    assert "may not be read" in listed.problem
    with pytest.raises(AccessDenied, match="locked"):
        check_listed(listed)


def test_links_in_a_loop_cost_only_themselves(tmp_path: Path) -> None:
    """As does a link to nowhere."""
    (tmp_path / "loop.pdf").symlink_to(tmp_path / "loop.pdf")
    (tmp_path / "nowhere.pdf").symlink_to(tmp_path / "gone.pdf")
    (tmp_path / "z.pdf").write_bytes(PDF)
    problems = {listed.path.name: bool(listed.problem) for listed in list_files([tmp_path])}
    assert problems == {"loop.pdf": True, "nowhere.pdf": True, "z.pdf": False}


@pytest.mark.parametrize("name", ["x" * 10_000, "~nobody-of-this-name/x.pdf", "null\0byte.pdf"])
def test_a_path_that_the_system_refuses_does_not_exist(name: str) -> None:
    """One sentence, whatever the system calls it."""
    with pytest.raises(SourceUnavailable, match="does not exist"):
        list(list_files([Path(name)]))


@pytest.mark.parametrize("name", ["plain.pdf", "with space.pdf", "résumé — 目录 (1).pdf", "a#b'c\"d%20.pdf"])
def test_identity_follows_from_place_and_hash_from_bytes(tmp_path: Path, name: str) -> None:
    """Odd names make valid, distinct URIs; two folders make two documents."""
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_bytes(PDF)
    one, two = describe(tmp_path / "one" / name), describe(tmp_path / "two" / name)
    assert one.name == name
    assert one.content_hash == two.content_hash == hashlib.sha256(PDF).hexdigest()
    assert one.size_bytes == len(PDF)
    assert one.document_id != two.document_id
    assert describe(tmp_path / "one" / name) == one


def test_a_name_that_is_no_text_can_still_be_shown(tmp_path: Path) -> None:
    """Names are bytes on most systems."""
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/b\xffd.pdf"))
    path.write_bytes(PDF)
    assert describe(path).name == "b?d.pdf"
