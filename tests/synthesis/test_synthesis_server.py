"""A real server program: `transformers serve` with a small model that knows one answer.

The server needs another version of transformers than this package; `make test` puts it into a folder of its own.
"""

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Callable, Iterator

import pytest
from tokenizers import AddedToken

from spacy_slm_ner.cli.generate import generate
from spacy_slm_ner.endpoints.endpoint import RequestOptions
from spacy_slm_ner.models.pretrained.hub import find_base
from spacy_slm_ner.synthesis.run import Limits
from spacy_slm_ner.synthesis.spec import Spec

SERVER = Path(sys.prefix) / "server"
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
    if not (SERVER / "transformers").is_dir():
        pytest.skip(f"needs the server in {SERVER}: make test puts it there")
    write_model(tmp_path / "model", json.dumps({"records": [*GOOD, BAD]}))
    port = free_port()
    path = os.pathsep.join([str(SERVER), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hub")}
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", small_spec.model]
    with (tmp_path / "server.log").open("w") as log:
        program = subprocess.Popen([*command, "--port", str(port), "--device", "cpu"], env=environment, stdout=log, stderr=log)
        try:
            wait_until_healthy(f"http://localhost:{port}/health", program, tmp_path / "server.log")
            yield f"http://localhost:{port}/v1"
        finally:
            program.terminate()
            program.wait(30)


def free_port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("localhost", 0))
        port: int = one.getsockname()[1]
    return port


def wait_until_healthy(address: str, program: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(600):
        if program.poll() is not None:
            break
        try:
            with urllib.request.urlopen(address, timeout=1) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"The server did not start:\n{log.read_text()[-3000:]}")


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
