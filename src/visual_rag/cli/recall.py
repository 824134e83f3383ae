"""The command that audits an index: does the shortlist lose pages that every-page search would find?"""

from dataclasses import asdict
from typing import Annotated

import typer

from visual_rag.cli.app import CountOption, IndexOption, JsonOption, app, open_index, out, print_json
from visual_rag.printing import Row, print_line, print_rows
from visual_rag.settings import SearchSettings


@app.command()
def recall(
    index: IndexOption = None,
    k: CountOption = 10,
    questions: Annotated[int, typer.Option(min=1, help="Questions, made from pages of the index itself.")] = 50,
    wanted: Annotated[float, typer.Option(min=0, max=1, help="Share of the exact answer that is enough.")] = 0.97,
    as_json: JsonOption = False,
) -> None:
    """Check how long the shortlist must be to lose no pages."""
    from visual_rag.retrieve.recall import advice

    with open_index(index) as opened:
        report = opened.audit_recall(k=k, n_questions=questions)
        n_pages = opened.count()
    if as_json:
        print_json(asdict(report))
        return
    rows = [Row((f"{n_pages:,} (all)", "1.000", f"{report.exact_p50_ms:.0f} ms"))]
    rows += [Row((f"{size.size:,}", f"{size.agreement:.3f}", f"{size.p50_ms:.0f} ms")) for size in report.sizes]
    print_rows(out, rows, header=("shortlist", f"top {k} found", "median"))
    used = min(n_pages, SearchSettings().shortlist_size(n_pages))
    print_line(out, advice(report, used=used, wanted=wanted))
