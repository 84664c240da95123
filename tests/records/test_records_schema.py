import pytest

from spacy_slm_ner.records.schema import Record, WordLabel, parse_record

GOOD = {"text": "See Ann", "labels": [{"word": "Ann", "label": "B-NAME", "occurrence": 1}], "intent": "inquiry"}


def test_a_record_is_read():
    labels = [WordLabel(word="Ann", label="B-NAME", occurrence=1)]
    assert parse_record(GOOD) == Record(text="See Ann", labels=labels, intent="inquiry")


def test_intent_and_occurrence_may_be_left_out():
    record = parse_record({"text": "See Ann", "labels": [{"word": "Ann", "label": "B-NAME"}]})
    assert (record.intent, record.labels[0].occurrence) == (None, None)


@pytest.mark.parametrize("score", [0, 0.25, 1.0, None])
def test_an_entity_may_have_a_score(score: float | None) -> None:
    record = parse_record({**GOOD, "labels": [{"word": "Ann", "label": "B-NAME", "score": score}], "model": "m", "id": "a"})
    assert record.labels[0].score == score


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        pytest.param([], r"record: .*got \[\]", id="a list"),
        pytest.param("See Ann", "record: .*got 'See Ann'", id="a string"),
        pytest.param(None, "record: .*got None", id="null"),
        pytest.param({"labels": []}, "text: Field required", id="no text"),
        pytest.param({"text": "See Ann"}, "labels: Field required", id="no labels"),
        pytest.param({**GOOD, "text": 5}, "text: .*valid string, got 5", id="text is a number"),
        pytest.param({**GOOD, "text": None}, "text: .*valid string, got None", id="text is null"),
        pytest.param({**GOOD, "labels": {"Ann": "B-NAME"}}, "labels: .*valid list", id="labels are an object"),
        pytest.param({**GOOD, "labels": [["Ann", "B-NAME"]]}, "labels.0: ", id="a label is a pair"),
        pytest.param({**GOOD, "labels": [{"word": "Ann"}]}, "labels.0.label: Field required", id="no label"),
        pytest.param({**GOOD, "labels": [{"word": "", "label": "B-NAME"}]}, "labels.0.word: .*at least 1", id="empty word"),
        pytest.param({**GOOD, "labels": [{"word": 4, "label": "B-TIME"}]}, "labels.0.word: .*got 4", id="word is a number"),
        pytest.param({**GOOD, "labels": [{"word": "x", "label": "B-X", "start": 0}]}, "labels.0.start: Extra", id="offsets"),
        pytest.param({**GOOD, "labels": [{"word": "x", "label": "B-X", "occurrence": 0}]}, "occurrence: .*got 0", id="from 0"),
        pytest.param(
            {**GOOD, "labels": [{"word": "x", "label": "B-X", "occurrence": "1"}]}, "occurrence: .*got '1'", id="a string 1"
        ),
        pytest.param({**GOOD, "labels": [{"word": "x", "label": "B-X", "score": 1.5}]}, "score: .*got 1.5", id="score above 1"),
        pytest.param({**GOOD, "labels": [{"word": "x", "label": "B-X", "score": "1"}]}, "score: .*got '1'", id="score as text"),
        pytest.param({**GOOD, "labels": [{"word": "x", "label": "B-X", "score": float("nan")}]}, "score: .*got nan", id="nan"),
        pytest.param({**GOOD, "intent": ["inquiry"]}, "intent: .*valid string", id="two intents"),
    ],
)
def test_what_is_wrong_is_named(payload, message):
    with pytest.raises(ValueError, match=message + r'.*A record is \{"text": str, "labels"'):
        parse_record(payload)


def test_every_fault_is_named():
    with pytest.raises(ValueError, match=r"text: .*; labels.0.word: .*; intent: "):
        parse_record({"text": 1, "labels": [{"word": 2, "label": "B-X"}], "intent": 3})
