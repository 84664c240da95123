"""`spacy-slm-ner.FitToData.v1`: a pipeline that fits its base, without components that its data has no annotation for."""

import logging
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Optional, Set

from spacy.language import Language
from spacy.training import Example
from spacy.util import resolve_dot_names

from ..errors import LabelError
from .fit_to_base import fit_to_base
from .fit_to_files import take_prompt_files

logger = logging.getLogger("spacy_slm_ner")

# A classifier of exclusive classes needs at least two.
MIN_INTENTS = 2


def create_fit_to_data() -> Callable[[Language], Language]:
    """Make a callback for `[initialize] before_init`, so that one config trains on data with and without intents, over any base.

    A `tok2vec` gets the width of its base, see `fit_to_base`, and the config the guidelines of which it names a file. If the
    training corpus has fewer than two intents, the callback removes `textcat` and the weight of its score. It also removes itself
    from the config, which later is that of the trained pipeline.

    RETURNS (Callable[[Language], Language]): The callback. It raises `LabelError` if no text has an entity.
    """
    return fit_to_data


def fit_to_data(nlp: Language) -> Language:
    """Fit a pipeline to its base, and remove the components that its training corpus cannot train.

    nlp (Language): Pipeline with the config of its training.
    RETURNS (Language): The same pipeline.
    RAISES (LabelError): If the corpus has texts, and none has an entity.
    """
    examples = training_examples(nlp)
    nlp.config["initialize"]["before_init"] = None
    fit_to_base(nlp)
    take_prompt_files(nlp)
    if examples is not None:
        intents = count_intents(examples)
        if intents < MIN_INTENTS:
            remove_text_classifiers(nlp, intents)
    return nlp


def training_examples(nlp: Language) -> Optional[Iterable[Example]]:
    """Read the training corpus of a pipeline.

    nlp (Language): Pipeline with the config of its training.
    RETURNS (Optional[Iterable[Example]]): Examples. None if the config names no file or a missing one, because a pipeline may
        also be initialised with examples from elsewhere.
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
    """Count the intents of a corpus, up to the number that a classifier needs.

    examples (Iterable[Example]): The corpus.
    RETURNS (int): Number of intents; once there are enough, the rest of the corpus is not read.
    RAISES (LabelError): If there are texts, and none has an entity.
    """
    intents: Set[str] = set()
    texts, has_entities = 0, False
    for eg in examples:
        texts += 1
        intents |= set(eg.reference.cats)
        has_entities = has_entities or bool(eg.reference.ents)
        if has_entities and len(intents) >= MIN_INTENTS:
            break
    if texts and not has_entities:
        raise LabelError(
            f"None of the {texts} training texts has an entity, so there is no entity recogniser to train. Records need entity "
            'words under "labels", such as {"word": "Friday", "label": "B-DATE"}; look at what `convert` reported.'
        )
    return len(intents)


def remove_text_classifiers(nlp: Language, intents: int) -> None:
    """Remove text classifiers from a pipeline, and the weights of their scores from its config.

    nlp (Language): The pipeline.
    intents (int): Number of intents in the training corpus, for the warning.
    """
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
    """Remove the weights of the scores of categories, and scale the others to a sum of 1.

    weights (Dict[str, Optional[float]]): Weights by the name of the score.
    RETURNS (Dict[str, Optional[float]]): The other weights.
    """
    kept = {name: weight for name, weight in weights.items() if not name.startswith("cats_")}
    total = sum(weight or 0.0 for weight in kept.values())
    return {name: weight / total if weight else weight for name, weight in kept.items()}
