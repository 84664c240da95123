"""The endpoint of a run of `generate`."""

from ..endpoints.complaint_kinds import ComplaintKind
from ..endpoints.endpoint import Endpoint, ModelSettings, RequestOptions
from .prompts import answer_schema
from .spec import Spec

ADVICE: dict[ComplaintKind, str] = {
    "temperature": "Write `temperature: 1` into the spec, which is left out where a model takes none, or a value that it takes.",
    "max_tokens": "It demands a parameter that `generate` does not send. Use its OpenAI-compatible address, or another endpoint.",
    "context": "Lower `per_request` in the spec, or take a model or a server setting with a longer context.",
    "queue": "Wait until other batches are done, or send a smaller one with --max-requests; the same command goes on.",
    "credit": "Add credit or raise the limit; the same command goes on.",
    "key": "Set OPENAI_API_KEY to a valid key.",
    "address": "See `model` and `base_url`, which ends in /v1 on most servers.",
}


class RecordEndpoint(Endpoint):
    """An endpoint that is asked for records.

    spec (Spec): The records, with the model, the address and the temperature.
    key (str): See `Endpoint`.
    options (RequestOptions): Options of all requests.
    """

    def __init__(self, spec: Spec, key: str, options: RequestOptions) -> None:
        settings = ModelSettings(spec.model, spec.base_url, spec.temperature, schema=answer_schema(spec), schema_name="records")
        super().__init__(settings, key, options, ADVICE)
        self.spec = spec
