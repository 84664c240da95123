"""`spacy-slm-ner.SwapEntities.v1`: augmentation by entity replacement."""

import random
from typing import Callable, Dict, Iterator, List, Optional, Set, Tuple

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example


def create_swap_entities(level: float, share: float = 0.5) -> Callable[[Language, Example], Iterator[Example]]:
    """Make an augmenter for a corpus reader, registered as `spacy-slm-ner.SwapEntities.v1`.

    It replaces entities by others of the same label (Dai & Adel 2020). They come from the texts read before, so the first texts
    have few to choose from, and the pool is complete from the second epoch on.

    level (float): Probability that a text gets a copy with other entities, from 0 to 1.
    share (float): Probability that an entity of a copy is replaced, from 0 to 1.
    RETURNS (Callable[[Language, Example], Iterator[Example]]): The augmenter. It draws from Python's `random`,
        which `spacy train` seeds.
    RAISES (ValueError): If a probability is outside of 0 to 1.
    """
    for name, value in (("level", level), ("share", share)):
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"Got {name} = {value}, allowed is 0.0 to 1.0.")
    pool: Dict[str, List[str]] = {}
    seen: Set[Tuple[str, str]] = set()

    def augment(nlp: Language, eg: Example) -> Iterator[Example]:
        yield eg
        ents = eg.reference.ents
        if ents and random.random() < level:
            swapped = swap_entities(nlp, eg.reference, pool, share)
            if swapped is not None:
                yield Example(nlp.make_doc(swapped.text), swapped)
        for ent in ents:
            if (ent.label_, ent.text) not in seen:
                seen.add((ent.label_, ent.text))
                pool.setdefault(ent.label_, []).append(ent.text)

    return augment


def swap_entities(nlp: Language, doc: Doc, pool: Dict[str, List[str]], share: float) -> Optional[Doc]:
    """Replace entities of a text by others of the same label.

    nlp (Language): Pipeline with the tokenizer.
    doc (Doc): Text with gold entities; its intent is kept.
    pool (Dict[str, List[str]]): Texts of entities by label.
    share (float): Probability that an entity is replaced.
    RETURNS (Optional[Doc]): The new text. None if it is the same, or an entity no longer begins and ends with a token.
    """
    text, ranges, last_end = "", [], 0
    for ent in doc.ents:
        text += doc.text[last_end : ent.start_char]
        others = pool.get(ent.label_, [])
        ent_text = random.choice(others) if others and random.random() < share else ent.text
        ranges.append((len(text), len(text) + len(ent_text), ent.label_))
        text, last_end = text + ent_text, ent.end_char
    text += doc.text[last_end:]
    swapped = nlp.make_doc(text)
    spans = [swapped.char_span(start, end, label=label) for start, end, label in ranges]
    aligned: List[Span] = [span for span in spans if span is not None]
    if text == doc.text or len(aligned) < len(spans):
        return None
    swapped.set_ents(aligned, default="outside")
    swapped.cats = dict(doc.cats)
    return swapped
