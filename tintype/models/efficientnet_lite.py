"""EfficientNet-Lite (Liu 2020, "Higher accuracy on vision models with EfficientNet-Lite"; the network of
Tan & Le 2019 without squeeze-and-excitation, with ReLU6, and with a stem and head that do not grow).

transformers has no such network: `register_efficientnet_lite` makes it one of those that its Auto
classes know, so that the rest of the house loads it as it does all others.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModel,
    AutoModelForImageClassification,
    BitImageProcessorPil,
    PretrainedConfig,
    PreTrainedModel,
)
from transformers.modeling_outputs import (
    BaseModelOutputWithPoolingAndNoAttention,
    ImageClassifierOutputWithNoAttention,
)

__all__ = [
    "EfficientNetLiteConfig",
    "EfficientNetLiteForImageClassification",
    "EfficientNetLiteModel",
    "register_efficientnet_lite",
]

# Of each stage: blocks, kernel size, stride of the first block, expansion, channels (Tan & Le 2019,
# table 1). The first and the last stage have as many blocks in every size.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)

_CHANNEL_STEP = 8


class EfficientNetLiteConfig(PretrainedConfig):
    """What tells the sizes apart: width and depth, as multiples of lite0's."""

    model_type = "efficientnet_lite"

    def __init__(
        self,
        width_coefficient: float = 1.0,
        depth_coefficient: float = 1.0,
        stem_channels: int = 32,
        hidden_size: int = 1280,
        dropout_rate: float = 0.2,
        drop_connect_rate: float = 0.2,
        batch_norm_eps: float = 1e-3,
        batch_norm_momentum: float = 0.01,
        **kwargs: Any,
    ) -> None:
        self.width_coefficient = width_coefficient
        self.depth_coefficient = depth_coefficient
        self.stem_channels = stem_channels
        self.hidden_size = hidden_size
        self.dropout_rate = dropout_rate
        self.drop_connect_rate = drop_connect_rate
        self.batch_norm_eps = batch_norm_eps
        self.batch_norm_momentum = batch_norm_momentum
        super().__init__(
            **{**kwargs, "num_hidden_layers": sum(stage[0] for stage in self.stages())}
        )

    def stages(self) -> list[tuple[int, int, int, int, int]]:
        """`_STAGES` for this width and depth."""
        last = len(_STAGES) - 1
        return [
            (
                blocks if number in (0, last) else math.ceil(blocks * self.depth_coefficient),
                kernel,
                stride,
                expansion,
                _scaled(channels, self.width_coefficient),
            )
            for number, (blocks, kernel, stride, expansion, channels) in enumerate(_STAGES)
        ]


