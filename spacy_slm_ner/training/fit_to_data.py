"""`spacy-slm-ner.FitToData.v1`: a pipeline with the components that its training data has annotation for."""

import logging
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Optional, Set

from spacy.language import Language
from spacy.training import Example
from spacy.util import resolve_dot_names

from ..errors import LabelError

logger = logging.getLogger("spacy_slm_ner")

# Fewer than two exclusive classes leave nothing to tell apart.
LEAST_INTENTS = 2


def create_fit_to_data() -> Callable[[Language], Language]:
    """Make a callback for `[initialize] before_init`, so that one config trains on data with intents and without.

    Where the training corpus has fewer than two intents, `textcat` is left out, and so is the weight of its score. The callback
    takes itself out of the pipeline's config, which is that of a trained pipeline later on.

    RETURNS (Callable[[Language], Language]): The callback. It raises `LabelError` where no text has an entity.
    """
    return fit_to_data


def fit_to_data(nlp: Language) -> Language:
    """Leave out what the training corpus of a pipeline's config cannot teach."""
    examples = training_examples(nlp)
    nlp.config["initialize"]["before_init"] = None
    if examples is not None:
        intents = count_intents(examples)
        if intents < LEAST_INTENTS:
            leave_intents_out(nlp, intents)
    return nlp


def training_examples(nlp: Language) -> Optional[Iterable[Example]]:
    """Read the training corpus; None if the config names no file for it, or one that is not there.

    A pipeline may be initialised with examples of its own, far from the files of its config.
    """
    config = nlp.config.interpolate()
    name = config["training"]["train_corpus"]
    section: Any = config
    for part in name.split("."):
        section = section[part]
    path = section.get("path", "")
    if path is None or not Path(path).exists():
        return None
    (corpus,) = resolve_dot_names(config, [name])
    examples: Iterable[Example] = corpus(nlp)
    return examples


def count_intents(examples: Iterable[Example]) -> int:
    """Count the intents of a corpus, up to as many as are needed.

    RAISES (LabelError): If there are texts, and none has an entity.
    """
    intents: Set[str] = set()
    texts, has_entities = 0, False
    for eg in examples:
        texts += 1
        intents |= set(eg.reference.cats)
        has_entities = has_entities or bool(eg.reference.ents)
        if has_entities and len(intents) >= LEAST_INTENTS:
            break
    if texts and not has_entities:
        raise LabelError(
            f"None of the {texts} training texts has an entity, so there is no entity recogniser to train. Records need entity "
            'words under "labels", such as {"word": "Friday", "label": "B-DATE"}; look at what `convert` reported.'
        )
    return len(intents)


def leave_intents_out(nlp: Language, intents: int) -> None:
    """Remove text classifiers and their weights in the score of a checkpoint; the other weights add up to 1 again."""
    removed: List[str] = [name for name in nlp.pipe_names if nlp.get_pipe_meta(name).factory == "textcat"]
    for name in removed:
        nlp.remove_pipe(name)
    logger.warning(
        "The training texts have %s, so entities alone are learned%s.",
        "a single intent" if intents else "no intents",
        f", without {', '.join(removed)}" if removed else "",
    )
    nlp.config["training"]["score_weights"] = weights_without_intents(nlp.config["training"]["score_weights"])


def weights_without_intents(weights: Dict[str, Optional[float]]) -> Dict[str, Optional[float]]:
    """Scale the weights of scores to a sum of 1 without those of categories."""
    kept = {name: weight for name, weight in weights.items() if not name.startswith("cats_")}
    total = sum(weight or 0.0 for weight in kept.values())
    return {name: weight / total if weight else weight for name, weight in kept.items()}
