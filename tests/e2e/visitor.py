"""A person at a browser: opens the page, reads what is seen, chooses data, waits for what the page says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from playwright.sync_api import ConsoleMessage, FilePayload, Locator, Page, Request

from bertdemo import samples
from bertdemo.i18n.translation import catalogue, translate
from tests.e2e.server import HANG

HANG_MS = 1000 * HANG
TABS = ("tokens", "inside", "train", "predict", "runs")
PLACEHOLDER = re.compile(r"\\\{(\w+)\\\}")

# Gradio's own footer and the two names in the language control are not ours to translate.
VISIBLE_TEXTS = """() => {
  const found = new Set();
  const seen = (element) => element.checkVisibility({ visibilityProperty: true });
  for (const element of document.querySelectorAll("body *")) {
    if (!seen(element) || element.closest("script, style, footer, #language label")) continue;
    for (const node of element.childNodes) {
      if (node.nodeType === Node.TEXT_NODE && node.data.trim()) found.add(node.data.trim());
    }
    for (const name of ["title", "aria-label", "placeholder"]) {
      if (element.getAttribute(name)) found.add(element.getAttribute(name).trim());
    }
    if (element.tagName === "INPUT" && element.type === "text" && element.value) found.add(element.value.trim());
  }
  return [...found];
}"""


def template(lang: str, key: str, **known: object) -> re.Pattern[str]:
    """Return what a message of the catalogue looks like; placeholders that are not given match anything."""
    text = PLACEHOLDER.sub(
        lambda found: re.escape(str(known[found[1]])) if found[1] in known else r"[\s\S]*?",
        re.escape(catalogue(lang)[key]),
    )
    return re.compile(text)


class Visitor:
    """One page of one browser, in one language. `trouble` holds what must not happen in any page."""

    def __init__(self, page: Page, url: str, lang: str = "en") -> None:
        self.page, self.url, self.lang = page, url, lang
        self.later: list[Callable[[], object]] = []  # settings that are made once there are data
        self.trouble: list[str] = []
        page.set_default_timeout(HANG_MS)
        page.on("console", self._note_console)
        page.on("pageerror", lambda error: self.trouble.append(f"page error: {error}"))
        page.on("request", self._note_request)

    # --- looking ---

    def open(self, tab: str = "", **query: str) -> Visitor:
        """Open the page and wait until it has drawn itself in the visitor's language."""
        asked = {name: value for name, value in {"tab": tab, **query}.items() if value}
        with self._leaving():
            self.page.goto(f"{self.url}/?{urlencode(asked)}")
        return self.ready()

    def reload(self) -> Visitor:
        """Load the same address again."""
        with self._leaving():
            self.page.reload()
        return self.ready()

    def mark(self) -> Visitor:
        """Mark this load of the page, for `reloaded`."""
        self.page.evaluate("document.documentElement.dataset.marked = ''")
        return self

    def reloaded(self) -> Visitor:
        """Wait until the marked page has loaded itself again, as it does once its server is back."""
        self.page.wait_for_selector("html:not([data-marked])")
        return self.ready()

    @contextmanager
    def _leaving(self) -> Iterator[None]:
        """Leave a page: what it says of the requests that this breaks off is no trouble, for nobody sees it."""
        before = len(self.trouble)
        yield
        left = [entry for entry in self.trouble[before:] if not (lost_connection(entry) or broken_off(entry))]
        self.trouble[before:] = left

    def ready(self) -> Visitor:
        """Wait until the load listener has answered, or the one that changes the language."""
        self.page.wait_for_selector(f"html[data-drawn={self.lang}]:not(.bd-waiting) #header")
        self.page.wait_for_function(
            "text => document.querySelector('#header .bd-tagline')?.textContent === text",
            arg=self.say("header.tagline"),
        )
        return self

    def tab(self, name: str) -> Visitor:
        """Open a tab by its button."""
        self.page.click(f"#tab-{name}-button")
        self.page.wait_for_selector(f"#tab-{name}-button[aria-selected=true]")
        self.page.locator(f"#tab-{name}").wait_for()
        return self

    def say(self, key: str, **values: object) -> str:
        """Return a message in the visitor's language."""
        return translate(self.lang, key, **values)

    def sees(self, selector: str, key: str, **known: object) -> str:
        """Wait until an element shows a message of the catalogue; return the element's whole text."""
        place = self.page.locator(selector).filter(has_text=template(self.lang, key, **known)).first
        place.wait_for()
        return place.inner_text()

    def texts(self) -> list[str]:
        """Return every visible text, title, label and placeholder."""
        found: list[str] = self.page.evaluate(VISIBLE_TEXTS)
        return found

    def chips(self) -> list[str]:
        """Return the word pieces of the strip on Tokenization."""
        return self.page.locator("#tokens-strip .bd-piece").all_inner_texts()

    def wait_chips(self, pieces: list[str]) -> None:
        """Wait until the strip shows exactly these between [CLS] and [SEP]."""
        self.page.wait_for_function(
            """pieces => JSON.stringify([...document.querySelectorAll('#tokens-strip .bd-piece')]
            .map(e => e.textContent)) === JSON.stringify(pieces)""",
            arg=["[CLS]", *pieces, "[SEP]"],
        )

    def speak(self, lang: str) -> Visitor:
        """Choose the language in the header and wait until the page has changed."""
        self.lang = lang
        self.page.locator("#language").get_by_label({"en": "English", "zh": "中文"}[lang]).check()
        return self.ready()

    def query(self) -> dict[str, str]:
        """Return the address' query."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.page.url).query).items()}

    # --- fine-tuning ---

    def choose(self, selector: str, option: str) -> None:
        """Choose in a dropdown."""
        self.page.click(f"{selector} input")
        self.page.get_by_role("option", name=option, exact=True).click()

    def sample(self, name: str) -> None:
        """Choose a sample and wait for its report."""
        self.other_data()
        card = self.page.locator(f"[data-sample={name}]")
        card.first.wait_for(state="attached")
        if not card.first.is_visible():
            self.page.locator(".bd-more-samples summary").click()
        card.first.click()
        self.has_data(samples.find(name).file)

    def give(self, selector: str, file: Path | FilePayload) -> None:
        """Hand over a file, in place of the one that may be there."""
        if selector == "#train-file":
            self.other_data()
        remove = self.page.locator(f"{selector} .icon-button-wrapper button")
        if remove.count():
            remove.first.click()
        self.page.locator(f"{selector} input[type=file]").set_input_files(file)

    def upload(self, file: Path) -> None:
        """Upload training data and wait until they can be trained on."""
        self.give("#train-file", file)
        self.has_data(file.name)

    def other_data(self) -> None:
        """Go back to where data are chosen."""
        self.page.locator("#train-bar").wait_for()
        for button in ("#train-new", "#train-settings-back", "#train-change"):
            if self.page.locator(button).is_visible():
                self.page.click(button)
                break
        self.page.locator("#train-data").wait_for()

    def has_data(self, name: str) -> None:
        """Wait until this file is examined and Start can be pressed."""
        self.page.locator("#train-cards .bd-file").and_(self.page.get_by_title(name)).wait_for()
        self.page.locator("#train-start:not([disabled])").wait_for()
        later, self.later = self.later, []
        for setting in later:
            setting()

    def unfold(self, selector: str) -> None:
        """Open a folded box, where it is shut."""
        head = self.page.locator(f"{selector} > button").first
        head.wait_for()
        if "open" not in (head.get_attribute("class") or "").split():
            head.click()

    def set(self, **settings: object) -> None:
        """Fill in settings by the names of RunConfig's fields; opens the closed ones where needed.

        Without data there are no settings yet: then they are filled in when data are there.
        """
        if not self.page.locator("#train-settings").is_visible():
            self.later.append(lambda: self.set(**settings))
            return
        for name, value in settings.items():
            box = self.page.locator(f"#config-{name}").locator("input, textarea").first
            if not box.is_visible():
                self.unfold("#train-all")
                box.wait_for()
            box.fill(str(value))
            box.blur()

    def start(self, state: str = "running") -> str:
        """Press Start, wait for the state of the new run, return its id."""
        before = self.query().get("run", "")
        self.page.click("#train-start")
        self.page.wait_for_function(
            "before => { const run = new URLSearchParams(location.search).get('run'); return run && run !== before; }",
            arg=before,
        )
        run = self.query()["run"]
        self.state(run, state)
        return run

    def state(self, run: str, state: str) -> Locator:
        """Wait until the training box shows this run in this state."""
        panel = self.page.locator(f"#train-panel [data-run='{run}'][data-state={state}]")
        panel.wait_for()
        return panel

    def tiny(self) -> Visitor:
        """Choose the tiny checkpoint, now or once there are data, so that a training takes seconds."""
        if not self.page.locator("#train-settings").is_visible():
            self.later.append(self.tiny)
            return self
        self.choose("#train-checkpoint", "tiny")
        self.page.locator("#train-cards").filter(has_text="tiny").wait_for()
        self.page.locator("#train-start:not([disabled])").wait_for()
        return self

    def ask(self, text: str, pair: str | None = None) -> Locator:
        """Type into the boxes of Inference and wait for the answer to exactly that; return where it stands."""
        if pair is not None:
            self.page.fill("#predict-pair textarea", pair)
        self.page.fill("#predict-text textarea", text)
        self.page.wait_for_function(
            """([text, pair]) => {
              const answered = document.querySelector("#predict-answer .bd-answer-place")?.dataset ?? {};
              return answered.text === text && (pair === null || answered.pair === pair);
            }""",
            arg=[text, pair],
        )
        return self.page.locator("#predict-answer .bd-answer-place")

    def infers_with(self, words: str) -> None:
        """Wait until Inference has chosen a checkpoint whose name holds these words."""
        self.page.wait_for_function(
            "words => document.querySelector('#predict-checkpoint input')?.value.includes(words)", arg=words
        )

    # --- what must not happen ---

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.trouble.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _note_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in {"http", "https", "ws", "wss"} and parts.hostname != "127.0.0.1":
            self.trouble.append(f"request to {request.url[:200]}")

    def untouched(self) -> None:
        """Assert that no text of a visitor was run as code."""
        assert self.page.evaluate("typeof window.__x") == "undefined"


def broken_off(entry: str) -> bool:
    """Say whether an entry of `trouble` is what Gradio's client says of a request when its page is left."""
    return "AbortError" in entry or "Connection errored out" in entry


def lost_connection(entry: str) -> bool:
    """Say whether an entry of `trouble` only tells that the server was away."""
    return any(word in entry for word in ("ERR_CONNECTION", "ERR_INCOMPLETE", "ERR_EMPTY", "Failed to fetch",
                                          "NetworkError", "network error", "Failed to load resource"))  # fmt: skip


def options(**more: Any) -> dict[str, Any]:
    """Return what every browser context is opened with."""
    return {"viewport": {"width": 1280, "height": 900}, "locale": "en-US", "accept_downloads": True, **more}
