from pathlib import Path
from typing import Callable

import pytest
from scripted_server import Server
from tokenizers import Tokenizer

from spacy_slm_ner.cli.generate import generate
from spacy_slm_ner.endpoints.prices import read_prices
from spacy_slm_ner.synthesis.estimate import estimate
from spacy_slm_ner.synthesis.run import Limits
from spacy_slm_ner.synthesis.spec import Spec


def test_an_estimate_is_near_the_bill(shared: Path, key: str, make_spec: Callable[..., Spec], tmp_path: Path) -> None:
    """The server counts with a real byte-pair tokenizer, which the estimate knows nothing of."""
    tokenizer = Tokenizer.from_file(str(shared / "tokenizers" / "SmolLM2-135M-Instruct" / "tokenizer.json"))
    with Server(tokens=lambda text: len(tokenizer.encode(text).ids)) as server:
        spec = make_spec(records=200, base_url=server.url)
        _, summary = generate(spec, tmp_path / "out.jsonl", Limits(concurrency=8))
    found = estimate(spec, read_prices()["gpt-4.1-mini"])
    assert found.cost == pytest.approx(summary["cost"], rel=0.15)
    assert estimate(spec, read_prices()["gpt-4.1-mini"], 0.5).cost == pytest.approx(found.cost / 2)
