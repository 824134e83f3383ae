"""Train spotter: `python training/spotter/train.py --steps 6000 --out build/spotter`.

Draws crops in worker processes, trains both towers together, writes `checkpoint.pt` and a line of `curve.tsv` every
250 steps, and goes on from the checkpoint when started again with the same folder.
"""

import argparse
import math
import multiprocessing
import random
import time
from dataclasses import dataclass
from pathlib import Path
from queue import Empty

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from crops import HEIGHT_PX, WIDTH_PX, DrawnWord, draw_crop
from model import STRIDE_PX, PageTower, WordTower
from typefaces import split_families
from visual_rag.embed.spotter_words import ALPHABET, UNKNOWN_ID, encode_words
from vocabulary import draw_token, held_out_words, look_alikes, stem, words_of

CROPS_PER_STEP = 8
POOL_SIZE = 1600  # crops kept for reuse: drawing is slower than a step on two cores
PEAK_LEARNING_RATE = 2e-3
WARM_UP_STEPS = 200
AVERAGE_DECAY = 0.998
GATE_CENTRE = 0.5  # the similarity at which two words count as half the same: a choice the model is trained to honour
_SYMBOL_IDS = {character: index + 2 for index, character in enumerate(ALPHABET)}
_FINE_WIDTH_PX = 4
DrawnCrop = tuple[np.ndarray, list[DrawnWord]]


@dataclass(frozen=True)
class Targets:
    """Where the words and characters of a batch stand on the model's maps."""

    texts: list[str]
    cells: tuple[Tensor, Tensor, Tensor]  # crop, row, column of each word
    boxes: Tensor  # (n_words, 4), log distances from the cell centre in cells
    wordness: Tensor  # (n_crops, height, width), 0 or 1
    characters: tuple[Tensor, Tensor, Tensor]
    symbols: Tensor


class Spotter(torch.nn.Module):
    """Both towers and the two learned scales of the losses."""

    def __init__(self) -> None:
        super().__init__()
        self.page = PageTower().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.word = WordTower()
        self.log_scale = torch.nn.Parameter(torch.tensor(math.log(14.0)))
        self.log_gate = torch.nn.Parameter(torch.tensor(math.log(16.0)))


