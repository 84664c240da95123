"""Processes that `nlp.pipe` forks: none waits for ever, whoever stops first."""

import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import spacy
from tiny_bert import make_bert

TEXT = "Meet Ada Finch on Monday at 6 pm, or call before Friday at noon."
SCRIPT = """
import os, sys, spacy, torch
torch.set_num_threads(2)
torch.randn(2000, 2000) @ torch.randn(2000, 2000)
text, *pipelines = sys.argv[1:]
texts = [text] * 400
for pipeline in pipelines:
    nlp = spacy.load(pipeline)
    stream = lambda: nlp.pipe(texts, n_process=2, batch_size=40)
    print(len(list(nlp.pipe(texts[:50]))), flush=True)
    print(len(list(stream())), flush=True)
    print(next(stream()).text == texts[0], flush=True)
    docs = stream()
    next(docs)
    docs.close()
    print("closed", flush=True)
    for number, doc in enumerate(stream()):
        if number == 100:
            break
    print("left", os.environ.get("TOKENIZERS_PARALLELISM"), flush=True)
"""
COMPONENTS = {
    "transformer": {
        "@architectures": "spacy-slm-ner.TransformerModel.v1",
        "get_spans": {"@span_getters": "spacy-transformers.strided_spans.v1", "window": 128, "stride": 96},
    },
    "tok2vec": {"@architectures": "spacy-slm-ner.LoraTransformer.v1", "width": 32, "window": 40, "overlap": 10},
}


@pytest.fixture
def pipelines(tmp_path: Path) -> list[Path]:
    """Pipelines with a model of transformers each, on disk."""
    base = str(make_bert(tmp_path / "bert", [TEXT]))
    components = [name for name in COMPONENTS if name != "transformer" or find_spec("spacy_transformers")]
    for component in components:
        nlp = spacy.blank("en")
        name = {"transformer": "name", "tok2vec": "base"}[component]
        nlp.add_pipe(component, config={"model": {**COMPONENTS[component], name: base}})
        nlp.initialize()
        nlp.to_disk(tmp_path / component)
    return [tmp_path / component for component in components]


def test_no_process_waits_for_ever(pipelines: list[Path], tmp_path: Path) -> None:
    """Nor with another pipeline in the same process."""
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, TEXT, *map(str, pipelines)]
    environment = {name: value for name, value in os.environ.items() if name not in ("TOKENIZERS_PARALLELISM", "OMP_NUM_THREADS")}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, start_new_session=True, env=environment
    ) as process:
        try:
            output, errors = process.communicate(timeout=150)
        except subprocess.TimeoutExpired as error:
            os.killpg(process.pid, signal.SIGKILL)
            pytest.fail(f"the processes hang after {error.output!r}")
    assert output.split() == ["50", "400", "True", "closed", "left", "None"] * len(pipelines), errors
    assert "parallelism" not in errors
