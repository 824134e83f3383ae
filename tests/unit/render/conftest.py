"""Tiny files made for one test each, and what is needed to render them."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from visual_rag.records import Document, Page
from visual_rag.render import PageRendered, RenderEvent, RenderRequest, render_documents
from visual_rag.settings import RenderSettings

_PADDING = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")


@dataclass(frozen=True)
class PdfPage:
    """One page of a PDF written by `write_pdf`; `keys` go into its dictionary as they are."""

    content: bytes = b""
    media_box: Sequence[float] = (0, 0, 200, 100)
    keys: str = ""


def show(text: str, x: float, y: float, size: float = 12) -> bytes:
    """Content that writes `text` in Helvetica, its first letter at (x, y)."""
    escaped = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
    return f"BT /F1 {size} Tf {x} {y} Td ({escaped}) Tj ET\n".encode("latin-1")


def slow_page() -> PdfPage:
    """A page that a renderer cannot finish within the life of a test: forms that draw forms, ten to the ninth."""
    return PdfPage(content=b"/X0 Do\n" * 10)


def write_pdf(path: Path, pages: Sequence[PdfPage], *, catalog: str = "", password: str | None = None) -> Path:
    """Write a PDF with Helvetica as /F1 and a form /X0 that takes forever to draw."""
    n_forms, first_form = 8, 4
    first_page = first_form + n_forms
    kids = " ".join(f"{first_page + 2 * number} 0 R" for number in range(len(pages)))
    bodies = [
        f"<< /Type /Catalog /Pages 2 0 R {catalog} >>".encode(),
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number in range(n_forms):
        is_last = number == n_forms - 1
        inner = b"0 0 m 9 9 l S" if is_last else f"/X{number + 1} Do\n".encode() * 10
        resources = "" if is_last else f"/X{number + 1} {first_form + number + 1} 0 R"
        head = f"/Type /XObject /Subtype /Form /BBox [0 0 99 99] /Resources << /XObject << {resources} >> >>"
        bodies.append(_stream(inner, head))
    for number, page in enumerate(pages):
        box = " ".join(f"{value:.0f}" for value in page.media_box)
        resources = f"/Resources << /Font << /F1 3 0 R >> /XObject << /X0 {first_form} 0 R >> >>"
        contents = f"/Contents {first_page + 2 * number + 1} 0 R"
        head = f"<< /Type /Page /Parent 2 0 R /MediaBox [{box}] {resources} {contents} {page.keys} >>"
        bodies += [head.encode(), _stream(page.content)]
    trailer = ""
    if password is not None:
        bodies.append(_encryption(password))
        trailer = f"/Encrypt {len(bodies)} 0 R /ID [<{'00' * 16}> <{'00' * 16}>]"
    path.write_bytes(_assemble(bodies, trailer))
    return path


def _stream(content: bytes, keys: str = "") -> bytes:
    return f"<< {keys} /Length {len(content)} >>\nstream\n".encode() + content + b"\nendstream"


def _assemble(bodies: Sequence[bytes], trailer: str) -> bytes:
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(bodies, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    start = len(out)
    out += f"xref\n0 {len(bodies) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{offset:010d} 00000 n \n".encode() for offset in offsets)
    out += f"trailer\n<< /Size {len(bodies) + 1} /Root 1 0 R {trailer} >>\nstartxref\n{start}\n%%EOF\n".encode()
    return out


def _encryption(password: str) -> bytes:
    """The standard security handler, revision 2 (PDF 1.7, algorithms 2 to 4): 40-bit RC4."""
    padded = (password.encode("latin-1") + _PADDING)[:32]
    owner = _rc4(hashlib.md5(padded, usedforsecurity=False).digest()[:5], padded)
    permissions = (-4).to_bytes(4, "little", signed=True)
    key = hashlib.md5(padded + owner + permissions + bytes(16), usedforsecurity=False).digest()[:5]
    user = _rc4(key, _PADDING)
    return f"<< /Filter /Standard /V 1 /R 2 /O <{owner.hex()}> /U <{user.hex()}> /P -4 >>".encode()


def _rc4(key: bytes, data: bytes) -> bytes:
    state, j = list(range(256)), 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out, i, j = bytearray(), 0, 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


def request_for(path: Path) -> RenderRequest:
    """Ask for a file under its own name."""
    document = Document(document_id="", source_uri="", name=path.name, content_hash="", size_bytes=0)
    return RenderRequest(document=document, path=path)


def child_pids() -> set[int]:
    """Running or unreaped children of this process (Linux)."""
    children = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:  # ended meanwhile
            continue
        if int(fields[1]) == os.getpid():
            children.add(int(status.parent.name))
    return children


def wait_until(condition: Callable[[], bool], *, timeout_s: float = 20) -> bool:
    """Poll until `condition` holds; False when it never did."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


Render = Callable[..., list[RenderEvent]]


class Make:
    """What the tests of this folder make and ask; a fixture, since test modules cannot import each other."""

    page = PdfPage
    show = staticmethod(show)
    slow_page = staticmethod(slow_page)
    pdf = staticmethod(write_pdf)
    request = staticmethod(request_for)
    child_pids = staticmethod(child_pids)
    wait_until = staticmethod(wait_until)


@pytest.fixture
def make() -> type[Make]:
    """Tiny files and questions to the operating system."""
    return Make


@pytest.fixture
def render() -> Render:
    """Render files with one worker and give all their events."""

    def run(*paths: Path, dpi: int = 72, password: str | None = None, **settings: object) -> list[RenderEvent]:
        chosen = RenderSettings(**{"n_workers": 1} | settings)  # type: ignore[arg-type]
        requests = (request_for(path) for path in paths)
        ask = None if password is None else (lambda _document: password)
        return list(render_documents(requests, chosen, dpi=dpi, password_for=ask))

    return run


@pytest.fixture
def pages_of(render: Render) -> Callable[..., list[Page]]:
    """Render files and give their pages only."""

    def run(*paths: Path, **options: object) -> list[Page]:
        return [event.page for event in render(*paths, **options) if isinstance(event, PageRendered)]

    return run


@pytest.fixture(autouse=True)
def _no_process_is_left() -> Iterator[None]:
    """Every test of this folder must end with as many child processes as it began with."""
    before = child_pids()
    yield
    assert wait_until(lambda: child_pids() <= before), "a worker was left behind"
