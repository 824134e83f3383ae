"""An index of the sample manuals, built once for all pages that are run."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def built_index(tmp_path_factory: pytest.TempPathFactory, manuals: Path) -> Path:
    """Its folder, to be copied: built by the program, as a reader does it."""
    folder = tmp_path_factory.mktemp("built") / "index"
    command = [sys.executable, "-m", "visual_rag", "ingest", str(manuals), "--index", str(folder)]
    subprocess.run(command, capture_output=True, timeout=300, check=True)
    return folder
