"""Made-up names, e-mail addresses, dates and times for the fakes of real sentences."""

from random import Random
from typing import TYPE_CHECKING, Optional

from ..errors import ReadError
from ..types import Span
from .sentences import LabelledSentence, fill

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
PERSON = ("PER", "PERSON", "person")
DATE = ("date", "DATE_TIME")
TIME = ("time",)
EMAIL = ("EMAIL_ADDRESS", "email_address")
# strftime patterns; the day and the hour lose a leading zero half the time.
DATES = (
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
TIMES = (
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
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DAY_WORDS = ("today", "tomorrow", "tonight", "the day after tomorrow", "next week", "this weekend", "next month", "yesterday")
TIME_WORDS = ("noon", "midnight", "the morning", "early evening", "lunchtime", "late afternoon", "mid-morning")
GREETINGS = ("Hi {},", "Hello {},", "Dear {},", "Hey {} -", "{},", "Good morning {},", "Hi {}!")
CLOSINGS = ("Best,\n{}", "Thanks,\n{}", "Kind regards,\n{}", "Cheers, {}", "-- {}", "Regards\n{}", "Thank you!\n{}", "{}")


class FakeValues:
    """Makes values, the same under the same seed.

    rng (Random): Source of all draws.
    """

    def __init__(self, rng: Random) -> None:
        try:
            from faker import Faker as Make
        except ImportError as error:
            raise ReadError("Made-up names need the package faker: pip install 'spacy-slm-ner[pretraining]'") from error
        self.rng = rng
        self.makers: list[Faker] = [Make(locale) for locale in LOCALES]
        for number, maker in enumerate(self.makers):
            maker.seed_instance(rng.getrandbits(32) + number)

    def maker(self) -> "Faker":
        return self.rng.choice(self.makers)

    def person(self) -> str:
        maker, draw = self.maker(), self.rng.random()
        first, last = str(maker.first_name()), str(maker.last_name())
        if draw < 0.4:
            return first
        if draw < 0.5:
            return last
        return f"{first} {last}" if draw < 0.9 else f"{self.rng.choice(('Dr.', 'Ms', 'Mr', 'Prof.'))} {last}"

    def email(self) -> str:
        maker = self.maker()
        return str(maker.email() if self.rng.random() < 0.5 else maker.company_email())

    def date(self) -> str:
        draw = self.rng.random()
        if draw < 0.2:
            return self.rng.choice(DAY_WORDS)
        if draw < 0.45:
            return self.rng.choice(("", "next ", "this ", "")) + self.rng.choice(DAYS)
        text = str(self.makers[0].date(self.rng.choice(DATES)))
        if draw < 0.55:
            day = self.rng.randint(1, 31)
            suffix = "th" if 10 < day < 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
            text = f"{self.rng.choice(('', 'the '))}{day}{suffix}{self.rng.choice(('', ' of ' + self.makers[0].month_name()))}"
        return self._unpad(text)

    def time(self) -> str:
        draw = self.rng.random()
        if draw < 0.15:
            return self.rng.choice(TIME_WORDS)
        text = self._unpad(str(self.makers[0].time(self.rng.choice(TIMES))))
        return text.lower() if self.rng.random() < 0.5 else text

    def _unpad(self, text: str) -> str:
        words = [word.removeprefix("0") if len(word) > 1 and self.rng.random() < 0.7 else word for word in text.split(" ")]
        return " ".join(words)

    def value(self, label: str) -> Optional[tuple[str, str]]:
        """A made-up value of a label, and sometimes an address instead of a person; None where nothing can be made."""
        if label in PERSON:
            return (self.email(), "EMAIL_ADDRESS") if self.rng.random() < 0.1 else (self.person(), label)
        makers = {**dict.fromkeys(DATE, self.date), **dict.fromkeys(TIME, self.time), **dict.fromkeys(EMAIL, self.email)}
        return (makers[label](), label) if label in makers else None

    def refill(self, sentence: LabelledSentence) -> LabelledSentence:
        """Put made-up values into half of the fakes."""
        return fill(sentence, [self.value(ent.label) if self.rng.random() < 0.5 else None for ent in sentence.ents])

    def as_message(self, sentence: LabelledSentence, label: str) -> LabelledSentence:
        """Set a greeting and a closing around a text, with people under their source's label."""
        for patterns, before in ((GREETINGS, True), (CLOSINGS, False)):
            if self.rng.random() < 0.7:
                sentence = self._add(sentence, self.rng.choice(patterns), label, before)
        return sentence

    def _add(self, sentence: LabelledSentence, pattern: str, label: str, before: bool) -> LabelledSentence:
        name = self.person()
        place, line = pattern.index("{}"), pattern.format(name)
        glue = self.rng.choice(("\n", "\n", " ", "\n\n"))
        if before:
            moved = tuple(Span(s + len(line + glue), e + len(line + glue), x) for s, e, x in sentence.ents)
            return sentence._replace(text=line + glue + sentence.text, ents=(Span(place, place + len(name), label), *moved))
        start = len(sentence.text + glue) + place
        ents = [*sentence.ents, Span(start, start + len(name), label)]
        text = sentence.text + glue + line
        if self.rng.random() < 0.3:
            address = self.email()
            ents.append(Span(len(text) + 1, len(text) + 1 + len(address), "EMAIL_ADDRESS"))
            text += "\n" + address
        return sentence._replace(text=text, ents=tuple(ents))
