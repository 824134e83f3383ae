"""Which renderer makes the pixels, for the passport: another version may draw other pixels."""

import re
import shutil
import subprocess

from visual_rag.errors import MissingDependency
from visual_rag.settings import Renderer

POPPLER_MISSING = (
    "renderer 'poppler' needs the programs pdftoppm and pdfinfo: apt install poppler-utils, brew install poppler, or "
    "conda install -c conda-forge poppler; or use renderer='pdfium', which needs nothing"
)


def renderer_version(renderer: Renderer) -> str:
    """Name a renderer with its version.

    Returns:
        Such as `pdfium 5.15.2/7825` (pypdfium2 and the pdfium build inside) or `poppler 22.12.0`.

    Raises:
        MissingDependency: poppler is not installed.
    """
    return _poppler_version() if renderer == "poppler" else _pdfium_version()


def _pdfium_version() -> str:
    import pypdfium2.version

    return f"pdfium {pypdfium2.version.PYPDFIUM_INFO.tag}/{pypdfium2.version.PDFIUM_INFO.build}"


def _poppler_version() -> str:
    program = shutil.which("pdftoppm")
    if program is None or shutil.which("pdfinfo") is None:
        raise MissingDependency(POPPLER_MISSING)
    printed = subprocess.run([program, "-v"], capture_output=True, text=True, check=False, timeout=30)  # noqa: S603  # fixed arguments
    found = re.search(r"version (\S+)", printed.stderr + printed.stdout)
    return f"poppler {found[1] if found else 'of unknown version'}"
