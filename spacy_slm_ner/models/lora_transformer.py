"""`spacy-slm-ner.LoraTransformer.v1`: any encoder or decoder of transformers as a `Tok2Vec`, with an adapter or without."""

from dataclasses import dataclass
from typing import Callable, Dict, List, Optional, Tuple, Union, cast

import torch
from spacy.tokens import Doc
from thinc.api import Model, get_torch_default_device, torch2xp, xp2torch
from thinc.types import Floats2d

from ..errors import BaseModelError
from .encoding.bidirectional import make_bidirectional
from .encoding.capabilities import check_reads_texts
from .encoding.encoder import Encoder
from .encoding.encoder_input import EncodingOptions
from .encoding.layer_decay import layer_depths
from .encoding.piece_alignment import POOLINGS
from .model_around import model_around
from .pretrained.checkpointing import enable_checkpointing
from .pretrained.loading import hidden_size, load_encoder
from .pretrained.lora import LoraSettings
from .pretrained.precision import torch_dtype
from .transformer_shim import TransformerShim


def create_lora_transformer(
    base: str,
    width: int,
    revision: Optional[str] = None,
    lora: Optional[LoraSettings] = None,
    frozen: bool = False,
    bidirectional: Union[bool, List[int]] = False,
    layers: Optional[int] = None,
    pooling: str = "mean",
    window: int = 128,
    overlap: int = 32,
    precision: str = "auto",
    gradient_checkpointing: bool = False,
    store_base: bool = False,
    batch_pieces: int = 4096,
    layer_decay: float = 1.0,
    echo: bool = False,
    base_dropout: bool = True,
) -> Model[List[Doc], List[Floats2d]]:
    """Registered as `spacy-slm-ner.LoraTransformer.v1`: the model of spaCy's `tok2vec`, which `spacy.Tok2VecListener.v1` brings
    to other components. The base is loaded when the model is initialized, or read from disk.

    base (str): A hub id, a GGUF file, or a local folder; one with a config but without weights gives a model with random
        weights. A head, such as that of a token classifier, is left out.
    width (int): Number of values of a state, which is the base's hidden size; listeners need it in the config. Where
        `spacy-slm-ner.FitToData.v1` initializes a pipeline, it is taken from the base.
    revision (Optional[str]): Branch, tag or commit on the hub.
    lora (Optional[LoraSettings]): The adapter that is trained; None trains all weights.
    frozen (bool): Train nothing here, and give the states of the base as features.
    bidirectional (Union[bool, List[int]]): For decoders: whether tokens see what follows, in all layers, or in those of these
        numbers, from 0.
    layers (Optional[int]): Number of layers to use, from the first; None for all.
    pooling (str): Whether a token is its "first" piece, its "last", or the "mean" of all.
    window (int): Most pieces of a text that are read at a time.
    overlap (int): Pieces that two windows of a long text share; their states are averaged.
    precision (str): "auto", "bf16", "fp32", or "int8": fp32, with weights of eight bits in use.
    gradient_checkpointing (bool): Compute activations twice in training, to hold fewer of them.
    store_base (bool): Store the base with the pipeline. A base from a local folder or a GGUF file is stored always, unless it was
        converted from a pip package and its files are unchanged; so are weights that were trained as a whole.
    batch_pieces (int): Most pieces, padding included, that are read at a time, which bounds the memory.
    layer_decay (float): What a layer's learning rate is multiplied by to give that of the layer before (Howard & Ruder 2018).
    echo (bool): For decoders: read each window twice in a row, and take the states of the second time, which have seen all of it.
    base_dropout (bool): Whether the dropout that the base's own config asks for is on in training, beside that of the adapter.
        Drawing it is a large part of the time of an update on a CPU.
    RETURNS (Model[List[Doc], List[Floats2d]]): The model.
    """
    if pooling not in POOLINGS:
        raise ValueError(f"Got pooling = {pooling!r}, allowed are {', '.join(POOLINGS)}.")
    if window < 1 or not 0 <= overlap < window or batch_pieces < 1:
        raise ValueError(
            f"Got window = {window}, overlap = {overlap} and batch_pieces = {batch_pieces}. Allowed are a window of at least 1 "
            "token of the base's tokenizer, an overlap from 0 to less than the window, and batches of at least 1 token."
        )
    if frozen and lora is not None:
        raise ValueError(
            "Got frozen = true and an adapter. Set lora = null to train nothing, or frozen = false to train the adapter."
        )
    if layers is not None and layers < 1:
        raise ValueError(f"Got layers = {layers}, allowed is 1 or more, or null for all.")
    if not 0.0 < layer_decay <= 1.0:
        raise ValueError(f"Got layer_decay = {layer_decay}, allowed is above 0.0 to 1.0, which is the same rate for all layers.")
    if gradient_checkpointing and not base_dropout:
        raise ValueError(
            "Got gradient_checkpointing = true and base_dropout = false, but transformers computes twice in layers that are in "
            "training mode alone. Set one of them to the other value."
        )
    torch_dtype(precision, torch.device("cpu"))
    encoding = EncodingOptions(window, overlap, pooling, bidirectional is not False, batch_pieces, echo)
    bidirectional_layers = None if isinstance(bidirectional, bool) else tuple(bidirectional)
    settings = LoraTransformerSettings(
        base=base,
        revision=revision,
        lora=lora,
        store_base=store_base,
        width=width,
        frozen=frozen,
        bidirectional_layers=bidirectional_layers,
        layers=layers,
        encoding=encoding,
        precision=precision,
        gradient_checkpointing=gradient_checkpointing,
        layer_decay=layer_decay,
        base_dropout=base_dropout,
    )
    return model_around("lora_transformer", LoraTransformerShim(settings), {"nO": width})


