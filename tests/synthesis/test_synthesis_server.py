"""A real server program: `transformers serve` with a small model that knows one answer."""

import json
from pathlib import Path
from typing import Callable, Iterator

import pytest
from tokenizers import AddedToken
from transformers_server import serving

from spacy_slm_ner.cli.generate import generate
from spacy_slm_ner.endpoints.endpoint import RequestOptions
from spacy_slm_ner.models.pretrained.hub import find_base
from spacy_slm_ner.synthesis.run import Limits
from spacy_slm_ner.synthesis.spec import Spec

GOOD = [
    {"text": "Anna comes on Friday.", "labels": [{"word": "Anna", "label": "B-NAME"}, {"word": "Friday", "label": "B-DATE"}]},
    {"text": "Nothing to say here.", "labels": []},
]
BAD = {"text": "See you at 6 pm.", "labels": [{"word": "Tom", "label": "B-NAME"}]}


def write_model(folder: Path, answer: str) -> None:
    """A Llama that gives one answer to every question: the answer is a piece of its vocabulary, the likeliest one behind a
    prompt, and the end of text is the likeliest piece behind that. What its layers compute is multiplied by 0."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(find_base("spacy-slm-ner/nano"))
    tokenizer.add_tokens([AddedToken(answer, normalized=False)])
    said = tokenizer.convert_tokens_to_ids(answer)
    last = tokenizer.apply_chat_template([{"role": "user", "content": "Hello"}], add_generation_prompt=True, return_dict=False)[
        -1
    ]
    profile = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), max_position_embeddings=4096, **profile))
    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        embeddings, head = model.model.embed_tokens.weight, model.lm_head.weight.zero_()
        head[said] = embeddings[last] / embeddings[last].norm()
        head[tokenizer.eos_token_id] = embeddings[said] / embeddings[said].norm()
        head *= 10
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


@pytest.fixture
def small_spec(make_spec: Callable[..., Spec], tmp_path: Path) -> Spec:
    labels = {"NAME": {"description": "a name"}, "DATE": {"description": "a day"}}
    return make_spec(labels=labels, intents={}, rules=[], records=4, temperature=0.0, model=str(tmp_path / "model"))


@pytest.fixture
def served(small_spec: Spec, tmp_path: Path) -> Iterator[str]:
    write_model(tmp_path / "model", json.dumps({"records": [*GOOD, BAD]}))
    with serving(tmp_path / "model", tmp_path) as address:
        yield address


def test_records_from_a_real_server(served: str, small_spec: Spec, key: str, tmp_path: Path) -> None:
    """The good records once each, what it repeats and what is wrong aside, and its tokens counted."""
    spec = small_spec.model_copy(update={"base_url": served})
    output = tmp_path / "out.jsonl"
    end, summary = generate(spec, output, Limits(concurrency=1, requests=3), RequestOptions(timeout=120, retries=1))
    assert end == "requests", summary
    records = [json.loads(line) for line in output.read_text(encoding="utf8").splitlines()]
    assert [record["text"] for record in records] == [record["text"] for record in GOOD]
    # The server names the revision as well.
    assert {record["model"] for record in records} == {f"{small_spec.model}@main"}
    assert "Tom" in Path(summary["rejects_file"]).read_text(encoding="utf8")
    again, _ = generate(spec, output, Limits(concurrency=1, requests=3), RequestOptions(timeout=120, retries=1))
    assert summary["prompt_tokens"] > 0 and summary["completion_tokens"] > 0
    assert again == "requests" and len(output.read_text(encoding="utf8").splitlines()) == 2
