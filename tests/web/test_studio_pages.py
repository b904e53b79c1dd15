"""The studio in headless Chromium before the real server, with runs as jobs write them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pages import Open, PageServer, check_usable, expect, opened_page
from pictures import write_class_folders
from studio_runs import make_pipeline, make_run, make_sweep, write_runs

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

REFERENCE = (Path(__file__).parents[2] / "docs" / "reference.md").read_text("utf-8")

HOSTILE = "<img src=x onerror=\"document.title='taken'\">"


class Studio(PageServer):
    """`tintype studio` in a workspace of its own."""

    def __init__(self, home: Path) -> None:
        super().__init__(home, "studio", "--no-browser")


@pytest.fixture(scope="module")
def studio(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    home = tmp_path_factory.mktemp("studio-home")
    make_run(
        home, "first", display_name="First of all", metrics={"accuracy": 0.61, "log_loss": 1.5}
    )
    make_run(
        home,
        "second",
        display_name="Second try",
        experiment_name="cats",
        registered_model="cats:1",
        document={"model_name": "tintype/vit-small", "hyperparameters": {"learning_rate": 0.1}},
    )
    make_run(home, "failed", status="Failed", error="row 7: no picture at a.jpg", metrics={})
    make_sweep(home, "sweep", 5)
    make_pipeline(home, "pipe")
    log = home / "runs" / "first" / "log.txt"
    log.write_text("".join(f"step {number}\n" for number in range(200)))
    outputs = home / "runs" / "first" / "outputs"
    outputs.mkdir()
    (outputs / "report.txt").write_text("what was learnt\n")
    served = Studio(home)
    yield served
    served.close()


def heading(page: Page, text: str) -> Any:
    return expect(page.get_by_role("heading", name=text, exact=True))


# Every page -------------------------------------------------------------------------------------------

PAGES = {
    "/": "Works now",
    "/jobs": "Second try",
    "/jobs/first": "accuracy",
    "/jobs/sweep?tab=trials": "Parameters and where they led",
    "/jobs/pipe?tab=graph": "no picture could be read",
    "/jobs/first?tab=log": "step 199",
    "/jobs/first?tab=files": "outputs/",
    "/jobs/first?tab=document": "model_name",
    "/new-job": "What to do",
    "/compare?name=first&name=second": "learning_rate",
    "/data": "No data assets yet",
    "/endpoints": "No endpoints yet",
    "/labelling": "No labelling projects yet",
    "/new-labelling-project": "People who answer each picture",
}


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_every_page_is_usable_at_any_width_and_by_everybody(
    browser: Browser, studio: Studio, width: int, scheme: str
) -> None:
    options = {"viewport": {"width": width, "height": 844}, "color_scheme": scheme}
    with opened_page(browser, **options) as open_:
        page = open_(f"{studio.url}/")
        for path, text in PAGES.items():
            page.goto(f"{studio.url}{path}")
            expect(page.locator("main").get_by_text(text).first).to_be_attached()
            check_usable(page, path)
            # What stands beside an action is a command that there is.
            for line in page.locator(".command-line code").all_text_contents():
                command = " ".join(line.split()[:3])
                assert f"`{command}`" in REFERENCE, f"{path}: {line}"


def test_the_way_through_by_keys_alone(studio: Studio, open_page: Open) -> None:
    page = open_page(studio.url)
    heading(page, "Home").to_be_visible()
    page.get_by_role("link", name="Jobs", exact=True).focus()
    page.keyboard.press("Enter")
    heading(page, "Jobs").to_be_visible()
    page.get_by_role("searchbox").focus()
    page.keyboard.type("first all")
    expect(page).to_have_url(re.compile(r"\?search=first"))
    expect(page.get_by_role("table", name="Runs").get_by_role("row")).to_have_count(2)
    page.get_by_role("link", name="First of all").focus()
    page.keyboard.press("Enter")
    heading(page, "First of all").to_be_visible()
    page.get_by_role("link", name="Log", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("log")).to_contain_text("step 199")
    expect(page).to_have_title("first · Tintype")
    page.go_back()
    page.go_back()
    # The search is a part of the address: it is there again.
    expect(page.get_by_role("table", name="Runs").get_by_role("row")).to_have_count(2)
    expect(page.get_by_role("searchbox")).to_have_value("first all")


def test_an_address_that_names_nothing_says_so(studio: Studio, open_page: Open) -> None:
    page = open_page(f"{studio.url}/jobs/nothing-like-it")
    expect(page.get_by_role("alert")).to_have_text("no job named 'nothing-like-it'.")
    page.goto(f"{studio.url}/jobs/a/b/c")
    heading(page, "There is nothing at this address").to_be_visible()


def test_dark_is_kept(studio: Studio, open_page: Open) -> None:
    page = open_page(studio.url)
    page.get_by_role("button", name="Dark").click()
    page.reload()
    expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(15, 18, 22)"


def test_from_elsewhere_people_sign_in(browser: Browser, tmp_path: Path) -> None:
    password = tmp_path / "password.txt"
    password.write_text("a long enough one")
    options = ("--person", "ada", "--password-file", str(password))
    studio = PageServer(tmp_path / "home", "studio", "--no-browser", *options, host="0.0.0.0")
    try:
        with opened_page(browser) as open_:
            page = open_(f"{studio.url}/jobs")
            expect(page.get_by_label("Name")).to_be_focused()
            page.keyboard.type("ada")
            page.keyboard.press("Tab")
            page.keyboard.type("a wrong one")
            page.keyboard.press("Enter")
            expect(page.get_by_role("alert")).to_have_text("name or password is wrong")
            page.keyboard.type("a long enough one")
            page.keyboard.press("Enter")
            heading(page, "No jobs yet").to_be_visible()
            # A session that has ended elsewhere is noticed, and the address is kept.
            page.context.clear_cookies()
            page.get_by_role("link", name="Data", exact=True).click()
            heading(page, "Sign in").to_be_visible()
            assert page.url.endswith("/data")
            page.get_by_label("Name").fill("ada")
            page.get_by_label("Password").fill("a long enough one")
            page.keyboard.press("Enter")
            heading(page, "Data").to_be_visible()
            page.get_by_role("button", name="ada · sign out").click()
            heading(page, "Sign in").to_be_visible()
    finally:
        studio.close()


# While it happens -------------------------------------------------------------------------------------


def test_what_changes_is_seen_without_a_reload(studio: Studio, open_page: Open) -> None:
    run = make_run(studio.home, "live", display_name="Live one", status="NotStarted", ended_at=None)
    listed = open_page(f"{studio.url}/jobs?search=live")
    row = listed.get_by_role("row").filter(has_text="Live one")
    expect(row).to_contain_text("Not started")
    page = open_page(f"{studio.url}/jobs/live?tab=log")
    heading(page, "Live one").to_be_visible()
    run.log.write_text("it has begun\n")
    page.get_by_role("link", name="Log", exact=True).click()
    expect(page.get_by_role("log")).to_contain_text("it has begun")
    with run.log.open("a") as stream:
        stream.write("and goes on\n")
    expect(page.get_by_role("log")).to_have_text("it has begun\nand goes on\n")
    run.update(status="Failed", error="memory ran out")
    expect(page.get_by_text("memory ran out")).to_be_visible()
    expect(row).to_contain_text("Failed")
    # Deleted by hand while it is watched: what was read stays, and it is said.
    shutil.rmtree(run.folder)
    expect(page.get_by_role("alert").first).to_contain_text("no job named 'live'")
    heading(page, "Live one").to_be_visible()
    heading(listed, "No run is like that").to_be_visible()


def test_a_worker_that_dies_while_it_is_watched(studio: Studio, open_page: Open) -> None:
    import subprocess

    worker = subprocess.Popen(["sleep", "600"])
    try:
        make_run(studio.home, "dying", status="Starting", ended_at=None, metrics={}, pid=worker.pid)
        page = open_page(f"{studio.url}/jobs/dying")
        expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    finally:
        worker.kill()
        worker.wait()
    expect(page.get_by_text("the worker was killed or lost")).to_be_visible()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)


def test_a_break_is_told_and_made_up_for(studio: Studio, open_page: Open) -> None:
    run = make_run(studio.home, "slept", display_name="Slept through")
    page = open_page(f"{studio.url}/jobs/slept")
    heading(page, "Slept through").to_be_visible()
    page.wait_for_function(
        "performance.getEntriesByType('resource').some(({name}) => name.includes('/api/jobs/slept'))"
    )
    # Its parts, too, are modules that come from the server.
    expect(page.get_by_role("status").filter(has_text="Loading")).to_have_count(0)
    studio.kill()
    expect(page.get_by_text("No connection")).to_be_visible()
    run.update(description="changed meanwhile")
    studio.start()
    expect(page.get_by_text("changed meanwhile")).to_be_visible()
    expect(page.get_by_text("No connection")).to_have_count(0)


def test_a_part_that_is_first_needed_in_a_break_comes_after_it(
    studio: Studio, open_page: Open
) -> None:
    make_run(studio.home, "half", display_name="Half there")
    page = open_page(f"{studio.url}/jobs/half")
    heading(page, "Half there").to_be_visible()
    expect(page.get_by_role("status").filter(has_text="Loading")).to_have_count(0)
    studio.kill()
    expect(page.get_by_text("No connection")).to_be_visible()
    page.get_by_role("link", name="Document").click()
    expect(page.get_by_role("status").filter(has_text="Loading")).to_be_visible()
    page.wait_for_timeout(500)
    studio.start()
    expect(page.get_by_text("model_name:").first).to_be_visible()


def test_a_part_that_is_not_there_at_all_is_told(studio: Studio, open_page: Open) -> None:
    make_run(studio.home, "lacking", display_name="Lacking")
    page = open_page(f"{studio.url}/jobs/lacking")
    heading(page, "Lacking").to_be_visible()
    page.route("**/jobs/document.js", lambda route: route.fulfill(status=404))
    page.get_by_role("link", name="Document").click()
    # Loaded anew once, not again and again.
    expect(page.get_by_role("alert")).to_contain_text("could not be loaded")
    page.unroute("**/jobs/document.js")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("model_name:").first).to_be_visible()


def test_trials_come_while_they_are_looked_at(studio: Studio, open_page: Open) -> None:
    run = make_sweep(studio.home, "growing", 3)
    page = open_page(f"{studio.url}/jobs/growing?tab=trials")
    table = page.get_by_role("table", name="Trials")
    expect(table.get_by_role("row")).to_have_count(4)
    other = make_sweep(studio.home, "grown", 9)
    shutil.copy(other.folder / "sweep.json", run.folder / "sweep.json.new")
    (run.folder / "sweep.json.new").replace(run.folder / "sweep.json")
    expect(table.get_by_role("row")).to_have_count(10)
    expect(page.locator(".parallel polyline")).to_have_count(9)
    table.get_by_role("button", name="accuracy").click()
    expect(table.get_by_role("row").nth(1)).to_contain_text("best")


# What is hostile, or much -----------------------------------------------------------------------------


def test_no_name_becomes_markup(studio: Studio, browser: Browser) -> None:
    home = studio.home
    make_run(
        home,
        "hostile",
        display_name=HOSTILE,
        experiment_name=HOSTILE,
        error=HOSTILE,
        status="Failed",
        description=HOSTILE,
        tags={HOSTILE: HOSTILE},
        metrics={HOSTILE: 0.5},
        registered_model=HOSTILE,
        document={"model_name": HOSTILE},
    )
    (home / "runs" / "hostile" / "log.txt").write_text(HOSTILE)
    outputs = home / "runs" / "hostile" / "outputs"
    outputs.mkdir()
    (outputs / "<img src=x onerror=alert(1)>.html").write_text(
        "<script>parent.document.title='taken'</script>" + HOSTILE
    )
    make_sweep(home, "hostile-sweep", 3)
    path = home / "runs" / "hostile-sweep" / "sweep.json"
    content = json.loads(path.read_text())
    content["metric"], content["notes"] = HOSTILE, [HOSTILE]
    for trial in content["trials"]:
        trial["model"] = f"{HOSTILE}{trial['number']}"
        trial["parameters"] = {HOSTILE: f"{HOSTILE}{trial['number']}"}
        trial["error"] = HOSTILE
    path.write_text(json.dumps(content))
    make_pipeline(home, "hostile-pipe")
    graph = home / "runs" / "hostile-pipe" / "graph.json"
    graph.write_text(
        graph.read_text().replace("no picture could be read", HOSTILE.replace('"', "'"))
    )

    # That the script of a report reaches nothing of the studio, and loads nothing, is what Chromium logs.
    with opened_page(
        browser, known=("Blocked a frame with origin", "Content Security Policy")
    ) as open_:
        page = open_(studio.url)
        for address in (
            "/",
            "/jobs",
            "/jobs/hostile",
            "/jobs/hostile?tab=log",
            "/jobs/hostile?tab=document",
            "/jobs/hostile-sweep?tab=trials",
            "/jobs/hostile-pipe?tab=graph",
            "/compare?name=hostile&name=first",
            "/new-job?from=hostile",
        ):
            page.goto(f"{studio.url}{address}")
            expect(page.get_by_text("onerror").or_(page.locator("textarea")).first).to_be_attached()
            assert page.locator("img[src=x]").count() == 0, address
            assert page.title().endswith(" · Tintype"), address
        page.goto(f"{studio.url}/jobs/hostile?tab=files")
        page.get_by_role("button", name="outputs/").click()
        page.get_by_role("button", name="<img src=x").click()
        expect(page.locator("iframe")).to_have_attribute("sandbox", "allow-scripts")
        page.wait_for_timeout(500)
        assert page.title().endswith(" · Tintype")


def test_ten_thousand_runs(browser: Browser, tmp_path: Path) -> None:
    write_runs(tmp_path, 10_000)
    studio = Studio(tmp_path)
    try:
        with opened_page(browser) as open_:
            page = open_(f"{studio.url}/jobs")
            table = page.get_by_role("table", name="Runs")
            expect(table).to_have_attribute("aria-rowcount", "10001")
            # Few rows are there at all, and the last is a moment away.
            assert table.get_by_role("row").count() < 80
            table.evaluate("node => { node.scrollTop = node.scrollHeight; }")
            expect(table.get_by_text("Run 00000", exact=True)).to_be_visible()
            page.get_by_role("searchbox").fill("04321")
            expect(table.get_by_role("row")).to_have_count(2)
    finally:
        studio.close()


# New jobs and comparisons -----------------------------------------------------------------------------


def test_a_job_is_made_by_a_form(studio: Studio, open_page: Open, tmp_path: Path) -> None:
    photos = write_class_folders(tmp_path / "photos")
    page = open_page(f"{studio.url}/new-job")
    document = page.get_by_label("Job document, YAML")
    page.get_by_label("Kind").select_option("head")
    expect(document).to_have_value(re.compile("method: head"))
    page.get_by_label("Name", exact=True).fill("by-form")
    page.get_by_label("Model", exact=True).fill("tintype/resnet-small")
    page.get_by_label("Data", exact=True).fill(str(photos))
    expect(document).to_have_value(re.compile(f"path: {photos}"))
    # Edited, it is wrong in a line, which is named and led to.
    document.fill(document.input_value().replace("method: head", "metod: head"))
    problem = page.get_by_role("button", name=re.compile(r"line 7.*Did you mean 'method'"))
    problem.click()
    assert (
        document.evaluate("node => node.value.slice(node.selectionStart, node.selectionEnd)")
        == "  metod: head"
    )
    expect(page.get_by_role("button", name="Submit")).to_be_disabled()
    document.fill(document.input_value().replace("metod: head", "method: head"))
    expect(problem).to_have_count(0)
    # What only a look at the data shows is told here, too, and nothing was made.
    good = document.input_value()
    document.fill(good.replace(str(photos), "/nowhere/at/all"))
    expect(page.get_by_role("button", name="Submit")).to_be_enabled()
    page.get_by_role("button", name="Submit").click()
    expect(page.locator(".problems")).to_contain_text("/nowhere/at/all")
    document.fill(good)
    expect(page.locator(".problems li")).to_have_count(0)
    page.get_by_role("button", name="Submit").click()
    heading(page, "by-form").to_be_visible()
    expect(page.get_by_text("Submitted.")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()


def test_what_a_submission_says_is_not_wiped_by_a_check_under_way(
    studio: Studio, open_page: Open
) -> None:
    page = open_page(f"{studio.url}/new-job")
    document = page.get_by_label("Job document, YAML")
    expect(document).to_have_value(re.compile("type: finetuning"))
    held: list[Route] = []
    page.route("**/job-check", lambda route: held.append(route))
    text = "type: finetuning\ntask: image_classification\nmodel_name: tintype/resnet-small\n"
    with page.expect_request("**/job-check"):
        document.fill(f"{text}training_data: {{path: /nowhere/at/all}}\n")
    page.get_by_role("button", name="Submit").click()
    expect(page.locator(".problems")).to_contain_text("/nowhere/at/all")
    for route in held:
        route.fulfill(json={"problems": [], "notices": ["late"]})
    page.wait_for_timeout(300)
    expect(page.locator(".problems")).to_contain_text("/nowhere/at/all")
    expect(page.get_by_text("late", exact=True)).to_have_count(0)


def test_runs_side_by_side(studio: Studio, open_page: Open) -> None:
    page = open_page(f"{studio.url}/jobs")
    for name in ("First of all", "Second try"):
        page.get_by_role("checkbox", name=f"Choose {name}").check()
    page.get_by_role("button", name="Compare 2").click()
    heading(page, "Compare runs").to_be_visible()
    rows = page.get_by_role("row")
    expect(rows.filter(has_text="model_name")).to_contain_text("tintype/vit-small")
    expect(rows.filter(has_text="accuracy").locator(".best")).to_have_text("0.75")
    # Equal in both: shown when it is asked for.
    expect(rows.filter(has_text="finetuning")).to_have_count(0)
    page.get_by_role("checkbox").check()
    expect(rows.filter(has_text="finetuning")).to_have_count(1)
