"""The command line: one short function per command that parses, calls and prints."""

import io
import sys
from io import TextIOWrapper

from visual_rag.cli import documents, models, search  # noqa: F401  # importing them makes their commands known
from visual_rag.cli.app import EXIT_ERROR, app, err, is_debugging
from visual_rag.errors import VisualRagError
from visual_rag.printing import print_line


def main() -> None:
    """Run the command line: errors of ours are one line with the next step, a traceback comes only with `--debug`."""
    sys.stdout = sys.stdout or io.StringIO()  # closed by the caller
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal cannot show costs no result
    try:
        app()
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


def _fail(message: str) -> None:
    print_line(err, message)
    sys.exit(EXIT_ERROR)
