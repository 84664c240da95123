"""The protocols by which `evaluate` can score the same predictions, by name."""

from typing import Any, Callable, Sequence

from spacy.training import Example

from ..errors import EvaluationError
from .gollie import score_gollie
from .pairing import Pair
from .scores import score_pairs
from .string_examples import to_strings
from .uniner import score_uniner

SPAN = "span"
PROTOCOLS = (SPAN, "uniner", "gollie")


def check_protocols(names: Sequence[str]) -> None:
    """Check names of protocols.

    RAISES (EvaluationError): If there are none, or one is unknown.
    """
    unknown = [name for name in names if name not in PROTOCOLS]
    if unknown or not names:
        got = f"the protocol {unknown[0]!r}" if unknown else "no protocol"
        raise EvaluationError(f"Got {got}, allowed are {', '.join(PROTOCOLS)}. Separate several by commas.")


def score_protocols(
    names: Sequence[str], examples: Sequence[Example], pairs: Sequence[Sequence[Pair]]
) -> dict[str, dict[str, Any]]:
    """Score predictions by each protocol.

    names (Sequence[str]): Names of protocols.
    examples (Sequence[Example]): Predicted and gold Docs.
    pairs (Sequence[Sequence[Pair]]): Their entities, as ranges of characters.
    RETURNS (dict[str, dict[str, Any]]): Figures by protocol, as JSON can hold them.
    RAISES (EvaluationError): If a name is unknown.
    """
    check_protocols(names)
    strings = [to_strings(eg) for eg in examples]
    scorers: dict[str, Callable[[], dict[str, Any]]] = {
        SPAN: lambda: {"strict": score_pairs(pair for text in pairs for pair in text).to_dict()},
        "uniner": lambda: score_uniner(strings).to_dict(),
        "gollie": lambda: {"filtered": score_gollie(strings).to_dict()},
    }
    return {name: scorers[name]() for name in PROTOCOLS if name in names}
