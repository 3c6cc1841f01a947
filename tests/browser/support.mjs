// What the tests in a browser share: where everything is, a visitor who notices what goes wrong, and
// a look at a page as people with other eyes, screens and hands have it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

import { chromium } from "playwright-core";

/** Longest wait for a page or a thing on it. */
const PATIENCE_MS = 20_000;

/** Most presses of Tab to get anywhere on one of our pages. */
const MOST_TABS = 60;

/** What a page is looked at in. The narrow one is the smallest phone that is still about. */
const DESKTOP = { width: 1200, height: 800 };
export const PHONE = { width: 320, height: 640 };

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

function setting(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run \`cargo xtask test browser\``);
  return value;
}

export const url = setting("EDGEPOST_URL");
export const operatorKey = setting("EDGEPOST_OPERATOR_KEY");
export const mailboxes = JSON.parse(setting("EDGEPOST_MAILBOXES"));
export const provider = setting("EDGEPOST_PROVIDER");
const inbox = setting("EDGEPOST_INBOX");
const screenshots = setting("EDGEPOST_SCREENSHOTS");

/** The browser, for all tests of a file. */
export function launch() {
  return chromium.launch({ executablePath: setting("CHROME"), args: ["--no-proxy-server"] });
}

/** Who a mail in the inbox was for, and its subject. */
export async function mailsTo(address) {
  const response = await fetch(`${inbox}/api/messages`);
  const mails = await response.json();
  return mails.filter((mail) => JSON.stringify(mail).includes(address));
}

/** Somebody at the browser, who presses things by mouse, finger or keyboard. */
export class Visitor {
  /** What went wrong in the browser's eyes: errors, scripts, and whatever a policy forbade. */
  complaints = [];
  #documents = new Set();
  #keyboard;

  static async arrive(browser, { keyboard = false, ...options } = {}) {
    // The stand-in provider's certificate is that of an authority of its own.
    const context = await browser.newContext({ viewport: DESKTOP, ignoreHTTPSErrors: true, ...options });
    context.setDefaultTimeout(PATIENCE_MS);
    return new Visitor(await context.newPage(), keyboard);
  }

  constructor(page, keyboard) {
    this.page = page;
    this.#keyboard = keyboard;
    page.on("response", (response) => {
      if (response.request().isNavigationRequest()) this.#documents.add(response.url());
    });
    page.on("pageerror", (error) => this.complaints.push(String(error)));
    page.on("console", (message) => {
      // That a page came with a status of 403 is for the test to judge, which reads it.
      const own = message.text().startsWith("Failed to load resource: the server responded");
      if (own && this.#documents.has(message.location().url)) return;
      if (["error", "warning"].includes(message.type())) this.complaints.push(message.text());
    });
  }

  async leave() {
    await this.page.context().close();
  }

  async goto(path) {
    await this.page.goto(`${url}${path}`);
  }

  /** The page's only heading of the first rank. */
  async reads(heading) {
    await this.page.getByRole("heading", { level: 1, name: heading }).waitFor();
  }

  /** Types into whatever the page has put the cursor in. */
  async type(text) {
    if (this.#keyboard) {
      await this.page.keyboard.type(text);
    } else {
      await this.page.locator(":focus, [autofocus]").first().fill(text);
    }
  }

  /** Presses a button or follows a link, and waits for what comes of it. */
  async press(role, name) {
    const target = this.page.getByRole(role, { name, exact: true });
    await target.waitFor();
    const loaded = this.page.waitForEvent("load");
    if (this.#keyboard) {
      await this.#reach(target);
      await this.page.keyboard.press("Enter");
    } else {
      await target.click();
    }
    await loaded;
  }

  /** By Tab alone, as far as it takes. */
  async #reach(target) {
    for (let presses = 0; presses < MOST_TABS; presses += 1) {
      const [here, ring] = await target.evaluate((element) => [
        element === element.ownerDocument.activeElement,
        getComputedStyle(element).outlineStyle,
      ]);
      if (here) {
        assert.notEqual(ring, "none", "whoever uses the keyboard has to see where they are");
        return;
      }
      await this.page.keyboard.press("Tab");
    }
    assert.fail(`${target} cannot be reached by Tab`);
  }

  /** A picture, and nothing that is wider than the screen. */
  async picture(name) {
    const { width } = this.page.viewportSize();
    await this.page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true });
    const wide = await this.page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= width, `${name} is ${wide} wide on a screen of ${width}`);
  }

  /** Looks at the page by day on a desk and by night on a phone, and has axe look at each. */
  async inspect(name) {
    for (const [scheme, size] of [["light", DESKTOP], ["dark", PHONE]]) {
      await this.page.emulateMedia({ colorScheme: scheme });
      await this.page.setViewportSize(size);
      assert.deepEqual(await this.faults(), [], `${name}, ${scheme}`);
      await this.picture(`${name}-${scheme}`);
    }
    await this.page.emulateMedia({ colorScheme: null });
    await this.page.setViewportSize(DESKTOP);
  }

  /** What axe finds, in a line each. */
  async faults() {
    await this.page.evaluate(AXE);
    const { violations } = await this.page.evaluate(() => globalThis.axe.run(document));
    return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).join(" ")}`);
  }
}
