"""`slm_ner`: a generator that writes entities, as a spaCy component. It is made in `factory`."""

import logging
from functools import reduce
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

import srsly
from spacy import util
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Model
from thinc.types import Floats1d

from ..errors import BaseModelError
from ..formats.answer_counts import AnswerCounts
from ..formats.base import FormatFactory, PromptFormat, Question, Request
from ..types import ScoredSpan
from .annotate import AnnotationPolicy
from .asking import Answered, Asker
from .conflicts import CONFLICTS, Conflicts, count_conflicts, resolve
from .entity_pipe import EntityPipe
from .generator_shim import GeneratorShim
from .label_names import check_case, names_in
from .responses import ParsedResponse, read_response
from .training_requests import make_training_requests
from .windows import DocWindow, WindowMaker, halve_window, join_entities

logger = logging.getLogger("spacy_slm_ner")

# Settings that belong to an adapter, not to the component; and the name of the adapter that is trained.
OF_ADAPTER = ("labels", "intents", "temperature")
DEFAULT = "default"


class SlmNerSettings(NamedTuple):
    """The settings of the component, which learning does not change; see `make_slm_ner` in `factory`."""

    format: FormatFactory
    constrained: bool
    window: int
    overlap: int
    cats: bool
    draft: bool
    save_io: bool
    intent_weight: float
    conflicts: Conflicts

    def check(self) -> None:
        """RAISES (ValueError): If the windows could not move on, or another setting is not allowed."""
        if self.window < 1 or not 0 <= self.overlap < self.window:
            raise ValueError(
                f"Got window = {self.window} and overlap = {self.overlap}, in tokens of the base's tokenizer. Allowed are a "
                "window of at least 1 and an overlap from 0 to less than the window."
            )
        if self.intent_weight < 0:
            raise ValueError(f"Got intent_weight = {self.intent_weight}, allowed is 0 or more; 1.0 counts an intent as a word.")
        if self.conflicts not in CONFLICTS:
            raise ValueError(f"Got conflicts = {self.conflicts!r}, allowed are {', '.join(CONFLICTS)}.")


class Prediction(NamedTuple):
    """The entities, intents and problems of a Doc.

    response (ParsedResponse): Entities as ranges of its tokens, intents, problems.
    io (list[dict[str, Any]]): Prompt and raw answer of each window.
    """

    response: ParsedResponse
    io: List[Dict[str, Any]]


