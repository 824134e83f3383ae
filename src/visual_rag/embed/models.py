"""The table of known models: what each costs, how well it finds, and who says so. A new model is a row here.

Data only: nothing is loaded and no file is read. A checkpoint of a known family needs no row to be used; its row is for
people who choose.

>>> MODELS["vidore/colpali-v1.3"].page_size_bytes
131840
"""

from collections.abc import Collection
from dataclasses import dataclass

DEFAULT_MODEL = "spotter"

# Rows of an A4 page rendered at 144 dpi: patches, then what the prompt adds.
_SQUARE = 32 * 32 + 6
_UP_TO_768 = 32 * 23 + 11
_UP_TO_1792 = 50 * 35 + 11  # the cap is told by vLLM's example colqwen3_5_rerank_online.py; not seen in the checkpoints
_TILES = 13 * 64 + 50

_RESULTS = "embeddings-benchmark/results, commit f4cc6c8b"
_MISSING = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """One known model.

    Attributes:
        name: What the user types and the passport keeps: the name on the hub, or `spotter`.
        family: Class of the network, as in `families.py`.
        n_parameters: How many, with what a LoRA adapter stands on.
        dim: Length of a row.
        n_vectors: Rows of an A4 page as the model comes, about; None where its cap on patches is not known.
        licence: Of the weights.
        base_licence: Of the model it was trained from, where that one restricts more.
        vidore_v1: nDCG@5 times 100, mean over the tasks; None where no complete set of results is known.
        vidore_v2: Likewise, all languages.
        vidore_v3: nDCG@10 times 100, mean over the eight public sets in six languages.
        scores_from: Who published the scores.
        revision: Commit on the hub that mteb 2.26.24 evaluates.
        cpu_s: Seconds a page on the CPU that the README names; None where nobody measured.
        is_extrapolated: Whether `cpu_s` was computed from the measured rate and this network's operations.
        note: What else decides.
    """

    name: str
    family: str
    n_parameters: float
    dim: int
    n_vectors: int | None
    licence: str
    base_licence: str = ""
    vidore_v1: float | None = None
    vidore_v2: float | None = None
    vidore_v3: float | None = None
    scores_from: str = ""
    revision: str | None = None
    cpu_s: float | None = None
    is_extrapolated: bool = False
    note: str = ""

    @property
    def page_size_bytes(self) -> int | None:
        """What the vectors of an A4 page take as they are stored by default: turbo8, one byte a value."""
        return None if self.n_vectors is None else self.dim * self.n_vectors


