from typing import Sequence

from hypothesis import strategies as st
from spacy.tokens import Doc, Span
from spacy.vocab import Vocab

from spacy_slm_ner.labels.names import is_name

LABELS = ("DATE", "TIME")
INTENTS = ("cancel", "inquiry")

# What is hard for some format: repeated words, marks, brackets, colons, escapes, white space, right-to-left and Han script, emoji
HARD = ["May", "4", "[2]", "<DATE>", "</DATE>", "<", "\n", "  ", "\\", "\\n", "a:", "9:30", ":", "intent", "B-DATE", "x y"]
HARD += ['"', "'", 'a"b', "{", "}", '{"text": "', "]", 'DATE(span="4")', ",", "\\u0034", "\\"]
HARD += ["</think>", "<think>", "```", "intent ="]
SCRIPTS = ["شكرا", "五月", "😀", "é", "ﬁ"]
WORDS = st.one_of(st.sampled_from(HARD + SCRIPTS), st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4))
VOCAB = Vocab()

# What is hard in a label: the marks of a format, and what looks like a whole line or mark
HARD_LABELS = [
    "person/actor",
    "JOB TITLE",
    "a, b",
    "a: b",
    "a: B-x",
    "x: O",
    "w: B-a: b",
    "<DATE>",
    "/DATE",
    "x</x>",
    "[2]",
    "4 [2]",
]
HARD_LABELS += ["a\\b", "a\\", "\\:", "\\u0041", "intent", "intent: cancel", "O", "B-x", "日付", "می\u200cخواهم", "a\u00a0b"]
HARD_LABELS += ["class", "None", "str", "Entity", "JOB_TITLE", "JOB TITLE", "job-title", "2nd", "_", "{x}"]
HARD_LABELS += ["</think>", "f(1)", 'say "x"', "it's", "ﬁ", "²", "तारीख"]
NAMES = st.one_of(st.sampled_from(HARD_LABELS), st.text(st.characters(codec="utf8"), max_size=5).filter(is_name))


@st.composite
def docs(draw: st.DrawFn, names: Sequence[str] = LABELS) -> Doc:
    """Any words, with any entities that do not overlap and one intent.

    names (Sequence[str]): Labels of the entities.
    """
    words = draw(st.lists(WORDS, max_size=8))
    doc = Doc(VOCAB, words=words, spaces=[draw(st.booleans()) for _ in words])
    ents, start = [], 0
    while start < len(doc):
        length = draw(st.integers(0, 3))
        if 0 < length <= len(doc) - start:
            ents.append(Span(doc, start, start + length, draw(st.sampled_from(names))))
        start += max(length, 1)
    doc.ents = ents
    intent = draw(st.sampled_from(INTENTS))
    doc.cats = {name: float(name == intent) for name in INTENTS}
    return doc


@st.composite
def named_docs(draw: st.DrawFn) -> tuple[Doc, list[str]]:
    """A Doc and labels of any names, of which it has some."""
    names = draw(st.lists(NAMES, min_size=1, max_size=3, unique_by=str.casefold))
    return draw(docs(names)), names
