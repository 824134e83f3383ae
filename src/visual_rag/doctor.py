"""What is installed, what is missing, and the command that mends it.

for check in examine():
    print(check.part, check.ok, check.mend)
"""

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from visual_rag.embed.models import DEFAULT_MODEL
from visual_rag.errors import VisualRagError
from visual_rag.settings import ModelSettings
from visual_rag.testing import make_page

_EXTRAS = {
    "colpali": ("colpali_engine", "ColPali-family models"),
    "openai": ("openai", "answers by OpenAI models"),
}
_QUESTIONS = ("oil filter torque", "where is the wiring diagram of the pump")
_BASE = ("qdrant-edge-py", "onnxruntime", "pypdfium2", "pillow", "llama-index-core")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at.

    Attributes:
        part: What it is.
        ok: Whether it works.
        optional: Whether visual_rag runs without it.
        found: Version, or what is wrong.
        mend: The command that mends it, "" where nothing is wrong.
    """

    part: str
    ok: bool
    optional: bool
    found: str
    mend: str

    @property
    def state(self) -> str:
        """In one word: `ok`, `FAILED`, or `optional` where it is missing and can be done without."""
        if self.ok:
            return "ok"
        return "optional" if self.optional else "FAILED"


def examine() -> list[Check]:
    """Look at Python, the packages, the bundled model and the optional parts."""
    checks = [_python(), *(_package(name) for name in _BASE), _model(), _poppler()]
    return checks + [_extra(extra, module, what) for extra, (module, what) in _EXTRAS.items()]


def _python() -> Check:
    found = ".".join(map(str, sys.version_info[:3]))
    return Check(part="python", ok=True, optional=False, found=found, mend="")


def _package(name: str) -> Check:
    try:
        return Check(part=name, ok=True, optional=False, found=version(name), mend="")
    except PackageNotFoundError:
        return Check(
            part=name, ok=False, optional=False, found="missing", mend="pip install --force-reinstall visual-rag"
        )


def _model() -> Check:
    """Embed a blank page and a question with the bundled model: the shortest way through all of it."""
    return _tried("model spotter", _try_model, "pip install --force-reinstall visual-rag")


def _try_model() -> str:
    from visual_rag.embed.load import load_embedder

    embedder = load_embedder(DEFAULT_MODEL)
    embedder.embed_pages([make_page("")])
    embedder.embed_queries(["pump"])
    return f"revision {embedder.identity.revision}, {embedder.identity.backend}"


def examine_model(name: str, settings: ModelSettings) -> list[Check]:
    """Load a model, embed four pages and two questions, and look at the vectors.

    Raises:
        VisualRagError: The model cannot be loaded or run.
    """
    from visual_rag.embed.health import examine_embedder
    from visual_rag.embed.load import load_embedder

    if settings.batch_size is None and name != DEFAULT_MODEL:
        settings = replace(settings, batch_size=4)  # on a CPU a batch would be one page, and nothing told
    embedder = load_embedder(name, settings)
    texts = ("oil filter torque 25 Nm", "wiring diagram of the pump", "warranty ends after 24 months", "")
    pages = [make_page(text, number) for number, text in enumerate(texts)]
    identity = embedder.identity
    found = f"{identity.architecture or identity.name}, {identity.dim} dims, {identity.backend}"
    is_ours = settings.dtype != "float32" and not name.lower().startswith("http")
    mend = "try --dtype float32" if is_ours else ""
    checks = [Check(part=f"model {name}", ok=True, optional=False, found=found, mend="")]
    for finding in examine_embedder(embedder, pages, _QUESTIONS):
        mending = "" if finding.ok else mend
        checks.append(Check(part=finding.what, ok=finding.ok, optional=False, found=finding.found, mend=mending))
    return checks


def _tried(part: str, attempt: Callable[[], str], mend: str) -> Check:
    try:
        return Check(part=part, ok=True, optional=False, found=attempt(), mend="")
    except (VisualRagError, ImportError) as error:
        return Check(part=part, ok=False, optional=False, found=str(error), mend=mend)


def _poppler() -> Check:
    found = shutil.which("pdftoppm")
    mend = "" if found else "apt-get install poppler-utils (Debian, Ubuntu) or brew install poppler (macOS)"
    return Check(part="poppler", ok=bool(found), optional=True, found="found" if found else "missing", mend=mend)


def _extra(extra: str, module: str, what: str) -> Check:
    ok = find_spec(module) is not None
    mend = "" if ok else f"pip install 'visual-rag[{extra}]' for {what}"
    return Check(part=f"extra {extra}", ok=ok, optional=True, found="installed" if ok else "missing", mend=mend)
