"""Items through a network in batches that fit its device, and rows that are fit to be stored."""

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from PIL import Image

from visual_rag.embed.torch_runtime import is_out_of_memory, torch
from visual_rag.errors import OutOfDeviceMemory, UnhealthyEmbedding
from visual_rag.records import FloatArray
from visual_rag.scoring import normalise_rows

log = logging.getLogger(__name__)
Item = TypeVar("Item")
Result = TypeVar("Result")


class BatchRunner:
    """Runs batches of one size, and of half that size for good once the device has too little memory for it."""

    def __init__(self, size: int, *, model: str, device: torch.device) -> None:
        self.size = size
        self._model = model
        self._device = device

    def run(
        self,
        items: Sequence[Item],
        forward: Callable[[list[Item]], Sequence[Result]],
        *,
        key: Callable[[Item], float],
        describe: Callable[[Item], str],
    ) -> list[Result]:
        """Run all items.

        Args:
            items: In any order.
            forward: Gives one result for each item of a batch.
            key: Items of like key go together, so that little is padded.
            describe: What to call an item that does not fit even alone.

        Returns:
            Results in the order of the items.

        Raises:
            OutOfDeviceMemory: A single item does not fit.
        """
        order = sorted(range(len(items)), key=lambda place: key(items[place]))
        results: dict[int, Result] = {}
        while order:
            places = order[: self.size]
            batch = [items[place] for place in places]
            if (found := self._attempt(forward, batch, describe)) is not None:
                results.update(zip(places, found, strict=True))
                order = order[len(places) :]
        return [results[place] for place in range(len(items))]

    def _attempt(
        self, forward: Callable[[list[Item]], Sequence[Result]], batch: list[Item], describe: Callable[[Item], str]
    ) -> Sequence[Result] | None:
        """Run one batch; None, and smaller batches from now on, when it does not fit."""
        try:
            return forward(batch)
        except (RuntimeError, MemoryError) as error:  # torch.OutOfMemoryError is a RuntimeError
            if not is_out_of_memory(error):
                raise
        if self._device.type == "cuda":  # outside of the handler, which would hold on to the tensors
            torch.cuda.empty_cache()
        if len(batch) == 1:
            raise OutOfDeviceMemory(
                f"{describe(batch[0])} does not fit into the memory of {self._device}; lower max_visual_tokens where "
                "the model allows it, take a smaller model, or device='cpu'",
                model=self._model,
            )
        self.size = max(1, len(batch) // 2)
        log.warning("%d items do not fit into the memory of %s; going on with %d", len(batch), self._device, self.size)
        return None


def page_name(image: Image.Image) -> str:
    """What to call a page that does not fit."""
    return f"one page of {image.width} x {image.height} px"


def healthy_rows(rows: torch.Tensor, *, model: str) -> FloatArray:
    """Take a network's rows as float32 of length 1: lengths drift by 0.4 % in bfloat16.

    Args:
        rows: Shape (n_rows, dim), of any dtype, on any device.
        model: For the message.

    Raises:
        UnhealthyEmbedding: A row is zero or not finite.
    """
    try:
        return normalise_rows(rows.float().cpu().numpy())
    except UnhealthyEmbedding as error:
        dtype = str(rows.dtype).removeprefix("torch.")
        better = "bfloat16" if dtype == "float16" else "float32"
        raise UnhealthyEmbedding(
            f"{model} gave rows that are zero or not finite in {dtype}; try dtype='{better}', and check its weights",
            model=model,
        ) from error