MODELS = {
    spec.name: spec
    for spec in (
        ModelSpec(
            name=DEFAULT_MODEL,
            family="Spotter",
            n_parameters=1e6,
            dim=128,
            n_vectors=269,
            licence="Apache-2.0",
            cpu_s=0.22,
            note="comes with this package; finds words by their shape, Latin script, knows no meaning",
        ),
        ModelSpec(
            name="ModernVBERT/colmodernvbert",
            family="ColModernVBert",
            n_parameters=252e6,
            dim=128,
            n_vectors=_TILES,
            licence="MIT",
            vidore_v3=26.1,
            scores_from=_RESULTS,
            revision="9052fc0ef8acf9fb764681ce0315a7f89ea7d276",
            cpu_s=9.2,
            note="for English: V3 is 44.3 there",
        ),
        ModelSpec(
            name="vidore/colSmol-256M",
            family="ColIdefics3",
            n_parameters=256e6,
            dim=128,
            n_vectors=_TILES,
            licence="Apache-2.0",
            vidore_v1=79.7,
            vidore_v2=34.8,
            vidore_v3=20.7,
            scores_from=_RESULTS,
            revision="a59110fdf114638b8018e6c9a018907e12f14855",
            cpu_s=9.6,
            note="for English: V3 is 39.3 there",
        ),
        ModelSpec(
            name="vidore/colSmol-500M",
            family="ColIdefics3",
            n_parameters=507e6,
            dim=128,
            n_vectors=_TILES,
            licence="Apache-2.0",
            vidore_v1=82.5,
            vidore_v2=42.9,
            scores_from=_RESULTS,
            revision="1aa9325cba7ed2b3b9b97ede4d55026322504902",
            cpu_s=11,
            is_extrapolated=True,
            note="for English",
        ),
        ModelSpec(
            name="vultr/VultronRetrieverFlash-Qwen3.5-0.8B",
            family="ColQwen3_5",
            n_parameters=853e6,
            dim=320,
            n_vectors=_UP_TO_1792,
            licence="Apache-2.0",
            vidore_v1=88.2,
            vidore_v2=60.4,
            vidore_v3=56.5,
            scores_from=_RESULTS,
            revision="a2bcbcda0472dff9863380621bcff09b3d0261ac",
            note="the best small one",
        ),
        ModelSpec(
            name="vidore/colqwen2-v1.0",
            family="ColQwen2",
            n_parameters=2.2e9,
            dim=128,
            n_vectors=_UP_TO_768,
            licence="MIT",
            vidore_v1=89.2,
            vidore_v2=56.0,
            vidore_v3=44.2,
            scores_from=_RESULTS,
            revision="530094e83a40ca4edcb5c9e5ddfa61a4b5ea0d2f",
            cpu_s=23,
            is_extrapolated=True,
        ),
        ModelSpec(
            name="vidore/colpali-v1.2",
            family="ColPali",
            n_parameters=2.92e9,
            dim=128,
            n_vectors=_SQUARE,
            licence="MIT",
            base_licence="Gemma terms",
            vidore_v1=83.2,
            vidore_v2=52.3,
            scores_from=_RESULTS,
            revision="6b89bc63c16809af4d111bfe412e2ac6bc3c9451",
            cpu_s=17,
            is_extrapolated=True,
        ),
        ModelSpec(
            name="vidore/colpali-v1.3",
            family="ColPali",
            n_parameters=2.92e9,
            dim=128,
            n_vectors=_SQUARE,
            licence="MIT",
            base_licence="Gemma terms",
            vidore_v1=84.8,
            vidore_v2=54.7,
            vidore_v3=43.0,
            scores_from=_RESULTS,
            revision="1b5c8929330df1a66de441a9b5409a878f0de5b0",
            cpu_s=17,
            is_extrapolated=True,
            note="the model that papers compare with",
        ),
        ModelSpec(
            name="vidore/colqwen2.5-v0.2",
            family="ColQwen2_5",
            n_parameters=3.8e9,
            dim=128,
            n_vectors=_UP_TO_768,
            licence="Apache-2.0",
            base_licence="Qwen research licence",
            vidore_v1=89.5,
            vidore_v2=60.1,
            vidore_v3=52.4,
            scores_from=_RESULTS,
            revision="6f6fcdfd1a114dfe365f529701b33d66b9349014",
            cpu_s=27,
            is_extrapolated=True,
        ),
        ModelSpec(
            name="nomic-ai/colnomic-embed-multimodal-3b",
            family="ColQwen2_5",
            n_parameters=3.75e9,
            dim=128,
            n_vectors=None,
            licence="research use",
            base_licence="Qwen research licence",
            vidore_v1=89.9,
            vidore_v2=55.7,
            vidore_v3=56.4,
            scores_from=_RESULTS,
            revision="86627b4a9b0cade577851a70afa469084f9863a4",
            note="its cap on patches was not seen; max_visual_tokens=768 makes 747 vectors",
        ),
        ModelSpec(
            name="athrael-soju/colqwen3.5-4.5B-v3",
            family="ColQwen3_5",
            n_parameters=4.54e9,
            dim=320,
            n_vectors=_UP_TO_1792,
            licence="Apache-2.0",
            vidore_v1=91.5,
            vidore_v2=64.3,
            vidore_v3=61.6,
            scores_from=_RESULTS,
            revision="4ad8f151e39bce3adcf88e0bdd72e724c7606638",
            note="leaderboards say dim 128; its card says 320",
        ),
        ModelSpec(
            name="vultr/VultronRetrieverCore-Qwen3.5-4.5B",
            family="ColQwen3_5",
            n_parameters=4.54e9,
            dim=320,
            n_vectors=_UP_TO_1792,
            licence="Apache-2.0",
            vidore_v1=92.2,
            vidore_v2=66.1,
            vidore_v3=63.7,
            scores_from=_RESULTS,
            revision="461c7bc02d596932c76c12164596732dad9cf4f2",
        ),
        ModelSpec(
            name="nomic-ai/colnomic-embed-multimodal-7b",
            family="ColQwen2_5",
            n_parameters=8.29e9,
            dim=128,
            n_vectors=None,
            licence="Apache-2.0",
            vidore_v1=89.7,
            vidore_v2=60.2,
            vidore_v3=57.6,
            scores_from=_RESULTS,
            revision="09dbc9502b66605d5be56d2226019b49c9fd3293",
            note="its cap on patches was not seen; max_visual_tokens=768 makes 747 vectors",
        ),
        ModelSpec(
            name="vultr/VultronRetrieverPrime-Qwen3.5-8B",
            family="ColQwen3_5",
            n_parameters=8.39e9,
            dim=320,
            n_vectors=_UP_TO_1792,
            licence="Apache-2.0",
            vidore_v1=92.1,
            vidore_v2=68.2,
            vidore_v3=64.7,
            scores_from=_RESULTS,
            revision="209b8d883c53b1e1d0ef7a8582885d4e5a1e05ba",
            note="the best of this table",
        ),
        ModelSpec(
            name="openai/clip-vit-base-patch32",
            family="CLIPModel",
            n_parameters=151e6,
            dim=512,
            n_vectors=1,
            licence="none stated",
            revision="3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268",
            note="baseline: one vector a page, made for photographs",
        ),
        ModelSpec(
            name="google/siglip-so400m-patch14-384",
            family="SiglipModel",
            n_parameters=878e6,
            dim=1152,
            n_vectors=1,
            licence="Apache-2.0",
            vidore_v1=51.4,
            scores_from="ColPali's paper, arXiv:2407.01449, Table 2",
            revision="9fdffc58afc957d1a03a25b10dba0329ab15c2a3",
            note="baseline: one vector a page",
        ),
    )
}

