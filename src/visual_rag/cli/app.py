"""What all commands share: the program itself, options, consoles, and how an index is opened for a command.

Results go to standard output (as JSON with `--json`), everything else to standard error.
"""

import json
import sys
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from visual_rag import __version__
from visual_rag.errors import CollectionNotFound
from visual_rag.printing import count, print_line
from visual_rag.settings import DEFAULT_INDEX, INDEX_VARIABLE, ModelDtype, ModelSettings, default_index_folder

if TYPE_CHECKING:
    from visual_rag.index import VisualIndex

EXIT_ERROR, EXIT_SOME_FAILED, EXIT_INTERRUPTED = 1, 3, 130
_HELP = "Find the page that shows it: search PDFs and images by what their pages look like."
_EPILOG = (
    "Exit codes: 0 done; 1 an error, told in one line; 2 wrong usage; 3 ingest finished, but some documents or pages "
    "could not be ingested; 130 interrupted."
)
is_debugging: ContextVar[bool] = ContextVar("debug", default=False)
app = typer.Typer(
    help=_HELP,
    epilog=_EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)
out, err = Console(highlight=False), Console(stderr=True, highlight=False)


IndexOption = Annotated[
    Path | None,
    typer.Option("--index", "-i", envvar=INDEX_VARIABLE, help=f"Index folder; {DEFAULT_INDEX} if none is named."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
ModelOption = Annotated[
    str | None,
    typer.Option(
        help="Model of a new index: spotter if none is named, or a name on the hub, a folder, a server's address; "
        "`visual-rag models` lists known ones."
    ),
]
RevisionOption = Annotated[str | None, typer.Option(help="Commit, tag or branch of a model on the hub.")]
BaseModelOption = Annotated[str | None, typer.Option(help="Where the model lies that a LoRA adapter adapts.")]
PatchesOption = Annotated[int | None, typer.Option(min=4, help="Cap on the patches of a page.")]
DeviceOption = Annotated[str, typer.Option(help="Where the model runs: cpu, cuda, cuda:1, mps; auto takes the best.")]
DtypeOption = Annotated[ModelDtype, typer.Option(help="Numbers that the model computes in.")]
CountOption = Annotated[int, typer.Option("--k", "-k", min=1, help="Most pages to find.")]
WhereOption = Annotated[
    str | None,
    typer.Option("--where", "-w", help='Only pages that meet it: \'year >= 2023 and language in ["en", "de"]\'.'),
]
DocumentOption = Annotated[
    list[str] | None,
    typer.Option("--document", "-d", help="Look only in this document or folder; may be repeated."),
]
PageOption = Annotated[str, typer.Option("--page", "-p", help="The page, such as manual.pdf:12.", show_default=False)]
MovedModelOption = Annotated[
    str | None, typer.Option(help="Where the index's model lies now, if it was moved.", show_default=False)
]


def _show_version(wanted: bool) -> None:
    if wanted:
        out.print(f"visual-rag {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback when something fails.")] = False,
    version: Annotated[  # noqa: ARG001  # typer's callback does the work
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    is_debugging.set(debug)


def open_index(
    folder: Path | None, model: str | None = None, model_settings: ModelSettings | None = None
) -> "VisualIndex":
    """Open the index that a command names, or say how to make one."""
    from visual_rag.index import VisualIndex

    try:
        return VisualIndex.open(folder, model=model, model_settings=model_settings)
    except CollectionNotFound as error:
        typed = folder or default_index_folder()
        raise CollectionNotFound(
            f"there is no index in '{typed}'; `visual-rag ingest PATH` makes one, `--index` names another",
            collection=error.collection,
        ) from error


def warn_of_lost_pages(opened: "VisualIndex") -> None:
    """Say so when files of the index were lost."""
    if n_missing := opened.n_missing_pages():
        lost = f"{count(n_missing, 'page')} of the index cannot be read; ingest the documents again, which mends it"
        print_line(err, f"warning: {lost}")


def print_json(value: Any) -> None:
    """Print a result as JSON."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")
