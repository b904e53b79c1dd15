"""What transformers itself gives for images and texts, by its own processor and model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image


def embedded_by_transformers(
    folder: Path, images: Sequence[np.ndarray], texts: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """float32 (n, D) of `images`, uint8 (h, w, 3), and (m, D) of `texts`, which are cut where the
    processor cuts them."""
    import transformers

    model = transformers.AutoModel.from_pretrained(folder).eval()
    processor = transformers.AutoProcessor.from_pretrained(folder)
    # SigLIP's texts are padded as in training; CLIP does not look behind the end mark.
    padding = "max_length" if model.config.model_type == "siglip" else True
    inputs = processor(
        text=list(texts),
        images=[Image.fromarray(image) for image in images],
        return_tensors="pt",
        padding=padding,
        truncation=True,
    )
    ids = {"input_ids": inputs["input_ids"]}
    if "attention_mask" in inputs and model.config.model_type == "clip":
        ids["attention_mask"] = inputs["attention_mask"]
    with torch.no_grad():
        of_images = model.get_image_features(pixel_values=inputs["pixel_values"])
        of_texts = model.get_text_features(**ids)
    return of_images.pooler_output.numpy(), of_texts.pooler_output.numpy()
