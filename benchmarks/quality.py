"""Retrieval quality on a folder of PDFs with labelled queries: `python benchmarks/quality.py FOLDER`.

FOLDER has PDFs (or a folder `pdfs/` with them), `queries.jsonl` (`id`, `query`) and `qrels.tsv` (`query-id`,
`corpus-id` = `<pdf stem>#p<0-based page index>`, `score`), as `examples/manuals` has. Measured is what
`VisualIndex.search` returns, by pixels alone, beside BM25 on the PDFs' text layers. Measures by ir_measures.

With `--channels` both channels of the index are measured, alone and fused in every way; with `--without-text 0.5` half
of the documents lose their text layer first, as scans have none. That index is not good for anything else afterwards.
"""

import argparse
import csv
import json
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import get_args

import bm25s
import ir_measures
import numpy as np
from ir_measures import R, Success, nDCG

from visual_rag import PageRecord, SearchSettings, VisualIndex
from visual_rag.settings import Fusion

MEASURES = [nDCG @ 5, nDCG @ 10, R @ 5, Success @ 1]
DEPTH = 20
Run = list[ir_measures.ScoredDoc]


def corpus_id(page: PageRecord) -> str:
    """Name a page as the labels do."""
    return f"{Path(page.document_name).stem}#p{page.page_index}"


def read_labels(folder: Path) -> tuple[dict[str, str], list[ir_measures.Qrel]]:
    """Read queries over the whole corpus, and their qrels."""
    lines = [json.loads(line) for line in (folder / "queries.jsonl").read_text("utf8").splitlines() if line.strip()]
    queries = {line["id"]: line["query"] for line in lines if line.get("scope", "corpus") == "corpus"}
    with (folder / "qrels.tsv").open(encoding="utf8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    qrels = [ir_measures.Qrel(row["query-id"], row["corpus-id"], int(row["score"])) for row in rows]
    return queries, [qrel for qrel in qrels if qrel.query_id in queries]


def by_index(index: VisualIndex, queries: dict[str, str], settings: SearchSettings | None = None) -> Run:
    """Search with the index; ranks stand for scores, which a rescued code may contradict."""
    return [
        ir_measures.ScoredDoc(query_id, corpus_id(hit.page), -hit.rank)
        for query_id, query in queries.items()
        for hit in index.search(query, k=DEPTH, settings=settings)
    ]


def drop_text(index: VisualIndex, share: float) -> set[str]:
    """Take the text layer from a share of the documents, drawn by a fixed seed; return their names."""
    names = sorted({page.document_name for page in index.pages()})
    dropped = set(np.random.default_rng(0).choice(names, round(share * len(names)), replace=False).tolist())
    index.searcher._store.update_payload(  # noqa: SLF001  # nothing that a user would want
        [replace(page, text="") for page in index.pages() if page.document_name in dropped]
    )
    return dropped


def compare_channels(index: VisualIndex, queries: dict[str, str], qrels: list[ir_measures.Qrel]) -> None:
    """Measure each channel and each fusion."""
    report("visual", qrels, by_index(index, queries, SearchSettings(channels="visual")))
    report("text", qrels, by_index(index, queries, SearchSettings(channels="text")))
    for fusion in get_args(Fusion):
        for weight in (0.3, 0.5):
            settings = SearchSettings(channels="both", fusion=fusion, text_weight=weight)
            report(f"both, {fusion}, text {weight}", qrels, by_index(index, queries, settings))
    settings = SearchSettings(channels="both", rescue_codes=False)
    report("both, by default, no codes", qrels, by_index(index, queries, settings))


def by_text_layer(pages: list[PageRecord], queries: dict[str, str]) -> Run:
    """BM25 (Lucene's variant, bm25s) over the text layers."""
    retriever = bm25s.BM25()
    retriever.index(
        bm25s.tokenize([page.text for page in pages], stopwords="en", show_progress=False), show_progress=False
    )
    run: Run = []
    for query_id, query in queries.items():
        tokens = bm25s.tokenize([query], stopwords="en", show_progress=False)
        found, scores = retriever.retrieve(tokens, k=min(DEPTH, len(pages)), show_progress=False)
        run += [
            ir_measures.ScoredDoc(query_id, corpus_id(pages[number]), float(score))
            for number, score in zip(found[0], scores[0], strict=True)
            if score > 0
        ]
    return run


def report(name: str, qrels: Iterable[ir_measures.Qrel], run: Run) -> None:
    """Print one line of measures, in per cent."""
    values = ir_measures.calc_aggregate(MEASURES, list(qrels), run)
    print(f"{name:34s}" + "  ".join(f"{measure} {100 * values[measure]:5.1f}" for measure in MEASURES))


def main() -> None:
    """Ingest, search, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--index", type=Path, help="keep the index here and use it again")
    parser.add_argument("--two-stage", action="store_true", help="rerank a shortlist, as in large indexes")
    parser.add_argument("--channels", action="store_true", help="measure both channels, alone and fused")
    parser.add_argument("--without-text", type=float, default=0.0, metavar="SHARE", help="take text from so many first")
    arguments = parser.parse_args()
    queries, qrels = read_labels(arguments.folder)
    search = SearchSettings(mode="two-stage" if arguments.two_stage else "auto", channels="visual")
    documents = arguments.folder / "pdfs" if (arguments.folder / "pdfs").is_dir() else arguments.folder
    with (
        tempfile.TemporaryDirectory() as scratch,
        VisualIndex.open_or_create(arguments.index or Path(scratch) / "index", search=search) as index,
    ):
        done = index.add(documents)
        pages = list(index.pages())
        print(f"{len(pages)} pages, {len(queries)} queries; {done.n_pages_embedded} embedded in {done.seconds:.0f} s")
        report(f"{index.info().passport.model.name}, pixels only", qrels, by_index(index, queries, search))
        report("BM25 on the text layer", qrels, by_text_layer(pages, queries))
        if arguments.without_text:
            dropped = drop_text(index, arguments.without_text)
            print(f"without text layer from here on: {', '.join(sorted(dropped))}")
        if arguments.channels:
            compare_channels(index, queries, qrels)


if __name__ == "__main__":
    main()