_ADVICE = """\
One argument chooses: `visual-rag ingest docs/ --model vidore/colqwen2.5-v0.2`, or a folder with a checkpoint or a LoRA
adapter of a family below. `visual-rag models` prints this table, and which of them are on your machine. Choose by V3,
the newest and hardest of the three benchmarks. Without a GPU stay with `spotter`, or wait some ten seconds a page for a
small one."""

_LEGEND = f"""\
**Not tried here with real weights**, except spotter: the hub is out of reach where this was written, and tests run each
family's own loading and inference on small random checkpoints. Speed on a GPU: not measured.

- **V1, V2, V3**: ViDoRe's three generations, nDCG@5, nDCG@5 and nDCG@10 times 100; means over the tasks in all
  languages, V3 over its eight public sets. Computed from what the models' authors and mteb's maintainers published
  ({_RESULTS}, 2026-08-20); SigLIP's is from ColPali's paper
  (arXiv:2407.01449, Table 2). `{_MISSING}`: no complete set of results. BM25 on OCR text has V3 25.9, in English 39.0.
- **vectors, bytes**: an A4 page, as the model comes; bytes are dim x vectors, at one byte a value (turbo8, the
  default). Shortlist vectors, text and the write-ahead log come on top. Pooling shrinks both, and so does a cap on
  patches (`max_visual_tokens`) where the grid follows the page, as in ColQwen.
- **s/page**: spotter on one core, see Numbers; the others without rendering and storing, random weights of the true
  size, bfloat16, 2 cores of an AMD EPYC with AVX512-BF16; `~` extrapolated from these by the number of operations;
  `{_MISSING}` not measured.
- **licence**: of the weights, then of the model they were trained from where that one restricts more: read both.
- Parameters, dims and licences: the models' cards where they were seen, else mteb 2.26.24."""


def models_table(here: Collection[str]) -> list[dict[str, str]]:
    """Write the table for people.

    Args:
        here: Names of the models that are on this machine; spotter always is.

    Returns:
        One row for each model, all with the same keys, which are the headers, in order. `note` may be empty.
    """
    return [
        {**_cells(spec), "here": "yes" if spec.name in here or spec.name == DEFAULT_MODEL else "no", "note": spec.note}
        for spec in MODELS.values()
    ]


def models_markdown() -> str:
    """Write the README's section, heading included; a test compares the two."""
    rows = [[*_cells(spec).values(), spec.note] for spec in MODELS.values()]
    header = [*_cells(MODELS[DEFAULT_MODEL]), "note"]
    lines = [header, ["---"] * len(header), *([f"`{name}`", *cells] for name, *cells in rows)]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    return f"## Which model to choose\n\n{_ADVICE}\n\n{table}\n\n{_LEGEND}\n"


def _cells(spec: ModelSpec) -> dict[str, str]:
    return {
        "model": spec.name,
        "family": spec.family,
        "parameters": _parameters(spec.n_parameters),
        "dim": str(spec.dim),
        "vectors/page": _MISSING if spec.n_vectors is None else str(spec.n_vectors),
        "bytes/page": _MISSING if spec.page_size_bytes is None else f"{spec.page_size_bytes:,}",
        "V1": _score(spec.vidore_v1),
        "V2": _score(spec.vidore_v2),
        "V3": _score(spec.vidore_v3),
        "s/page CPU": _MISSING if spec.cpu_s is None else f"{'~' * spec.is_extrapolated}{spec.cpu_s:g}",
        "licence": f"{spec.licence}; base: {spec.base_licence}" if spec.base_licence else spec.licence,
    }


def _parameters(number: float) -> str:
    """Round to two digits.

    >>> _parameters(252e6), _parameters(2.92e9)
    ('252 M', '2.9 B')
    """
    return f"{number / 1e6:.0f} M" if number < 1e9 else f"{number / 1e9:.1f} B"


def _score(value: float | None) -> str:
    return _MISSING if value is None else f"{value:.1f}"
