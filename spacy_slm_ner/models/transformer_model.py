"""`spacy-slm-ner.TransformerModel.v1`: the model of the `transformer` of spacy-transformers, for any text, thread and process.

spaCy imports what is registered for any pipeline, and spacy-transformers may not be there: it is imported when it is used.
"""

from typing import Any, Callable, Dict, List, Optional

from spacy.tokens import Doc, Span
from thinc.api import Model


def create_transformer_model(
    name: str,
    get_spans: Callable[[List[Doc]], List[List[Span]]],
    tokenizer_config: Optional[Dict[str, Any]] = None,
    transformer_config: Optional[Dict[str, Any]] = None,
    mixed_precision: bool = False,
    grad_scaler_config: Optional[Dict[str, Any]] = None,
    precision: str = "fp32",
) -> Model:
    """Registered as `spacy-slm-ner.TransformerModel.v1`: `spacy-transformers.TransformerModel.v3` with four differences.

    A span with more pieces than the model reads at a time is read in overlapping windows, so every token has a state; there,
    what does not fit is cut off, and the tokens behind it have zeros. Threads that share a pipeline get the answers that one
    thread gets; there, each call leaves the model in training mode, dropout on, for whoever comes next. And processes may be
    forked after the model was used; there, they wait for threads that they do not have. And it may be used in bf16, also on a
    processor.

    name (str): A hub id, or a folder.
    get_spans (Callable[[List[Doc]], List[List[Span]]]): Spans of tokens that are read at a time.
    tokenizer_config (Optional[Dict[str, Any]]): Settings of the tokenizer.
    transformer_config (Optional[Dict[str, Any]]): Settings of the model.
    mixed_precision (bool): Whether to compute in half precision on a GPU.
    grad_scaler_config (Optional[Dict[str, Any]]): Settings of `thinc.api.PyTorchGradScaler`.
    precision (str): What it computes in when it is used: "fp32", "bf16", or "auto", which is bf16 where the device has
        instructions for it. It is trained as `mixed_precision` says.
    RETURNS (Model): From Docs to a `FullTransformerBatch`.
    """
    import torch
    from spacy_transformers.data_classes import HFObjects
    from spacy_transformers.layers import TransformerModel

    from .pretrained.precision import torch_dtype
    from .shared_transformer import SharedModelShim, forward, init

    if precision == "int8":
        raise ValueError('Got precision = "int8", allowed here are "auto", "bf16" and "fp32".')
    torch_dtype(precision, torch.device("cpu"))
    scaler, tokenizer, transformer = grad_scaler_config or {}, tokenizer_config or {}, transformer_config or {}
    model = TransformerModel(name, get_spans, tokenizer, transformer, mixed_precision, scaler)
    objects = HFObjects(None, None, None, tokenizer, transformer)
    model.layers[0].shims[0] = SharedModelShim(objects, precision, mixed_precision=mixed_precision, grad_scaler_config=scaler)
    model._func = forward
    model.init = init
    return model
