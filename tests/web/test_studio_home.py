"""The studio's first page in headless Chromium: what needs somebody appears while it is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pages import Open, PageServer, check_usable, expect
from pictures import write_class_folders

from tintype.labelling.actions import Action, record_action
from tintype.labelling.database import open_database
from tintype.labelling.making import make_project
from tintype.labelling.people import person_named
from tintype.labelling.pictures import PictureFilter, page_of
from tintype.schemas.labelling_project import LabellingProjectDocument
from tintype.workspace.endpoints import DeploymentRecord, EndpointRecord, EndpointStore

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture
def studio(browser: Browser, tmp_path: Path) -> Iterator[PageServer]:
    home = tmp_path / "home"
    home.mkdir()
    served = PageServer(home, "studio", "--no-browser")
    yield served
    served.close()


def test_endpoints_and_labelling_are_followed(
    studio: PageServer, open_page: Open, tmp_path: Path
) -> None:
    page = open_page(studio.url)
    needs = page.get_by_role("region", name="Needs you")
    expect(needs).to_contain_text("Nothing.")

    endpoints = EndpointStore(studio.home)
    endpoints.save(EndpointRecord("photos", {}, {}))
    failed = {"provisioning_state": "Failed", "error": "no such model"}
    endpoints.save(DeploymentRecord("photos", "blue", {}, "a-model", **failed))
    expect(needs.get_by_role("link", name="photos, deployment blue")).to_be_visible()
    expect(needs.get_by_role("link", name="The daemon does not run")).to_be_visible()

    (studio.home / "labelling").mkdir()
    database = open_database(f"sqlite:///{studio.home / 'labelling' / 'labelling.db'}")
    photos = write_class_folders(tmp_path / "stripes", per_class=1)
    terms = {"labels": ["Level", "Upright"], "labellers": {"least": 2, "most": 2}}
    document = LabellingProjectDocument.model_validate(
        {"name": "stripes", "data": str(photos), **terms}
    )
    project = make_project(database, document)
    with database.writing() as connection:
        first = page_of(connection, project, PictureFilter(), after=0, limit=1)[0].id
        for person, label in zip(("ann", "bob"), project.labels, strict=True):
            action = Action(f"test-{person}-1", "label", [first], [label.id])
            record_action(connection, project, person_named(connection, person), action)
    database.close()
    review = needs.get_by_role("link", name="stripes: 1 picture to review")
    expect(review).to_have_attribute("href", "/label/#/stripes/review")
    check_usable(page, "home")
