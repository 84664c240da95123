"""What the endpoints of a pipeline cost."""

from typing import Any, Iterator, Optional

from spacy.language import Language


def endpoints_in(nlp: Language) -> Iterator[Any]:
    """Yield what asks an endpoint: shims of models that know what they have paid."""
    for _, pipe in nlp.pipeline:
        yield from (shim for shim in getattr(getattr(pipe, "model", None), "shims", ()) if hasattr(shim, "paid"))


def paid_by(nlp: Language) -> Optional[float]:
    """Return the US dollars that a pipeline has paid so far; None if it asks no endpoint, or a price is not known."""
    paid = [shim.paid for shim in endpoints_in(nlp)]
    return sum(paid) if paid and None not in paid else None
