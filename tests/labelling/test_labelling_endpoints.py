"""Pipelines that ask several endpoints."""

from pathlib import Path
from typing import Callable

import pytest
from name_server import NameServer, lines
from spacy.language import Language

from spacy_slm_ner.cli._load import load_pipeline
from spacy_slm_ner.cli.label import LabelSettings, label
from spacy_slm_ner.endpoints.answer_cache import AnswerCache
from spacy_slm_ner.endpoints.prices import Usage
from spacy_slm_ner.endpoints.replies import Reply
from spacy_slm_ner.errors import ReadError
from spacy_slm_ner.labelling.endpoints import endpoints_of, give_caches, paid_answers, require_random, set_prices

TEXTS = [f"Ada Quill met Bo at number {number}." for number in range(30)]


@pytest.fixture
def write_two(write_config: Callable, tmp_path: Path) -> Callable[..., str]:
    """Writes the config of a pipeline that asks two models of an endpoint."""

    def write(url: str, settings: str = "") -> str:
        config = Path(write_config(url, settings))
        head, one = config.read_text(encoding="utf8").split("[components.slm_ner]")
        other = one.replace("components.slm_ner.", "components.second.").replace("gpt-4.1-mini", "gpt-4.1-nano")
        both = f"{head}[components.slm_ner]{one}\n[components.second]{other}"
        config.write_text(both.replace('pipeline = ["slm_ner"]', 'pipeline = ["slm_ner", "second"]'), encoding="utf8")
        return str(config)

    return write


def test_they_share_a_limit_and_have_a_cache_each(
    server: NameServer, write_two: Callable, write_texts: Callable, tmp_path: Path
) -> None:
    texts, output, config = write_texts(TEXTS), tmp_path / "out.jsonl", write_two(server.url, "concurrency = 1")
    _, whole = label([texts], output, config)
    assert len(server.requests) == 2 * len(TEXTS)
    assert {file.name for file in tmp_path.glob("*.sqlite")} == {"out.answers.sqlite", "out.answers-2.sqlite"}
    assert "gpt-4.1-mini, gpt-4.1-nano in en_pipeline" in lines(output)[0]["model"]
    ending, half = label([texts], tmp_path / "half.jsonl", config, LabelSettings(max_cost=whole["cost"] * 0.9))
    assert ending.end == "cost"
    assert whole["cost"] * 0.8 < half["cost"] <= whole["cost"] * 0.9
    ending, again = label([texts], tmp_path / "half.jsonl", config, LabelSettings(max_cost=1.0))
    assert (ending.end, again["cost"]) == ("done", pytest.approx(whole["cost"]))
    assert len(server.requests) == 4 * len(TEXTS)


def test_answers_of_a_shared_cache_are_counted_once_at_the_highest_price(write_two: Callable, tmp_path: Path) -> None:
    cache = tmp_path / "shared.sqlite"
    endpoints = endpoints_of(load_pipeline(write_two("http://127.0.0.1:9/v1", f'cache = "{cache}"')))
    AnswerCache(cache).store("a", Reply(text="x", model="m", usage=Usage(prompt=1_000_000)))
    assert list(paid_answers(endpoints)) == [0.4]
    give_caches(endpoints, tmp_path / "out.jsonl")
    assert {one.shim.settings.cache for one in endpoints} == {cache}


def test_prices_of_the_user_come_first(write_two: Callable, tmp_path: Path) -> None:
    endpoints = endpoints_of(load_pipeline(write_two("http://127.0.0.1:9/v1")))
    (tmp_path / "prices.json").write_text('{"gpt-4.1-nano": {"input": 7, "output": 8}}')
    set_prices(endpoints, tmp_path / "prices.json", needed=True)
    assert [one.price and one.price.input for one in endpoints] == [0.4, 7.0]


@pytest.mark.parametrize("temperature", ["0.0", "0.7", "null"])
def test_passes_need_chance(write_config: Callable, make_ruler: Callable[..., Language], temperature: str) -> None:
    endpoints = endpoints_of(load_pipeline(write_config("http://127.0.0.1:9/v1", f"temperature = {temperature}")))
    require_random(endpoints, 1)
    if temperature == "0.0":
        with pytest.raises(ReadError, match="Set `temperature` of the model above 0"):
            require_random(endpoints, 3)
    else:
        require_random(endpoints, 3)
    require_random(endpoints_of(make_ruler(NAME="Ada")), 1)
