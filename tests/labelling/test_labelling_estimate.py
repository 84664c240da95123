from pathlib import Path
from typing import Callable

import pytest
import spacy
from name_server import NameServer
from spacy.language import Language
from tokenizers import Tokenizer

from spacy_slm_ner.cli._load import load_pipeline
from spacy_slm_ner.cli.label import LabelSettings, estimate_label, label
from spacy_slm_ner.labelling.estimate import estimate

TEXTS = [f"Ada Quill met Bo and twelve other people at house number {number} in the afternoon." for number in range(40)]


def test_an_estimate_is_near_the_bill(
    shared: Path, server: NameServer, write_config: Callable, write_texts: Callable, tmp_path: Path
) -> None:
    """The server counts with a real byte-pair tokenizer, which the estimate knows nothing of."""
    tokenizer = Tokenizer.from_file(str(shared / "tokenizers" / "SmolLM2-135M-Instruct" / "tokenizer.json"))
    server.tokens = lambda text: len(tokenizer.encode(text).ids)
    texts, config, settings = write_texts(TEXTS), write_config(server.url), LabelSettings()
    found = estimate_label([texts], tmp_path / "out.jsonl", config, settings)
    assert server.requests == [] and not list(tmp_path.glob("out*"))
    _, summary = label([texts], tmp_path / "out.jsonl", config)
    assert (found.texts, found.requests) == (40, 40)
    assert found.cost == pytest.approx(summary["cost"], rel=0.2)
    again = estimate_label([texts], tmp_path / "out.jsonl", config, settings)
    assert (again.texts, again.requests, again.cost) == (0, 0, 0.0)
    answers, cached = tmp_path / "out.answers.sqlite", tmp_path / "new.answers.sqlite"
    answers.rename(cached)
    other = estimate_label([texts], tmp_path / "new.jsonl", config, settings)
    assert (other.texts, other.requests) == (40, 0)


def test_what_is_the_same_is_asked_once_and_each_pass_asks(write_config: Callable) -> None:
    nlp = load_pipeline(write_config("http://127.0.0.1:9/v1", "temperature = 0.7"))
    assert estimate(nlp, ["Ada.", "Ada."]).requests == 1
    assert estimate(nlp, ["Ada."], passes=3).requests == 3
    assert estimate(nlp, ["Ada met Bo. " * 700]).requests > 1
    assert estimate(nlp, []).cost == 0.0


def test_a_price_that_is_not_known_gives_no_cost(write_config: Callable, tmp_path: Path) -> None:
    config = Path(write_config("http://127.0.0.1:9/v1"))
    config.write_text(config.read_text().replace("gpt-4.1-mini", "llama"), encoding="utf8")
    assert estimate(load_pipeline(str(config)), ["Ada."]).cost is None


def test_a_local_pipeline_asks_nothing(make_ruler: Callable[..., Language]) -> None:
    assert estimate(spacy.blank("en"), ["Ada."])[:2] == (1, 0)
    assert not estimate(make_ruler(NAME="Ada"), ["Ada."]).asks
