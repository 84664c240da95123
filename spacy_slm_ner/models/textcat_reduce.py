"""`spacy-slm-ner.TextCatReduce.v1`: a text classifier over pooled states of tokens, which takes empty texts as well."""

from functools import partial
from typing import Any, Callable, List, Optional, Tuple

from spacy.ml.models.textcat import build_reduce_text_classifier
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d, Ragged

# Layers of thinc that a sequence without any state is an error to.
NEED_A_STATE = ("reduce_first", "reduce_last", "reduce_max")


def create_textcat_reduce(
    tok2vec: Model[List[Doc], List[Floats2d]],
    exclusive_classes: bool,
    use_reduce_first: bool,
    use_reduce_last: bool,
    use_reduce_max: bool,
    use_reduce_mean: bool,
    nO: Optional[int] = None,
) -> Model[List[Doc], Floats2d]:
    """Registered as `spacy-slm-ner.TextCatReduce.v1`: `spacy.TextCatReduce.v1`, which an empty text among others ends with an
    error. Here it has zeros as scores, whatever else is in its batch.

    tok2vec (Model[List[Doc], List[Floats2d]]): Gives the states of tokens.
    exclusive_classes (bool): Whether exactly one class is right.
    use_reduce_first, use_reduce_last, use_reduce_max, use_reduce_mean (bool): Whether to use the first state, the last, the
        largest values of all, and their mean.
    nO (Optional[int]): Number of classes; taken from the data if it is None.
    RETURNS (Model[List[Doc], Floats2d]): Probabilities of classes.
    """
    poolings = use_reduce_first, use_reduce_last, use_reduce_max, use_reduce_mean
    model = build_reduce_text_classifier(tok2vec, exclusive_classes, *poolings, nO)
    for layer in list(model.walk()):
        if layer.name in NEED_A_STATE:
            layer._func = partial(pool_filled, layer._func)
    model._func = partial(classify_filled, model._func)
    return model


def classify_filled(classify: Callable, model: Model, docs: List[Doc], is_train: bool) -> Tuple[Floats2d, Callable]:
    """Leave empty texts out in use, whose scores are zeros, as spaCy has them where all texts of a batch are empty.

    classify (Callable): The model's own forward function.
    """
    filled = [doc for doc in docs if len(doc)]
    if is_train or len(filled) == len(docs):
        scores, backprop = classify(model, docs, is_train)
        return scores, backprop
    scores = model.ops.alloc2f(len(docs), model.get_dim("nO"))
    if filled:
        scores[[bool(len(doc)) for doc in docs]], _ = classify(model, filled, is_train)
    return scores, lambda gradient: docs


def pool_filled(pool: Callable, model: Model, sequences: Ragged, is_train: bool) -> Tuple[Floats2d, Callable]:
    """Let a pooling layer see the sequences that have states; the others give zeros and learn nothing.

    pool (Callable): The layer's own forward function.
    """
    filled = sequences.lengths > 0
    pooled, backprop = pool(model, Ragged(sequences.dataXd, sequences.lengths[filled]), is_train)
    output = model.ops.alloc2f(len(filled), pooled.shape[1])
    output[filled] = pooled

    def backprop_filled(gradient: Floats2d) -> Any:
        return Ragged(backprop(gradient[filled]).dataXd, sequences.lengths)

    return output, backprop_filled