class SlmNer(EntityPipe):
    """See `make_slm_ner` in `factory`."""

    def __init__(
        self,
        vocab: Vocab,
        model: Model,
        name: str,
        settings: SlmNerSettings,
        policy: AnnotationPolicy,
        *,
        labels: Sequence[str] = (),
        intents: Sequence[str] = (),
        scorer: Optional[Callable] = None,
    ) -> None:
        settings.check()
        if settings.conflicts == "keep" and policy.annotate == "ents":
            raise ValueError(
                'Got conflicts = "keep" and annotate = "ents", but entities in `doc.ents` cannot overlap. Set annotate to '
                '"spans" or "both", or conflicts to "score" or "order".'
            )
        super().__init__(vocab, model, name, policy, labels=labels, scorer=scorer)
        self.settings = settings
        self.cfg |= {"intents": [], "adapters": {}, "cats": settings.cats}
        self.cfg |= {"format": getattr(settings.format, "__name__", str(settings.format))}
        for intent in intents:
            self._add("intents", intent)

    # Labels

    @property
    def intents(self) -> Tuple[str, ...]:
        """Intents; none if `cats` is false."""
        return tuple(self.cfg["intents"]) if self.settings.cats else ()

    @property
    def label_data(self) -> Dict[str, List[str]]:
        """Labels and intents, as `spacy init labels` writes and `initialize` takes them."""
        return {"labels": list(self.labels), "intents": list(self.intents)}

    def add_label(self, label: str) -> int:
        """Add an entity label, also to a trained component: labels are words of the prompt. RETURNS: 1, or 0 if it is there."""
        return self._add("labels", label)

    def _add(self, kind: str, label: str) -> int:
        if isinstance(label, str) and label not in self.cfg[kind]:
            check_case(label, kind, self.cfg[kind])
        return super()._add(kind, label)

    @property
    def format(self) -> PromptFormat:
        """The prompt format for the labels and intents of now."""
        return self.settings.format(self.labels, self.intents)

    # Prediction

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Annotate a stream. A batch is decoded together; if that fails, each Doc alone, so that a bad Doc costs itself only."""
        for docs in util.minibatch(stream, size=batch_size):
            docs = list(docs)
            try:
                self.set_annotations(docs, self.predict(docs))
            except Exception as error:
                if len(docs) == 1:
                    self.get_error_handler()(self.name, self, docs, error)
                else:
                    yield from (done for doc in docs for done in self.pipe([doc]))
            else:
                yield from docs

    def predict(self, docs: Iterable[Doc]) -> List[Prediction]:
        """Find the entities of a batch, without changing it."""
        docs = list(docs)
        self._require_names("labels")
        form = self.format
        cuts = [self._maker.windows(doc, number) for number, doc in enumerate(docs)]
        done: List[List[Answered]] = [[] for _ in docs]
        for one in self._asker.ask([window for cut, _ in cuts for window in cut], docs):
            done[one.window.number].append(one)
        return [self._merge(form, answered, unread) for answered, (_, unread) in zip(done, cuts)]

    def questions(self, doc: Doc) -> List[Tuple[DocWindow, Question, Request]]:
        """Make the requests about a Doc, without asking any; turns of a conversation as if each were the first."""
        windows = self._maker.windows(doc)[0]
        return [(window, *asked) for window in windows for asked in self._asker.questions(window, doc)]

    @property
    def _asker(self) -> Asker:
        return Asker(self.format, self.settings.constrained, self.settings.draft, self.model.predict, self._halve)

    def _halve(self, window: DocWindow) -> List[DocWindow]:
        return halve_window(window, self.settings.overlap, self.generator.count_pieces)

    @property
    def generator(self) -> GeneratorShim:
        """The shim of the model, which knows its adapters and its files."""
        shim: GeneratorShim = self.model.shims[0]
        return shim

    @property
    def _maker(self) -> WindowMaker:
        return WindowMaker(self.settings.window, self.settings.overlap, self.generator.count_pieces)

    def _merge(self, form: PromptFormat, done: Sequence[Answered], unread: List[str]) -> Prediction:
        """Make one prediction from all answers about a Doc."""
        responses = [read_response(one.answer, one.question, one.window.doc, self.temperature) for one in done]
        found = join_entities([one.window.window for one in done], [response.found for response in responses])
        named = [response.cats for response in responses if response.cats]
        cats = {name: sum(cats[name] for cats in named) / len(named) for name in named[0]} if named else {}
        problems = unread + [problem for response in responses for problem in response.problems]
        counts = reduce(AnswerCounts.plus, (one.counts for one in responses), AnswerCounts(conflicts=count_conflicts(found)))
        io = [{"prompt": list(one.request.messages), "answer": one.answer.text} for one in done]
        kept = resolve(found, self.settings.conflicts, form.labels)
        return Prediction(ParsedResponse(kept, cats, problems, counts), io if self.settings.save_io else [])

    def set_annotations(self, docs: Iterable[Doc], predictions: Sequence[Prediction]) -> None:
        """Write what was found. In `doc.user_data[name]` are `problems`, what could not be used of answers, and `counts`."""
        unusable = 0
        for doc, (response, io) in zip(docs, predictions):
            self.policy.write(doc, response.found)
            doc.cats.update(response.cats)
            counts = response.counts._asdict() if response.counts.queries else {}
            doc.user_data.pop(self.name, None)
            kept = {"problems": response.problems, "io": io, "counts": counts}
            if any(kept.values()):
                doc.user_data[self.name] = {key: value for key, value in kept.items() if value}
            unusable += len(response.problems)
        if unusable:
            logger.warning("%s: %d parts of texts or answers could not be used in a batch.", self.name, unusable)

    def find(self, docs: Sequence[Doc]) -> List[List[ScoredSpan]]:
        return [response.found for response, _ in self.predict(docs)]

    # Training

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        labels: Optional[Dict[str, List[str]]] = None,
    ) -> None:
        """Load the base and learn the labels.

        get_examples (Callable[[], Iterable[Example]]): Examples of the training data.
        nlp (Optional[Language]): The pipeline.
        labels (Optional[Dict[str, List[str]]]): What `spacy init labels` wrote, instead of looking at all examples.
        """
        validate_get_examples(get_examples, "SlmNer.initialize")
        self._forget_training()
        found = labels or names_in(get_examples())
        for label in found.get("labels", []):
            self._add("labels", label)
        for intent in self._told_apart(found.get("intents", [])):
            self._add("intents", intent)
        self._require_names("labels")
        self.model.initialize()

    def _told_apart(self, intents: Sequence[str]) -> Sequence[str]:
        """Return the intents of training data, where they are to be learned and there is more than one."""
        if not self.settings.cats:
            return ()
        if len({*intents, *self.cfg["intents"]}) > 1:
            return intents
        logger.warning("%s: got cats = true, but the intents %s. Entities alone are learned.", self.name, list(intents))
        return ()

    def _forget_training(self) -> None:
        """Go back to what the first adapter was trained for: new weights have no others, and no temperature."""
        self.cfg.update(self.cfg["adapters"].get(DEFAULT, {}))
        self.cfg.update({"temperature": 1.0, "adapters": {}})

    def score(self, examples: Iterable[Example], **settings: Any) -> Dict[str, Any]:
        """Score predicted Docs; see `score_slm_ner`."""
        return super().score(examples, **{"intents": self.intents, **settings})

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Any = None,
        losses: Optional[Dict[str, float]] = None,
    ) -> Dict[str, float]:
        """Learn from a batch. Examples without entity annotation (or without an intent, where `cats` is true) are left out.

        drop (float): Not used: dropout is a setting of the adapter.
        """
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        examples = list(examples)
        validate_examples(examples, "SlmNer.update")
        form, maker = self.format, self._maker
        how = self.settings.constrained, self.settings.intent_weight
        requests = [request for eg in examples for request in make_training_requests(eg, form, maker, *how)]
        if requests:
            nll, backprop = self.model.begin_update(requests)
            loss, gradient = self.get_loss(examples, nll)
            backprop(gradient)
            losses[self.name] += loss
        if requests and sgd not in (None, False):
            self.finish_update(sgd)
        return losses

    def get_loss(self, examples: Iterable[Example], scores: Floats1d) -> Tuple[float, Floats1d]:
        """Mean negative log-likelihood of the targets and its gradient.

        scores (Floats1d): Of each target.
        """
        return float(scores.mean()), self.model.ops.alloc1f(len(scores)) + 1.0 / len(scores)

    # Adapters

    @property
    def adapters(self) -> List[str]:
        """Names of the adapters that can be switched to."""
        return list(self.generator.adapters)

    def load_adapter(self, name: str, path: Union[str, Path]) -> None:
        """Add the adapter of another trained `slm_ner` over the same base, with its labels, intents and temperature.

        name (str): What to call it here.
        path (Union[str, Path]): Folder of the other component, such as `training/invoices/model-best/slm_ner`.
        """
        if not (Path(path) / "cfg").is_file():
            raise BaseModelError(f"{path} holds no cfg. Name the folder of a trained slm_ner, such as model-best/slm_ner.")
        cfg = srsly.read_json(Path(path) / "cfg")
        for key in ("format", "cats"):
            if cfg[key] != self.cfg[key]:
                raise BaseModelError(
                    f"The adapter in {path} was trained with {key} = {cfg[key]!r}, this component has {self.cfg[key]!r}. Load it "
                    "into a component with the same settings."
                )
        self.generator.load_adapter(name, Path(path) / "model")
        self.cfg["adapters"][name] = {key: cfg[key] for key in OF_ADAPTER}

    def use_adapter(self, name: str) -> None:
        """Switch to an adapter, with its labels, intents and temperature."""
        active = self.generator.active
        self.generator.use_adapter(name)
        self.cfg["adapters"][active] = {key: self.cfg[key] for key in OF_ADAPTER}
        self.cfg.update(self.cfg["adapters"][name])

    # Storage: the model is a folder, not a single file

    def to_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> None:
        """Write a folder: `cfg`, `vocab` and `model/`."""
        self._validate_serialization_attrs()
        serialize = {
            "cfg": lambda p: srsly.write_json(p, self.cfg),
            "vocab": lambda p: self.vocab.to_disk(p, exclude=exclude),
            "model": lambda p: self.generator.to_disk(p),
        }
        util.to_disk(path, serialize, exclude)

    def from_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> "SlmNer":
        """Read what `to_disk` wrote."""
        deserialize = {
            "cfg": lambda p: self.cfg.update(srsly.read_json(p)),
            "vocab": lambda p: self.vocab.from_disk(p, exclude=exclude),
            "model": lambda p: self.generator.from_disk(p),
        }
        util.from_disk(path, deserialize, exclude)
        return self
