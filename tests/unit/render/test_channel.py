"""Messages between parent and worker, as they arrive when the worker dies in the middle of one."""

import io

import pytest

from visual_rag.records import PageWord, Region
from visual_rag.render.channel import Finished, Opened, RenderedPage, read_message, write_message

PAGE = RenderedPage(
    page_index=0,
    width_px=200,
    height_px=200,
    rgb=bytes(range(256)) * 468 + bytes(192),
    page_hash="abc",
    encoded_image=b"jpeg",
    image_mimetype="image/jpeg",
    dpi=72.0,
    width_pt=200.0,
    height_pt=200.0,
    rotation=0,
    label="1",
    words=(PageWord("word", Region(0.1, 0.2, 0.3, 0.4)),),
)


def test_messages_come_out_as_they_went_in() -> None:
    """One after the other, then nothing."""
    pipe = io.BytesIO()
    for message in (Opened(n_pages=1), PAGE, Finished(worn=False)):
        write_message(pipe, message)
    reader = io.BufferedReader(io.BytesIO(pipe.getvalue()))
    assert [read_message(reader) for _ in range(4)] == [Opened(n_pages=1), PAGE, Finished(worn=False), None]


@pytest.mark.parametrize("share", [0.0, 0.0001, 0.001, 0.01, 0.5, 0.999, 0.99999])
def test_half_a_message_is_none(share: float) -> None:
    """A worker that is killed while it writes is a worker that is gone, not an error of its own."""
    pipe = io.BytesIO()
    write_message(pipe, PAGE)
    cut = pipe.getvalue()[: int(len(pipe.getvalue()) * share)]
    assert read_message(io.BufferedReader(io.BytesIO(cut))) is None
