"""The names of labels and intents: those of training data, and those that a component may have."""

from typing import Any, Dict, Iterable, Sequence

from spacy.training import Example

from ..errors import LabelError
from ..labels.names import is_name


def check_name(name: Any, kind: str) -> None:
    """RAISES (LabelError): If something cannot be the name of a label or an intent."""
    if not is_name(name):
        raise LabelError(
            f"Got {name!r} among the {kind}. Allowed is text on one line, without white space at its ends and without control "
            "characters. Rename it in the data."
        )


def check_case(name: str, kind: str, others: Sequence[str]) -> None:
    """RAISES (LabelError): If a name differs from another one of its kind in case only, as answers are read in any case."""
    if name.casefold() in map(str.casefold, others):
        raise LabelError(
            f"Got {name!r} among the {kind}, which differs from another one in case only. Rename one of them, or train bio_ner, "
            "which reads no answers."
        )


def names_in(examples: Iterable[Example]) -> Dict[str, Sequence[str]]:
    """Collect the entity labels and intents of annotated examples, sorted."""
    labels, intents = set(), set()
    for eg in examples:
        labels |= {ent.label_ for ent in eg.reference.ents}
        intents |= set(eg.reference.cats)
    return {"labels": sorted(labels), "intents": sorted(intents)}
