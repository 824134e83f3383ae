"""The command line as a person uses it: a real process, the bundled model, real files."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont


def run(*arguments: str | Path, folder: Path, code: int = 0) -> str:
    """Run the program in a folder; check its exit code and that nobody is shown a traceback; return what it printed."""
    command = [sys.executable, "-m", "visual_rag", *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if code == 0 else done.stdout + done.stderr


def draw(path: Path, *lines: str) -> None:
    """Draw a page of large words."""
    image = Image.new("L", (700, 400), 255)
    for number, line in enumerate(lines):
        ImageDraw.Draw(image).text((40, 40 + 60 * number), line, fill=0, font=ImageFont.load_default(24))
    image.save(path)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three pictures, ingested into its default index."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "documents").mkdir()
    draw(folder / "documents" / "pump.png", "Hydraulic pump", "pressure 210 bar")
    draw(folder / "documents" / "garden [new] #1.png", "Flowers and trees", "watering schedule")
    draw(folder / "documents" / "kitchen.png", "Recipes", "tomato soup with onions")
    run("ingest", "documents", folder=folder)
    return folder


def test_a_search_ranks_the_page_that_shows_it_first(place: Path) -> None:
    """With document, page and score, for people."""
    first = run("search", "hydraulic pump pressure", folder=place).splitlines()[1]
    assert first.split()[:3] == ["1", "pump.png", "1"]


def test_json_carries_the_same_hits(place: Path) -> None:
    """For programs: rank, score and how it was made, similarity, page."""
    found = json.loads(run("search", "tomato soup", "-k", "2", "--json", folder=place))
    assert found["question"] == "tomato soup"
    assert [hit["rank"] for hit in found["hits"]] == list(range(1, len(found["hits"]) + 1))
    assert 1 <= len(found["hits"]) <= 2
    best = found["hits"][0]
    assert best["page"]["document_name"] == "kitchen.png"
    assert best["page"]["page_number"] == 1
    assert best["scored_by"] == "rrf(soft_bm25, bm25)"
    assert 0 <= best["similarity"] <= 1


def test_show_writes_the_contact_sheet_of_the_last_search(place: Path) -> None:
    """As one web page or one picture."""
    run("search", "watering schedule", folder=place)
    run("show", "--output", "found.html", folder=place)
    run("show", "--output", "found.png", folder=place)
    page = (place / "found.html").read_text(encoding="utf8")
    assert "watering schedule" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    with Image.open(place / "found.png") as sheet:
        assert sheet.width > 500
    message = run("show", "--output", "found.docx", folder=place, code=1)
    assert ".png or .html" in message


def test_a_second_ingest_has_nothing_to_do(place: Path) -> None:
    """And says so."""
    report = json.loads(run("ingest", "documents", "--json", folder=place))
    assert report["n_pages_embedded"] == 0
    assert len(report["unchanged"]) == 3


def test_a_broken_file_is_told_in_one_line_and_by_the_exit_code(place: Path, tmp_path: Path) -> None:
    """The other files are ingested all the same; `list` shows the reason later."""
    shutil.copytree(place / "documents", tmp_path / "documents")
    (tmp_path / "documents" / "broken.pdf").write_bytes(b"%PDF-1.4 broken")
    printed = run("ingest", "documents", folder=tmp_path, code=3)
    assert [line for line in printed.splitlines() if line.startswith("documents/broken.pdf: ")]
    listed = json.loads(run("list", "--json", folder=tmp_path))
    states = {record["document"]["name"]: record["state"] for record in listed}
    assert states == {
        "broken.pdf": "failed", "garden [new] #1.png": "ready", "kitchen.png": "ready", "pump.png": "ready",
    }  # fmt: skip
    assert "3 pages of 3 documents, 1 failed" in run("info", folder=tmp_path)
    failed, why = run("list", folder=tmp_path).splitlines()[1:3]
    assert failed.split() == ["broken.pdf", "failed", "0"]
    assert why.strip() == listed[0]["failures"][0]["message"]
    assert run("remove", "broken.pdf", folder=tmp_path).strip() == "removed 1 document, 0 pages"
    assert "broken.pdf" not in run("list", folder=tmp_path)
    assert run("remove", "pump.png", folder=tmp_path).strip() == "removed 1 document, 1 page"
    run("remove", "pump.png", folder=tmp_path, code=1)


def test_a_name_with_brackets_is_shown_as_it_is(place: Path) -> None:
    """Names are data, not markup."""
    assert "garden [new] #1.png" in run("list", folder=place)


def test_info_tells_the_passport_and_the_size(place: Path) -> None:
    """Model, dpi, counts, bytes."""
    found = json.loads(run("info", "--json", folder=place))
    assert found["passport"]["model"]["name"] == "spotter"
    assert found["pages"] == found["documents"] == 3
    assert found["vector_bytes"] > 0
    assert found["image_bytes"] > 0
    printed = run("info", folder=place)
    assert "3 pages of 3 documents\n" in printed
    assert "MB of page images" in printed or "kB of page images" in printed
    assert "model spotter" in printed
    assert "120 dpi" in printed
    assert str(place / ".visual_rag") in printed


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["search", "pump", "--index", "far/away/nowhere"], "'far/away/nowhere'"),
        (["ingest", "nowhere.pdf"], "nowhere.pdf"),
        (["ingest", "https://example.org/a.pdf"], "'https://example.org/a.pdf' is a URL"),
        (["ingest", "documents/*.pdf"], "fits 'documents/*.pdf'"),
        (["ingest", ".visual_rag"], "no PDF and no image in '.visual_rag'"),
        (["search", "???"], "no word"),
        (["search", "pump", "--document", "other.pdf"], "other.pdf"),
        (["ingest", "documents", "--model", "gpt-9"], "spotter"),
        (["ingest", "documents", "--dpi", "200"], "120"),
        (["remove", "other.pdf"], "visual-rag list"),
    ],
)
def test_an_error_is_one_line_that_names_the_value_and_the_next_step(
    place: Path, arguments: list[str], says: str
) -> None:
    """Exit code 1, no traceback."""
    printed = run(*arguments, folder=place, code=1)
    assert says in printed
    assert printed.startswith("error: ")


def test_an_error_writes_no_index(tmp_path: Path) -> None:
    """A search in the wrong folder leaves nothing behind."""
    run("search", "pump", folder=tmp_path, code=1)
    assert list(tmp_path.iterdir()) == []


def test_wrong_usage_has_its_own_exit_code(place: Path) -> None:
    """2, as of old."""
    run("search", folder=place, code=2)
    run("search", "pump", "-k", "0", folder=place, code=2)
    assert "poppler" in run("ingest", "documents", "--renderer", "acrobat", folder=place, code=2)


def test_an_unset_name_removes_nothing(place: Path) -> None:
    """`remove "$UNSET"` must not mean the current folder."""
    assert "empty" in run("remove", "", folder=place, code=1)
    assert len(json.loads(run("list", "--json", folder=place))) == 3


def test_an_index_is_not_made_among_documents(place: Path, tmp_path: Path) -> None:
    """`--index manuals`, where `manuals` are the documents, is a slip."""
    shutil.copytree(place / "documents", tmp_path / "documents")
    assert "documents" in run("ingest", "documents", "--index", "documents", folder=tmp_path, code=1)
    assert len(list((tmp_path / "documents").iterdir())) == 3


def test_doctor_finds_the_base_install_well(tmp_path: Path) -> None:
    """And names the command for each missing extra."""
    checks = json.loads(run("doctor", "--json", folder=tmp_path))
    assert all(check["ok"] for check in checks if not check["optional"])
    assert all(check["mend"] for check in checks if not check["ok"])


def test_a_file_that_is_no_terminal_gets_one_line_for_each_document(place: Path, tmp_path: Path) -> None:
    """Name, pages, what happened; nothing else, and nothing of a progress bar."""
    shutil.copytree(place / "documents", tmp_path / "documents")
    (tmp_path / "documents" / "broken.pdf").write_bytes(b"%PDF-1.4 broken")
    command = [sys.executable, "-m", "visual_rag", "ingest", "documents"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    broken, *whole = done.stderr.splitlines()
    assert broken.startswith("documents/broken.pdf: failed: ")
    names = ("garden [new] #1.png", "kitchen.png", "pump.png")
    assert whole == [f"{Path('documents', name)}: 1 page" for name in names]
    assert done.stdout.startswith("3 pages of 3 documents in ")
    assert "; 1 failed" in done.stdout


def test_a_hit_shows_its_words_and_its_printed_number(manuals: Path, tmp_path: Path) -> None:
    """And two documents of one name are told apart by their paths, which may be typed."""
    for folder in ("old", "new"):
        (tmp_path / folder).mkdir()
        shutil.copy(manuals / "weather.pdf", tmp_path / folder / "weather.pdf")
    run("ingest", "old", "new", folder=tmp_path)
    printed = run("search", "signal strength over distance", "-k", "2", folder=tmp_path).splitlines()
    assert {line.split()[1] for line in (printed[1], printed[3])} == {"old/weather.pdf", "new/weather.pdf"}
    assert "5 · printed 4" in printed[1]
    assert "Signal strength over distance" in printed[2]
    assert "new/weather.pdf" in run("list", folder=tmp_path)
    run("remove", "new/weather.pdf", folder=tmp_path)
    assert run("list", folder=tmp_path).splitlines()[1].split()[0] == "weather.pdf"


def test_a_quoted_pattern_takes_the_files_that_fit(place: Path, tmp_path: Path) -> None:
    """As the shell would have."""
    shutil.copytree(place / "documents", tmp_path / "documents")
    run("ingest", "documents/*p*.png", folder=tmp_path)
    assert [line.split()[0] for line in run("list", folder=tmp_path).splitlines()[1:]] == ["pump.png"]


def test_an_empty_folder_makes_no_index(tmp_path: Path) -> None:
    """It is most likely the wrong folder."""
    (tmp_path / "empty").mkdir()
    assert "'empty'" in run("ingest", "empty", folder=tmp_path, code=1)
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_a_search_that_found_nothing_is_not_shown(place: Path) -> None:
    """No empty sheet is written, and none that was there is overwritten."""
    run("search", "tomato soup", "--min-similarity", "1", "--document", "pump.png", folder=place)
    assert "nothing to show" in run("show", "--output", "empty.html", folder=place, code=1)
    assert not (place / "empty.html").exists()


def test_an_interrupt_while_the_program_loads_is_quiet(tmp_path: Path) -> None:
    """130 and no traceback; the first library that is imported stands for the moment."""
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "visual_rag", "list"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
