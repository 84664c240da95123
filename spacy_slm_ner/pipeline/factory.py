"""The factories of the components.

spaCy imports this module for every new pipeline on a machine where the package is installed, so it imports next to nothing.
"""

from typing import TYPE_CHECKING, Callable, Dict, List, Optional

from spacy.language import Language
from thinc.api import Config, Model

if TYPE_CHECKING:
    from .bio_ner import BioNer
    from .slm_ner import SlmNer

SLM_NER = """
[slm_ner]
labels = []
intents = []
constrained = true
window = 384
overlap = 64
annotate = "ents"
spans_key = "sc"
overwrite = "replace"
threshold = 0.0
cats = false
draft = true
save_io = false
intent_weight = 10.0
conflicts = "score"

[slm_ner.model]
@architectures = "spacy-slm-ner.CausalLM.v1"
base = "HuggingFaceTB/SmolLM2-135M-Instruct"
revision = null
precision = "auto"
gradient_checkpointing = false
store_base = false
batch_pieces = 8192
learn_prompts = 0.0

[slm_ner.model.lora]
@misc = "spacy-slm-ner.Lora.v2"
r = 16
alpha = 16
dropout = 0.05
targets = "all-linear"
start = "auto"

[slm_ner.format]
@misc = "spacy-slm-ner.TrailingTags.v1"

[slm_ner.scorer]
@scorers = "spacy-slm-ner.slm_ner_scorer.v1"
"""

BIO_NER = """
[bio_ner]
labels = []
class_weights = {}
label_smoothing = 0.0
transition_weight = 1.0
annotate = "ents"
spans_key = "sc"
overwrite = "replace"
threshold = 0.0

[bio_ner.model]
@architectures = "spacy-slm-ner.BioTagger.v1"
nO = null

[bio_ner.model.tok2vec]
@architectures = "spacy.HashEmbedCNN.v2"
pretrained_vectors = null
width = 96
depth = 4
embed_size = 2000
window_size = 1
maxout_pieces = 3
subword_features = true

[bio_ner.scorer]
@scorers = "spacy-slm-ner.bio_ner_scorer.v1"
"""


@Language.factory(
    "slm_ner",
    assigns=["doc.ents", "token.ent_iob", "token.ent_type", "doc.spans", "doc.cats", "span._.score"],
    default_config=Config().from_str(SLM_NER)["slm_ner"],
    default_score_weights={"ents_f": 1.0, "ents_p": 0.0, "ents_r": 0.0, "ents_per_type": None, "cats_score": 0.0},
)
def make_slm_ner(
    nlp: Language,
    name: str,
    model: Model,
    format: Callable,
    labels: List[str],
    intents: List[str],
    constrained: bool,
    window: int,
    overlap: int,
    annotate: str,
    spans_key: str,
    overwrite: str,
    threshold: float,
    cats: bool,
    draft: bool,
    save_io: bool,
    intent_weight: float,
    conflicts: str,
    scorer: Optional[Callable],
) -> "SlmNer":
    """Make an `slm_ner` component.

    model (Model[List[Request], Union[List[Answer], Floats1d]]): Writes answers; in training, gives the negative log-likelihood of
        targets. Its shim counts pieces and keeps the adapters.
    format (FormatFactory): How the generator is asked and how its answer reads.
    labels (List[str]): Entity labels; those of the training data are added.
    intents (List[str]): Intents, where `cats` is true; those of the training data are added.
    constrained (bool): Only answers that can be parsed may be written. If not, whatever is written is read as far as possible.
    window (int): Most pieces of a text that are read at a time.
    overlap (int): Pieces that two windows of a long text share. Entities of up to half of it are always seen whole.
    annotate (str): "ents", "spans" or "both"; see `AnnotationPolicy`, also for the next three.
    spans_key (str): Name of the span group.
    overwrite (str): "replace", "merge" or "keep" for entities that were there before.
    threshold (float): Least score of an entity.
    cats (bool): Read and write the intent, too: to `doc.cats`.
    draft (bool): Propose what `doc.ents` holds already, or that there are no entities, and only let the generator agree or not.
        This saves time and changes no answer.
    save_io (bool): Keep prompts and raw answers in `doc.user_data[name]["io"]`.
    intent_weight (float): Weight of the intent in training, where each word has 1.0.
    conflicts (str): Which of overlapping entities, found in answers to several questions or in two windows, is taken: that with
        the better "score", that whose label comes first in "order", or both ("keep", for `annotate` "spans" or "both").
    scorer (Optional[Callable]): Scores Docs; see `make_slm_ner_scorer`.
    RETURNS (SlmNer): The component.
    """
    from .annotate import AnnotationPolicy
    from .slm_ner import SlmNer, SlmNerSettings

    policy = AnnotationPolicy(annotate, spans_key, overwrite, threshold)  # type: ignore[arg-type]
    settings = SlmNerSettings(format, constrained, window, overlap, cats, draft, save_io, intent_weight, conflicts)  # type: ignore[arg-type]
    return SlmNer(nlp.vocab, model, name, settings, policy, labels=labels, intents=intents, scorer=scorer)


@Language.factory(
    "bio_ner",
    assigns=["doc.ents", "token.ent_iob", "token.ent_type", "doc.spans", "span._.score"],
    default_config=Config().from_str(BIO_NER)["bio_ner"],
    default_score_weights={"ents_f": 1.0, "ents_p": 0.0, "ents_r": 0.0, "ents_per_type": None},
)
def make_bio_ner(
    nlp: Language,
    name: str,
    model: Model,
    labels: List[str],
    class_weights: Dict[str, float],
    label_smoothing: float,
    transition_weight: float,
    annotate: str,
    spans_key: str,
    overwrite: str,
    threshold: float,
    scorer: Optional[Callable],
) -> "BioNer":
    """Make a `bio_ner` component.

    model (Model[List[Doc], List[Floats2d]]): Scores of tags for each token: logits in use, probabilities in training, as
        `spacy-slm-ner.BioTagger.v1` gives them, and `spacy.Tagger.v2` with `normalize = false`. Its `tok2vec` may be any.
    labels (List[str]): Entity labels; those of the training data are added.
    class_weights (Dict[str, float]): Weight of the loss on tokens of a label, or of "O"; 1.0 for those that are not named.
    label_smoothing (float): Part of the probability that the right tag leaves to the others in training.
    transition_weight (float): How much it counts which tags followed each other in the training data; see `labels.transitions`.
        0.0 leaves the laws of BIO alone.
    annotate (str): "ents", "spans" or "both"; see `AnnotationPolicy`, also for the next three.
    spans_key (str): Name of the span group.
    overwrite (str): "replace", "merge" or "keep" for entities that were there before.
    threshold (float): Least score of an entity.
    scorer (Optional[Callable]): Scores Docs; see `make_slm_ner_scorer`.
    RETURNS (BioNer): The component.
    """
    from .annotate import AnnotationPolicy
    from .bio_ner import BioNer, BioNerSettings

    policy = AnnotationPolicy(annotate, spans_key, overwrite, threshold)  # type: ignore[arg-type]
    settings = BioNerSettings(class_weights, label_smoothing, transition_weight)
    return BioNer(nlp.vocab, model, name, settings, policy, labels=labels, scorer=scorer)
