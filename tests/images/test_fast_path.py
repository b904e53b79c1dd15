"""The fast image path: how far it may be from the exact one, and the switch between them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from checkpoints import write_checkpoint
from pictures import encoded, noise
from PIL import Image
from published import write_published

from tintype.images.decode import decode_image
from tintype.images.loading import pixels_of
from tintype.images.preprocess import Preprocessor
from tintype.images.resize import resize_pixels
from tintype.models.runtimes.agreement import compare_outputs
from tintype.scoring import Scorer

BILINEAR, BICUBIC, LANCZOS = 2, 3, 1


def grain(height: int, width: int, seed: int = 0) -> np.ndarray:
    """The hardest pixels for a resizer: every one another."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("resample", [BILINEAR, BICUBIC])
@pytest.mark.parametrize(
    ("size", "target"),
    [
        ((375, 500), (224, 224)),
        ((97, 131), (224, 224)),
        ((1200, 1600), (256, 341)),
        ((40, 2000), (224, 224)),
        ((224, 224), (224, 224)),
        ((8, 8), (224, 224)),
    ],
)
def test_the_fast_kernel_follows_pillow(
    size: tuple[int, int], target: tuple[int, int], resample: int
) -> None:
    image = grain(*size)
    exact = resize_pixels(image, target, resample, exact=True).astype(int)
    fast = resize_pixels(image, target, resample, exact=False)
    assert fast.shape == (*target, 3)
    assert fast.dtype == np.uint8
    pillow = np.asarray(Image.fromarray(image).resize((target[1], target[0]), resample))
    assert (exact == pillow).all()
    assert np.abs(exact - fast).max() <= 2
    assert np.abs(exact - fast).mean() < 0.03


def test_where_no_fast_kernel_fits_pillow_works() -> None:
    for image, resample in (
        (grain(100, 3), BICUBIC),
        (grain(1, 1), BILINEAR),
        (grain(90, 70), LANCZOS),
    ):
        exact = resize_pixels(image, (32, 32), resample, exact=True)
        assert (resize_pixels(image, (32, 32), resample, exact=False) == exact).all()


def test_only_large_jpegs_are_scaled_while_decoding() -> None:
    small, large = (
        encoded(noise(h, w, seed=5), "JPEG", quality=95) for h, w in ((300, 400), (900, 1300))
    )
    assert decode_image(small, min_size=(224, 224)).shape == (300, 400, 3)
    scaled = decode_image(large, min_size=(224, 224)).shape
    assert scaled[0] < 900
    assert scaled[0] >= 224
    assert decode_image(large).shape == (900, 1300, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_survives_scaling(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(noise(900, 1300, seed=6), "JPEG", quality=95, exif=exif.tobytes())
    preprocessor = Preprocessor(
        {"do_resize": True, "size": {"height": 64, "width": 96}, "resample": BICUBIC}, (64, 96)
    )
    exact = pixels_of(data, preprocessor, exact=True).astype(int)
    fast = pixels_of(data, preprocessor, exact=False)
    assert np.abs(exact - fast).mean() < 1.5


def test_the_switch_is_bit_exact(tmp_path: Path) -> None:
    from transformers import AutoImageProcessor

    folder = write_checkpoint(tmp_path, "vit")
    data = encoded(noise(900, 1300, seed=6), "JPEG", quality=90)
    processor = AutoImageProcessor.from_pretrained(folder)
    import io

    expected = processor(Image.open(io.BytesIO(data)), return_tensors="np")["pixel_values"][0]
    preprocessor = Preprocessor.from_folder(folder)
    import torch

    exact = torch.from_numpy(np.ascontiguousarray(pixels_of(data, preprocessor, exact=True)))
    assert np.abs(preprocessor.normalize(exact[None])[0].numpy() - expected).max() < 1e-6
    assert Scorer.load(folder, precision="bf16").exact is False
    assert Scorer.load(folder, precision="bf16", exact=True).exact is True
    assert Scorer.load(folder, precision="fp32").exact is True
    assert Scorer.load(folder, precision="fp32", exact=False).exact is False


def _cosine(folder: Path, images: list[Path]) -> float:
    exact = Scorer.load(folder, exact=True)
    fast = Scorer.load(folder, exact=False)
    pixels = [
        np.stack([pixels_of(path, s.preprocessor, exact=s.exact) for path in images])
        for s in (exact, fast)
    ]
    return compare_outputs(exact.run(pixels[0]), exact.run(pixels[1])).least_cosine


# At the size of the published checkpoints: their inputs are what the bound is for.
SMALL_PUBLISHED = [
    "WinKawaks/vit-small-patch16-224",
    "facebook/dinov2-small",
    "microsoft/resnet-18",
]


@pytest.mark.parametrize("name", SMALL_PUBLISHED)
def test_real_photos_keep_the_model_s_outputs(
    tmp_path: Path, name: str, playing_cards: Path, sign_digits: Path
) -> None:
    images = sorted((playing_cards / "images").glob("*.[jJ][pP][gG]"))[::40]
    # Three of the digits are at full camera size.
    images += [path for path in sorted(sign_digits.rglob("*.JPG")) if path.stat().st_size > 500_000]
    assert len(images) > 8
    assert _cosine(write_published(name, tmp_path), images) >= 0.999


@pytest.mark.parametrize("name", SMALL_PUBLISHED)
def test_photographs_of_our_own_keep_the_model_s_outputs(tmp_path: Path, name: str) -> None:
    paths = []
    for number in range(6):
        paths.append(tmp_path / f"{number}.jpg")
        paths[-1].write_bytes(encoded(noise(1500, 2000, seed=number), "JPEG", quality=85))
    assert _cosine(write_published(name, tmp_path), paths) >= 0.999
