"""How an endpoint is told what an answer must look like: by a JSON schema, or by a grammar of the text that is asked about."""

from typing import Any, Callable, Dict, Literal, Mapping, get_args

from ..constraints.gbnf import to_gbnf
from ..endpoints.endpoint import ModelSettings
from ..errors import EndpointError, GrammarSizeError
from ..formats.base import Request

Structure = Literal["none", "json_schema", "vllm", "llama.cpp"]
# Where each server takes a grammar.
GRAMMAR_PARAMETERS: Mapping[str, Callable[[str], Dict[str, Any]]] = {
    "vllm": lambda grammar: {"structured_outputs": {"grammar": grammar}},
    "llama.cpp": lambda grammar: {"grammar": grammar},
}
# Most rules of a grammar: those of about 3,000 characters in most formats.
MOST_RULES = 5_000


def check_structure(structure: str) -> None:
    """RAISES (ValueError): If there is no such structure."""
    if structure not in get_args(Structure):
        raise ValueError(f"Got structure = {structure!r}, allowed are {', '.join(get_args(Structure))}.")


def with_structure(settings: ModelSettings, structure: Structure, request: Request) -> ModelSettings:
    """Return the settings of one request.

    settings (ModelSettings): Those of all requests.
    structure (Structure): How the server is told.
    request (Request): The request.
    RAISES (ValueError): If the component constrains answers and the structure does not, or the other way round.
    RAISES (EndpointError): If the grammar is too large. Its complaint is "context", as of other texts that are too long.
    """
    to_parameters = GRAMMAR_PARAMETERS.get(structure)
    if request.constrained != (to_parameters is not None):
        raise ValueError(explain_mismatch(structure, request.constrained))
    if to_parameters is not None:
        try:
            return settings._replace(extra_body=to_parameters(to_gbnf(request.grammar, MOST_RULES)))
        except GrammarSizeError as error:
            raise EndpointError(str(error), "request", "context") from None
    return settings._replace(schema=request.schema) if structure == "json_schema" else settings


def explain_mismatch(structure: Structure, constrained: bool) -> str:
    if constrained:
        return (
            f"Got constrained = true and structure = {structure!r}, but an endpoint writes freely unless it is sent a grammar. "
            "Set `constrained = false` in the config of the component, or `structure` of the model to vllm or llama.cpp, if that "
            "is the server."
        )
    return (
        f"Got constrained = false and structure = {structure!r}, which sends a grammar. Set `constrained = true` in the config "
        "of the component, or `structure` of the model to none or json_schema."
    )
