"""Tokenizers of a few hundred tokens, with the special tokens that each family's processor looks for."""

import json
from functools import cache
from typing import Any

import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

QWEN_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% for c in m.content %}"
    "{% if c.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif c.type == 'text' %}{{ c.text }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
)
GEMMA_TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}<start_of_turn>{{ m.role }}\n{% for c in m.content %}"
    "{% if c.type == 'image' %}<start_of_image>{% else %}{{ c.text }}{% endif %}"
    "{% endfor %}<end_of_turn>\n{% endfor %}"
)
_TEXTS = ["Query: Question: what is the total of the table?", "Describe the image.", "User: Assistant: invoice page"]
_N_TOKENS = 290
_MOST_TILES = 6  # a side, as the processor's tags go


@cache
def _byte_pairs() -> str:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=_N_TOKENS, show_progress=False, initial_alphabet=alphabet)
    tokenizer.train_from_iterator(_TEXTS, trainer)
    return tokenizer.to_str()


def _vocabulary(special: list[str]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    model = json.loads(_byte_pairs())["model"]
    vocabulary = {token: number for number, token in enumerate([*model["vocab"], *special])}
    return vocabulary, [tuple(pair) for pair in model["merges"]]


def qwen_tokenizer() -> Any:
    """Byte pairs, as Qwen2, 2.5, 3 and 3.5 share them."""
    marks = ["<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
    vocabulary, merges = _vocabulary(["<|endoftext|>", *marks])
    named = {f"mark_{number}": mark for number, mark in enumerate(marks)}
    return transformers.Qwen2Tokenizer(
        vocab=vocabulary, merges=merges, extra_special_tokens=named, chat_template=QWEN_TEMPLATE
    )


def paligemma_tokenizer() -> Any:
    """One token a character."""
    return transformers.GemmaTokenizer(vocab=_characters(["<image>"]), merges=[])


def gemma3_tokenizer() -> Any:
    """One token a character, with Gemma 3's turns."""
    marks = {
        "boi_token": "<start_of_image>",
        "eoi_token": "<end_of_image>",
        "image_token": "<image_soft_token>",
    }
    vocabulary = _characters([*marks.values(), "<start_of_turn>", "<end_of_turn>"])
    return transformers.GemmaTokenizer(
        vocab=vocabulary, merges=[], extra_special_tokens=marks, chat_template=GEMMA_TEMPLATE
    )


def _characters(special: list[str]) -> dict[str, int]:
    byte_tokens = [f"<0x{byte:02X}>" for byte in range(256)]
    printable = [chr(code) for code in range(33, 127)]
    tokens = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", *special, *byte_tokens, "▁", *printable]
    return {token: number for number, token in enumerate(tokens)}


def idefics_tokenizer(begin: str) -> Any:
    """Byte pairs, with one token for the place of each tile.

    Args:
        begin: What a text begins with: `<|im_start|>` in Idefics 3, `<|begin_of_text|>` in ModernVBERT.
    """
    sides = range(1, _MOST_TILES + 1)
    tags = [f"<row_{row}_col_{column}>" for row in sides for column in sides]
    marks = ["<end_of_utterance>", "<fake_token_around_image>", "<image>", "<global-img>"]
    special = ["<|endoftext|>", begin, "<|im_end|>", *marks, *tags]
    vocabulary, merges = _vocabulary(special)
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(special)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=begin, eos_token="<|im_end|>", pad_token="<|im_end|>",
        unk_token="<|endoftext|>",
    )  # fmt: skip
