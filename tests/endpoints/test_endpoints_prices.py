from pathlib import Path

import pytest
import srsly

from spacy_slm_ner.endpoints.prices import Price, Usage, find_price, read_prices
from spacy_slm_ner.errors import ReadError


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
