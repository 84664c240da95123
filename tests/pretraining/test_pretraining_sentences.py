import json
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_slm_ner.errors import ReadError
from spacy_slm_ner.pretraining.sentences import (
    LabelledSentence,
    cycle_shuffled,
    join_sentences,
    labels_by_source,
    read_sentences,
    replace_entities,
    vary_case,
)
from spacy_slm_ner.types import Span

ADA = LabelledSentence("Ada comes at 6", (Span(0, 3, "PER"), Span(13, 14, "time")), "visit", "one")
BOB = LabelledSentence("call Bob", (Span(5, 8, "PER"),), "call", "one")


def words(sentence: LabelledSentence) -> list[tuple[str, str]]:
    return [(sentence.text[start:end], label) for start, end, label in sentence.ents]


def test_sentences_are_read_with_their_entities_in_text_order(tmp_path: Path) -> None:
    record = {"text": ADA.text, "ents": [[13, 14, "time"], [0, 3, "PER"]], "cats": {"visit": 1.0}, "source": "one"}
    (tmp_path / "s.jsonl").write_text(json.dumps(record) + "\n\n" + json.dumps({**record, "cats": {}}) + "\n", encoding="utf8")
    assert read_sentences(tmp_path / "s.jsonl") == [ADA, ADA._replace(intent=None)]


@pytest.mark.parametrize("line", ["{", '{"text": "a"}', '{"text": "a", "ents": [[1]], "source": "x"}', "[]"])
def test_a_line_that_is_no_sentence_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "s.jsonl").write_text("\n" + line, encoding="utf8")
    with pytest.raises(ReadError, match=r"Line 2 of .*s\.jsonl is no labelled sentence"):
        read_sentences(tmp_path / "s.jsonl")


def test_a_file_without_sentences_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "s.jsonl").write_text("\n", encoding="utf8")
    with pytest.raises(ReadError, match=r"s\.jsonl holds no sentences"):
        read_sentences(tmp_path / "s.jsonl")


def test_a_missing_file_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="Cannot read the sentences"):
        read_sentences(tmp_path / "none.jsonl")


@given(st.sampled_from([" ", "\n", "\n\n"]))
def test_entities_of_joined_sentences_stay_on_their_words(glue: str) -> None:
    joined = join_sentences([ADA, BOB, ADA], glue)
    assert joined.text == glue.join([ADA.text, BOB.text, ADA.text])
    assert words(joined) == words(ADA) + words(BOB) + words(ADA)
    assert joined.intent == "visit"


@given(st.text(min_size=1), st.text(min_size=1))
def test_other_values_take_the_place_of_entities(first: str, second: str) -> None:
    filled = replace_entities(ADA, [(first, "EMAIL"), (second, "time")])
    assert filled.text == f"{first} comes at {second}"
    assert words(filled) == [(first, "EMAIL"), (second, "time")]
    assert words(replace_entities(ADA, [None, (second, "time")])) == [("Ada", "PER"), (second, "time")]


@given(st.integers())
def test_varied_case_moves_no_entity(seed: int) -> None:
    varied = vary_case(ADA, Random(seed))
    assert [(word.lower(), label) for word, label in words(varied)] == [(word.lower(), label) for word, label in words(ADA)]
    odd = ADA._replace(text="ßda comes at 6")
    assert len(vary_case(odd, Random(seed)).text) == len(odd.text)


def test_labels_are_those_of_a_source() -> None:
    assert labels_by_source([ADA, BOB, BOB._replace(source="two")]) == {"one": ["PER", "time"], "two": ["PER"]}


def test_an_endless_stream_holds_every_sentence_once_a_round() -> None:
    stream = cycle_shuffled([ADA, BOB], Random(0))
    for _ in range(3):
        assert {next(stream), next(stream)} == {ADA, BOB}
