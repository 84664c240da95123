"""UniNER: one question for each label, `What describes DATE in the text?`, answered with a JSON list, `["Friday", "May 4"]`; with
intents, one question more.

After UniversalNER (Zhou et al. 2024). Strings follow the order of the text: each is the next place with this text behind the one
before. A number behind a string, `["May 4", 2]`, names another one, counted from the beginning of the text.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Sequence, get_args

from spacy.tokens import Doc

from .base import FormatFactory, GuidelinesSetting, LabelledFormat, Question, with_guidelines
from .placement import NEXT, NextOrAll, Placement, by_order
from .uniner_questions import IntentQuestion, LabelQuestion, TextTurns

Turns = Literal["independent", "conversation"]


@dataclass(frozen=True)
class UniNER(LabelledFormat):
    """The format of this module.

    turns (Turns): "independent": each question is asked alone; "conversation": behind the answers to those before it.
    explained (bool): Whether the prompt says how to answer.
    placement (Placement): Which places entities of free answers have.
    """

    turns: Turns = "independent"
    explained: bool = True
    placement: Placement = NEXT

    @property
    def conversation(self) -> bool:
        return self.turns == "conversation"

    def questions(self, doc: Doc) -> Sequence[Question]:
        return self._questions

    @cached_property
    def _questions(self) -> tuple[Question, ...]:
        before, definitions = TextTurns(self.explained), dict(self.definitions)
        of_labels = [LabelQuestion(label, definitions.get(label), before, self.placement) for label in self.labels]
        return (*of_labels, IntentQuestion(tuple(self.intents), before)) if self.intents else tuple(of_labels)


def create_uniner(
    guidelines: GuidelinesSetting = None,
    turns: Turns = "independent",
    explained: bool = True,
    mentions: NextOrAll = "next",
    fuzzy: float = 0.0,
) -> FormatFactory:
    """Return the factory of the format, registered as `spacy-slm-ner.UniNER.v1`.

    guidelines (GuidelinesSetting): Descriptions and examples of the labels; see `with_guidelines`.
    turns (Turns): "independent" questions, as UniversalNER is asked when it is scored, or a "conversation", as it is trained.
    explained (bool): Say in the prompt how to answer. False for models that were trained with the published prompt.
    mentions (NextOrAll): Which place is meant where the words of an entity occur several times; see `Placement`, also for
        `fuzzy`. "all" for models that name each string once, as UniversalNER does.
    fuzzy (float): Least similarity of a place whose words differ; 0 for none.
    RETURNS (FormatFactory): Makes the format for labels and intents.
    RAISES (ValueError): If there are no such turns.
    """
    if turns not in get_args(Turns):
        raise ValueError(f"Got turns = {turns!r}, allowed are {', '.join(get_args(Turns))}.")
    return with_guidelines(UniNER, guidelines, turns=turns, explained=explained, placement=by_order(mentions, fuzzy))
