"""The commands that look for pages, filter and explain: a real process on two of the sample manuals."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from visual_rag.index import IndexInfo
from visual_rag.passport import IndexPassport
from visual_rag.records import ModelIdentity
from visual_rag.settings import STORAGE_POLICIES, PolicyName
from visual_rag.store.protocol import StoreSize
from visual_rag.wording import policy_page_bytes


def run(*arguments: str | Path, folder: Path, code: int = 0) -> str:
    """Run the program in a folder; check its exit code and that nobody is shown a traceback; return what it printed."""
    command = [sys.executable, "-m", "visual_rag", *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if code == 0 else done.stdout + done.stderr


def run_json(*arguments: str | Path, folder: Path) -> Any:
    """What the program prints with `--json`."""
    return json.loads(run(*arguments, "--json", folder=folder))


def pages_of(found: dict[str, Any]) -> list[tuple[str, int]]:
    """Document and page of each hit."""
    return [(hit["page"]["document_name"], hit["page"]["page_number"]) for hit in found["hits"]]


@pytest.fixture(scope="module")
def place(manuals: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an index of two manuals, of which one has fields of its own."""
    folder = tmp_path_factory.mktemp("cli_search")
    run("ingest", manuals / "press.pdf", manuals / "weather.pdf", folder=folder)
    fields = ("year=2021", "draft=true", 'tags=["safety", "oil"]', "made=2021-05-04", "ratio=NaN")
    run("tag", "press.pdf", *(part for field in fields for part in ("--set", field)), folder=folder)
    return folder


def test_a_value_that_is_json_is_that_and_any_other_is_text(place: Path) -> None:
    """Numbers, truth values and lists are told apart; a date is text; NaN, which no JSON is, stays text."""
    [hit] = run_json("search", "oil", "-k", "1", "-d", "press.pdf", folder=place)["hits"]
    metadata = {"year": 2021, "draft": True, "tags": ["safety", "oil"], "made": "2021-05-04", "ratio": "NaN"}
    assert hit["page"]["metadata"] == metadata


