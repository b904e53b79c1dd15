"""What an installed Tintype must do, with nothing but the package: run in an empty folder by .ci/release."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

VERSION = sys.argv[1]
TINTYPE = str(Path(sys.executable).with_name("tintype"))


def run(*arguments: str) -> str:
    """A command's output; it must end well."""
    done = subprocess.run([TINTYPE, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
    return done.stdout


def write_pictures(folder: Path) -> None:
    """Two classes of stripes."""
    import numpy as np
    from PIL import Image

    draw = np.random.default_rng(0)
    for number in range(24):
        upright = number % 2
        pixels = draw.integers(0, 60, (32, 32, 3), dtype=np.uint8)
        if upright:
            pixels[:, ::4] += 150
        else:
            pixels[::4] += 150
        path = folder / ("upright" if upright else "level") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)


def main() -> None:
    """Cards, pages, a training and a prediction."""
    import tintype

    assert str(Path(tintype.__file__).resolve()).startswith(str(Path(sys.prefix).resolve()))
    assert tintype.__version__ == VERSION
    assert run("--version").strip() == f"tintype {VERSION}"
    cards = json.loads(run("model", "list", "--registry"))
    assert len(cards) > 10
    assert json.loads(run("model", "show", "facebook/dinov2-giant"))["features"] == 1536

    from tintype.web.playground import playground_file

    for name in ("", "playground.js", "playground.css"):
        assert playground_file(name) is not None, name

    from tintype.web.labelling import LABELLING_PAGE
    from tintype.web.studio import STUDIO_PAGE

    for name in ("", "labelling/main.js", "labelling/page.css", "vendor/preact.js"):
        assert LABELLING_PAGE.file(name) is not None, name
    for name in ("", "studio/main.js", "studio/pages/home.js", "shared/html.js", "vendor/uplot.js"):
        assert STUDIO_PAGE.file(name) is not None, name

    write_pictures(Path("stripes"))
    Path("job.yml").write_text(
        "type: finetuning\ntask: image_classification\nmodel_name: tintype/resnet-small\n"
        "training_data: {path: stripes}\nhyperparameters: {number_of_epochs: 2, image_width: 32, "
        "image_height: 32}\noutputs: {registered_model: {name: stripes}}\n"
    )
    record = json.loads(run("job", "create", "-f", "job.yml", "-n", "first", "--stream"))
    assert record["status"] == "Completed", record
    picture = str(next(Path("stripes/level").glob("*.png")))
    (answer,) = json.loads(run("predict", "--model", "stripes@latest", picture))
    assert answer["labels"] == ["level", "upright"]
    assert abs(sum(answer["probs"]) - 1) < 1e-3
    print("It works.")


if __name__ == "__main__":
    main()
