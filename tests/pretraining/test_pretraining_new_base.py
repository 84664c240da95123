from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, AutoTokenizer

from spacy_slm_ner.errors import BaseModelError
from spacy_slm_ner.models.pretrained.loading import load_causal_lm
from spacy_slm_ner.pretraining.new_base import make_base

TEXTS = ["Friday at 10:45 with Ada", "meet Ada on Friday", "Ada: B-NAME", "on Friday, on Monday"] * 5


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    make_base(folder, TEXTS, pieces=300, hidden=16, layers=1, heads=2)
    return folder


def test_the_hub_s_own_loaders_take_it(base: Path) -> None:
    assert AutoConfig.from_pretrained(base).vocab_size == len(AutoTokenizer.from_pretrained(base)) <= 300


def test_a_word_has_the_same_pieces_wherever_it_stands(base: Path) -> None:
    _, chat = load_causal_lm(str(base), None, torch.float32, torch.device("cpu"))
    word, inside = chat.encode("Friday"), chat.encode("on Friday,")
    assert any(inside[i : i + len(word)] == word for i in range(len(inside)))


def test_digits_are_pieces_of_their_own(base: Path) -> None:
    assert len(AutoTokenizer.from_pretrained(base)("10:45").input_ids) == 5


def test_every_text_is_kept(base: Path) -> None:
    _, chat = load_causal_lm(str(base), None, torch.float32, torch.device("cpu"))
    for text in ("naïve  \n\t😀 五月", "<|im_end|>", "\x00"):
        assert chat.decode(chat.encode(text)) == text


def test_chat_markers_are_single_pieces_of_the_template(base: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(base)
    ids = tokenizer.apply_chat_template([{"role": "user", "content": "hi"}], add_generation_prompt=True, return_dict=False)
    assert ids.count(tokenizer.bos_token_id) == 2
    assert ids.count(tokenizer.eos_token_id) == 1


@pytest.mark.parametrize("shape", [(16, 1), (16, 3), (18, 4)], ids=["one-head", "odd", "no-multiple"])
def test_a_shape_that_cannot_run_is_refused(shape: tuple[int, int], tmp_path: Path) -> None:
    with pytest.raises(BaseModelError, match="Allowed are an even number of heads"):
        make_base(tmp_path, TEXTS, pieces=300, hidden=shape[0], layers=1, heads=shape[1])
