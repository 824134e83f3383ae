"""docs/search.md is what really happens: its Python and its command lines run in order and print what stands there.

Run as a script, this file writes the outputs: `python tests/docs/test_search_docs.py`.
"""

import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from math import isclose
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "search.md"
PYTHON = re.compile(r"```python\n(?P<code>.*?)```\n(?:\n```text\n(?P<output>.*?)```\n)?", re.DOTALL)
CONSOLE = re.compile(r"```console\n(?P<lines>.*?)```\n", re.DOTALL)
TIME = re.compile(r"\d+(\.\d)? ms *")
DECIMAL = re.compile(r"\d+\.\d+")
REWRITE = "run `python tests/docs/test_search_docs.py`, which writes what is printed"


class PythonBlocks:
    """Runs the Python of the page, all in one namespace."""

    def __init__(self) -> None:
        self._names: dict[str, object] = {"__name__": "page"}

    def run(self, code: str) -> str:
        """What the code prints."""
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(compile(code, PAGE.name, "exec"), self._names)
        return without_trailing(printed.getvalue())

    def close(self) -> None:
        """Release the index, wherever the page broke off."""
        index = self._names.get("index")
        if index is not None:
            index.close()  # type: ignore[attr-defined]


def run_line(line: str) -> str:
    """What a command line of the page prints: its result, or its error."""
    program, *arguments = shlex.split(line)
    assert program == "visual-rag"
    command = [sys.executable, "-m", "visual_rag", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert "Traceback" not in done.stderr
    assert "unexpected error" not in done.stderr, done.stderr
    return without_trailing(TIME.sub("... ms  ", done.stdout if done.returncode == 0 else done.stderr))


def without_trailing(text: str) -> str:
    """Without spaces at the ends of lines, which editors drop."""
    return re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)


def commands(lines: str) -> Iterator[tuple[str, str]]:
    """Each command of a block, with what stands below it."""
    for part in re.split(r"^\$ ", lines, flags=re.MULTILINE)[1:]:
        line, _, output = part.partition("\n")
        yield line, output


def equal(expected: str, printed: str) -> bool:
    """Say whether two texts are equal, decimals up to what another processor may round otherwise."""
    if DECIMAL.sub("#", expected) != DECIMAL.sub("#", printed):
        return False
    pairs = zip(DECIMAL.findall(expected), DECIMAL.findall(printed), strict=True)
    return all(isclose(float(one), float(other), rel_tol=0.02, abs_tol=0.021) for one, other in pairs)


def furnish(folder: Path, built: Path, name: str) -> None:
    """Put the examples into a folder, and a copy of their index."""
    (folder / "examples").symlink_to(ROOT / "examples")
    shutil.copytree(built, folder / name)


def test_the_python_of_the_page_prints_what_it_says(
    built_index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Block by block, in one namespace."""
    furnish(tmp_path, built_index, "manuals.index")
    monkeypatch.chdir(tmp_path)
    blocks, n_run = PythonBlocks(), 0
    try:
        for match in PYTHON.finditer(PAGE.read_text(encoding="utf8")):
            printed = blocks.run(match["code"])
            assert equal(match["output"] or "", printed), f"{match['code']}\nprints\n{printed}\n{REWRITE}"
            n_run += 1
    finally:
        blocks.close()
    assert n_run > 20


def test_the_command_lines_of_the_page_print_what_it_says(
    built_index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Line by line, by the real program."""
    furnish(tmp_path, built_index, ".visual_rag")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VISUAL_RAG_INDEX", raising=False)
    save_crop(tmp_path)
    n_run = 0
    for block in CONSOLE.finditer(PAGE.read_text(encoding="utf8")):
        for line, output in commands(block["lines"]):
            printed = run_line(line)
            assert equal(output, printed), f"{line}\nprints\n{printed}\n{REWRITE}"
            n_run += 1
    assert n_run > 20


def save_crop(folder: Path) -> None:
    """Make the picture that the command lines look for, as the Python before them does."""
    from PIL import Image

    from visual_rag import VisualIndex

    with VisualIndex.open(folder / ".visual_rag") as index:
        page = Image.open(io.BytesIO(index.page_image(index.page("pump.pdf", 6))))
    page.crop((60, 80, 933, 340)).save(folder / "crop.png")


def write() -> None:
    """Bring the outputs of the page up to date."""
    text = PAGE.read_text(encoding="utf8")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        built = folder / "built"
        command = [sys.executable, "-m", "visual_rag", "ingest", str(ROOT / "examples/manuals"), "--index", str(built)]
        subprocess.run(command, check=True)
        furnish(folder, built, "manuals.index")
        shutil.copytree(built, folder / ".visual_rag")
        save_crop(folder)
        os.chdir(folder)
        text = PYTHON.sub(rewritten_python(PythonBlocks().run), text)
        text = CONSOLE.sub(rewritten_console, text)
        os.chdir(ROOT)
    PAGE.write_text(text, encoding="utf8")


def rewritten_python(run: Callable[[str], str]) -> Callable[[re.Match[str]], str]:
    """Make a block of code with what it prints."""

    def rewritten(match: re.Match[str]) -> str:
        printed = run(match["code"])
        below = f"\n```text\n{printed}```\n" if printed else ""
        return f"```python\n{match['code']}```\n{below}"

    return rewritten


def rewritten_console(match: re.Match[str]) -> str:
    """Make a block of command lines, each with what it prints."""
    lines = "".join(f"$ {line}\n{run_line(line)}" for line, _ in commands(match["lines"]))
    return f"```console\n{lines}```\n"


if __name__ == "__main__":
    write()
