"""The README's Python blocks run as they stand, in order, and print what the README says."""

import io
import re
import shutil
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from visual_rag.settings import STORAGE_POLICIES

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)


def runnable_blocks() -> list[tuple[str, str]]:
    """Each Python block with the block after it, which is what it prints."""
    blocks = BLOCK.findall((ROOT / "README.md").read_text(encoding="utf8"))
    return [(code, blocks[n + 1][1]) for n, (kind, code) in enumerate(blocks) if kind == "python"]


def test_the_blocks_of_the_readme_print_what_it_says(
    built_index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder that has the examples, and their index as another process made it: adding them embeds nothing."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    shutil.copytree(built_index, tmp_path / "manuals.index")
    monkeypatch.chdir(tmp_path)
    blocks = runnable_blocks()
    assert len(blocks) >= 2
    for code, expected in blocks:
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(compile(code, "README.md", "exec"), {})
        assert printed.getvalue() == expected
    assert (tmp_path / "found.html").stat().st_size > 10_000


def test_every_link_of_the_readme_leads_somewhere() -> None:
    """Relative links, pictures included."""
    text = (ROOT / "README.md").read_text(encoding="utf8")
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if not link.startswith("http")]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_table_of_storage_policies_is_as_they_are() -> None:
    """Bits a value, and a page of 700 x 128 values."""
    rows = re.findall(
        r"^\| `(\w+)`[^|]*\| (\d+) bits[^|]*\| (\d+) kB \|$", (ROOT / "README.md").read_text("utf8"), re.MULTILINE
    )
    assert rows == [
        (name, str(policy.bits), f"{700 / policy.pool_factor * 128 * policy.bits / 8 / 1000:.0f}")
        for name, policy in STORAGE_POLICIES.items()
    ]


def test_the_first_working_lines_stand_within_the_first_forty() -> None:
    """With their printed output."""
    head = "\n".join((ROOT / "README.md").read_text(encoding="utf8").splitlines()[:40])
    assert len(BLOCK.findall(head)) >= 3


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.name)
def test_every_example_compiles(path: Path) -> None:
    """The demo runs in its own test; an example that needs a key can only be compiled here."""
    compile(path.read_text(encoding="utf8"), path.name, "exec")
