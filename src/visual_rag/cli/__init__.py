"""The command line: one short function per command that parses, calls and prints."""

import io
import sys
from io import TextIOWrapper

# Importing them makes their commands known.
from visual_rag.cli import documents, models, recall, search, show  # noqa: F401
from visual_rag.cli.app import EXIT_ERROR, app, err, is_debugging
from visual_rag.errors import InvalidFilter, VisualRagError
from visual_rag.printing import print_line


def main() -> None:
    """Run the command line: errors of ours are one line with the next step, a traceback comes only with `--debug`."""
    sys.stdout = sys.stdout or io.StringIO()  # closed by the caller
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal cannot show costs no result
    try:
        app()
    except InvalidFilter as error:  # shows the place by a mark on a line of its own
        if is_debugging.get():
            raise
        _fail(*f"error: {error}".splitlines())
    except VisualRagError as error:
        if is_debugging.get():
            raise
        _fail(f"error: {error}")
    except Exception as error:  # the last line of defence for people; --debug shows all of it
        if is_debugging.get():
            raise
        _fail(
            f"unexpected error: {type(error).__name__}: {error}; run `visual-rag --debug ...` and report what it shows"
        )


def _fail(*lines: str) -> None:
    for line in lines:
        print_line(err, line)
    sys.exit(EXIT_ERROR)
