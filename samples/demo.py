"""The main job on real images: find a classifier, evaluate it, register, deploy, ask, and draw.

    ./run demo                                    406 photos of clothes, no network
    ./run demo --data FOLDER                      your own folder of class folders
    ./run demo --data digits                      1,797 scanned digits, a network from random weights
    ./run demo --model google/vit-base-patch16-224        any Hub id or local checkpoint

Every step is a command that you could type; each is printed before it runs. Results are left in
`demo-output/` (`--output` to change).
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import secrets
import shlex
import shutil
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ENDPOINT_PORT = 8712

PHOTOS = Path(__file__).parent / "photos" / "clothing"
DIGITS = "digits"

# Heads take seconds; what is left goes into fine-tuning.
MINUTES = 1

# Less than this on images that training never saw, and something is wrong.
LEAST_ACCURACY = {DIGITS: 0.97, "photos": 0.88}

DRAWN = 12


def main() -> int:
    """Run the demo; the exit code is 0 when every step worked and the accuracy is as it should be."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", help="Hub id or local checkpoint to start from")
    parser.add_argument("--data", help="a folder of class folders, or 'digits'")
    parser.add_argument("--output", type=Path, default=Path("demo-output"))
    parser.add_argument("--port", type=int, default=ENDPOINT_PORT)
    options = parser.parse_args()
    started = time.monotonic()
    output = options.output.absolute()
    shutil.rmtree(output, ignore_errors=True)
    # The demo has a workspace of its own, so running it twice changes nothing of yours.
    os.environ["TINTYPE_HOME"] = str(output / "workspace")

    step("1. Data")
    data = find_data(options.data, output / "data")
    job = digits_job(data) if options.data == DIGITS else automl_job(data)
    start_from(job, options.model)
    write_job(job, output / "job.yml")

    if job["type"] == "automl":
        step(
            "2. Find the best model: heads on pretrained backbones, then fine-tuning in what is left"
        )
    else:
        step("2. Fine-tune")
    tintype(
        "job", "create", "--file", output / "job.yml", "--name", "demo", "--stream", "-o", "none"
    )

    step("3. Evaluate on images that training never saw, and register")
    model_folder = output / "workspace" / "runs" / "demo" / "outputs" / "mlflow-model"
    accuracy = evaluate(model_folder, data.test, output / "evaluation")
    tintype(
        "model",
        "create",
        "--name",
        "demo-classifier",
        "--type",
        "mlflow_model",
        "--path",
        "azureml://jobs/demo/outputs/artifacts/paths/outputs/mlflow-model/",
        "-o",
        "none",
    )

    step("4. Deploy on a local endpoint and ask it over HTTP")
    images = held_out_images(data.test, DRAWN)
    print(ask_endpoint("azureml:demo-classifier:1", images[:2], options.port))

    step("5. A picture of what it sees")
    picture = output / "predictions.png"
    tintype(
        "predict",
        "--model",
        "azureml:demo-classifier:1",
        "--picture",
        picture,
        "-o",
        "none",
        *images,
    )
    minutes = (time.monotonic() - started) / 60
    print(f"\nPicture: {picture}\nHeld-out accuracy {accuracy:.4f}, {minutes:.1f} minutes in all.")
    least = LEAST_ACCURACY.get(options.data or "photos", 0.0)
    if options.model is None and accuracy < least:
        print(f"It should reach {least}: something is wrong.", file=sys.stderr)
        return 1
    return 0


@dataclass(frozen=True)
class Data:
    """What is trained on, and what is held out for the end."""

    train: Path
    test: Path


def find_data(wanted: str | None, folder: Path) -> Data:
    """The photos as they lie, or `folder/train` and `folder/test` split off what is wanted."""
    if wanted is None:
        print(f"{PHOTOS}: photos in train/ and test/, each with a folder a class")
        return Data(PHOTOS / "train", PHOTOS / "test")
    source = write_digits(folder / "images") if wanted == DIGITS else Path(wanted)
    return split_data(source, folder)


def split_data(source: Path, folder: Path) -> Data:
    """A fifth of the images held out: MLTable folders over the images where they lie."""
    from tintype.data import read_image_table
    from tintype.data.splits import split_validation
    from tintype.data.writing import write_jsonl, write_mltable

    train, test = split_validation(read_image_table(source), fraction=0.2, seed=0)
    for name, part in (("train", train), ("test", test)):
        rows = ((part.location(row), part.label(row)) for row in range(len(part)))
        write_jsonl(folder / name / "annotations.jsonl", rows)
        write_mltable(folder / name, "annotations.jsonl")
        print(f"{folder / name}: {len(part)} images, {len(part.classes)} classes")
    return Data(folder / "train", folder / "test")