def test_a_field_is_taken_away_and_others_stay(place: Path) -> None:
    """`--unset` of one; the count is of pages."""
    assert run("tag", "weather.pdf", "--set", "year=2024", "--set", "old=1", folder=place) == "tagged 9 pages\n"
    assert run_json("tag", "weather.pdf", "--unset", "old", folder=place) == {"n_pages_tagged": 9}
    [hit] = run_json("search", "wind rose", "-k", "1", folder=place)["hits"]
    assert hit["page"]["metadata"] == {"year": 2024}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["tag", "press.pdf"], "--set year=2023"),
        (["tag", "press.pdf", "--set", "year"], "FIELD=VALUE"),
        (["tag", "press.pdf", "--set", "year=1", "--unset", "year"], "'year' is named twice"),
        (["search"], "--image or by --page"),
        (["search", "oil", "--group-size", "2"], "--group-by"),
        (["search", "oil", "--group-by", "document", "--explain"], "--explain"),
        (["search", "oil", "--channels", "smell"], "'visual', 'text', 'both'"),
        (["facets", "--where", "year == 2021"], "go with a field"),
        (["ingest", ".", "--collection", "manuals"], "--server"),
        (["ingest", ".", "--policy", "huge"], "'exact', 'compact', 'tiny'"),
        (["explain", "oil"], "--page"),
    ],
)
def test_wrong_usage_says_what_is_missing(place: Path, arguments: list[str], says: str) -> None:
    """Exit code 2."""
    assert says in run(*arguments, folder=place, code=2)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["tag", "press.pdf", "--unset", "years"], "no field is called 'years'"),
        (["tag", "press.pdf", "--set", "made.on=1"], "'made.on'"),
        (["tag", "pump.pdf", "--set", "year=1"], "visual-rag list"),
        (["search", "oil", "--where", "years > 2020"], "did you mean 'year'?"),
        (["search", "oil", "--where", "year > 'new'"], "'year' holds numbers"),
        (["search", "oil", "--group-by", "maker"], "of your metadata: draft, made"),
        (["search", "--image", "nowhere.png"], "'nowhere.png'"),
        (["search", "--page", "press.pdf:99"], "10 pages, counted from 1"),
        (["search", "--page", "press.pdf"], "manual.pdf:12"),
        (["search", "oil", "--region", "0,0,1,1"], "a page too"),
        (["search", "--page", "press.pdf:1", "--region", "0,0,1"], "left,top,right,bottom"),
        (["search", "--page", "press.pdf:1", "--region", "0.5,0,0.1,1"], "left before right"),
        (["search", "--page", "press.pdf:1", "--region", "nan,0,1,1"], "left before right"),
        (["search", "--page", "press.pdf:1", "--channels", "text"], "text channel looks for words"),
        (["recommend", "nowhere.png"], "'nowhere.png'"),
        (["recommend", "press.pdf:99"], "10 pages, counted from 1"),
        (["facets", "maker"], "no field is called 'maker'"),
        (["facets", "text"], "another on every page"),
        (["explain", "oil", "--page", "press.pdf:11"], "10 pages, counted from 1"),
        (["explain", "oil", "--page", "press.pdf:2", "--output", "a.docx"], ".png or .jpg"),
        (["ingest", ".", "--text-language", "klingon", "--index", "new"], "'klingon'"),
        (["ingest", ".", "--server", "localhost:6333", "--index", "new"], "http://"),
    ],
)
def test_an_error_is_one_line_that_names_the_value_and_the_next_step(
    place: Path, manuals: Path, arguments: list[str], says: str
) -> None:
    """Exit code 1."""
    arguments = [str(manuals / "weather.pdf") if argument == "." else argument for argument in arguments]
    printed = run(*arguments, folder=place, code=1)
    assert says in printed
    assert printed.startswith("error: ")
    assert len(printed.splitlines()) == 1
    assert not (place / "new").exists()


def test_a_filter_that_cannot_be_read_shows_the_place(place: Path) -> None:
    """By a mark under it, on a line of its own."""
    what, shown, mark, legal = run("search", "oil", "--where", "year = 2021", folder=place, code=1).splitlines()
    assert what == "error: use == instead of ="
    assert shown[mark.index("^")] == "="
    assert "year >= 2023" in legal


def test_a_filter_keeps_pages_out(place: Path) -> None:
    """By fields of one's own and by those of every page."""
    where = 'tags == "oil" and 6 <= page_number <= 8'
    found = run_json("search", "oil", "-k", "20", "--where", where, folder=place)
    assert pages_of(found)
    assert set(pages_of(found)) <= {("press.pdf", number) for number in (6, 7, 8)}
    says = run("search", "oil", "--where", "year == 1900", folder=place)
    assert says.startswith("nothing found for 'oil': no page meets --where 'year == 1900'; `visual-rag facets`")


def test_an_offset_reads_on_in_the_same_ranking(place: Path) -> None:
    """Ranks count on; past the end it says so."""
    whole = run_json("search", "oil", "-k", "4", folder=place)
    rest = run_json("search", "oil", "-k", "2", "--offset", "2", folder=place)
    assert pages_of(rest) == pages_of(whole)[2:4]
    assert [hit["rank"] for hit in rest["hits"]] == [3, 4]
    assert "--offset 500 may be past the end" in run("search", "oil", "--offset", "500", folder=place)


def test_a_page_and_a_region_of_it_are_looked_for(place: Path) -> None:
    """The page itself is not found; the question that is kept for `show` names it."""
    for region in ((), ("--region", "0.1,0.1,0.9,0.5")):
        found = run_json("search", "--page", "press.pdf:3", *region, folder=place)
        assert found["question"] == "press.pdf:3"
        assert found["hits"]
        assert ("press.pdf", 3) not in pages_of(found)


