"""Where the program starts: `visual-rag`, or `python -m visual_rag`."""

import sys


def main() -> None:
    """Run the command line; an interrupt ends it quietly, even while it is still loading."""
    try:
        from visual_rag.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
