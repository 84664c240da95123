"""`spacy-slm-ner.RequireTransformer.v1`: a pipeline that says what to install before spaCy misses its `transformer`."""

from importlib import import_module
from importlib.metadata import version
from typing import Callable, Type

from spacy.language import Language

from ..errors import MissingExtraError


def create_require_transformer() -> Callable[[Type[Language]], Type[Language]]:
    """Make a callback for `[nlp] before_creation`, which is called before a pipeline is made or loaded.

    RETURNS (Callable[[Type[Language]], Type[Language]]): The callback.
    RAISES (MissingExtraError): In the callback, if spacy-transformers is not there, or fails, as it does beside transformers 5.
    """

    def require_transformer(language: Type[Language]) -> Type[Language]:
        try:
            import_module("spacy_transformers")
        except ImportError as error:
            raise MissingExtraError(
                f"A `transformer` needs spacy-transformers, which cannot be imported ({error}): pip install 'spacy-slm-ner[trf]' "
                f"for transformers below 4.53.3 (there is {version('transformers')}), or train configs/lora.cfg, which needs "
                "neither."
            ) from error
        return language

    return require_transformer
