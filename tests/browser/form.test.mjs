// A visitor of somebody's site fills in a form: what our pages then say, and how they look.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Visitor, form, launch } from "./support.mjs";

/** A site that is not ours. */
const SITE = "http://shop.test/";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** Fills in the form as anybody may write one, which does not check an address by itself. */
async function sent(email, options) {
  const visitor = await Visitor.arrive(browser, options);
  const fields = ["name", "email", "message"].map((name) => `<label>${name} <input name="${name}"></label>`);
  const body = `<!doctype html><title>Shop</title><form method="post" action="${form}">${fields.join("")}<button>Send</button></form>`;
  await visitor.page.route(SITE, (route) => route.fulfill({ contentType: "text/html", body }));
  await visitor.page.goto(SITE);
  await visitor.page.getByLabel("name").fill("Ada");
  await visitor.page.getByLabel("email").fill(email);
  await visitor.page.getByLabel("message").fill("canary-of-the-body");
  await visitor.press("button", "Send");
  return visitor;
}

test("whoever fills in a form is thanked", async () => {
  const visitor = await sent("ada@visitor.test");
  await visitor.reads("Thank you");
  await visitor.inspect("form-thanks");
  assert.deepEqual(visitor.complaints, []);
  await visitor.leave();
});

test("what has to be corrected is said, and going back finds what was typed", async () => {
  for (const javaScriptEnabled of [true, false]) {
    const visitor = await sent("nobody", { javaScriptEnabled });
    await visitor.reads("Please check what you filled in");
    if (javaScriptEnabled) await visitor.inspect("form-correction");
    assert.deepEqual(visitor.complaints, []);
    await visitor.page.goBack();
    assert.equal(await visitor.page.getByLabel("name").inputValue(), "Ada");
    await visitor.leave();
  }
});
