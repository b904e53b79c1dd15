"""Modules joined into one script give what a browser's own modules give."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tintype.pages.linking import link

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def written(folder: Path, **modules: str) -> Path:
    for name, source in modules.items():
        (folder / f"{name}.js").write_text(source, "utf-8")
    return folder / "main.js"


def test_every_form_of_import_and_export(browser: Browser, tmp_path: Path) -> None:
    entry = written(
        tmp_path,
        main='import twice, { one, two as zwei } from "./sums.js";\nimport "./effect.js";\n'
        'import {\n  Three, five,\n} from "./more.js";\n'
        "// import and export stand in texts, too\nconst text = `\n  export const no = 1;`;\n"
        "window.found = [one, zwei(), twice(4), new Three().value, five, window.effects, text.length];\n",
        sums="const inner = 1;\nexport const one = inner;\nexport function two() { return later; }\n"
        "const later = 2;\nexport default (value) => 2 * value;\n",
        effect="window.effects = (window.effects ?? 0) + 1;\n",
        more='import"./effect.js";import{one as n}from"./sums.js";var t=4+n;'
        "class Inner { value = 3; }export{t as five,Inner as Three};",
    )
    page = browser.new_page()
    page.evaluate(link(entry))
    assert page.evaluate("window.found") == [1, 2, 8, 3, 5, 1, 23]
    page.close()


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        ({"main": 'import "./a.js";', "a": 'import "./main.js";'}, "import each other"),
        ({"main": 'export * from "./a.js";', "a": ""}, "cannot be linked"),
        ({"main": "export let count = 1;"}, "cannot be linked"),
        ({"main": 'import * as all from "./a.js";', "a": ""}, "cannot be linked"),
        ({"main": 'const text = "</script>";'}, "holds </script"),
    ],
)
def test_what_cannot_be_linked_is_refused(
    tmp_path: Path, modules: dict[str, str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        link(written(tmp_path, **modules))