def write_digits(folder: Path) -> Path:
    """Write scikit-learn's 1,797 scanned digits as PNG files of 32x32 in class folders."""
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    for number, (image, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        path = folder / str(label) / f"{number:04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = (image * (255 / 16)).astype(np.uint8)
        Image.fromarray(pixels).resize((32, 32), Image.Resampling.BICUBIC).save(path)
    return folder


def automl_job(data: Data) -> dict[str, Any]:
    """The job document of a sweep that plans itself."""
    return {
        "type": "automl",
        "task": "image_classification",
        "experiment_name": "demo",
        "primary_metric": "accuracy",
        "training_data": {"path": str(data.train)},
        "limits": {"timeout_minutes": MINUTES, "max_trials": 10},
    }


def digits_job(data: Data) -> dict[str, Any]:
    """The job document of a small network that learns digits from random weights."""
    return {
        "type": "finetuning",
        "task": "image_classification",
        "experiment_name": "demo",
        "model_name": "tintype/resnet-small",
        "training_data": {"path": str(data.train), "type": "mltable"},
        "hyperparameters": {
            "image_width": 32,
            "image_height": 32,
            # The loss is a steadier judge than the accuracy on so few validation images.
            "number_of_epochs": 25,
            "metric_for_best_model": "loss",
            # A mirrored digit is another shape, and these have no colour.
            "augmentations": {
                "horizontal_flip": False,
                "color_jitter": 0.0,
                "crop_scale_min": 0.8,
                "rotation_degrees": 10,
                "translate": 0.06,
            },
        },
    }


def start_from(job: dict[str, Any], model: str | None) -> None:
    """Put the checkpoint that was asked for into the job document."""
    if model is None:
        return
    if Path(model).is_dir():
        # A document's relative paths count from the document, not from here.
        model = str(Path(model).absolute())
    if job["type"] == "automl":
        job["portfolio"] = [model]
    else:
        job["model_name"] = model


def write_job(job: dict[str, Any], path: Path) -> None:
    """Write the job document and show it."""
    import yaml

    path.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(job, sort_keys=False)
    path.write_text(text, "utf-8")
    print(f"{path}:\n{text}", end="")


def evaluate(model: Path, data: Path, folder: Path) -> float:
    """The accuracy on `data`, printed with its interval; the report goes into `folder`."""
    tintype("evaluate", "--model", model, "--data", data, "--output", folder, "-o", "none")
    summary = json.loads((folder / "metrics.json").read_text("utf-8"))
    accuracy: float = summary["metrics"]["accuracy"]
    low, high = summary["intervals"]["accuracy"]
    print(
        f"Held-out accuracy {accuracy:.4f} on {summary['rows']} images, 95 % interval {low:.3f} to "
        f"{high:.3f}; report: {folder / 'evaluation.html'}"
    )
    return accuracy


def held_out_images(folder: Path, count: int) -> list[str]:
    """Paths of `count` test images, of as many classes as possible."""
    from tintype.data import read_image_table

    table = read_image_table(folder)
    by_class: dict[str, list[str]] = {}
    for row in range(len(table)):
        by_class.setdefault(str(table.label(row)), []).append(table.location(row))
    rounds = (
        group[turn] for turn in range(count) for group in by_class.values() if turn < len(group)
    )
    return [path for path, _ in zip(rounds, range(count), strict=False)]


def ask_endpoint(model: str, images: list[str], port: int) -> str:
    """Serve `model`, send the documented request with a key, and return the exact answer."""
    key = secrets.token_urlsafe(32)
    command = [*executable(), "serve", model, "--port", str(port)]
    print(f"$ TINTYPE_KEY=… {shlex.join(['tintype', *command[len(executable()) :]])} &")
    server = subprocess.Popen(command, env={**os.environ, "TINTYPE_KEY": key})
    try:
        uri = f"http://127.0.0.1:{port}"
        wait_until_ready(f"{uri}/health/ready", server)
        cells = [base64.b64encode(Path(path).read_bytes()).decode() for path in images]
        body = {"input_data": {"columns": ["image"], "index": [0, 1], "data": cells}}
        request = urllib.request.Request(
            f"{uri}/score",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {key}"},
        )
        print(f"POST {uri}/score with {', '.join(Path(path).name for path in images)}; the answer:")
        with urllib.request.urlopen(request, timeout=60) as response:
            answer: bytes = response.read()
        return answer.decode()
    finally:
        server.terminate()
        server.wait(timeout=30)


def wait_until_ready(url: str, server: subprocess.Popen[bytes]) -> None:
    """Poll `url` until it answers 200; give up when the server has died or after a minute."""
    for _ in range(300):
        if server.poll() is not None:
            raise SystemExit(f"the server ended with code {server.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("the server was not ready within a minute")


def executable() -> list[str]:
    """The `tintype` command of this environment."""
    return [str(Path(sys.executable).with_name("tintype"))]


def tintype(*arguments: str | Path) -> None:
    """Print and run one Tintype command; a failure ends the demo with its exit code."""
    words = [str(argument) for argument in arguments]
    print(f"$ {shlex.join(['tintype', *words])}", flush=True)
    code = subprocess.run([*executable(), *words], check=False).returncode
    if code:
        raise SystemExit(code)


def step(title: str) -> None:
    """Print a heading."""
    print(f"\n\033[1m{title}\033[0m" if sys.stdout.isatty() else f"\n{title}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
