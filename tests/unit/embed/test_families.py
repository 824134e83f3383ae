"""The family is told from `config.json`, and what cannot be run is refused with what can."""

import pytest

from visual_rag.embed.families import MULTI_VECTOR, SINGLE_VECTOR, Family, find_family
from visual_rag.errors import ModelLoadError


@pytest.mark.parametrize("model_type", sorted(MULTI_VECTOR))
def test_a_multi_vector_family_is_found_by_its_model_type(model_type: str) -> None:
    """Whatever class the file names, or none."""
    family = MULTI_VECTOR[model_type]
    assert find_family({"model_type": model_type, "architectures": [family.architecture]}) is family
    assert find_family({"model_type": model_type, "architectures": None}) is family
    assert find_family({"model_type": model_type}) is family
    assert not family.is_single_vector


@pytest.mark.parametrize("model_type", sorted(SINGLE_VECTOR))
def test_a_single_vector_family_is_found_by_its_class(model_type: str) -> None:
    """Those of colpali-engine begin with Bi; CLIP and SigLIP have a model type of their own."""
    family = SINGLE_VECTOR[model_type]
    assert find_family({"model_type": model_type, "architectures": [family.architecture]}) is family
    assert family.is_single_vector


def test_the_name_of_a_model_says_nothing() -> None:
    """A folder called colqwen2 may hold a ColPali."""
    assert find_family({"model_type": "paligemma"}, name="my/colqwen2-clip").architecture == "ColPali"


@pytest.mark.parametrize("config", [{"model_type": "bert"}, {}, {"model_type": "llama", "architectures": ["BiLlama"]}])
def test_an_unknown_family_is_refused_with_those_known(config: dict[str, object]) -> None:
    """The message names the model, what it is, and every model type that works."""
    with pytest.raises(ModelLoadError) as caught:
        find_family(config, name="my/model")
    message = str(caught.value)
    assert caught.value.model == "my/model"
    assert f"'{config.get('model_type', '')}'" in message
    assert all(known in message for known in {*MULTI_VECTOR, *SINGLE_VECTOR})


@pytest.mark.parametrize("model_type", ["qwen2_5_omni", "qwen2_5_omni_thinker"])
def test_omni_is_refused_with_the_reason(model_type: str) -> None:
    """colpali-engine cannot build it with the transformers that everything else needs."""
    with pytest.raises(ModelLoadError, match=r"Omni.*transformers 5\.21.*another model"):
        find_family({"model_type": model_type, "architectures": ["ColQwen2_5Omni"]}, name="vidore/colqwen-omni")


@pytest.mark.parametrize("table", [MULTI_VECTOR, SINGLE_VECTOR])
def test_each_class_has_one_row(table: dict[str, Family]) -> None:
    """Two model types never lead to one class."""
    architectures = [family.architecture for family in table.values()]
    assert len(set(architectures)) == len(architectures)


def test_a_class_of_another_family_is_refused() -> None:
    """One of the two is wrong, and which cannot be told."""
    with pytest.raises(ModelLoadError, match=r"says .* that it is a ColPali and of model_type 'qwen2_vl'"):
        find_family({"model_type": "qwen2_vl", "architectures": ["ColPali"]})


@pytest.mark.parametrize("architectures", [None, [], [None], [1], "ColQwen2", {}])
def test_what_is_no_list_of_classes_is_passed_over(architectures: object) -> None:
    """The model_type decides."""
    assert find_family({"model_type": "qwen2_vl", "architectures": architectures}).architecture == "ColQwen2"


def test_a_model_that_brings_its_own_code_is_refused() -> None:
    """It may be of a known type and compute something else."""
    config = {"model_type": "qwen3_5", "architectures": ["ColOther"], "auto_map": {"AutoModel": "modeling.ColOther"}}
    with pytest.raises(ModelLoadError, match="brings its own code"):
        find_family(config)
