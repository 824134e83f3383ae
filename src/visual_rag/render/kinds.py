"""What kind of file this is, told from its first bytes; names and extensions are not asked.

>>> sniff(b"%PDF-1.7 ...").name
'PDF'
>>> sniff(b"<!DOCTYPE html><html>").name
'an HTML page'
"""

from dataclasses import dataclass
from typing import Literal

HEAD_BYTES = 1024
"""How far into a file a PDF header may stand (PDF 1.7, annex H, note 13)."""

_READ_AS = "PDF, PNG, JPEG, WebP, TIFF, GIF, BMP, JPEG 2000 and AVIF are read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of file.

    Attributes:
        name: As people call it.
        opened_as: `pdf`, `image`, `unsupported`, or `unknown` for what no row of the table matches.
        advice: Next step for a file that is not read.
    """

    name: str
    opened_as: Literal["pdf", "image", "unsupported", "unknown"]
    advice: str = _READ_AS


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signature:
    kind: Kind
    magic: bytes
    offset: int = 0

    def matches(self, head: bytes) -> bool:
        return head.startswith(self.magic, self.offset)


def _image(name: str) -> Kind:
    return Kind(name=name, opened_as="image")


def _unsupported(name: str, advice: str = _READ_AS) -> Kind:
    return Kind(name=name, opened_as="unsupported", advice=advice)


PDF = Kind(name="PDF", opened_as="pdf")
_TO_PDF = "save it as PDF first"
_OFFICE = _unsupported("an Office file from before 2007", _TO_PDF)
_HEIC = _unsupported("a HEIC photo", "save it as JPEG first")

_SIGNATURES = (
    _Signature(kind=PDF, magic=b"%PDF"),
    _Signature(kind=_image("PNG"), magic=b"\x89PNG\r\n\x1a\n"),
    _Signature(kind=_image("JPEG"), magic=b"\xff\xd8\xff"),
    _Signature(kind=_image("GIF"), magic=b"GIF87a"),
    _Signature(kind=_image("GIF"), magic=b"GIF89a"),
    _Signature(kind=_image("TIFF"), magic=b"II*\x00"),
    _Signature(kind=_image("TIFF"), magic=b"MM\x00*"),
    _Signature(kind=_image("TIFF"), magic=b"II+\x00"),
    _Signature(kind=_image("TIFF"), magic=b"MM\x00+"),
    _Signature(kind=_image("WebP"), magic=b"WEBP", offset=8),
    _Signature(kind=_image("JPEG 2000"), magic=b"\x00\x00\x00\x0cjP  \r\n\x87\n"),
    _Signature(kind=_image("JPEG 2000"), magic=b"\xff\x4f\xff\x51"),
    _Signature(kind=_image("AVIF"), magic=b"ftypavif", offset=4),
    _Signature(kind=_image("AVIF"), magic=b"ftypavis", offset=4),
    _Signature(kind=_HEIC, magic=b"ftypheic", offset=4),
    _Signature(kind=_HEIC, magic=b"ftypheix", offset=4),
    _Signature(kind=_unsupported("a ZIP archive or an Office file (docx, pptx, xlsx)", _TO_PDF), magic=b"PK\x03\x04"),
    _Signature(kind=_OFFICE, magic=b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
    _Signature(kind=_unsupported("a PostScript file", _TO_PDF), magic=b"%!PS"),
    _Signature(kind=_unsupported("an RTF file", _TO_PDF), magic=b"{\\rtf"),
    _Signature(kind=_unsupported("a gzip archive", "unpack it first"), magic=b"\x1f\x8b"),
    _Signature(kind=_unsupported("a Photoshop file", _TO_PDF), magic=b"8BPS"),
    _Signature(kind=_unsupported("an icon"), magic=b"\x00\x00\x01\x00"),
)
_MARKUP = (
    (b"<!doctype html", _unsupported("an HTML page", "print it to PDF first")),
    (b"<html", _unsupported("an HTML page", "print it to PDF first")),
    (b"<svg", _unsupported("an SVG drawing", "save it as PDF or PNG first")),
    (b"<?xml", _unsupported("an XML file", _TO_PDF)),
)
_BMP = _image("BMP")
_BMP_HEADER_LENGTHS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_TEXT = _unsupported("plain text", "save it as PDF first")
_UNKNOWN = Kind(name="of a kind that is not recognised", opened_as="unknown")


def sniff(head: bytes) -> Kind:
    """Tell a file's kind.

    Args:
        head: The first `HEAD_BYTES` bytes of the file, or all of a shorter one; not empty.

    Returns:
        The kind; an image only by its signature, so its content may still be broken.
    """
    for signature in _SIGNATURES:
        if signature.matches(head):
            return signature.kind
    if b"%PDF" in head[:HEAD_BYTES]:  # some mail and web servers put their own lines first
        return PDF
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BMP_HEADER_LENGTHS:
        return _BMP
    return _markup(head) or (_TEXT if _is_text(head) else _UNKNOWN)


def _markup(head: bytes) -> Kind | None:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith(b"<?xml"):
        return next((kind for tag, kind in _MARKUP if tag != b"<?xml" and tag in start), _MARKUP[-1][1])
    return next((kind for tag, kind in _MARKUP if start.startswith(tag)), None)


def _is_text(head: bytes) -> bool:
    try:
        text = head[:HEAD_BYTES].decode()
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # not merely cut in the middle of a character
            return False
        text = head[: error.start].decode()
    return all(character.isprintable() or character.isspace() for character in text)
