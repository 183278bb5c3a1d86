// The page of `run --live` while a study goes on by the wall clock. Started by scripts/test-report, with the program in WATCHTOWER.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { chromium } from "playwright-core";

const scenario = fileURLToPath(new URL("live.toml", import.meta.url));
const shots = process.env.SCREENSHOTS;

test("the page grows with the run and has the report when it ends", { timeout: 120_000 }, async () => {
  const room = mkdtempSync(join(tmpdir(), "live-"));
  const program = spawn(process.env.WATCHTOWER, ["run", scenario, "--quiet", "--out", join(room, "study"), "--live"]);
  const ended = new Promise((resolve) => program.on("exit", resolve));
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
  try {
    let said = "";
    const address = await new Promise((resolve, reject) => {
      program.stderr.on("data", (text) => {
        said += text;
        const found = said.match(/live at (http:\/\/127\.0\.0\.1:\d+\/)/);
        if (found) resolve(found[1]);
      });
      program.on("exit", (code) => reject(new Error(`ended with ${code}: ${said}`)));
    });
    const page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
    const messages = [];
    const strangers = [];
    page.on("console", (message) => messages.push(`${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => messages.push(`error: ${error.message}`));
    page.on("request", (request) => {
      if (!request.url().startsWith(address) && !request.url().startsWith("data:")) strangers.push(request.url());
    });
    await page.goto(address);
    const bar = page.locator("#live");
    await bar.filter({ hasText: /Run 1 of 2: one, repeat 1, \d+ s/ }).waitFor({ timeout: 30_000 });
    await page.locator("#timeline canvas").first().waitFor({ timeout: 30_000 });
    const seconds = () => page.locator("#live").textContent();
    const first = await seconds();
    await page.waitForFunction((before) => document.querySelector("#live").textContent !== before, first, { timeout: 30_000 });
    if (shots) {
      mkdirSync(shots, { recursive: true });
      await page.screenshot({ path: join(shots, "live.png") });
    }
    await bar.filter({ hasText: "Run 2 of 2" }).waitFor({ timeout: 30_000 });
    await bar.filter({ hasText: "The study is over" }).waitFor({ timeout: 60_000 });
    await page.locator("#verdict", { hasText: "one run per arm" }).waitFor({ timeout: 10_000 });
    assert.equal(await page.locator("#timeline .panels .arm").count(), 2);
    assert.equal(await ended, 0, said);
    await assert.rejects(fetch(address), "the page ends with the command");
    assert.deepEqual(messages, []);
    assert.deepEqual(strangers, []);
  } finally {
    program.kill();
    await browser.close();
    rmSync(room, { recursive: true, force: true });
  }
});
