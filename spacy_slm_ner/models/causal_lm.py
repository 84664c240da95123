"""`spacy-slm-ner.CausalLM.v1`: a local language model as the generator of `slm_ner`."""

import math
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple, Union, cast

import srsly
import torch
from thinc.api import Model, Optimizer, get_torch_default_device, torch2xp, xp2torch
from thinc.shims import Shim
from thinc.types import Floats1d, FloatsXd

from ..decoding.walker import Answer
from ..errors import BaseModelError
from ..formats.base import Request
from .adapters import DEFAULT, active_adapter, adapter_names, add_adapter, load_adapter, save_adapter, use_adapter
from .generator import Generator
from .loading import base_state, fingerprint, load_causal_lm
from .lora import LoraSettings
from .precision import torch_dtype

MANIFEST = "generator.json"


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

    base (str): A hub id, or a local folder; one with a config but without weights gives a model with random weights.
    revision (Optional[str]): Branch, tag or commit on the hub.
    lora (Optional[LoraSettings]): The adapter that is trained; None trains all weights.
    precision (str): "auto", "bf16" or "fp32". Batching never changes a result in fp32; in bf16, within its rounding.
    gradient_checkpointing (bool): Compute activations twice in training, to hold fewer of them.
    store_base (bool): Store the base with the pipeline. A base from a local folder is stored always, and so are weights that
        were trained as a whole.
    batch_pieces (int): Most pieces of prompts that are read at a time, which bounds the memory.
    learn_prompts (float): Weight of the loss on the texts of prompts, beside that on the answers: plain language modelling, for
        a base that is trained from nothing.
    RETURNS (Model[List[Request], Union[List[Answer], Floats1d]]): The model.
    """
    if batch_pieces < 1:
        raise ValueError(f"Got batch_pieces = {batch_pieces}, allowed is 1 or more; 8192 suits a CPU.")
    if not 0 <= learn_prompts < math.inf:
        raise ValueError(f"Got learn_prompts = {learn_prompts}, allowed is 0 or more; 0 learns the answers alone.")
    torch_dtype(precision, torch.device("cpu"))
    settings = Settings(base, revision, lora, precision, gradient_checkpointing, store_base, batch_pieces, learn_prompts)
    return Model("causal_lm", forward, init=init, shims=[CausalLMShim(settings)])


def forward(model: Model, requests: List[Request], is_train: bool) -> Tuple[Any, Callable]:
    return model.shims[0](requests, is_train)


def init(model: Model, X: Any = None, Y: Any = None) -> None:
    model.shims[0].initialize()


@dataclass(frozen=True)
class Settings:
    """What `create_causal_lm` was given."""

    base: str
    revision: Optional[str]
    lora: Optional[LoraSettings]
    precision: str
    gradient_checkpointing: bool
    store_base: bool
    batch_pieces: int
    learn_prompts: float


class CausalLMShim(Shim):
    """Lets thinc train, store and copy a `Generator`.

    settings (Settings): See `create_causal_lm`.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(None)
        self.settings = settings
        self._generator: Optional[Generator] = None
        self._stored = False
        self._fingerprint = ""

    @property
    def generator(self) -> Generator:
        """The loaded model. RAISES (ValueError): If nothing was loaded yet."""
        if self._generator is None:
            raise ValueError(
                "The model of slm_ner is not loaded: call `nlp.initialize()`, which loads its base, or load a trained pipeline "
                "with `spacy.load`."
            )
        return self._generator

    def initialize(self) -> None:
        """Load the base, and put a new adapter around it."""
        self._load(self.settings.base, self.settings.revision)
        if self.settings.lora is not None:
            self.generator.model = add_adapter(self.generator.model, DEFAULT, self.settings.lora.to_peft())
        self._stored = self.settings.store_base or self.settings.lora is None or Path(self.settings.base).is_dir()

    def _load(self, base: str, revision: Optional[str]) -> None:
        device = get_torch_default_device()
        dtype = torch_dtype(self.settings.precision, device)
        model, chat = load_causal_lm(base, revision, torch.float32 if self.settings.lora is None else dtype, device)
        if self.settings.gradient_checkpointing:
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        self._fingerprint = fingerprint(model)
        self._generator = Generator(model, chat, dtype, self.settings.batch_pieces, self.settings.learn_prompts)

    def __call__(self, inputs: Sequence[Request], is_train: bool) -> Tuple[Any, Callable]:
        if not is_train:
            return self.generator.generate(inputs), lambda gradient: []
        nll = self.generator.nll(inputs)

        def backprop(gradient: Floats1d) -> List:
            torch.autograd.backward(nll, xp2torch(gradient, device=nll.device))
            return []

        return torch2xp(nll.detach()), backprop

    def finish_update(self, optimizer: Optimizer) -> None:
        for name, parameter in self.generator.model.named_parameters():
            if parameter.grad is not None:
                value, _ = optimizer((self.id, name), as_array(parameter.data), as_array(parameter.grad))
                parameter.data = xp2torch(value, requires_grad=True, device=parameter.device)
                parameter.grad = None
        self.generator.changed()

    @contextmanager
    def use_params(self, params: Dict[Any, Any]) -> Iterator[None]:
        """Put other values, such as an optimizer's averages, in the place of parameters for a while."""
        ours = {} if self._generator is None else dict(self.generator.model.named_parameters())
        swapped = {name: parameter for name, parameter in ours.items() if (self.id, name) in params}
        before = {name: parameter.data for name, parameter in swapped.items()}
        for name, parameter in swapped.items():
            parameter.data = xp2torch(params[self.id, name], device=parameter.device)
        if swapped:
            self.generator.changed()
        try:
            yield
        finally:
            for name, parameter in swapped.items():
                parameter.data = before[name]
            if swapped:
                self.generator.changed()

    def count_pieces(self, texts: Sequence[str]) -> List[int]:
        """Number of pieces of each text."""
        return self.generator.chat.count(texts)

    @property
    def adapters(self) -> List[str]:
        """Names of the adapters."""
        return adapter_names(self.generator.model)

    @property
    def active(self) -> Optional[str]:
        """Name of the adapter in use, None if there is none."""
        return active_adapter(self.generator.model)

    def use_adapter(self, name: str) -> None:
        """Switch to an adapter that was loaded before."""
        use_adapter(self.generator.model, name)
        self.generator.changed()

    def load_adapter(self, name: str, path: Union[str, Path]) -> None:
        """Add an adapter from what `to_disk` wrote, over the same base.

        RAISES (BaseModelError): If it was trained over another base, or there is none, here or there.
        """
        path = Path(path)
        manifest = read_manifest(path)
        if self.active is None or manifest["active"] is None:
            where = str(path) if self.active else "this pipeline"
            raise BaseModelError(
                f"Adapters need LoRA on both sides, but the weights of {where} were trained as a whole (lora = null)."
            )
        self._check_base(manifest, str(path))
        self.generator.model = load_adapter(self.generator.model, name, path / "adapters" / str(manifest["active"]))

    def to_disk(self, path: Union[str, Path]) -> None:
        """Write a folder: the adapters as safetensors, and the base by its name or as a whole."""
        path = Path(path)
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        if self._generator is None:
            return
        model = self.generator.model
        manifest = {"fingerprint": self._fingerprint, "stored": self._stored, "active": active_adapter(model)}
        srsly.write_json(path / MANIFEST, {**manifest, "base": self.settings.base, "revision": self.settings.revision})
        if self._stored:
            base = model.get_base_model() if self.adapters else model
            base.save_pretrained(path / "base", state_dict=base_state(base), safe_serialization=True)
            self.generator.chat.tokenizer.save_pretrained(path / "base")
        for name in self.adapters:
            save_adapter(model, name, path / "adapters" / name, None if self._stored else self.settings.base)

    def from_disk(self, path: Union[str, Path]) -> "CausalLMShim":
        """Read what `to_disk` wrote.

        RAISES (BaseModelError): If the base cannot be found, or is not the one that was trained with.
        """
        path = Path(path)
        if not (path / MANIFEST).is_file():
            return self
        manifest = read_manifest(path)
        self._stored = bool(manifest["stored"])
        if self._stored:
            self._load(str(path / "base"), None)
        else:
            self._load(self.settings.base, self.settings.revision)
            self._check_base(manifest, str(path))
        for folder in sorted((path / "adapters").glob("*")):
            self.generator.model = load_adapter(self.generator.model, folder.name, folder)
        if manifest["active"]:
            self.use_adapter(str(manifest["active"]))
        return self

    def _check_base(self, manifest: dict[str, Any], source: str) -> None:
        if manifest["fingerprint"] != self._fingerprint:
            raise BaseModelError(
                f"{source} was trained over the base {manifest['base']!r} (revision {manifest['revision']}), but the weights of "
                f"{self.settings.base!r} are others. Name the right base under [components.slm_ner.model], or the right revision."
            )

    def to_bytes(self) -> bytes:
        """The folder of `to_disk` as bytes."""
        with tempfile.TemporaryDirectory() as folder:
            self.to_disk(folder)
            files = sorted(file for file in Path(folder).rglob("*") if file.is_file())
            content: bytes = srsly.msgpack_dumps({file.relative_to(folder).as_posix(): file.read_bytes() for file in files})
            return content

    def from_bytes(self, data: bytes) -> "CausalLMShim":
        """Read what `to_bytes` wrote."""
        with tempfile.TemporaryDirectory() as folder:
            for name, content in srsly.msgpack_loads(data).items():
                file = Path(folder, name)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
            return self.from_disk(folder)

    def to_device(self, device_type: str, device_id: int) -> None:
        """Move the model, as thinc names devices: "cpu" or "gpu"."""
        if self._generator is None:
            return
        device = torch.device("cpu") if device_type == "cpu" else torch.device("cuda", device_id)
        self.generator.model.to(device)
        self.generator.changed()


def as_array(tensor: torch.Tensor) -> FloatsXd:
    return cast(FloatsXd, torch2xp(tensor))


def read_manifest(path: Path) -> dict[str, Any]:
    if not (path / MANIFEST).is_file():
        raise BaseModelError(f"{path} holds no {MANIFEST}. Name the folder `model` of a trained slm_ner.")
    manifest: dict[str, Any] = srsly.read_json(path / MANIFEST)
    return manifest
