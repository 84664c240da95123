import spacy
import torch
from spacy.language import Language

from spacy_slm_ner.training.callbacks import create_freeze_embeddings


class Embedder(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embeddings = torch.nn.Embedding(4, 2)
        self.layer = torch.nn.Linear(2, 2)

    def get_input_embeddings(self) -> torch.nn.Module:
        return self.embeddings


class Stand:
    """What the callback sees of a `transformer` component."""

    def __init__(self) -> None:
        self.model = self
        self.transformer = Embedder()

    def __call__(self, doc):  # type: ignore[no-untyped-def]
        return doc


def pipeline(name: str) -> Language:
    nlp = spacy.blank("en")
    nlp.config["initialize"]["after_init"] = {"@callbacks": "spacy-slm-ner.FreezeEmbeddings.v1"}
    Language.factory("stand", func=lambda nlp, name: Stand())
    nlp.add_pipe("stand", name=name)
    return nlp


def test_embeddings_alone_are_frozen() -> None:
    nlp = pipeline("transformer")
    assert create_freeze_embeddings()(nlp) is nlp
    trainable = {name for name, weight in nlp.get_pipe("transformer").transformer.named_parameters() if weight.requires_grad}
    assert trainable == {"layer.weight", "layer.bias"}


def test_callback_leaves_no_trace_in_the_config() -> None:
    nlp = create_freeze_embeddings("encoder")(pipeline("encoder"))
    assert nlp.config["initialize"]["after_init"] is None


def test_callback_is_registered() -> None:
    assert spacy.registry.callbacks.get("spacy-slm-ner.FreezeEmbeddings.v1") is create_freeze_embeddings
