"""Answers on disk."""

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from spacy_slm_ner.endpoints.answer_cache import AnswerCache, request_key
from spacy_slm_ner.endpoints.endpoint import ModelSettings
from spacy_slm_ner.endpoints.prices import Usage
from spacy_slm_ner.endpoints.replies import Reply
from spacy_slm_ner.errors import ReadError

PROMPT = [{"role": "user", "content": "Hello"}]
SETTINGS = ModelSettings("llama", "http://localhost:1/v1")


def reply(text: str) -> Reply:
    return Reply(text=text, model="llama", usage=Usage(prompt=3), tokens=((text, -0.5),))


@pytest.mark.parametrize("text", ["Hi", "", "five €", "half \ud83d"], ids=["text", "empty", "unicode", "lone-surrogate"])
def test_an_answer_comes_back_as_it_was(tmp_path: Path, text: str) -> None:
    cache = AnswerCache(tmp_path / "answers.sqlite")
    assert cache.find(["a"]) == {}
    cache.store("a", reply(text))
    assert AnswerCache(tmp_path / "answers.sqlite").find(["a", "b"]) == {"a": reply(text)}


def test_the_first_answer_stays(tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path / "answers.sqlite")
    for text in ("first", "second"):
        cache.store("a", reply(text))
    assert cache.find(["a"])["a"].text == "first"


@pytest.mark.parametrize(
    "change",
    [
        {"model": "qwen"},
        {"base_url": "http://localhost:2/v1"},
        {"base_url": None},
        {"temperature": 0.0},
        {"max_tokens": 1},
        {"seed": 0},
        {"logprobs": True},
        {"schema": {"type": "object"}},
        {"extra_body": {"grammar": 'root ::= "x"'}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_all_that_an_answer_depends_on_is_in_its_key(change: dict[str, Any]) -> None:
    assert request_key(SETTINGS, PROMPT) == request_key(SETTINGS, [dict(PROMPT[0])])
    assert request_key(SETTINGS._replace(**change), PROMPT) != request_key(SETTINGS, PROMPT)


def test_the_prompt_and_the_address_of_the_environment_are_in_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    keys = {request_key(SETTINGS, PROMPT), request_key(SETTINGS, [*PROMPT, *PROMPT]), request_key(SETTINGS, [])}
    by_default = request_key(SETTINGS._replace(base_url=None), PROMPT)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:3/v1")
    assert len({*keys, by_default, request_key(SETTINGS._replace(base_url=None), PROMPT)}) == 5


WRITER = """
import sys
from pathlib import Path
from spacy_slm_ner.endpoints.answer_cache import AnswerCache
from spacy_slm_ner.endpoints.replies import Reply, Usage
cache = AnswerCache(Path(sys.argv[1]))
for number in range(40):
    cache.store(f"{sys.argv[2]} {number}", Reply(text=str(number), model="llama", usage=Usage()))
"""


def test_threads_and_processes_may_write_together(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    cache = AnswerCache(path)
    processes = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), name]) for name in "ab"]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: cache.store(f"c {number}", reply(str(number))), range(40)))
    assert [process.wait(60) for process in processes] == [0, 0]
    keys = [f"{name} {number}" for name in "abc" for number in range(40)]
    assert list(cache.find(keys)) == keys


def test_an_answer_that_cannot_be_read_counts_as_none(tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path / "answers.sqlite")
    cache.store("a", reply("Hi"))
    db = sqlite3.connect(cache.path)
    db.execute("UPDATE answers SET answer = 'torn'")
    db.commit()
    db.close()
    cache.store("b", reply("Ho"))
    assert cache.find(["a"]) == {}
    assert cache.find_all() == {"b": reply("Ho")}


def test_a_cache_without_a_file_is_empty(tmp_path: Path) -> None:
    assert AnswerCache(tmp_path / "answers.sqlite").find_all() == {}
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_cache_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("These are my notes, and no database. " * 50)
    before = path.read_bytes()
    with pytest.raises(ReadError, match=r"The cache .*notes\.txt cannot be used"):
        AnswerCache(path).find(["a"])
    assert path.read_bytes() == before
