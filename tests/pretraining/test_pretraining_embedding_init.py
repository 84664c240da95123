from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, BertConfig, BertModel, BertTokenizerFast

from spacy_slm_ner.errors import BaseModelError
from spacy_slm_ner.pretraining.embedding_init import embeddings_from_encoder
from spacy_slm_ner.pretraining.new_base import make_base

WORDS = ["friday", "monday", "meet", "##s", "on", "ada"]
TEXTS = ["Friday Monday meet meets on Ada"] * 20


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    """A BERT in which two words are alike."""
    folder = tmp_path / "encoder"
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]), encoding="utf8")
    BertTokenizerFast.from_pretrained(folder).save_pretrained(folder)
    torch.manual_seed(0)
    model = BertModel(BertConfig(vocab_size=11, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16))
    weight = model.get_input_embeddings().weight.data
    weight[6] = weight[5] + 0.001
    model.save_pretrained(folder)
    return folder


def make(folder: Path, encoder: Path | None, hidden: int = 8) -> Path:
    make_base(folder, TEXTS, pieces=400, hidden=hidden, layers=1, heads=2, encoder=encoder)
    return folder


def test_words_that_are_alike_there_are_alike_here(encoder: Path, tmp_path: Path) -> None:
    base = make(tmp_path / "base", encoder)
    tokenizer = AutoTokenizer.from_pretrained(base)
    vectors = AutoModelForCausalLM.from_pretrained(base).get_input_embeddings().weight.detach().float()

    def likeness(first: str, second: str) -> float:
        one, other = (vectors[tokenizer.convert_tokens_to_ids(word)] for word in (first, second))
        return float(torch.cosine_similarity(one, other, dim=0))

    assert likeness("Friday", "Monday") > 0.8 > likeness("Friday", "on")


def test_pieces_that_the_encoder_does_not_know_stay_random(encoder: Path, tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(make(tmp_path / "base", None))
    vectors = embeddings_from_encoder(encoder, tokenizer, 8)
    assert vectors.shape == (len(tokenizer), 8)
    assert torch.isfinite(vectors).all() and (vectors.std(dim=1) > 0).all()


def test_a_width_beyond_the_encoder_s_is_refused(encoder: Path, tmp_path: Path) -> None:
    with pytest.raises(BaseModelError, match=r"embeds in 16 dimensions.*got the width 32|at most that"):
        make(tmp_path / "base", encoder, hidden=32)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BaseModelError, match=r"has no config\.json"):
        make(tmp_path / "base", tmp_path / "empty")
