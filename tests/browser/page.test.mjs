// The report as a reader meets it: opened from disk in headless Chromium. Started by scripts/test-report, which says where the
// results are (REPORTS, a list of directories) and which browser to use (CHROMIUM).

import assert from "node:assert/strict";
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const axe = readFileSync(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const reports = (process.env.REPORTS ?? "").split(":").filter(Boolean).map((path) => resolve(path));
const shots = process.env.SCREENSHOTS;

let browser;
before(async () => {
  assert.ok(reports.length > 0, "REPORTS names no results directory");
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
});
after(() => browser?.close());

/** Opens a report; what the console says and what is asked of a network is kept. */
async function open(report, { width = 1280, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width, height: 900 }, bypassCSP: false, ...options });
  const page = await context.newPage();
  const messages = [];
  const requests = [];
  page.on("console", (message) => messages.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => messages.push(`error: ${error.message}`));
  const address = pathToFileURL(join(report, "report.html")).href;
  page.on("request", (request) => {
    if (request.url() !== address && !request.url().startsWith("data:")) requests.push(request.url());
  });
  await page.goto(address, { waitUntil: "load" });
  // the panel is drawn once more when its typeface is there
  if (options.javaScriptEnabled !== false) {
    await page.evaluate(() => document.fonts.ready.then(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))));
  }
  return { page, context, messages, requests };
}

/** How much wider than its window the page is, in pixels, and by whose doing. */
const overflow = () => {
  const room = document.documentElement.clientWidth;
  const scrolls = (element) => element.closest(".scroll, pre, .unseen, .skip");
  const guilty = [...document.querySelectorAll("body *")]
    .filter((element) => !scrolls(element) && element.getBoundingClientRect().right > room + 0.5)
    .map((element) => `${element.tagName}.${element.className.baseVal ?? element.className}`);
  return { by: document.documentElement.scrollWidth - room, guilty: guilty.slice(0, 5) };
};

/** The share of a canvas that is drawn on, and its colours. */
const drawn = (canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const colours = new Set();
  let inked = 0;
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3] === 0) continue;
    inked += 1;
    colours.add((data[at] << 16) | (data[at + 1] << 8) | data[at + 2]);
  }
  return { inked: inked / (data.length / 4), colours: colours.size };
};

