from pathlib import Path
from typing import Callable

import pytest
import srsly
from scripted_server import Server
from tokenizers import Tokenizer

from spacy_slm_ner.cli.generate import generate
from spacy_slm_ner.errors import ReadError
from spacy_slm_ner.synthesis.estimate import estimate
from spacy_slm_ner.synthesis.prices import Price, Usage, find_price, read_prices
from spacy_slm_ner.synthesis.run import Limits
from spacy_slm_ner.synthesis.spec import Spec


def test_cached_tokens_are_cheaper_where_a_price_says_so() -> None:
    usage = Usage(prompt=3_000_000, cached=1_000_000, completion=1_000_000)
    assert Price(input=0.4, cached=0.1, output=1.6).cost(usage) == pytest.approx(2 * 0.4 + 0.1 + 1.6)
    assert Price(input=0.4, output=1.6).cost(usage) == pytest.approx(3 * 0.4 + 1.6)


def test_a_dated_version_has_the_price_of_its_model() -> None:
    prices = read_prices()
    assert find_price("gpt-4.1-mini-2025-04-14", prices) == prices["gpt-4.1-mini"]
    assert find_price("gpt-4.1-mini", prices) != find_price("gpt-4.1", prices)
    assert find_price("my-llama", prices) is None


def test_prices_can_be_overridden(tmp_path: Path) -> None:
    srsly.write_json(tmp_path / "prices.json", {"my-llama": {"input": 0, "output": 0}})
    assert read_prices(tmp_path / "prices.json")["my-llama"].output == 0
    srsly.write_json(tmp_path / "prices.json", {"my-llama": {"input": -1}})
    with pytest.raises(
        ReadError, match=r"my-llama.input: Input should be greater .* got -1; my-llama.output: Field required.*Give JSON"
    ):
        read_prices(tmp_path / "prices.json")


def test_an_estimate_is_near_the_bill(shared: Path, key: str, make_spec: Callable[..., Spec], tmp_path: Path) -> None:
    """The server counts with a real byte-pair tokenizer, which the estimate knows nothing of."""
    tokenizer = Tokenizer.from_file(str(shared / "tokenizers" / "SmolLM2-135M-Instruct" / "tokenizer.json"))
    with Server(tokens=lambda text: len(tokenizer.encode(text).ids)) as server:
        spec = make_spec(records=200, base_url=server.url)
        _, summary = generate(spec, tmp_path / "out.jsonl", Limits(concurrency=8))
    found = estimate(spec, read_prices()["gpt-4.1-mini"])
    assert found.cost == pytest.approx(summary["cost"], rel=0.15)
    assert estimate(spec, read_prices()["gpt-4.1-mini"], 0.5).cost == pytest.approx(found.cost / 2)
