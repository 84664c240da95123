"""Low-rank adapters (Hu et al. 2021), by peft."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, List, Optional, Union

if TYPE_CHECKING:
    from peft import LoraConfig

# The start that is chosen by the base.
AUTO = "auto"


@dataclass(frozen=True)
class LoraSettings:
    """The settings of an adapter, as `spacy-slm-ner.Lora.v2` takes them.

    r (int): Rank.
    alpha (int): Scale; the update is multiplied by alpha / r.
    dropout (float): In training, of the values between the two matrices.
    targets (Union[str, List[str]]): Names of the layers that get an adapter, or "all-linear".
    start (Optional[str]): Folder of an adapter whose weights are the first ones, or its name if it comes with the package; "auto"
        for the one that comes with the package for the base, if there is one of this shape; None for new weights.
    input_dropout (float): In training, of the adapter's input.
    """

    r: int
    alpha: int
    dropout: float
    targets: Union[str, List[str]]
    start: Optional[str] = None
    input_dropout: float = 0.0

    def to_peft(self, task_type: str) -> "LoraConfig":
        """Convert to the config of peft.

        task_type (str): As peft names it: "CAUSAL_LM", "FEATURE_EXTRACTION".
        """
        from peft import LoraConfig

        return LoraConfig(
            task_type=task_type,
            r=self.r,
            lora_alpha=self.alpha,
            lora_dropout=self.input_dropout,
            target_modules=self.targets if isinstance(self.targets, str) else list(self.targets),
        )


def create_lora(
    r: int = 16, alpha: int = 32, dropout: float = 0.05, targets: Union[str, List[str]] = "all-linear"
) -> LoraSettings:
    """Registered as `spacy-slm-ner.Lora.v1`: leaves out of the adapter's input, as peft does. Drawing that much takes a fifth of
    the time of an update on a CPU.

    RETURNS (LoraSettings): The settings.
    RAISES (ValueError): If they make no adapter.
    """
    return checked(LoraSettings(r, alpha, 0.0, targets, input_dropout=dropout))


def create_lora_v2(
    r: int = 16,
    alpha: int = 16,
    dropout: float = 0.0,
    targets: Union[str, List[str]] = "all-linear",
    start: Optional[str] = None,
) -> LoraSettings:
    """Registered as `spacy-slm-ner.Lora.v2`; see `LoraSettings`.

    RETURNS (LoraSettings): The settings.
    RAISES (ValueError): If they make no adapter.
    """
    return checked(LoraSettings(r, alpha, dropout, targets, start))


def checked(settings: LoraSettings) -> LoraSettings:
    """RAISES (ValueError): If settings make no adapter."""
    r, alpha, dropout, targets = settings.r, settings.alpha, settings.dropout or settings.input_dropout, settings.targets
    if r < 1 or alpha <= 0 or not 0.0 <= dropout < 1.0 or not targets:
        raise ValueError(
            f"Got r = {r}, alpha = {alpha}, dropout = {dropout}, targets = {targets!r} for LoRA. Allowed are r of at least 1, "
            'alpha above 0, dropout from 0 to below 1, and names of layers or "all-linear".'
        )
    return settings