def make_targets(crops: list[list[DrawnWord]]) -> Targets:
    """Place words and characters on the maps."""
    texts, cells, boxes, characters, symbols = [], [], [], [], []
    wordness = torch.zeros(len(crops), HEIGHT_PX // STRIDE_PX, WIDTH_PX // STRIDE_PX)
    for crop, words in enumerate(crops):
        for word in words:
            left, top, right, bottom = word.box
            row = min(max(int((top + bottom) / 2 / STRIDE_PX), 0), wordness.shape[1] - 1)
            column = min(max(int((left + right) / 2 / STRIDE_PX), 0), wordness.shape[2] - 1)
            x, y = (column + 0.5) * STRIDE_PX, (row + 0.5) * STRIDE_PX
            texts.append(word.text)
            cells.append((crop, row, column))
            boxes.append([max(side, 1.0) / STRIDE_PX for side in (x - left, y - top, right - x, bottom - y)])
            wordness[crop, row, column] = 1
            for character, at_x, at_y in word.characters:
                place = (crop, int(at_y / STRIDE_PX), int(at_x / _FINE_WIDTH_PX))
                if 0 <= place[1] < wordness.shape[1] and 0 <= place[2] < WIDTH_PX // _FINE_WIDTH_PX:
                    characters.append(place)
                    symbols.append(_SYMBOL_IDS.get(character, UNKNOWN_ID))
    cell_columns = torch.tensor(cells).T
    character_columns = torch.tensor(characters).T
    return Targets(
        texts,
        (cell_columns[0], cell_columns[1], cell_columns[2]),
        torch.tensor(boxes).log(),
        wordness,
        (character_columns[0], character_columns[1], character_columns[2]),
        torch.tensor(symbols),
    )


def word_losses(
    model: Spotter, page_rows: Tensor, texts: list[str], others: list[str], gate_weight: float
) -> tuple[Tensor, float]:
    """Contrast the words of the batch with each other and with words that are not there.

    Words of one stem are left out of each other's contrast, so that inflected forms may stay near.
    """
    candidates = sorted(set(texts))
    candidates += sorted(set(others) - set(candidates))
    place = {text: index for index, text in enumerate(candidates)}
    stems: dict[str, int] = {}
    stem_ids = torch.tensor([stems.setdefault(stem(text), len(stems)) for text in candidates])
    labels = torch.tensor([place[text] for text in texts])
    symbols, lengths = encode_words(candidates)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        word_rows = model.word(torch.from_numpy(symbols), torch.from_numpy(lengths))
    word_rows = functional.normalize(word_rows.float(), dim=1)
    cosine = page_rows @ word_rows.T  # (n_words, n_candidates)
    match = functional.one_hot(labels, len(candidates)).bool()
    related = (stem_ids[labels][:, None] == stem_ids[None]) & ~match
    logits = (model.log_scale.exp().clamp(max=60) * cosine).masked_fill(related, -1e4)
    to_word = functional.cross_entropy(logits, labels)
    present = match.any(0)
    backwards = logits[:, present].T.log_softmax(1)
    to_page = -(backwards * match[:, present].T).sum(1).div(match[:, present].sum(0)).mean()
    gate = model.log_gate.exp().clamp(max=40) * (cosine - GATE_CENTRE)
    per_pair = functional.binary_cross_entropy_with_logits(gate, match.float(), reduction="none")
    gated = per_pair.masked_fill(related, 0).sum() / len(texts)
    accuracy = (logits.argmax(1) == labels).float().mean().item()
    return to_word + 0.3 * to_page + gate_weight * gated, accuracy


def map_losses(model: Spotter, ink: Tensor, targets: Targets) -> tuple[Tensor, Tensor]:
    """Run the page tower: return its rows at the words, and the losses of word-ness, boxes and characters."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        embedding, wordness, box, character = model.page(ink)
    crop, row, column = targets.cells
    rows = functional.normalize(embedding.float()[crop, :, row, column], dim=1)
    neighbours = functional.max_pool2d(targets.wordness[:, None], 3, 1, 1)[:, 0] - targets.wordness
    per_cell = functional.binary_cross_entropy_with_logits(wordness.float(), targets.wordness, reduction="none")
    weight = torch.where(targets.wordness > 0, 1.0, 0.1) * (1 - neighbours)
    loss = 0.5 * (per_cell * weight).sum() / targets.wordness.sum().clamp(min=1)
    loss = loss + 0.5 * functional.smooth_l1_loss(box.float()[crop, :, row, column], targets.boxes, beta=0.2)
    at_crop, at_row, at_column = targets.characters
    seen = character.float()[at_crop, :, at_row, at_column]
    return rows, loss + functional.cross_entropy(seen, targets.symbols)


def train_step(
    model: Spotter, crops: list[DrawnCrop], randomness: random.Random, gate_weight: float
) -> tuple[Tensor, float]:
    """Compute the loss and the word accuracy of one batch."""
    ink = torch.from_numpy(np.stack([crop[0] for crop in crops]).astype(np.float32))[:, None]
    targets = make_targets([crop[1] for crop in crops])
    rows, loss = map_losses(model, ink.contiguous(memory_format=torch.channels_last), targets)
    others = words_of(draw_token(randomness) for _ in range(250))
    for text in randomness.sample(targets.texts, min(120, len(targets.texts))):
        others += look_alikes(text, randomness)
    word_loss, accuracy = word_losses(model, rows, targets.texts, [word for word in others if word], gate_weight)
    return loss + word_loss, accuracy


def _draw_forever(queue: "multiprocessing.Queue[list[DrawnCrop]]", seed: int) -> None:
    randomness, (fonts, _) = random.Random(seed), split_families()
    while True:
        queue.put([draw_crop(randomness, fonts) for _ in range(CROPS_PER_STEP)])


class CropPool:
    """Crops drawn so far; each draw mixes new ones with ones seen before."""

    def __init__(self, seed: int, n_workers: int) -> None:
        self._queue: multiprocessing.Queue[list[DrawnCrop]] = multiprocessing.Queue(16)
        self._crops: list[DrawnCrop] = []
        self._randomness = random.Random(seed)
        for worker in range(n_workers):
            arguments = (self._queue, seed * 1000 + worker)
            multiprocessing.Process(target=_draw_forever, args=arguments, daemon=True).start()

    def draw(self) -> list[DrawnCrop]:
        """Take in what the workers have drawn, then sample one batch."""
        while True:
            try:
                fresh = self._queue.get(block=len(self._crops) < 4 * CROPS_PER_STEP)
            except Empty:
                return self._randomness.sample(self._crops, CROPS_PER_STEP)
            for crop in fresh:
                if len(crop[1]) < 3:
                    continue
                if len(self._crops) < POOL_SIZE:
                    self._crops.append(crop)
                else:
                    self._crops[self._randomness.randrange(POOL_SIZE)] = crop


@torch.inference_mode()
def validate(model: Spotter, n_crops: int = 24) -> dict[str, float]:
    """Measure on fonts never trained on: top-1 of 10,000 words, and how often strangers pass the gate."""
    model.eval()
    randomness, (_, fonts) = random.Random(77), split_families()
    crops = [crop for crop in (draw_crop(randomness, fonts) for _ in range(n_crops)) if len(crop[1]) > 2]
    vocabulary = sorted(
        set(words_of(randomness.sample(held_out_words(), 1500)))
        | set(words_of(draw_token(randomness) for _ in range(9000)))
    )[:10000]
    texts, rows = [], []
    for crop in crops:
        targets = make_targets([crop[1]])
        ink = torch.from_numpy(crop[0].astype(np.float32))[None, None]
        rows.append(map_losses(model, ink, targets)[0])
        texts += targets.texts
    everything = sorted(set(vocabulary) | set(texts))
    symbols, lengths = encode_words(everything)
    word_rows = functional.normalize(model.word(torch.from_numpy(symbols), torch.from_numpy(lengths)), dim=1)
    cosine = torch.cat(rows) @ word_rows.T
    labels = torch.tensor([everything.index(text) for text in texts])
    own = cosine.gather(1, labels[:, None])[:, 0]
    strangers = cosine.scatter(1, labels[:, None], -1)
    model.train()
    return {
        "top1": (cosine.argmax(1) == labels).float().mean().item(),
        "own": own.mean().item(),
        "own_p10": own.quantile(0.1).item(),
        "strangers_per_row": (strangers > 0.5).float().sum(1).mean().item(),
    }


def learning_rate(step: int, n_steps: int) -> float:
    """Warm up linearly, then fall along a cosine to 1 % of the peak."""
    return (
        PEAK_LEARNING_RATE
        * min(1.0, (step + 1) / WARM_UP_STEPS)
        * max(0.01, 0.5 * (1 + math.cos(math.pi * step / n_steps)))
    )


def gate_weight(step: int) -> float:
    """Bring the gate in once words can be told apart: at the start it only pushes all vectors to one side."""
    return 0.5 * min(1.0, max(0.0, (step - 600) / 900))


def train(folder: Path, n_steps: int, n_threads: int, seed: int = 11) -> None:
    """Train, or go on training, until `n_steps`."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(n_threads)
    torch.manual_seed(seed)
    model = Spotter()
    average = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(AVERAGE_DECAY), use_buffers=True
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_LEARNING_RATE, weight_decay=1e-2)
    first_step, checkpoint = 0, folder / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        first_step = state["step"]
    pool, randomness = CropPool(seed + first_step, n_workers=1), random.Random(seed + first_step)
    started, accuracy = time.monotonic(), 0.0
    for step in range(first_step, n_steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, n_steps)
        loss, step_accuracy = train_step(model, pool.draw(), randomness, gate_weight(step))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        average.update_parameters(model)
        accuracy = 0.98 * accuracy + 0.02 * step_accuracy
        if (step + 1) % 50 == 0:
            print(
                f"step {step + 1} loss {loss.item():.3f} accuracy {accuracy:.3f} scale "
                f"{model.log_scale.exp().item():.1f} gate {model.log_gate.exp().item():.1f} "
                f"{(time.monotonic() - started) / (step + 1 - first_step):.2f} s/step",
                flush=True,
            )
        if (step + 1) % 250 == 0 or step + 1 == n_steps:
            partial = checkpoint.with_suffix(".partial")
            torch.save(
                {
                    "model": model.state_dict(),
                    "average": average.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "step": step + 1,
                },
                partial,
            )
            partial.replace(checkpoint)
            measured = validate(average.module)
            with (folder / "curve.tsv").open("a") as curve:
                curve.write(
                    "\t".join([str(step + 1), f"{loss.item():.3f}", *(f"{value:.4f}" for value in measured.values())])
                    + "\n"
                )
            print(step + 1, measured, flush=True)


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/spotter"), help="folder for checkpoint and curve")
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--threads", type=int, default=1, help="threads of the model; one more process draws")
    arguments = parser.parse_args()
    train(arguments.out, arguments.steps, arguments.threads)


if __name__ == "__main__":
    main()
