"""Freezing the word embeddings of a spacy-transformers pipeline while it is trained."""

from typing import Callable

from spacy.language import Language


def create_freeze_embeddings(component: str = "transformer") -> Callable[[Language], Language]:
    """Make a callback for `[initialize] after_init` that keeps a transformer's word embeddings as they were pretrained.

    A few hundred texts hold a small part of the vocabulary; what they would move is out of step with the rest. And the
    embeddings are half the parameters of a small encoder, so an update is nearly twice as fast without them.

    The callback takes itself out of the pipeline's config: the trained pipeline needs spacy-transformers, not this package.

    component (str): Name of the `transformer` component.
    RETURNS (Callable[[Language], Language]): The callback.
    """

    def freeze_embeddings(nlp: Language) -> Language:
        transformer = nlp.get_pipe(component).model.transformer  # type: ignore[attr-defined]
        transformer.get_input_embeddings().requires_grad_(False)
        nlp.config["initialize"]["after_init"] = None
        return nlp

    return freeze_embeddings