def test_a_picture_is_looked_for(place: Path) -> None:
    """Alone or beside words."""
    page = Image.new("L", (600, 200), 255)
    page.save(place / "blank.png")
    assert "sees none in this picture" in run("search", "--image", "blank.png", folder=place, code=1)
    run("search", "wind rose", "-k", "1", folder=place)
    run("show", "--output", "sheet.png", folder=place)
    assert run_json("search", "--image", "sheet.png", folder=place)["question"] == "sheet.png"
    both = run_json("search", "wind rose", "--image", "sheet.png", "-k", "1", folder=place)
    assert both["question"] == "wind rose"
    assert len(both["hits"]) == 1


def test_groups_are_printed_with_their_document_and_shown_later(place: Path) -> None:
    """As lines and as JSON; `show` then shows the pages of all groups."""
    lines = run("search", "oil", "--group-by", "document", "--group-size", "2", "-k", "1", folder=place).splitlines()
    assert lines[0] == "press.pdf (10 pages, ready)"
    assert [line.split()[:2] for line in lines[1:]] == [["page", "8"], ["page", lines[2].split()[1]]]
    run("show", "--output", "groups.html", folder=place)
    assert "press.pdf" in (place / "groups.html").read_text(encoding="utf8")
    found = run_json("search", "oil", "--group-by", "draft", folder=place)
    assert found["question"] == "oil"
    [group] = found["groups"]
    assert group["value"] is True
    assert group["document"] is None
    assert len(group["hits"]) == 3
    assert run("search", "oil", "--group-by", "draft", folder=place).splitlines()[0] == "true"


def test_recommend_ranks_by_examples(place: Path) -> None:
    """Words, pages and pictures; strategies have their names in the JSON."""
    found = run_json("recommend", "wind rose", "--unlike", "map", "-k", "1", folder=place)
    assert pages_of(found) == [("weather.pdf", 7)]
    assert found["question"] == "like wind rose; unlike map"
    for strategy in ("average", "best_score", "sum_scores"):
        hits = run_json("recommend", "weather.pdf:7", "oil", "--strategy", strategy, folder=place)
        assert {hit["scored_by"] for hit in hits["hits"]} == {strategy}
        assert ("weather.pdf", 7) not in pages_of(hits)


def test_facets_tell_fields_values_and_counts(place: Path) -> None:
    """For people and for programs; a value is written as a filter writes it."""
    assert run_json("facets", folder=place)["tags"] == ["text"]
    assert run_json("facets", "tags", folder=place) == [{"value": "oil", "pages": 10}, {"value": "safety", "pages": 10}]
    assert run("facets", "draft", folder=place).splitlines() == ["draft  pages", "true   10", "of 19 pages"]
    assert run("facets", "page_number", "-d", "press.pdf", folder=place).splitlines()[1].split() == ["1", "1"]
    assert run("facets", "draft", "-w", "page_number > 90", folder=place) == "none of 0 pages has a value of 'draft'\n"


def test_channels_are_told_apart(place: Path) -> None:
    """The text channel alone knows no similarity; a fusion names its parts, and `--explain` its steps."""
    assert run("search", "wind", "rose", "-k", "1", "--channels", "text", folder=place).splitlines()[1][-1] == "-"
    arguments = ("search", "wind", "rose", "-k", "2", "--channels", "both", "--fusion", "minmax")
    found = run_json(*arguments, folder=place)
    assert {hit["scored_by"] for hit in found["hits"]} == {"minmax(soft_bm25, bm25)"}
    assert {"name", "seconds", "detail"} == found["steps"][0].keys()
    assert "score by bm25" in run(*arguments, "--explain", folder=place)


