"""The API page in a headless Chromium, served by the real daemon on a port of its own."""
import json
import os
import sys
import unittest

from webdriver import Browser, Daemon, wait_for

STATETRACKD, PICTURES = sys.argv[1:3]
KEY = "4d6f2c1e-9a58-4b7e-8c3d-2f1a0b9c8d7e"
TAB, ENTER, SHIFT = "\ue004", "\ue007", "\ue008"


def setUpModule():
    global daemon, browser
    daemon = Daemon(STATETRACKD, KEY)
    unittest.addModuleCleanup(daemon.end)
    browser = Browser()
    unittest.addModuleCleanup(browser.end)


def overflows():
    return browser.run("return document.documentElement.scrollWidth > document.documentElement.clientWidth")


def requests_elsewhere(urls):
    return [url for url in urls if not url.startswith((daemon.origin + "/", "data:"))]


def complaints():
    return [entry["message"] for entry in browser.log("browser") if entry["level"] in ("SEVERE", "WARNING")]


def slug(method, path):
    return next(operation["operationId"] for p, methods in daemon.document()["paths"].items() if p == path
                for m, operation in methods.items() if m == method)


class Page(unittest.TestCase):
    def setUp(self):
        browser.prefer(color_scheme="light", reduced_motion="reduce")
        browser.resize(1280, 900)
        browser.open("about:blank")
        browser.urls_requested()
        complaints()
        self.load()

    def load(self):
        browser.open(daemon.origin + "/api/docs")
        wait_for("the routes", lambda: browser.run("return document.querySelectorAll('details.route').length"))

    def send(self, route, key=KEY, path_id=None, body=None):
        """Opens the route, fills it in, sends it, and gives what the page shows of the answer."""
        if not browser.run("return document.getElementById(arguments[0]).open", route):
            browser.click(f"#{route} > summary")
        browser.write("#key", key)
        if path_id:
            browser.write(f"#{route}-id", path_id)
        if body is not None:
            browser.write(f"#{route}-body", json.dumps(body))
        browser.run("document.querySelector(arguments[0]).replaceChildren()", f"#{route} .answer")
        browser.click(f"#{route} button")
        return wait_for("an answer", lambda: browser.run(
            "const a = document.querySelector(arguments[0]); const line = a.querySelector('.line');"
            "return line && {line: line.textContent, body: (a.querySelector('pre') || {}).textContent}",
            f"#{route} .answer"))

    def test_it_loads_from_the_daemon_alone_and_complains_of_nothing(self):
        urls = browser.urls_requested()
        self.assertIn(daemon.origin + "/api/docs/openapi.json", urls)
        self.assertEqual(requests_elsewhere(urls), [])
        self.assertEqual(complaints(), [])

    def test_a_request_elsewhere_would_be_seen_and_is_refused_by_the_policy(self):
        self.assertEqual(requests_elsewhere(["https://example.org/x"]), ["https://example.org/x"])
        browser.run("fetch('http://127.0.0.1:9/x').catch(() => {}); new Image().src = 'http://127.0.0.1:9/y'")
        wait_for("the refusal", lambda: any("Content Security Policy" in c for c in complaints()))

    def test_it_lists_the_routes_and_schemas_of_the_document(self):
        document = daemon.document()
        routes = {f"{m.upper()} {p}" for p, methods in document["paths"].items() for m in methods}
        shown = browser.run("return [...document.querySelectorAll('[data-route]')].map(n => n.dataset.route)")
        self.assertEqual(len(shown), len(routes))
        self.assertEqual(set(shown), routes)
        linked = browser.run("return [...document.querySelectorAll('nav a')].map(a => a.hash.slice(1))")
        self.assertEqual(set(linked), {o["operationId"] for ms in document["paths"].values() for o in ms.values()})
        schemas = browser.run("return [...document.querySelectorAll('.schema')].map(n => n.id.slice(7))")
        self.assertEqual(set(schemas), set(document["components"]["schemas"]))

    def test_every_link_leads_somewhere_and_a_link_to_a_schema_opens_it(self):
        lost = browser.run("return [...document.querySelectorAll('a[href^=\"#\"]')].map(a => a.hash)"
                           ".filter(h => !document.getElementById(h.slice(1)))")
        self.assertEqual(lost, [])
        browser.run("location.hash = '#schema-session'")
        wait_for("the schema", lambda: browser.run("return document.getElementById('schema-session').open"))

    def test_a_stalled_session_is_found_and_handed_on_and_its_zombie_refused(self):
        made = self.send(slug("post", "/api/sessions"),
                         body={"project_id": "site", "machine_id": "laptop", "stall_threshold_ms": 1000})
        self.assertTrue(made["line"].startswith("201 Created"), made)
        session = json.loads(made["body"])["session_id"]
        wait_for("the stall", lambda: session in self.send(slug("get", "/api/sessions/stalled"))["body"])
        why = json.loads(self.send(slug("get", "/api/sessions/{id}/explain"), path_id=session)["body"])
        self.assertIn(why["verdict"].split(";")[0], ("silent", "stalled"))
        browser.picture(os.path.join(PICTURES, "stalled-light.png"))
        self.send(slug("post", "/api/sessions/{id}/mark-stalled"), path_id=session, body={})
        heir = self.send(slug("post", "/api/sessions/{id}/recover"), path_id=session,
                         body={"new_machine_id": "server"})
        self.assertTrue(heir["line"].startswith("201 Created"), heir)
        self.assertEqual(json.loads(heir["body"])["epoch"], 2)
        zombie = self.send(slug("post", "/api/sessions/{id}/heartbeat"), path_id=session, body={"epoch": 1})
        self.assertTrue(zombie["line"].startswith("409 Conflict"), zombie)
        self.assertEqual(json.loads(zombie["body"])["code"], "superseded")
        browser.picture(os.path.join(PICTURES, "zombie-light.png"))
        browser.prefer(color_scheme="dark", reduced_motion="reduce")
        browser.picture(os.path.join(PICTURES, "zombie-dark.png"))
        browser.resize(390, 844)
        for scheme in ("dark", "light"):
            browser.prefer(color_scheme=scheme, reduced_motion="reduce")
            browser.run("document.querySelector(arguments[0]).scrollIntoView()",
                        f"#{slug('post', '/api/sessions/{id}/heartbeat')} .answer")
            browser.picture(os.path.join(PICTURES, f"zombie-narrow-{scheme}.png"))
        self.assertFalse(overflows())
        self.assertEqual(requests_elsewhere(browser.urls_requested()), [])

    def test_the_key_goes_into_no_url_and_no_storage_and_a_wrong_one_is_refused(self):
        route = slug("get", "/api/sessions/health")
        self.assertTrue(self.send(route, key=KEY)["line"].startswith("200"))
        self.assertTrue(self.send(route, key="99999999-2222-4333-8444-555555555555")["line"].startswith("401"))
        urls = browser.urls_requested()
        self.assertTrue(any(url.endswith("/api/sessions/health") for url in urls))
        self.assertFalse([url for url in urls if KEY in url])
        self.assertEqual(browser.run("return [localStorage.length, sessionStorage.length, document.cookie]"),
                         [0, 0, ""])
        self.load()
        self.assertEqual(browser.run("return document.getElementById('key').value"), "")

    def test_an_incomplete_path_is_not_sent(self):
        route = slug("get", "/api/sessions/{id}")
        self.assertIn("needs id", self.send(route)["line"])
        self.assertEqual(browser.run("return document.activeElement.id"), route + "-id")

    def test_all_of_it_can_be_done_by_keyboard(self):
        def focus():
            return browser.run("""
                const a = document.activeElement, style = getComputedStyle(a), box = a.getBoundingClientRect();
                return {id: a.id, tag: a.tagName, route: (a.closest('details.route') || {}).id || '',
                        outlined: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
                        inside: box.left >= 0 && box.right <= innerWidth && box.bottom > 0 && box.top < innerHeight}
                """)

        def tab_to(arrived, strokes=40):
            for _ in range(strokes):
                browser.press(TAB)
                at = focus()
                self.assertTrue(at["outlined"], f"no visible focus on {at}")
                self.assertTrue(at["inside"], f"the focus is out of sight: {at}")
                self.assertTrue(browser.label_of_focus(), f"no name: {at}")
                if arrived(at):
                    return at
            raise AssertionError("the keyboard does not get there")

        browser.press(TAB)
        self.assertEqual(browser.label_of_focus(), "Skip to the routes")
        self.assertTrue(focus()["inside"])
        browser.picture(os.path.join(PICTURES, "skip-link-light.png"))
        browser.press(ENTER)
        wait_for("the main part", lambda: focus()["id"] == "main")
        tab_to(lambda at: at["tag"] == "SUMMARY")

        self.load()
        tab_to(lambda at: at["id"] == "key")
        browser.press(KEY)
        tab_to(lambda at: at["id"] == "find")
        browser.press("create a task")
        route = slug("post", "/api/tasks")
        tab_to(lambda at: at["tag"] == "SUMMARY" and at["route"] == route)
        browser.press(ENTER)
        tab_to(lambda at: at["tag"] == "BUTTON" and at["route"] == route)
        browser.press(ENTER)
        line = wait_for("an answer", lambda: browser.run(
            "return (document.querySelector(arguments[0]) || {}).textContent", f"#{route} .answer .line"))
        self.assertTrue(line.startswith("400 Bad Request"), line)  # the example names no session of ours
        self.assertEqual(browser.run("return document.getElementById('found').textContent"), "1 route")

    def test_landmarks_labels_and_headings_are_there(self):
        for landmark in ("header", "nav[aria-label]", "main", "footer", "a.skip[href='#main']"):
            self.assertEqual(browser.run("return document.querySelectorAll(arguments[0]).length", landmark), 1)
        nameless = browser.run("return [...document.querySelectorAll('input, textarea, select')]"
                               ".filter(f => !f.labels.length).map(f => f.id)")
        self.assertEqual(nameless, [])
        twice = browser.run("const ids = [...document.querySelectorAll('[id]')].map(n => n.id);"
                            "return ids.filter((id, i) => ids.indexOf(id) !== i)")
        self.assertEqual(twice, [])
        self.assertEqual(browser.run("return document.querySelectorAll('h1').length"), 1)

    def test_nothing_scrolls_sideways_on_a_narrow_screen_even_with_everything_open(self):
        for width in (1280, 768, 390, 320):
            browser.resize(width, 844)
            self.load()
            self.assertFalse(overflows(), width)
            browser.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
            self.assertFalse(overflows(), f"{width}, all open")
        browser.run("const wide = document.createElement('div'); wide.style.cssText = 'width: 2000px; height: 1px';"
                    "document.body.append(wide)")
        self.assertTrue(overflows(), "the check would not see it")

    def test_both_colour_schemes_are_readable(self):
        papers = {}
        for scheme in ("light", "dark"):
            browser.prefer(color_scheme=scheme, reduced_motion="reduce")
            self.load()
            browser.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
            papers[scheme], worst = browser.run(CONTRAST)
            self.assertGreaterEqual(worst["ratio"], 4.5, f"{scheme}: {worst}")
            self.load()
            self.pictures_of(scheme)
        self.assertNotEqual(papers["light"], papers["dark"])
        browser.run("document.querySelector('h1').style.color = '#555'")
        self.assertLess(browser.run(CONTRAST)[1]["ratio"], 4.5, "the check would not see it")

    def pictures_of(self, scheme):
        route = slug("post", "/api/sessions")
        for name, width, height in (("wide", 1280, 900), ("narrow", 390, 844)):
            browser.resize(width, height)
            browser.run("scrollTo(0, 0)")
            browser.picture(os.path.join(PICTURES, f"top-{name}-{scheme}.png"))
            browser.run("document.getElementById(arguments[0]).open = true;"
                        "document.getElementById(arguments[0]).scrollIntoView()", route)
            browser.picture(os.path.join(PICTURES, f"route-{name}-{scheme}.png"))
            browser.run("const s = document.getElementById('schema-session'); s.open = true; s.scrollIntoView()")
            browser.picture(os.path.join(PICTURES, f"schema-{name}-{scheme}.png"))
        browser.resize(1280, 900)

    def test_whoever_wants_less_motion_gets_none(self):
        moving = ("return [getComputedStyle(document.documentElement).scrollBehavior,"
                  "getComputedStyle(document.querySelector('.chevron')).transitionDuration]")
        self.assertEqual(browser.run(moving), ["auto", "0s"])
        browser.prefer(color_scheme="light", reduced_motion="no-preference")
        self.assertNotEqual(browser.run(moving), ["auto", "0s"])


# The page's colour, and the text of the least contrast (WCAG 2) against what lies under it.
CONTRAST = """
const parse = (c) => c.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const under = (node) => {
    for (let at = node; at; at = at.parentElement) {
        const c = parse(getComputedStyle(at).backgroundColor);
        if (c.length < 4 || c[3] > 0) return c;
    }
    return [255, 255, 255];
};
let worst = {ratio: 99};
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
    const node = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || !node.getClientRects().length || node.closest('noscript')) continue;
    const [a, b] = [light(parse(getComputedStyle(node).color)), light(under(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < worst.ratio) worst = {ratio, text: node.textContent.slice(0, 40), tag: node.tagName};
}
return [getComputedStyle(document.body).backgroundColor, worst];
"""

if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
