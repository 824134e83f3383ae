"""Draw pieces of pages with the box of every word and the centre of every character.

A crop is what the page side of the model trains on. Its words are labelled in the normal form that a question has.
"""

import io
import random
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from typefaces import draw_file, typeface
from visual_rag.embed.spotter_words import cut_token, normalise_word
from vocabulary import draw_token, fold_accents

HEIGHT_PX, WIDTH_PX = 256, 512
_SIZES_PX = (9, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 16, 16, 17, 18, 19, 20, 22, 24, 26, 28, 32, 36, 42)
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class DrawnWord:
    """One word on a crop: normal form, (left, top, right, bottom) in px, and (character, centre x, centre y)."""

    text: str
    box: Box
    characters: tuple[tuple[str, float, float], ...]


@dataclass
class Crop:
    """A crop being drawn: the picture, its colours (0..255), its words."""

    image: Image.Image
    ink: int
    paper: int
    words: list[DrawnWord] = field(default_factory=list)


def _new_crop(randomness: random.Random) -> Crop:
    paper = randomness.choice([255, 255, 255, 255, 252, 245, 235, randomness.randint(180, 255)])
    ink = randomness.choice([0, 0, 0, 20, 40, randomness.randint(0, max(0, paper - 110))])
    if randomness.random() < 0.12:
        paper, ink = randomness.randint(0, 110), randomness.randint(190, 255)
    return Crop(Image.new("L", (WIDTH_PX, HEIGHT_PX), paper), ink, paper)


def _label(shown: str, font: ImageFont.FreeTypeFont, left: float, top: float, bottom: float) -> list[DrawnWord]:
    """Find the words inside a drawn token and where their characters stand."""
    lowered, words, start = shown.casefold(), [], 0
    for word in cut_token(normalise_word(shown)):
        at = lowered.find(word, start)
        if at < 0 or len(lowered) != len(shown):
            return []
        start = at + len(word)
        edges = [left + font.getlength(shown[:n]) for n in range(at, start + 1)]
        middle = (top + bottom) / 2
        characters = tuple((character, (edges[n] + edges[n + 1]) / 2, middle) for n, character in enumerate(word))
        words.append(DrawnWord(word, (edges[0], top, edges[-1], bottom), characters))
    return words


def _write(
    crop: Crop, canvas: ImageDraw.ImageDraw, shown: str, at: tuple[float, float], font: ImageFont.FreeTypeFont, ink: int
) -> float:
    """Draw one token and label its words if it lies inside the crop; return its width in px."""
    left, top, right, bottom = canvas.textbbox(at, shown, font=font)
    canvas.text(at, shown, fill=ink, font=font)
    inside = left >= -1 and top >= -1 and right <= crop.image.width + 1 and bottom <= crop.image.height + 1
    if inside and bottom > top:
        crop.words.extend(_label(shown, font, at[0], top, bottom))
    return font.getlength(shown)


def _dress(token: str, randomness: random.Random) -> str:
    style = randomness.random()
    if style < 0.15:
        token = token[:1].upper() + token[1:]
    elif style < 0.24:
        token = token.upper()
    punctuation = randomness.random()
    if punctuation < 0.10:
        return token + randomness.choice(",.;:")
    return f"({token})" if punctuation < 0.13 else token


def _paragraphs(crop: Crop, randomness: random.Random, fonts: list[str]) -> None:
    canvas = ImageDraw.Draw(crop.image)
    file, top = draw_file(randomness, fonts), float(randomness.randint(-8, 12))
    while top < crop.image.height:
        if randomness.random() < 0.4:
            file = draw_file(randomness, fonts)
        font = typeface(file, randomness.choice(_SIZES_PX))
        leading = font.size * randomness.uniform(1.05, 1.7)
        left = randomness.randint(-30, 120)
        right = crop.image.width + 20 if randomness.random() < 0.7 else randomness.randint(200, crop.image.width)
        space = max(2.0, font.getlength(" ") * randomness.uniform(0.75, 1.5))
        for _ in range(randomness.randint(1, 6)):
            x = float(left)
            while x < right:
                width = _write(crop, canvas, _dress(draw_token(randomness), randomness), (x, top), font, crop.ink)
                x += width + space + (randomness.randint(10, 80) if randomness.random() < 0.03 else 0)
            top += leading
        top += randomness.randint(0, 16)


