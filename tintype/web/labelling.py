"""The labelling page: static files, served by the labelling server at `/`.

`labelling/` holds the page, one ES module a subject, `shared/` what the studio's page is made with, too, and
`vendor/` their libraries. Their addresses are as they lie here: `/labelling/main.js`, `/vendor/preact.js`;
index.html alone is `/`.
"""

from __future__ import annotations

from tintype.web.page_files import PageFiles

__all__ = ["LABELLING_PAGE"]

LABELLING_PAGE = PageFiles("labelling/index.html", "labelling", "shared", "vendor")
