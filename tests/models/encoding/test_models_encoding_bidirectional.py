"""Decoders without their causal mask: what each state may depend on."""

from pathlib import Path
from typing import Any, Optional

import pytest
import torch
from generator_cases import WORDS
from stories260k import convert
from tiny_llama import make_llama
from transformers import AutoModel, BertConfig, BertModel, GPT2Config, GPT2Model

from spacy_slm_ner.errors import BaseModelError
from spacy_slm_ner.models.encoding.bidirectional import full_mask, make_bidirectional

IDS = torch.tensor([[5, 17, 33, 9, 21, 40], [7, 30, 12, 25, 60, 11]])


PRETRAINED = pytest.mark.parametrize("base", ["random", "pretrained"], indirect=True)


@pytest.fixture(scope="module")
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    kind = getattr(request, "param", "random")
    folder = tmp_path_factory.mktemp("bases") / kind
    if kind == "random":
        return make_llama(folder, WORDS, layers=3)
    return convert(request.getfixturevalue("shared") / "weights" / "stories260K", folder)


@pytest.fixture(params=["eager", "sdpa"])
def attention(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def load(base: Path, attention: str) -> Any:
    return AutoModel.from_pretrained(base, attn_implementation=attention).eval()


def unmasked(base: Path, attention: str, layers: Optional[list[int]] = None) -> Any:
    model = load(base, attention)
    make_bidirectional(model, layers)
    return model


def states(model: Any, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = model(input_ids=ids, attention_mask=mask).last_hidden_state
        return found.clone()


def open_states(model: Any, ids: torch.Tensor, padding: Optional[torch.Tensor] = None) -> torch.Tensor:
    return states(model, ids, full_mask(model, torch.ones_like(ids) if padding is None else padding))


def change(ids: torch.Tensor, column: int) -> torch.Tensor:
    ids = ids.clone()
    ids[:, column] += 1
    return ids


def moved(before: torch.Tensor, after: torch.Tensor) -> list[bool]:
    """Whether the states of a column differ."""
    return [not torch.allclose(before[:, i], after[:, i], atol=1e-6) for i in range(before.shape[1])]


@PRETRAINED
def test_a_later_piece_changes_earlier_states(base: Path, attention: str) -> None:
    model = unmasked(base, attention)
    assert moved(open_states(model, IDS), open_states(model, change(IDS, 4))) == [True] * 6


def test_without_it_a_later_piece_changes_nothing_earlier(base: Path, attention: str) -> None:
    model, mask = load(base, attention), torch.ones_like(IDS)
    assert moved(states(model, IDS, mask), states(model, change(IDS, 4), mask)) == [False] * 4 + [True] * 2


def test_padding_changes_nothing(base: Path, attention: str) -> None:
    model = unmasked(base, attention)
    padded = torch.cat([IDS, torch.full((2, 5), 3)], dim=1)
    mask = torch.cat([torch.ones_like(IDS), torch.zeros(2, 5, dtype=torch.long)], dim=1)
    torch.testing.assert_close(open_states(model, padded, mask)[:, :6], open_states(model, IDS), rtol=0, atol=1e-5)


def test_rows_of_a_batch_do_not_see_each_other(base: Path, attention: str) -> None:
    model = unmasked(base, attention)
    torch.testing.assert_close(open_states(model, IDS)[1:], open_states(model, IDS[1:]), rtol=0, atol=1e-5)


@PRETRAINED
def test_with_no_layer_unmasked_it_is_the_plain_model(base: Path, attention: str) -> None:
    model, plain = unmasked(base, attention, layers=[]), load(base, attention)
    mask = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]])
    expected = states(plain, IDS, mask)
    torch.testing.assert_close(open_states(model, IDS, mask)[mask.bool()], expected[mask.bool()], rtol=0, atol=1e-5)


def test_some_layers_alone(base: Path, attention: str) -> None:
    """The last layer alone lets a state see one step ahead of what causal layers have read: the state of the changed piece."""
    last = len(load(base, attention).layers) - 1
    model = unmasked(base, attention, layers=[last])
    found, everything = open_states(model, IDS), open_states(unmasked(base, attention), IDS)
    assert moved(found, open_states(model, change(IDS, 4))) == [True] * 6
    assert moved(found, everything) == [True] * 6
    hidden = model.layers[last].register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    seen: list[torch.Tensor] = []
    open_states(model, IDS)
    open_states(model, change(IDS, 4))
    hidden.remove()
    assert moved(*seen) == [False] * 4 + [True] * 2


@PRETRAINED
def test_both_attentions_agree(base: Path) -> None:
    mask = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]])
    for layers in (None, [1]):
        one, other = (open_states(unmasked(base, kind, layers), IDS, mask) for kind in ("eager", "sdpa"))
        torch.testing.assert_close(one[mask.bool()], other[mask.bool()], rtol=0, atol=1e-5)


def test_gradients_flow_back_through_what_follows(base: Path, attention: str) -> None:
    model = unmasked(base, attention)
    embedded = model.get_input_embeddings()(IDS).detach().requires_grad_()
    model(inputs_embeds=embedded, attention_mask=full_mask(model, torch.ones_like(IDS))).last_hidden_state[:, 0].sum().backward()
    assert embedded.grad is not None and (embedded.grad[:, 1:].abs().sum(dim=2) > 0).all()


def test_an_encoder_is_an_error() -> None:
    with pytest.raises(BaseModelError, match=r"bidirectional = true for a BertModel.*Set it to false"):
        make_bidirectional(
            BertModel(BertConfig(hidden_size=16, num_attention_heads=2, num_hidden_layers=1, intermediate_size=16))
        )


def test_a_layer_that_is_not_there_is_an_error(llama: Path) -> None:
    with pytest.raises(BaseModelError, match=r"Got bidirectional layers \[2, -1\], the base has those from 0 to 1"):
        make_bidirectional(AutoModel.from_pretrained(llama), [0, 2, -1])


def test_layers_that_cannot_be_told_apart_are_an_error() -> None:
    model = GPT2Model(GPT2Config(n_embd=16, n_layer=2, n_head=2, vocab_size=70))
    with pytest.raises(BaseModelError, match=r"Got bidirectional = \[1\] for a GPT2Model, whose layers cannot be told apart"):
        make_bidirectional(model, [1])


def test_an_attention_that_takes_no_mask_is_an_error(llama: Path) -> None:
    model = AutoModel.from_pretrained(llama)
    model.config._attn_implementation = "flash_attention_2"
    with pytest.raises(BaseModelError, match=r"attention 'flash_attention_2'.*Possible are eager, sdpa"):
        make_bidirectional(model)