for (const report of reports) {
  const name = basename(report);
  const shot = async (page, kind, options = {}) => {
    if (!shots) return;
    mkdirSync(shots, { recursive: true });
    await page.screenshot({ path: join(shots, `${name}-${kind}.png`), fullPage: true, ...options });
  };

  test(`${name}: opens without a word on the console and without asking for anything`, async () => {
    const { page, context, messages, requests } = await open(report);
    const drawnAt = await page.evaluate(() => performance.now());
    await page.mouse.wheel(0, 20000);
    await page.waitForTimeout(100);
    assert.deepEqual(messages, []);
    assert.deepEqual(requests, []);
    const size = statSync(join(report, "report.html")).size;
    assert.ok(size < 2e6, `${size} bytes`);
    const { loadEventEnd, startTime } = await page.evaluate(() => performance.getEntriesByType("navigation")[0].toJSON());
    // told and not judged: how long it takes is the machine's doing too
    console.log(`# ${name}: ${size} bytes, opened in ${Math.round(loadEventEnd - startTime)} ms, all drawn after ${Math.round(drawnAt)} ms`);
    await context.close();
  });

  test(`${name}: every chart is drawn, with and without scripts`, async () => {
    const { page, context } = await open(report);
    const plots = page.locator("#timeline canvas");
    assert.ok(await plots.count() >= 3, "three plots per arm");
    for (const canvas of await plots.all()) {
      const { inked, colours } = await canvas.evaluate(drawn);
      assert.ok(inked > 0.01 && colours > 3, `a plot is empty: ${inked} of it drawn, ${colours} colours`);
    }
    await context.close();
    const plain = await open(report, { javaScriptEnabled: false });
    const figures = await plain.page.locator("figure").all();
    assert.ok(figures.length >= 4, `${figures.length} charts`);
    for (const figure of figures) {
      const svg = figure.locator("svg.wide");
      const { width, height } = await svg.boundingBox();
      const id = await figure.getAttribute("id");
      assert.ok(width > 200 && height > 80, `${id} is ${width} by ${height}`);
      assert.ok((await svg.innerHTML()).length > 1500, `${id} is empty`);
    }
    assert.ok(await plain.page.locator("#decisions tr").count() > 0, "decisions are there without scripts");
    await shot(plain.page, "no-script");
    await plain.context.close();
  });

  test(`${name}: one zoom and one hover for all arms, by mouse and by keyboard`, async () => {
    const { page, context, messages } = await open(report, { width: 1600 });
    const arms = page.locator("#timeline .panels .arm");
    const plots = page.locator("#timeline .u-over");
    const axes = () => page.locator("#timeline .interactive .span").textContent();
    const first = await plots.first().boundingBox();
    await page.mouse.move(first.x + first.width * 0.5, first.y + 20);
    for (const readout of await arms.locator(".readout").all()) {
      assert.match(await readout.textContent(), /requests\/s.* ready/);
    }
    const lines = page.locator("#timeline .u-cursor-x");
    for (const line of await lines.all()) {
      assert.notEqual(await line.evaluate((element) => element.style.transform), "", "the cursor stands in every plot");
    }
    assert.equal(await axes(), "");
    await page.mouse.down();
    await page.mouse.move(first.x + first.width * 0.75, first.y + 20, { steps: 5 });
    await page.mouse.up();
    const zoomed = await axes();
    assert.notEqual(zoomed, "", "dragging zooms");
    await shot(page, "zoomed", { fullPage: false });
    await page.mouse.dblclick(first.x + first.width * 0.3, first.y + 20);
    assert.equal(await axes(), "", "a double click shows all");
    await page.locator("#timeline .panels").focus();
    for (const key of ["ArrowRight", "ArrowRight", "+"]) await page.keyboard.press(key);
    assert.notEqual(await axes(), "", "plus zooms");
    assert.match(await page.locator("#timeline [role=status]").textContent(), /ready/);
    await page.keyboard.press("0");
    assert.equal(await axes(), "");
    const repeats = page.locator("#timeline .repeats select");
    if (await repeats.isVisible()) {
      const options = await repeats.locator("option").allTextContents();
      await repeats.selectOption({ index: options.length - 1 });
      assert.equal(await plots.count() % 3, 0);
    }
    assert.deepEqual(messages, []);
    await context.close();
  });

  test(`${name}: decisions can be filtered and found in the panel`, async () => {
    const { page, context } = await open(report);
    const rows = page.locator("#decisions tbody tr:not([hidden])");
    const all = await rows.count();
    if (all > 0) {
      await page.locator("#decisions select").first().selectOption({ index: 1 });
      const some = await rows.count();
      assert.ok(some > 0 && some <= all);
      await page.locator("#decisions input[type=search]").fill("no reason says this");
      assert.equal(await rows.count(), 0);
      await page.locator("#decisions input[type=search]").fill("");
      await rows.first().locator("button").click();
      assert.notEqual(await page.locator("#timeline .interactive .span").textContent(), "");
    }
    await context.close();
  });

  for (const width of [360, 1600]) {
    test(`${name}: nothing sticks out at ${width} pixels`, async () => {
      const { page, context } = await open(report, { width });
      assert.deepEqual(await page.evaluate(overflow), { by: 0, guilty: [] });
      await shot(page, width === 360 ? "narrow" : "wide");
      await context.close();
    });
  }

  for (const colorScheme of ["light", "dark"]) {
    test(`${name}: axe finds no serious fault in ${colorScheme} mode`, async () => {
      const { page, context } = await open(report, { colorScheme, bypassCSP: true });
      await shot(page, colorScheme);
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
      const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
      const said = serious.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ target, failureSummary }) => `${target} (${failureSummary})`).join("; ")}`);
      assert.deepEqual(said, []);
      await context.close();
    });
  }

  test(`${name}: a long list of runs is folded, and opens by keyboard without scripts`, async () => {
    const { page, context } = await open(report, { javaScriptEnabled: false });
    const validity = page.locator("#validity");
    assert.match(await validity.locator("strong").first().textContent(), /sound/);
    const { height } = await page.locator("body").boundingBox();
    assert.ok(height < 9000, `the page is ${height} pixels long`);
    const fold = validity.locator("details", { hasText: "Every run" });
    if (await fold.count() > 0) {
      const row = fold.locator("tbody tr").first();
      assert.ok(!(await row.isVisible()), "the list is folded");
      await fold.locator("summary").focus();
      await page.keyboard.press("Enter");
      assert.ok(await row.isVisible(), "Enter opens it");
      await page.keyboard.press("Enter");
      await page.emulateMedia({ media: "print" });
      assert.ok(await row.isVisible(), "on paper it is open");
    }
    await context.close();
  });

  test(`${name}: on paper the drawings stand, and nothing that only works on a screen`, async () => {
    const { page, context } = await open(report, { width: 794, colorScheme: "dark" });
    await page.emulateMedia({ media: "print" });
    assert.ok(await page.locator("#timeline svg.wide").isVisible());
    assert.ok(!(await page.locator("#timeline .interactive").isVisible()));
    assert.equal(await page.locator(".controls:visible").count(), 0);
    await shot(page, "print");
    if (shots) await page.pdf({ path: join(shots, `${name}.pdf`), format: "A4", printBackground: true });
    await context.close();
  });
}
