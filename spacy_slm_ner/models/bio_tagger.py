"""`spacy-slm-ner.BioTagger.v1`: scores of tags for each token, over any `Tok2Vec`."""

from functools import partial
from typing import Callable, List, Optional

from spacy.tokens import Doc
from thinc.api import Model, Softmax_v2, chain, glorot_uniform_init, with_array
from thinc.types import Floats2d


def create_bio_tagger(tok2vec: Model[List[Doc], List[Floats2d]], nO: Optional[int] = None) -> Model[List[Doc], List[Floats2d]]:
    """Registered as `spacy-slm-ner.BioTagger.v1`: a linear layer, as that of `spacy.Tagger.v2`, which starts from other weights.

    Nearly all tokens are outside of entities. A layer that starts from zeros has no gradient for what is below it but the one
    that makes all states alike, and a pretrained model is spoilt before it has learned anything. So the biases start as the
    logarithms of how frequent the tags are (Lin et al. 2017, section 4.1), and the weights from random values.

    tok2vec (Model[List[Doc], List[Floats2d]]): Gives the states of tokens.
    nO (Optional[int]): Number of tags; taken from the data if it is None.
    RETURNS (Model[List[Doc], List[Floats2d]]): Logits of all tags in use, probabilities in training. If it is initialized with
        the tags of tokens, of 1 at the right one, they are counted.
    """
    width = tok2vec.get_dim("nO") if tok2vec.has_dim("nO") else None
    output: Model[Floats2d, Floats2d] = Softmax_v2(nO, width, init_W=glorot_uniform_init, normalize_outputs=False)
    output.init = partial(init_from_tags, output.init)
    model: Model[List[Doc], List[Floats2d]] = chain(tok2vec, with_array(output))
    model.set_ref("tok2vec", tok2vec)
    model.set_ref("output_layer", output)
    return model


def init_from_tags(init: Callable, model: Model, X: Optional[Floats2d] = None, Y: Optional[Floats2d] = None) -> None:
    """Initialize, with biases from the frequencies of tags."""
    init(model, X=X, Y=Y)
    if Y is not None:
        # One more of each: a tag that was not seen is rare, not impossible.
        xp = model.ops.xp
        counts = xp.sum(Y, axis=0) + 1
        model.set_param("b", xp.log(counts / xp.sum(counts)))