def test_explain_says_where_each_word_is_and_draws_it(place: Path) -> None:
    """In the order of the question, with weight, strength and place."""
    head, _, wind, rose, wrote = run("explain", "wind rose", "-p", "weather.pdf:7", folder=place).splitlines()
    assert head == "weather.pdf, page 7 · printed 6"
    assert (wind.split()[0], rose.split()[0]) == ("wind", "rose")
    assert "% from the left" in rose
    assert "#" in rose
    assert wrote == "wrote visual_rag_evidence.png"
    with Image.open(place / "visual_rag_evidence.png") as picture:
        assert picture.width > 500
    found = run_json("explain", "wind rose", "-p", "weather.pdf:7", folder=place)
    assert (found["document_name"], found["page_number"]) == ("weather.pdf", 7)
    assert [token["token"] for token in found["tokens"]] == ["wind", "rose"]
    assert sum(token["weight"] for token in found["tokens"]) == pytest.approx(1)
    assert all(0 <= edge <= 1 for token in found["tokens"] for edge in token["box"])


def test_info_tells_the_policy_and_what_the_others_would_cost(place: Path) -> None:
    """Computed from the vectors of this index's pages."""
    found = run_json("info", folder=place)
    costs = found["vector_bytes_per_page_by_policy"]
    assert found["policy"] == "compact"
    assert costs["compact"] == pytest.approx(found["vectors"] / found["pages"] * 128, abs=1)
    assert costs["exact"] == pytest.approx(2 * costs["compact"], abs=1)
    assert costs["tiny"] == pytest.approx(costs["compact"] / 2, abs=1)  # spotter's vectors are never merged
    printed = run("info", folder=place)
    assert "storage policy compact: " in printed
    assert "text layers read as english" in printed


@pytest.mark.parametrize(
    ("model", "pooling", "policy", "costs"),
    [
        ("some/colpali", "clusters64", "compact", (179_200, 89_600, 14_933)),
        ("some/colpali", "ward3+clusters64", "tiny", (537_600, 268_800, 44_800)),
        ("some/colpali", "ward2+clusters64", "compact", (179_200, 89_600, 44_800)),
        ("spotter", "clusters64", "compact", (179_200, 89_600, 44_800)),
    ],
)
def test_tiny_counts_merged_vectors_where_a_policy_merges_them(
    model: str, pooling: str, policy: PolicyName, costs: tuple[int, int, int]
) -> None:
    """Not where the user set how many are merged, and not spotter's."""
    identity = ModelIdentity(name=model, revision="1", weights_hash="ab", dim=128, backend="none")
    datatype = STORAGE_POLICIES[policy].datatype
    passport = IndexPassport(model=identity, dpi=120, renderer="pdfium 5", pooling=pooling, datatype=datatype)
    size = StoreSize(n_pages=10, n_documents=1, n_vectors=7000, size_bytes=1)
    found = policy_page_bytes(IndexInfo(folder=Path(), passport=passport, size=size, image_bytes=1))
    assert tuple(round(found[name]) for name in ("exact", "compact", "tiny")) == costs


def test_an_index_is_made_as_asked_and_refuses_another_policy(manuals: Path, tmp_path: Path) -> None:
    """Policy and language are settled at the first ingest."""
    run("ingest", manuals / "report.pdf", "--policy", "exact", "--text-language", "german", folder=tmp_path)
    printed = run("info", folder=tmp_path)
    assert "storage policy exact: " in printed
    assert "text layers read as german" in printed
    assert "policy exact" in run("ingest", manuals / "report.pdf", "--policy", "tiny", folder=tmp_path, code=1)
    run("remove", "report.pdf", folder=tmp_path)
    for arguments in (["search", "water"], ["search", "water", "--group-by", "document"], ["recommend", "water"]):
        assert run(*arguments, folder=tmp_path) == "the index is empty; `visual-rag ingest PATH` fills it\n"
    assert "storage policy exact\n" in run("info", folder=tmp_path)
    assert run("facets", "document", folder=tmp_path) == "none of 0 pages has a value of 'document'\n"
    assert run_json("search", "water", folder=tmp_path)["hits"] == []
