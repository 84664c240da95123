"""Fake names, e-mail addresses, dates and times in the place of the entities of real sentences."""

from random import Random
from typing import TYPE_CHECKING, Optional

from ..errors import ReadError
from ..types import Span
from .sentences import LabelledSentence, replace_entities

if TYPE_CHECKING:
    from faker import Faker

LOCALES = (
    "en_US",
    "en_GB",
    "en_IN",
    "en_NG",
    "de_DE",
    "fr_FR",
    "es_ES",
    "it_IT",
    "pl_PL",
    "pt_BR",
    "nl_NL",
    "sv_SE",
    "tr_TR",
    "cs_CZ",
)
PERSON_LABELS = ("PER", "PERSON", "person")
DATE_LABELS = ("date", "DATE_TIME")
TIME_LABELS = ("time",)
EMAIL_LABELS = ("EMAIL_ADDRESS", "email_address")
# Patterns of `strftime`. Numbers mostly lose a leading zero.
DATE_PATTERNS = (
    "%d %B",
    "%B %d",
    "%d %b %Y",
    "%B %d, %Y",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%Y-%m-%d",
    "%A",
    "%A, %B %d",
    "%d/%m",
    "%a %d %b",
    "%B",
)
TIME_PATTERNS = (
    "%I:%M %p",
    "%I %p",
    "%I%p",
    "%H:%M",
    "%I:%M%p",
    "%I.%M %p",
    "%I o'clock",
    "half past %I",
    "quarter to %I",
    "%I:%M",
    "%I a.m.",
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DAY_WORDS = ("today", "tomorrow", "tonight", "the day after tomorrow", "next week", "this weekend", "next month", "yesterday")
TIME_WORDS = ("noon", "midnight", "the morning", "early evening", "lunchtime", "late afternoon", "mid-morning")
GREETINGS = ("Hi {},", "Hello {},", "Dear {},", "Hey {} -", "{},", "Good morning {},", "Hi {}!")
CLOSINGS = ("Best,\n{}", "Thanks,\n{}", "Kind regards,\n{}", "Cheers, {}", "-- {}", "Regards\n{}", "Thank you!\n{}", "{}")


class FakeValues:
    """Generator of fake values.

    rng (Random): Random number generator.
    """

    def __init__(self, rng: Random) -> None:
        try:
            from faker import Faker
        except ImportError as error:
            raise ReadError("Made-up names need the package faker: pip install 'spacy-slm-ner[pretraining]'") from error
        self.rng = rng
        self.fakers: list[Faker] = [Faker(locale) for locale in LOCALES]
        for number, faker in enumerate(self.fakers):
            faker.seed_instance(rng.getrandbits(32) + number)

    def choose_faker(self) -> "Faker":
        """Choose the locale of a value."""
        return self.rng.choice(self.fakers)

    def person(self) -> str:
        faker, draw = self.choose_faker(), self.rng.random()
        first, last = str(faker.first_name()), str(faker.last_name())
        if draw < 0.4:
            return first
        if draw < 0.5:
            return last
        return f"{first} {last}" if draw < 0.9 else f"{self.rng.choice(('Dr.', 'Ms', 'Mr', 'Prof.'))} {last}"

    def email(self) -> str:
        faker = self.choose_faker()
        return str(faker.email() if self.rng.random() < 0.5 else faker.company_email())

    def date(self) -> str:
        draw = self.rng.random()
        if draw < 0.2:
            return self.rng.choice(DAY_WORDS)
        if draw < 0.45:
            return self.rng.choice(("", "next ", "this ", "")) + self.rng.choice(WEEKDAYS)
        text = str(self.fakers[0].date(self.rng.choice(DATE_PATTERNS)))
        if draw < 0.55:
            day = self.rng.randint(1, 31)
            suffix = "th" if 10 < day < 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
            text = f"{self.rng.choice(('', 'the '))}{day}{suffix}{self.rng.choice(('', ' of ' + self.fakers[0].month_name()))}"
        return self._unpad(text)

    def time(self) -> str:
        draw = self.rng.random()
        if draw < 0.15:
            return self.rng.choice(TIME_WORDS)
        text = self._unpad(str(self.fakers[0].time(self.rng.choice(TIME_PATTERNS))))
        return text.lower() if self.rng.random() < 0.5 else text

    def _unpad(self, text: str) -> str:
        """Remove the leading zero of most numbers."""
        words = [word.removeprefix("0") if len(word) > 1 and self.rng.random() < 0.7 else word for word in text.split(" ")]
        return " ".join(words)

    def value(self, label: str) -> Optional[tuple[str, str]]:
        """Make a value for an entity.

        label (str): Label of the entity.
        RETURNS (Optional[tuple[str, str]]): A value and its label, which may be an address instead of a person; None if the label
            has no fake values.
        """
        if label in PERSON_LABELS:
            return (self.email(), "EMAIL_ADDRESS") if self.rng.random() < 0.1 else (self.person(), label)
        if label in DATE_LABELS:
            return self.date(), label
        if label in TIME_LABELS:
            return self.time(), label
        return (self.email(), label) if label in EMAIL_LABELS else None

    def replace_some(self, sentence: LabelledSentence) -> LabelledSentence:
        """Replace about half of the entities of a sentence by fake values, where their labels have any."""
        values = [self.value(ent.label) if self.rng.random() < 0.5 else None for ent in sentence.ents]
        return replace_entities(sentence, values)

    def as_message(self, sentence: LabelledSentence, label: str) -> LabelledSentence:
        """Put a greeting before a text and a closing after it, or one of them, or none.

        sentence (LabelledSentence): The text.
        label (str): Label of people in its source.
        RETURNS (LabelledSentence): The message, with people and addresses as entities.
        """
        for patterns, before in ((GREETINGS, True), (CLOSINGS, False)):
            if self.rng.random() < 0.7:
                sentence = self._add(sentence, self.rng.choice(patterns), label, before)
        return sentence

    def _add(self, sentence: LabelledSentence, pattern: str, label: str, before: bool) -> LabelledSentence:
        """Add a line with a name before or after a text."""
        name = self.person()
        offset, line = pattern.index("{}"), pattern.format(name)
        separator = self.rng.choice(("\n", "\n", " ", "\n\n"))
        if before:
            shift = len(line + separator)
            shifted = [Span(start + shift, end + shift, other) for start, end, other in sentence.ents]
            ents = [Span(offset, offset + len(name), label), *shifted]
            return sentence._replace(text=line + separator + sentence.text, ents=tuple(ents))
        start = len(sentence.text + separator) + offset
        ents = [*sentence.ents, Span(start, start + len(name), label)]
        text = sentence.text + separator + line
        if self.rng.random() < 0.3:
            address = self.email()
            ents.append(Span(len(text) + 1, len(text) + 1 + len(address), "EMAIL_ADDRESS"))
            text += "\n" + address
        return sentence._replace(text=text, ents=tuple(ents))
