"""`spacy-slm-ner.CausalLM.v1`: a local language model as the generator of `slm_ner`."""

import math
from dataclasses import dataclass
from typing import Any, Callable, List, Optional, Sequence, Tuple, Union

import torch
from thinc.api import Model, get_torch_default_device, torch2xp, xp2torch
from thinc.types import Floats1d

from ..constraints.guide import Answer
from ..formats.base import Request
from .generation.generator import Generator
from .model_around import model_around
from .pretrained.checkpointing import enable_checkpointing
from .pretrained.loading import load_causal_lm
from .pretrained.lora import LoraSettings
from .pretrained.precision import torch_dtype
from .transformer_shim import TransformerShim


def create_causal_lm(
    base: str,
    revision: Optional[str] = None,
    lora: Optional[LoraSettings] = None,
    precision: str = "auto",
    gradient_checkpointing: bool = False,
    store_base: bool = False,
    batch_pieces: int = 8192,
    learn_prompts: float = 0.0,
) -> Model[List[Request], Union[List[Answer], Floats1d]]:
    """Registered as `spacy-slm-ner.CausalLM.v1`. The base is loaded when the model is initialized, or read from disk.

    In training (`begin_update`) the output is the negative log-likelihood of each target, in nats; otherwise the answers.

    base (str): A hub id, a GGUF file, or a local folder; one with a config but without weights gives a model with random
        weights.
    revision (Optional[str]): Branch, tag or commit on the hub.
    lora (Optional[LoraSettings]): The adapter that is trained; None trains all weights.
    precision (str): "auto", "bf16", "fp32", or "int8": fp32, with weights of eight bits in use. Batching never changes a result
        in fp32; in the others, within their rounding.
    gradient_checkpointing (bool): Compute activations twice in training, to hold fewer of them.
    store_base (bool): Store the base with the pipeline. A base from a local folder or a GGUF file is stored always, unless it was
        converted from a pip package and its files are unchanged; so are weights that were trained as a whole.
    batch_pieces (int): Most pieces of texts and answers, padding included, up to which another text is read beside the others;
        this bounds the memory.
    learn_prompts (float): Weight of the loss on the texts of prompts, beside that on the answers: plain language modelling, for
        a base that is trained from nothing.
    RETURNS (Model[List[Request], Union[List[Answer], Floats1d]]): The model.
    """
    if batch_pieces < 1:
        raise ValueError(f"Got batch_pieces = {batch_pieces}, allowed is 1 or more; 8192 suits a CPU.")
    if not 0 <= learn_prompts < math.inf:
        raise ValueError(f"Got learn_prompts = {learn_prompts}, allowed is 0 or more; 0 learns the answers alone.")
    torch_dtype(precision, torch.device("cpu"))
    settings = CausalLMSettings(base, revision, lora, precision, gradient_checkpointing, store_base, batch_pieces, learn_prompts)
    return model_around("causal_lm", CausalLMShim(settings))


@dataclass(frozen=True)
class CausalLMSettings:
    """The arguments of `create_causal_lm`."""

    base: str
    revision: Optional[str]
    lora: Optional[LoraSettings]
    precision: str
    gradient_checkpointing: bool
    store_base: bool
    batch_pieces: int
    learn_prompts: float


class CausalLMShim(TransformerShim[CausalLMSettings, Generator]):
    """Lets thinc train, store and copy a `Generator`.

    settings (CausalLMSettings): See `create_causal_lm`.
    """

    component = "slm_ner"
    task_type = "CAUSAL_LM"
    manifest = "generator.json"

    @property
    def generator(self) -> Generator:
        """The loaded model. RAISES (ValueError): If nothing was loaded yet."""
        return self.loaded

    def load(self, base: str, revision: Optional[str]) -> Generator:
        device = get_torch_default_device()
        dtype = torch_dtype(self.settings.precision, device)
        model, chat = load_causal_lm(base, revision, torch.float32 if self.trains_base else dtype, device)
        if self.settings.gradient_checkpointing:
            enable_checkpointing(model)
        int8 = self.settings.precision == "int8"
        return Generator(model, chat, dtype, self.settings.batch_pieces, self.settings.learn_prompts, int8)

    def __call__(self, inputs: Sequence[Request], is_train: bool) -> Tuple[Any, Callable]:
        if not is_train:
            return self.generator.generate(inputs), lambda gradient: []
        nll = self.generator.nll(inputs)

        def backprop(gradient: Floats1d) -> List:
            torch.autograd.backward(nll, xp2torch(gradient, device=nll.device))
            return []

        return torch2xp(nll.detach()), backprop

    def count_pieces(self, texts: Sequence[str]) -> List[int]:
        """Count the pieces of each text."""
        return self.generator.chat.count(texts)
