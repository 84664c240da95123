import spacy
from spacy.tokens import Doc

from spacy_slm_ner.records.quality import diversity, giveaways, mask_entities, suspicions

NLP = spacy.blank("en")


def make(text: str, *ents: tuple[str, str], intent: str = "") -> Doc:
    doc = NLP(text)
    doc.ents = [
        doc.char_span(text.index(word), text.index(word) + len(word), label)  # type: ignore[misc]
        for word, label in ents
    ]
    doc.cats = {name: float(name == intent) for name in ("cancel", "inquiry")} if intent else {}
    return doc


def test_texts_that_differ_in_their_entities_only_are_one_template() -> None:
    docs = [make(f"Come at {hour}", (hour, "TIME")) for hour in ("6", "7", "8")] + [make("Something else")]
    assert mask_entities(docs[0]) == "Come at TIME"
    assert diversity(docs).templates == 0.5
    assert diversity(docs).near_duplicates == 3


def test_a_word_that_tells_the_intent_is_found() -> None:
    docs = [make(f"please cancel number {i}", intent="cancel") for i in range(5)]
    docs += [make(f"please book number {i}", intent="inquiry") for i in range(5)]
    best = giveaways(docs)
    assert [(row.word, row.intent, row.accuracy) for row in best[:2]] == [("book", "inquiry", 1.0), ("cancel", "cancel", 1.0)]
    assert all(row.accuracy == 0.5 for row in best if row.word in ("please", "number"))
    assert giveaways([make("no intent")] * 5) == []


def test_a_string_labelled_here_and_not_there_is_suspicious() -> None:
    docs = [make("May comes", ("May", "NAME")), make("in May", ("May", "DATE")), make("you and May, too")]
    (row,) = suspicions(docs)
    assert (row.text, row.labels) == ("may", {"NAME": 1, "DATE": 1, "O": 1})
    assert suspicions([make("May comes", ("May", "NAME"))] * 4) == []
