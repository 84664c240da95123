import hashlib
import json
import os
import re
import subprocess
import sys
from collections import Counter

import pytest
from spacy.tokens import DocBin

from spacy_slm_ner.errors import DamageError, ReadError, SchemeError
from spacy_slm_ner.records import convert
from spacy_slm_ner.records.convert import Converter
from spacy_slm_ner.records.damage import DamageLog
from spacy_slm_ner.records.read_json import read_payloads


def record(text, *pairs, **more):
    return {"text": text, "labels": [{"word": word, "label": label} for word, label in pairs], **more}


ANN, BOB, EVE = (record(f"See {name}", (name, "B-NAME")) for name in ("Ann", "Bob", "Eve"))


@pytest.fixture
def converter(nlp):
    return Converter(nlp, DamageLog())


@pytest.fixture
def write(tmp_path):
    """Write a file: text as it is, a list as a JSON document or, under .jsonl, as JSON Lines."""

    def _write(name, content):
        if isinstance(content, list):
            lines = [line if isinstance(line, str) else json.dumps(line) for line in content]
            content = "\n".join(lines) if name.endswith("l") else '{"dataset": [' + ",".join(lines) + "]}"
        path = tmp_path / name
        path.write_text(content, encoding="utf8")
        return path

    return _write


def texts(docs):
    return [doc.text for doc in docs]


def test_files_are_converted_in_the_order_given(converter, write):
    paths = [write("b.jsonl", [BOB, EVE]), write("c.conll", "Go\tO\n"), write("a.json", [ANN])]
    assert texts(converter.convert(paths)) == ["See Bob", "See Eve", "Go ", "See Ann"]


