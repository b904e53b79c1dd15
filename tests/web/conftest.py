"""What tests of served pages share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from pages import Open, opened_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Opens pages at 1280 by 800; see `opened_page`."""
    with opened_page(browser) as open_:
        yield open_
