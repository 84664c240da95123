"""`spacy-slm-ner.SwapEntities.v1`: new texts out of a few, with the entities of others of the same label."""

import random
from typing import Callable, Dict, Iterator, List, Optional, Set, Tuple

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example


def create_swap_entities(level: float, share: float = 0.5) -> Callable[[Language, Example], Iterator[Example]]:
    """Registered as `spacy-slm-ner.SwapEntities.v1`, an augmenter of a corpus reader (entity replacement: Dai & Adel 2020).

    Entities come from the texts that were read before, so there is nothing to swap with in the first ones, and the pool is
    whole from the second epoch on.

    level (float): How many of the texts get a varied copy beside them, from 0 to 1.
    share (float): How many of the entities of a copy are swapped, from 0 to 1.
    RETURNS (Callable[[Language, Example], Iterator[Example]]): The augmenter; its draws are those of Python's `random`, which
        `spacy train` seeds.
    """
    for name, value in (("level", level), ("share", share)):
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"Got {name} = {value}, allowed is 0.0 to 1.0.")
    pool: Dict[str, List[str]] = {}
    seen: Set[Tuple[str, str]] = set()

    def augment(nlp: Language, example: Example) -> Iterator[Example]:
        yield example
        ents = example.reference.ents
        if ents and random.random() < level:
            swapped = swap_entities(nlp, example.reference, pool, share)
            if swapped is not None:
                yield Example(nlp.make_doc(swapped.text), swapped)
        for ent in ents:
            if (ent.label_, ent.text) not in seen:
                seen.add((ent.label_, ent.text))
                pool.setdefault(ent.label_, []).append(ent.text)

    return augment


def swap_entities(nlp: Language, doc: Doc, pool: Dict[str, List[str]], share: float) -> Optional[Doc]:
    """A text with other entities.

    nlp (Language): Its tokenizer is used.
    doc (Doc): A text with gold entities; its intent is kept.
    pool (Dict[str, List[str]]): Entities by label.
    share (float): How many are swapped.
    RETURNS (Optional[Doc]): None if nothing was swapped, or an entity does not begin and end with a token any more.
    """
    text, places, end = "", [], 0
    for ent in doc.ents:
        text += doc.text[end : ent.start_char]
        others = pool.get(ent.label_, [])
        chosen = random.choice(others) if others and random.random() < share else ent.text
        places.append((len(text), len(text) + len(chosen), ent.label_))
        text, end = text + chosen, ent.end_char
    text += doc.text[end:]
    made = nlp.make_doc(text)
    spans = [made.char_span(start, stop, label=label) for start, stop, label in places]
    if text == doc.text or None in spans:
        return None
    kept: List[Span] = [span for span in spans if span is not None]
    made.set_ents(kept, default="outside")
    made.cats = dict(doc.cats)
    return made
