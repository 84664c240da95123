"""`spacy-slm-ner.FreezeEmbeddings.v1`: fine-tuning of a spacy-transformers pipeline without its word embeddings."""

from typing import Callable

from spacy.language import Language


def create_freeze_embeddings(component: str = "transformer") -> Callable[[Language], Language]:
    """Make a callback for `[initialize] after_init` that freezes the word embeddings of a transformer.

    A few hundred texts hold a small part of the vocabulary, and its embeddings would move away from the others. The embeddings
    are half of the parameters of a small encoder, so an update is nearly twice as fast without them.

    The callback removes itself from the config, so that the trained pipeline needs spacy-transformers alone, not this package.

    component (str): Name of the `transformer` component.
    RETURNS (Callable[[Language], Language]): The callback.
    """

    def freeze_embeddings(nlp: Language) -> Language:
        transformer = nlp.get_pipe(component).model.transformer  # type: ignore[attr-defined]
        transformer.get_input_embeddings().requires_grad_(False)
        nlp.config["initialize"]["after_init"] = None
        return nlp

    return freeze_embeddings
