"""The exceptions of this package.

SlmNerError
├── SchemeError       tags that do not fit the tagging scheme
├── ReadError         a file that cannot be read in its format
├── DamageError       a damaged record, where the policy is to fail
├── BaseModelError    a pretrained model that cannot be found or does not fit
├── LabelError        labels that a component cannot have, or lacks
├── EvaluationError   two scorers that disagree, an unknown protocol, or data that cannot be scored
├── EndpointError     an endpoint that gives no answer
├── GrammarSizeError  a grammar that is too large to be sent
├── BatchError        a batch job that cannot go on
└── MissingExtraError a package that an extra brings, and that cannot be imported
"""


class SlmNerError(ValueError):
    """Base of all errors raised by spacy_slm_ner."""


class SchemeError(SlmNerError):
    """Tags do not fit the tagging scheme."""


class ReadError(SlmNerError):
    """A file cannot be read in its format."""


class DamageError(SlmNerError):
    """A record is damaged and the policy is to fail."""


class BaseModelError(SlmNerError):
    """A pretrained model cannot be found, or does not fit."""


class LabelError(SlmNerError):
    """A component cannot have these labels, or lacks any."""


class EvaluationError(SlmNerError):
    """Two scorers disagree, a protocol is unknown, or the data cannot be scored."""


class BatchError(SlmNerError):
    """A batch job cannot go on."""


class MissingExtraError(SlmNerError, ImportError):
    """A package that an extra brings is not there, or cannot be imported."""


class GrammarSizeError(SlmNerError):
    """A grammar is too large to be sent."""


class EndpointError(SlmNerError):
    """An endpoint gives no answer.

    message (str): The message.
    kind (str): "key" (refused), "credit" (used up), "request" (refused as it is), "content" (refused for its content; another
        request may be accepted), "down" (no answer after all tries), or "cost" (a limit of cost is reached).
    complaint (str): Kind of the endpoint's complaint, such as "context"; empty if it made none.
    """

    def __init__(self, message: str, kind: str, complaint: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.complaint = complaint
