"""The README's section on models is the table of `visual_rag.embed.models`, word for word.

Run as a script, this file writes the section: `python tests/docs/test_models_table.py`.
"""

from pathlib import Path

from visual_rag.embed.models import models_markdown

README = Path(__file__).parents[2] / "README.md"
BEGIN, END = "<!-- models -->\n", "<!-- /models -->"


def split_readme() -> tuple[str, str, str]:
    """What stands before the section, the section, and what stands after."""
    before, found, rest = README.read_text(encoding="utf8").partition(BEGIN)
    section, ended, after = rest.partition(END)
    assert found, f"README.md has no {BEGIN.strip()}"
    assert ended, f"README.md has no {END}"
    return before, section, after


def test_the_readme_shows_the_table_as_it_is() -> None:
    """A new row, a score or a licence reaches readers."""
    _, section, _ = split_readme()
    assert section == models_markdown(), "run `python tests/docs/test_models_table.py`, which writes the section"


def write() -> None:
    """Bring the README up to date."""
    before, _, after = split_readme()
    README.write_text(f"{before}{BEGIN}{models_markdown()}{END}{after}", encoding="utf8")


if __name__ == "__main__":
    write()
