import pytest

from spacy_slm_ner.records.build import record_to_doc
from spacy_slm_ner.records.schema import Record, WordLabel
from spacy_slm_ner.records.statistics import RecordFile, RecordStatistics, Twin, find_twins

INTENTS = ("cancel", "inquiry")


@pytest.fixture(scope="module")
def part(nlp):
    """A part of texts given as (text, intent, {words: label})."""

    def _part(name, *texts):
        docs = []
        for text, intent, entities in texts:
            labels = [WordLabel(word=words, label=f"B-{label}") for words, label in entities.items()]
            docs.append(record_to_doc(Record(text=text, labels=labels, intent=intent), nlp, (), INTENTS)[0])
        return RecordFile(name, docs)

    return _part


@pytest.fixture(scope="module")
def train(part):
    return part(
        "train",
        ("Please cancel Ann at 4 pm", "cancel", {"Ann": "NAME", "4 pm": "TIME"}),
        ("When does ANN arrive on Friday?", "inquiry", {"ANN": "NAME", "Friday": "DATE"}),
        ("I do not want to Cancel anything", "inquiry", {}),
        ("Lovely weather", None, {}),
    )


@pytest.fixture(scope="module")
def test_part(part):
    return part(
        "test",
        ("Call off Bob and ann", "cancel", {"Bob": "NAME", "ann": "NAME"}),
        ("Is 16:00 good for Eve?", "inquiry", {"16:00": "TIME", "Eve": "NAME"}),
    )


def test_entities_and_intents_are_counted(train):
    assert train.count_labels() == {"NAME": 2, "TIME": 1, "DATE": 1}
    assert train.count_intents() == {"cancel": 1, "inquiry": 2, "none": 1}
    assert train.without_entity() == 2


def test_strings_of_a_label_are_case_folded(train):
    assert train.strings("NAME") == {"ann"}
    assert train.strings("EMAIL") == set()


def test_a_word_is_counted_by_intent_in_any_case(train):
    assert train.intent_word("cancel") == {"cancel": (1, 1), "inquiry": (1, 2), "none": (0, 1)}


def test_forms_are_counted_in_entities_of_their_label_and_in_texts(train, test_part):
    forms = {"TIME": {"12 h": r"pm$", "24 h": r"^\d\d:"}, "TEXT": {"question": r"\?$", "number": r"\d"}}
    assert train.count_forms(forms) == {("TIME", "12 h"): 1, ("TEXT", "question"): 1, ("TEXT", "number"): 1}
    assert test_part.count_forms(forms) == {("TIME", "24 h"): 1, ("TEXT", "question"): 1, ("TEXT", "number"): 1}


def test_an_entity_may_have_several_forms(train):
    assert train.count_forms({"TIME": {"a": "4", "b": "pm"}}) == {("TIME", "a"): 1, ("TIME", "b"): 1}


def test_labels_and_intents_are_those_of_all_parts(train, test_part):
    statistics = RecordStatistics([train, test_part])
    assert statistics.labels == ["DATE", "NAME", "TIME"]
    assert statistics.intents == ["cancel", "inquiry", "none"]


def test_strings_of_the_last_part_are_unseen_if_no_other_part_has_them(train, test_part):
    assert RecordStatistics([train, test_part]).unseen("NAME") == (2, 3)
    assert RecordStatistics([test_part, train]).unseen("NAME") == (0, 1)
    assert RecordStatistics([test_part]).unseen("NAME") == (3, 3)
    assert RecordStatistics([train, test_part]).unseen("EMAIL") == (0, 0)


def test_twins_are_found_within_and_across_parts(part):
    text = "Please move the call to Monday"
    parts = [part("train", (text, None, {}), (text + "!", None, {})), part("test", (text.upper(), None, {}))]
    twins = find_twins(parts, 0.7)
    assert [twin.parts for twin in twins] == [("train", "train"), ("train", "test"), ("train", "test")]
    assert twins[1] == Twin(("train", "test"), (text, text.upper()), 1.0)


def test_near_duplicates_leak_across_parts_only(part):
    text = "Please move the call to Monday"
    within = part("train", (text, None, {}), (text + "!", None, {}))
    assert list(RecordStatistics([within]).leaks(0.7)) == []
    [leak] = RecordStatistics([part("train", (text, None, {})), part("test", (text + "!", None, {}))]).leaks(0.7)
    assert leak == f"near-duplicates (0.96) in train and test: {text!r} and {text + '!'!r}"


def test_the_threshold_of_similarity_is_the_census_own(part):
    parts = [part("train", ("Please move it to Monday", None, {})), part("test", ("Please move it to Monday ok?", None, {}))]
    assert len(list(RecordStatistics(parts, similarity=0.8).leaks(0.7))) == 1
    assert list(RecordStatistics(parts, similarity=0.9).leaks(0.7)) == []


@pytest.mark.parametrize(("least", "leaks"), [(0.5, 0), (2 / 3, 0), (0.7, 1), (1.0, 1)])
def test_too_few_new_strings_are_a_leak(train, test_part, least, leaks):
    found = list(RecordStatistics([train, test_part], disjoint=["NAME"]).leaks(least))
    assert found == [f"only 2 of 3 NAME strings of test are new, at least {least:.0%} should be"] * leaks


def test_a_label_without_strings_does_not_leak(train, test_part):
    assert list(RecordStatistics([train, test_part], disjoint=["EMAIL"]).leaks(1.0)) == []