def _table(crop: Crop, randomness: random.Random, fonts: list[str]) -> None:
    canvas = ImageDraw.Draw(crop.image)
    font = typeface(draw_file(randomness, fonts), randomness.choice(_SIZES_PX[:18]))
    heading = typeface(draw_file(randomness, fonts), int(font.size))
    row_height, column_width = font.size * randomness.uniform(1.3, 2.4), randomness.randint(60, 190)
    x0, y0 = randomness.randint(-20, 40), randomness.randint(-10, 20)
    ruled, striped, rule = randomness.random() < 0.7, randomness.random() < 0.3, randomness.randint(0, 200)
    n_rows = int((crop.image.height - y0) / row_height) + 1
    for row in range(n_rows):
        top = y0 + row * row_height
        if (row == 0 and randomness.random() < 0.5) or (striped and row % 2):
            shade = crop.paper + (-1 if crop.paper > 127 else 1) * randomness.randint(10, 45)
            canvas.rectangle((0, top, crop.image.width, top + row_height), fill=shade)
        for column in range(crop.image.width // column_width + 1):
            x = x0 + column * column_width + randomness.choice([4, 4, 4, 12])
            limit = x + column_width - 8
            for _ in range(randomness.choice([0, 1, 1, 1, 2, 3])):
                token = _dress(draw_token(randomness), randomness)
                chosen = heading if row == 0 else font
                if x + chosen.getlength(token) > limit:
                    break
                x += _write(crop, canvas, token, (x, top + row_height * 0.12), chosen, crop.ink) + font.size * 0.28
        if ruled:
            canvas.line((0, top, crop.image.width, top), fill=rule)
    if ruled and randomness.random() < 0.7:
        for x in range(x0, crop.image.width, column_width):
            canvas.line((x, 0, x, crop.image.height), fill=rule)


def _diagram(crop: Crop, randomness: random.Random, fonts: list[str]) -> None:
    canvas = ImageDraw.Draw(crop.image)
    file = draw_file(randomness, fonts)
    width_px, height_px = crop.image.size
    for _ in range(randomness.randint(2, 12)):
        start = (randomness.randint(0, width_px), randomness.randint(0, height_px))
        end = (randomness.randint(0, width_px), randomness.randint(0, height_px))
        canvas.line((start, end), fill=randomness.randint(0, 220), width=randomness.choice([1, 1, 2, 3]))
    taken: list[Box] = []
    for _ in range(randomness.randint(8, 26)):
        font = typeface(file, randomness.choice(_SIZES_PX))
        text = [_dress(draw_token(randomness), randomness) for _ in range(randomness.choice([1, 1, 2, 3]))]
        at = (randomness.randint(0, width_px - 40), randomness.randint(0, height_px - 12))
        length = font.getlength(" ".join(text))
        box = (at[0] - 6, at[1] - 4, at[0] + length + 6, at[1] + font.size * 1.35)
        if any(box[0] < b[2] and box[2] > b[0] and box[1] < b[3] and box[3] > b[1] for b in taken):
            continue
        taken.append(box)
        kind, ink = randomness.random(), crop.ink
        if kind < 0.35:
            canvas.rectangle(box, outline=randomness.randint(0, 160), fill=crop.paper)
        elif kind < 0.5:
            filled = randomness.randint(0, 255)
            ink = 0 if filled > 140 else 255
            canvas.rounded_rectangle(box, radius=5, fill=filled)
        elif kind < 0.75:
            canvas.rectangle(box, fill=crop.paper)
        x = float(at[0])
        for token in text:
            x += _write(crop, canvas, token, (x, at[1]), font, ink) + font.getlength(" ")


def _rotate(crop: Crop, degrees: float) -> None:
    """Turn the crop about its centre, words and all; boxes become the boxes of the turned corners."""
    angle, width_px, height_px = np.deg2rad(degrees), crop.image.width, crop.image.height
    cosine, sine, middle_x, middle_y = float(np.cos(angle)), float(np.sin(angle)), width_px / 2, height_px / 2

    def turned(x: float, y: float) -> tuple[float, float]:
        dx, dy = x - middle_x, y - middle_y
        return middle_x + cosine * dx + sine * dy, middle_y - sine * dx + cosine * dy

    crop.image = crop.image.rotate(degrees, Image.Resampling.BILINEAR, fillcolor=crop.paper)
    kept = []
    for word in crop.words:
        left, top, right, bottom = word.box
        corners = [turned(x, y) for x in (left, right) for y in (top, bottom)]
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        if min(xs) >= 0 and min(ys) >= 0 and max(xs) <= width_px and max(ys) <= height_px:
            characters = tuple((character, *turned(x, y)) for character, x, y in word.characters)
            kept.append(DrawnWord(word.text, (min(xs), min(ys), max(xs), max(ys)), characters))
    crop.words = kept


def _damage(crop: Crop, randomness: random.Random) -> NDArray[np.float32]:
    """Blur, shrink, compress, shade and add noise as scanners and screens do; return ink in 0..1."""
    image, size = crop.image, crop.image.size
    if randomness.random() < 0.2:
        factor = randomness.uniform(0.6, 0.95)
        image = image.resize((int(size[0] * factor), int(size[1] * factor)), Image.Resampling.BILINEAR)
        image = image.resize(size, Image.Resampling.BICUBIC)
    if randomness.random() < 0.25:
        image = image.filter(ImageFilter.GaussianBlur(randomness.uniform(0.2, 0.9)))
    if randomness.random() < 0.25:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=randomness.randint(20, 80))
        image = Image.open(buffer)
    pixels = np.asarray(image, dtype=np.float32) / 255
    noise = np.random.default_rng(randomness.randrange(2**32))
    if randomness.random() < 0.15:
        shade = np.linspace(*(randomness.uniform(0.6, 1.0) for _ in range(2)), size[0], dtype=np.float32)
        pixels = pixels * shade[None]
    if randomness.random() < 0.2:
        grain = noise.standard_normal(pixels.shape, dtype=np.float32)
        pixels = pixels + grain * randomness.uniform(0.01, 0.07)
    return 1 - np.clip(pixels, 0, 1)


def draw_crop(randomness: random.Random, fonts: list[str]) -> tuple[NDArray[np.float16], list[DrawnWord]]:
    """Draw one crop.

    Args:
        randomness: Decides everything: the same state draws the same crop.
        fonts: Font families to choose from.

    Returns:
        Ink, shape (HEIGHT_PX, WIDTH_PX), 0 paper to 1 black (before the crop was inverted or shaded), and its words.
    """
    crop = _new_crop(randomness)
    layout = randomness.choices([_paragraphs, _table, _diagram], [0.6, 0.22, 0.18])[0]
    layout(crop, randomness, fonts)
    if randomness.random() < 0.25:
        _rotate(crop, randomness.gauss(0, 1.0))
    ink = _damage(crop, randomness)
    fold = randomness.random() < 0.5
    words = [DrawnWord(fold_accents(word.text), word.box, word.characters) if fold else word for word in crop.words]
    return ink.astype(np.float16), words