BAD = [
    pytest.param({"text": "See Bob"}, "labels: Field required", id="no labels"),
    pytest.param({"text": "See Bob", "labels": "Bob"}, "labels: .*valid list", id="labels are a string"),
    pytest.param(["See Bob"], "record: ", id="a list"),
    pytest.param("null", "record: .*got None", id="null"),
    pytest.param({**BOB, "text": 5}, "text: .*got 5", id="text is a number"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD)
@pytest.mark.parametrize("name", ["records.json", "records.jsonl"])
def test_one_bad_record_is_lost_alone(converter, write, name, bad, reason):
    docs = converter.convert([write(name, [ANN, bad, EVE])])
    assert texts(docs) == ["See Ann", "See Eve"]
    [finding] = converter.damage_log.findings
    assert (finding.record, finding.kind) == (2, "invalid_record")
    assert re.match(reason, finding.reason)


@pytest.mark.parametrize(
    ("lines", "place"),
    [([ANN, '{"text": "See Bob" "labels": []}', EVE], 2), ([ANN, EVE, '{"text": "See B'], 3), (['{"text', ANN, EVE], 1)],
    ids=["broken", "cut off", "broken first"],
)
def test_one_broken_line_is_lost_alone(converter, write, lines, place):
    assert texts(converter.convert([write("records.jsonl", lines)])) == ["See Ann", "See Eve"]
    [finding] = converter.damage_log.findings
    assert (finding.record, finding.kind) == (place, "invalid_record")
    assert finding.reason.startswith("not JSON: ")


def test_the_text_of_a_finding_is_shortened(converter, write):
    converter.convert([write("a.json", [record("x" * 500, ("Ann", "B-NAME"))])])
    assert converter.damage_log.findings[0].text == "x" * 120


def test_a_text_counts_as_duplicate_across_files_and_the_first_place_is_named(converter, write):
    first, second = write("a.json", [ANN, BOB]), write("b.json", [EVE, BOB])
    assert texts(converter.convert([first, second])) == ["See Ann", "See Bob", "See Eve"]
    assert [finding[:4] for finding in converter.damage_log.findings] == [
        (str(second), 2, "duplicate_text", f"first in {first}, record 2")
    ]


def test_the_same_words_in_another_case_are_no_duplicate(converter, write):
    assert len(converter.convert([write("a.json", [ANN, record("see ann")])])) == 2


@pytest.mark.parametrize("on_error", ["repair", "skip", "fail"])
def test_a_damaged_conll_sentence_falls_under_the_policy(nlp, write, on_error):
    path = write("a.conll", "Ann\tB-PER\n\nBob\tI-PER\n\nGo\tO\n")
    converter = Converter(nlp, DamageLog(on_error))
    if on_error == "fail":
        with pytest.raises(DamageError, match=r"a.conll, record 3: got 'Bob': 'I-PER' without B- before it"):
            converter.convert([path])
    else:
        assert texts(converter.convert([path])) == (["Ann ", "Bob ", "Go "] if on_error == "repair" else ["Ann ", "Go "])


def test_the_scheme_is_detected_for_each_file(converter, write):
    paths = [
        write("io.conll", "Ann\tI-PER\nLee\tI-PER\n"),
        write("iob1.conll", "Ann\tI-PER\nBob\tB-PER\n"),
        write("iob2.conll", "Ann\tB-PER\nBob\tB-PER\n"),
        write("biluo.conll", "Ann\tB-PER\nLee\tL-PER\n"),
    ]
    docs = converter.convert(paths)
    assert list(converter.schemes.values()) == ["IO", "IOB1", "IOB2", "BILUO"]
    assert [[ent.text for ent in doc.ents] for doc in docs] == [["Ann Lee"], ["Ann", "Bob"], ["Ann", "Bob"], ["Ann Lee"]]
    assert converter.damage_log.findings == []


def test_a_named_scheme_is_taken_at_its_word(nlp, write):
    converter = Converter(nlp, DamageLog(), scheme="IOB2")
    converter.convert([write("a.conll", "Ann\tI-PER\nBob\tO\n")])
    assert list(converter.schemes.values()) == ["IOB2"]
    assert converter.damage_log.counts() == {"orphan_inside": 1}


def test_a_named_scheme_that_does_not_fit_is_refused(nlp, write):
    with pytest.raises(SchemeError, match="Got the tag 'B-PER' in data said to be IO"):
        Converter(nlp, DamageLog(), scheme="IO").convert([write("a.conll", "Ann\tB-PER\n")])


def test_intents_are_collected_from_all_files(converter, write):
    paths = [write("a.json", [{**ANN, "intent": "move"}, BOB]), write("b.json", [{**EVE, "intent": "cancel"}, {"intent": "bad"}])]
    docs = converter.convert(paths)
    assert converter.intents == ["cancel", "move"]
    assert [doc.cats for doc in docs] == [{"cancel": 0.0, "move": 1.0}, {}, {"cancel": 1.0, "move": 0.0}]


def test_every_record_file_is_read_once(converter, write, monkeypatch):
    read = []

    def read_and_note(path):
        read.append(path.name)
        return read_payloads(path)

    monkeypatch.setattr(convert, "read_payloads", read_and_note)
    converter.convert([write("a.json", [{**ANN, "intent": "move"}]), write("b.json", [{**EVE, "intent": "cancel"}])])
    assert read == ["a.json", "b.json"]


def test_named_intents_are_not_added_to(nlp, write):
    converter = Converter(nlp, DamageLog(), intents=("cancel",))
    converter.convert([write("a.json", [{**ANN, "intent": "move"}])])
    assert converter.intents == ("cancel",)
    assert converter.damage_log.counts() == {"unknown_intent": 1}


@pytest.mark.parametrize("name", ["a.json", "a.JSON", "a.jsonl", "a.ndjson"])
def test_record_files_are_known_by_their_suffix(converter, write, name):
    assert texts(converter.convert([write(name, json.dumps(ANN))])) == ["See Ann"]


@pytest.mark.parametrize("suffix", ["conll", "CoNLL", "txt", "tsv", "iob", "iob2", "bio"])
def test_conll_files_are_known_by_their_suffix(converter, write, suffix):
    assert texts(converter.convert([write(f"a.{suffix}", "See O\nAnn B-PER\n")])) == ["See Ann "]


@pytest.mark.parametrize("name", ["a.csv", "a"])
def test_an_unknown_suffix_asks_for_the_format(converter, write, name):
    path = write(name, "See O\n")
    with pytest.raises(ReadError, match=r"Cannot tell the format of .* by its suffix. Known are .json, .*Name it: --format"):
        converter.convert([path])
    assert texts(converter.convert([path], "conll")) == ["See "]


def test_a_named_format_goes_before_the_suffix(converter, write):
    assert texts(converter.convert([write("a.txt", json.dumps([ANN]))], "records")) == ["See Ann"]


SCRIPT = """
import hashlib, sys
from pathlib import Path
import spacy
from spacy.tokens import DocBin
from spacy_slm_ner.records import convert
from spacy_slm_ner.records.convert import Converter
from spacy_slm_ner.records.damage import DamageLog
from spacy_slm_ner.records.read_json import read_payloads
docs = Converter(spacy.blank("en"), DamageLog()).convert([Path(sys.argv[1])])
print(hashlib.sha256(DocBin(docs=docs).to_bytes()).hexdigest())
"""


def test_the_docbin_does_not_depend_on_the_process(converter, write):
    names = [f"Name{i}" for i in range(20)]
    path = write("a.json", [record(f"See {name}", (name, f"B-L{name}"), intent=f"intent {name}") for name in names])
    here = hashlib.sha256(DocBin(docs=converter.convert([path])).to_bytes()).hexdigest()
    # another seed of str hashes: the order of a set that got into the file would show
    env = {**os.environ, "PYTHONHASHSEED": "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"}
    there = subprocess.run([sys.executable, "-c", SCRIPT, path], env=env, capture_output=True, text=True, check=True)
    assert there.stdout.strip() == here


def count_by_hand(path, opens):
    """Entities of each label: lines whose tag is B-, or runs of the same I- tag."""
    counts, before = Counter(), "O"
    for line in path.read_text(encoding="utf8").split("\n"):
        tag = line.split()[-1] if line.split() else "O"
        if tag.startswith("B-") if opens == "B" else tag not in ("O", before):
            counts[tag[2:]] += 1
        before = tag
    return counts


@pytest.mark.parametrize(
    ("name", "scheme", "total"),
    [
        pytest.param("wikigold/first40.conll.txt", "IO", 93, id="wikigold"),
        pytest.param("wnut17/train30.conll", "IOB2", 48, id="wnut17"),
        pytest.param("crossner/ai-train20.txt", "IOB2", 99, id="crossner"),
    ],
)
def test_excerpts_of_real_corpora_give_all_their_entities(converter, data, name, scheme, total):
    assert_all_entities(converter, data / name, scheme, total)


@pytest.mark.parametrize(
    ("name", "scheme", "total"),
    [
        pytest.param("wikigold/wikigold.conll.txt", "IO", 3558, id="wikigold"),
        pytest.param("wnut17/wnut17train.conll", "IOB2", 1975, id="wnut17"),
    ],
)
def test_real_corpora_give_all_their_entities(converter, shared, name, scheme, total):
    assert_all_entities(converter, shared / name, scheme, total)


def assert_all_entities(converter, path, scheme, total):
    docs = converter.convert([path])
    found = Counter(ent.label_ for doc in docs for ent in doc.ents)
    assert converter.schemes == {str(path): scheme}
    assert found == count_by_hand(path, "I" if scheme == "IO" else "B")
    assert found.total() == total
    assert converter.damage_log.findings == []


def test_the_sound_twin_of_a_skipped_record_is_kept(nlp, write):
    path = write("a.json", [record("See Ann", ("Bob", "B-NAME")), ANN])
    assert texts(Converter(nlp, DamageLog("skip")).convert([path])) == ["See Ann"]


def test_a_text_with_a_lone_surrogate_is_lost_alone(converter, write):
    # what is left of an emoji where a model's answer was cut off
    assert texts(converter.convert([write("a.json", [ANN, r'{"text": "Bye \ud83d", "labels": []}', EVE])])) == [
        "See Ann",
        "See Eve",
    ]


def test_an_unreadable_tag_is_named_with_its_place(converter, write):
    with pytest.raises(ReadError, match=r"a\.conll, line 2.*Got the tag 'X-PER'"):
        converter.convert([write("a.conll", "See\tO\nAnn\tX-PER\n")])
