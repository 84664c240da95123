import warnings
from pathlib import Path

from peft import get_peft_model
from transformers import AutoModelForCausalLM

from spacy_slm_ner.models.pretrained.checkpointing import enable_checkpointing, has_checkpointing
from spacy_slm_ner.models.pretrained.lora import create_lora


def test_it_is_seen_with_adapters_and_without(llama: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(llama)
    assert not has_checkpointing(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        enable_checkpointing(model)
        assert has_checkpointing(model)
    assert has_checkpointing(get_peft_model(model, create_lora().to_peft("CAUSAL_LM")))