@dataclass(frozen=True)
class LoraTransformerSettings:
    """The arguments of `create_lora_transformer`."""

    base: str
    revision: Optional[str]
    lora: Optional[LoraSettings]
    store_base: bool
    width: int
    frozen: bool
    bidirectional_layers: Optional[Tuple[int, ...]]
    layers: Optional[int]
    encoding: EncodingOptions
    precision: str
    gradient_checkpointing: bool
    layer_decay: float
    base_dropout: bool


class LoraTransformerShim(TransformerShim[LoraTransformerSettings, Encoder]):
    """Lets thinc train, store and copy an `Encoder`.

    settings (LoraTransformerSettings): See `create_lora_transformer`.
    """

    component = "tok2vec"
    task_type = "FEATURE_EXTRACTION"
    manifest = "encoder.json"

    @property
    def trains_base(self) -> bool:
        return self.settings.lora is None and not self.settings.frozen

    def base_width(self) -> int:
        """Number of values of a state of the base, which need not be loaded."""
        return hidden_size(self.settings.base, self.settings.revision)

    def load(self, base: str, revision: Optional[str]) -> Encoder:
        settings, device = self.settings, get_torch_default_device()
        dtype = torch_dtype(settings.precision, device)
        model, tokenizer = load_encoder(base, revision, torch.float32 if self.trains_base else dtype, device, settings.layers)
        check_reads_texts(model)
        if settings.encoding.bidirectional:
            make_bidirectional(model, settings.bidirectional_layers)
        if settings.gradient_checkpointing:
            enable_checkpointing(model)
        int8 = settings.precision == "int8"
        encoder = Encoder(model, tokenizer, dtype, settings.encoding, settings.frozen, int8, settings.base_dropout)
        if encoder.width != settings.width:
            raise BaseModelError(
                f"Got width = {settings.width}, but the states of {base!r} have {encoder.width} values. Set that width under "
                "[components.tok2vec.model]; listeners take it from there."
            )
        encoder.check_window()
        return encoder

    def rate_scales(self) -> Dict[str, float]:
        decay = self.settings.layer_decay
        return {} if decay == 1.0 else {name: decay**depth for name, depth in layer_depths(self.loaded.model).items()}

    def __call__(self, inputs: List[Doc], is_train: bool) -> Tuple[List[Floats2d], Callable]:
        states = self.loaded.encode(inputs, is_train)
        lengths = [len(doc) for doc in inputs]

        def backprop(gradients: List[Floats2d]) -> List[Doc]:
            if states.requires_grad:
                parts = [xp2torch(gradient, device=states.device) for gradient in gradients]
                torch.autograd.backward(states, torch.cat(parts))
            return []

        return [cast(Floats2d, torch2xp(part)) for part in states.detach().split(lengths)], backprop