def _scaled(channels: int, width: float) -> int:
    """`channels` times `width`, in whole steps of 8, at most a tenth less than asked for."""
    wanted = channels * width
    rounded = max(_CHANNEL_STEP, int(wanted + _CHANNEL_STEP / 2) // _CHANNEL_STEP * _CHANNEL_STEP)
    return rounded + _CHANNEL_STEP if rounded < 0.9 * wanted else rounded


class _Convolution(nn.Module):
    """Convolution without bias, padded as TensorFlow does ("same"), then batch normalisation."""

    def __init__(
        self,
        config: EfficientNetLiteConfig,
        inputs: int,
        outputs: int,
        *,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        activated: bool = True,
    ) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(
            inputs, outputs, kernel, stride=stride, groups=groups, bias=False
        )
        self.normalization = nn.BatchNorm2d(
            outputs, eps=config.batch_norm_eps, momentum=config.batch_norm_momentum
        )
        self.activation = nn.ReLU6() if activated else nn.Identity()
        self._kernel, self._stride = kernel, stride

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        if self._kernel > 1:
            values = functional.pad(values, self._padding(values))
        return self.activation(self.normalization(self.convolution(values)))

    def _padding(self, values: torch.Tensor) -> list[int]:
        """Left, right, top, bottom: an odd pixel is at the right and bottom."""
        sides = []
        for size in (values.shape[-1], values.shape[-2]):
            whole = max((-(-size // self._stride) - 1) * self._stride + self._kernel - size, 0)
            sides += [whole // 2, whole - whole // 2]
        return sides


class _Block(nn.Module):
    """Inverted residual (Sandler et al. 2018): expanded, filtered by channel, projected."""

    def __init__(
        self,
        config: EfficientNetLiteConfig,
        inputs: int,
        outputs: int,
        *,
        kernel: int,
        stride: int,
        expansion: int,
        drop: float,
    ) -> None:
        super().__init__()
        inner = inputs * expansion
        self.expand = _Convolution(config, inputs, inner) if expansion > 1 else nn.Identity()
        self.depthwise = _Convolution(
            config, inner, inner, kernel=kernel, stride=stride, groups=inner
        )
        self.project = _Convolution(config, inner, outputs, activated=False)
        self._residual = stride == 1 and inputs == outputs
        self._drop = drop

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        result = self.project(self.depthwise(self.expand(values)))
        if not self._residual:
            return result
        if self.training and self._drop:
            # Stochastic depth (Huang et al. 2016), a draw for each image.
            kept = torch.rand(len(result), 1, 1, 1, device=result.device) >= self._drop
            result = result * kept / (1 - self._drop)
        return result + values


class EfficientNetLitePreTrainedModel(PreTrainedModel):
    """What transformers has to know of either model."""

    config_class = EfficientNetLiteConfig
    base_model_prefix = "efficientnet_lite"
    main_input_name = "pixel_values"

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Conv2d):
            # By fan out, as Tan & Le do.
            fan = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
            nn.init.normal_(module.weight, std=math.sqrt(2.0 * module.groups / fan))
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.02)
            nn.init.zeros_(module.bias)


class EfficientNetLiteModel(EfficientNetLitePreTrainedModel):
    """The network without its head: float (n, 3, height, width) -> pooled (n, 1280, 1, 1)."""

    def __init__(self, config: EfficientNetLiteConfig) -> None:
        super().__init__(config)
        self.stem = _Convolution(config, 3, config.stem_channels, kernel=3, stride=2)
        stages = config.stages()
        self.blocks = nn.ModuleList()
        channels = config.stem_channels
        for blocks, kernel, stride, expansion, outputs in stages:
            for place in range(blocks):
                self.blocks.append(
                    _Block(
                        config,
                        channels,
                        outputs,
                        kernel=kernel,
                        stride=stride if place == 0 else 1,
                        expansion=expansion,
                        drop=config.drop_connect_rate * len(self.blocks) / config.num_hidden_layers,
                    )
                )
                channels = outputs
        self.top = _Convolution(config, channels, config.hidden_size)
        self.pooler = nn.AdaptiveAvgPool2d(1)
        self.post_init()

    def forward(
        self, pixel_values: torch.Tensor, **kwargs: Any
    ) -> BaseModelOutputWithPoolingAndNoAttention:
        """`last_hidden_state` (n, 1280, h, w) and `pooler_output` (n, 1280, 1, 1)."""
        values = self.stem(pixel_values)
        for block in self.blocks:
            values = block(values)
        values = self.top(values)
        return BaseModelOutputWithPoolingAndNoAttention(
            last_hidden_state=values, pooler_output=self.pooler(values)
        )


class EfficientNetLiteForImageClassification(EfficientNetLitePreTrainedModel):
    """The network with a linear head."""

    def __init__(self, config: EfficientNetLiteConfig) -> None:
        super().__init__(config)
        self.num_labels = len(config.id2label or ())
        self.efficientnet_lite = EfficientNetLiteModel(config)
        self.dropout = nn.Dropout(config.dropout_rate)
        self.classifier = nn.Linear(config.hidden_size, self.num_labels)
        self.post_init()

    def forward(
        self, pixel_values: torch.Tensor, labels: torch.Tensor | None = None, **kwargs: Any
    ) -> ImageClassifierOutputWithNoAttention:
        """`logits` (n, classes), and `loss` where `labels` are given."""
        pooled = self.efficientnet_lite(pixel_values).pooler_output.flatten(1)
        logits = self.classifier(self.dropout(pooled))
        loss = None
        if labels is not None:
            loss = self.loss_function(labels, logits, self.config)
        return ImageClassifierOutputWithNoAttention(loss=loss, logits=logits)


def register_efficientnet_lite() -> None:
    """Make transformers' Auto classes know the network; a second time does nothing."""
    kind = EfficientNetLiteConfig
    AutoConfig.register(kind.model_type, kind, exist_ok=True)
    AutoModel.register(kind, EfficientNetLiteModel, exist_ok=True)
    AutoModelForImageClassification.register(
        kind, EfficientNetLiteForImageClassification, exist_ok=True
    )
    AutoImageProcessor.register(
        kind, image_processor_classes={"pil": BitImageProcessorPil}, exist_ok=True
    )
