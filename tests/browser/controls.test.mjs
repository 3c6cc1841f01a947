// What the other tests rely on: that a visitor notices what goes wrong.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Visitor, launch, provider, url } from "./support.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** Shows a page of ours that there is not, under a policy. */
async function shown(policy, body) {
  const visitor = await Visitor.arrive(browser);
  await visitor.page.route(`${url}/control`, (route) =>
    route.fulfill({
      contentType: "text/html; charset=utf-8",
      headers: { "content-security-policy": policy },
      body: `<!doctype html><html lang="en"><title>Control</title><main><h1>Control</h1>${body}</main></html>`,
    }),
  );
  await visitor.goto("/control");
  return visitor;
}

function complained(visitor, what) {
  return visitor.complaints.some((complaint) => complaint.includes(what));
}

test("what a policy forbids is noticed", async () => {
  const visitor = await shown("default-src 'none'", "<style>p{color:red}</style>");
  assert.ok(complained(visitor, "Content Security Policy"), visitor.complaints.join("\n"));
  await visitor.leave();
});

test("a script that fails is noticed", async () => {
  const visitor = await shown("script-src 'unsafe-inline'", "<script>throw new Error('oh')</script>");
  assert.ok(complained(visitor, "oh"), visitor.complaints.join("\n"));
  await visitor.leave();
});

test("a field without a name and faint letters are noticed", async () => {
  const visitor = await shown("default-src 'self' 'unsafe-inline'", '<input><p style="color:#ddd">faint</p>');
  const faults = await visitor.faults();
  for (const rule of ["label", "color-contrast"]) {
    assert.ok(faults.some((fault) => fault.startsWith(rule)), `${rule}: ${faults.join("\n")}`);
  }
  await visitor.leave();
});

test("a page that is wider than the screen is noticed", async () => {
  const visitor = await shown("default-src 'self' 'unsafe-inline'", '<p style="width:3000px">wide</p>');
  await assert.rejects(visitor.picture("control"), /wide/);
  await visitor.leave();
});

test("a form that is sent on over another origin is stopped: hence a link leads to the provider", async () => {
  const { origin } = new URL(provider);
  const form = `<form action="${provider}"><button>Connect</button></form>`;
  const visitor = await shown(`default-src 'none'; form-action 'self' ${origin}`, form);
  await visitor.page.getByRole("button").click();
  const stopped = () => complained(visitor, "form-action");
  for (let tries = 0; !stopped() && tries < 50; tries += 1) await visitor.page.waitForTimeout(100);
  assert.ok(stopped(), visitor.complaints.join("\n"));
  assert.equal(visitor.page.url(), `${url}/control`);
  await visitor.leave();
});
