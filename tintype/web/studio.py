"""The studio's page: static files, served by the studio's server.

`studio/` holds the page: `main.js` and what frames every page, `pages/` one module or folder a page, `parts/`
what pages are made of. `shared/` is the labelling page's, too, and `vendor/` has their libraries.
"""

from __future__ import annotations

from tintype.web.page_files import PageFiles

__all__ = ["STUDIO_PAGE"]

STUDIO_PAGE = PageFiles("studio/index.html", "studio", "shared", "vendor")
