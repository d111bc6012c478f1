"""Measure the page of `web/`: from opening it to the first reading, and each later reading.

python -m benchmarks.page

Needs requirements-dev.txt, Node.js and Chromium with its driver; other work on the machine shows in every
figure.
"""

import argparse
import tempfile
from pathlib import Path
from statistics import median, quantiles

from selenium import webdriver
from tqdm import tqdm

from common.cli import ArgumentParser, number, run_script
from common.messages import UserError
from tests.support.browser import Page, chromium, missing_tools, serve

# Of each reading, when it was asked for and how long it took until it was shown, in ms since the page opened.
WATCH = """
    window.readings = [];
    new PerformanceObserver((list) => {
        readings.push(...list.getEntries().map(({ startTime, duration }) => [startTime, duration]));
    }).observe({ type: "measure" });
"""


def main() -> int:
    """Run the script and return its exit status."""
    args = parse_arguments()
    if lacking := missing_tools():
        raise UserError(f"this measurement needs {', '.join(lacking)}")
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder)) as address:
        first = [first_reading(address) for _ in tqdm(range(args.starts), leave=False)]
        print(f"from opening to the first reading   median {median(first) / 1000:.2f} s of {args.starts}")
        with chromium() as driver:
            page = open_page(driver, address)
            for what, texts in (("a digit", "0123456789"), ("three digits", ["346", "905", "127", "830"])):
                times = [time for _ in range(args.repeats) for text in texts for time in readings(page, text)]
                late = f"95th percentile {quantiles(times, n=20)[-1]:.1f} ms"
                print(f"a reading of {what:23}median {median(times):.1f} ms, {late}, of {len(times):,}")
    return 0


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = ArgumentParser("Measure how fast the page of web/ reads, in headless Chromium.")
    count = number(int, at_least=1)
    parser.add_argument("--starts", type=count, default=5, help="times to open the page in a new browser")
    parser.add_argument("--repeats", type=count, default=5, help="times to draw each number")
    return parser.parse_args()


def open_page(driver: webdriver.Chrome, address: str, ready: bool = True) -> Page:
    """Open the page so that it records its readings."""
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
    return Page(driver, address, ready=ready)


def first_reading(address: str) -> float:
    """Return the time from opening the page to a reading, drawn before the network has loaded, in ms."""
    with chromium() as driver:
        page = open_page(driver, address, ready=False)
        page.draw([[(300, 200), (300, 300)]])
        page.wait_for_reading("1")
        return sum(page.run("return readings[0]"))


def readings(page: Page, text: str) -> list[float]:
    """Draw a number and return the times of the readings meanwhile, in ms."""
    page.run("document.getElementById('clear').click(); readings.length = 0")
    page.draw(page.digits(text))
    page.wait_for_reading(text)
    return [duration for _, duration in page.run("return readings")]


if __name__ == "__main__":
    run_script(main)
