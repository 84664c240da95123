"""Texts for encoders."""

import spacy
from spacy.tokens import Doc

NLP = spacy.blank("en")
TEXTS = ["Come at 4pm or on May 5, please!", "", " \n ", "Friday morning", "five o'clock 😀 五月"]


def docs(texts: list[str] = TEXTS) -> list[Doc]:
    return [NLP.make_doc(text) for text in texts]
