from hypothesis import strategies as st
from spacy.tokens import Doc, Span
from spacy.vocab import Vocab

LABELS = ("DATE", "TIME")
INTENTS = ("cancel", "inquiry")

# What is hard for some format: repeated words, marks, brackets, colons, escapes, white space, right-to-left and Han script, emoji
HARD = ["May", "4", "[2]", "<DATE>", "</DATE>", "<", "\n", "  ", "\\", "\\n", "a:", "9:30", ":", "intent", "B-DATE", "x y"]
SCRIPTS = ["شكرا", "五月", "😀"]
WORDS = st.one_of(st.sampled_from(HARD + SCRIPTS), st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4))
VOCAB = Vocab()


@st.composite
def docs(draw: st.DrawFn) -> Doc:
    """Any words, with any entities that do not overlap and one intent."""
    words = draw(st.lists(WORDS, max_size=8))
    doc = Doc(VOCAB, words=words, spaces=[draw(st.booleans()) for _ in words])
    ents, start = [], 0
    while start < len(doc):
        length = draw(st.integers(0, 3))
        if 0 < length <= len(doc) - start:
            ents.append(Span(doc, start, start + length, draw(st.sampled_from(LABELS))))
        start += max(length, 1)
    doc.ents = ents
    intent = draw(st.sampled_from(INTENTS))
    doc.cats = {name: float(name == intent) for name in INTENTS}
    return doc
