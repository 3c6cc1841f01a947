// The operator's door: from signing in to signing out, by whoever uses a mouse, only a keyboard, or a
// phone without JavaScript.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { PHONE, Visitor, launch, mailboxes, mailsTo, operatorKey, provider, url } from "./support.mjs";

/** Pages behind the one that signing out leads to: more than the way has. */
const PAGES_BACK = 14;

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** Goes the whole way with one mailbox. `look` is shown each page. */
async function wholeWay(t, visitor, mailbox, look) {
  const { page } = visitor;
  await visitor.goto("/operator");
  await visitor.reads("Sign in");
  await look("sign-in");
  await visitor.type("not-the-key");
  await visitor.press("button", "Sign in");
  await page.getByRole("alert").getByText("That is not the operator key.").waitFor();
  await look("sign-in-refused");
  await visitor.type(operatorKey);
  await visitor.press("button", "Sign in");

  await visitor.reads("Mailboxes");
  await look("mailboxes");
  await visitor.press("button", `Connect ${mailbox}`);
  await visitor.reads("Off to the provider");
  assert.equal(page.url().startsWith(url), true);
  await look("off-to-the-provider");
  const { origin } = new URL(provider);
  await visitor.press("link", `Continue to ${origin}`);
  // It has sent us on to an origin that our page could not have named.
  assert.notEqual(new URL(page.url()).origin, origin);
  await visitor.press("button", "Allow");
  await visitor.reads(`${mailbox} is connected`);
  await look("connected");

  await visitor.press("button", "Send a test message to itself");
  await visitor.reads("A test message is on its way");
  await look("test-message");
  await t.waitFor(async () => assert.equal((await mailsTo(mailbox)).length, 1), { interval: 200, timeout: 30_000 });
  await visitor.press("link", "All mailboxes");
  await visitor.reads("Mailboxes");
  await look("mailboxes-connected");
  await visitor.press("button", `Disconnect ${mailbox}`);
  await visitor.reads("The mailbox is disconnected");
  await look("disconnected");
  await visitor.press("link", "All mailboxes");
  await page.getByRole("button", { name: `Connect ${mailbox}`, exact: true }).waitFor();

  await visitor.press("button", "Sign out");
  await visitor.reads("Sign in");
  await nothingBehind(visitor);
  assert.deepEqual(visitor.complaints, []);
  await visitor.leave();
}

/** Whoever sits down at the browser next finds nothing by going back. */
async function nothingBehind({ page }) {
  let own = 0;
  for (let pages = 0; pages < PAGES_BACK; pages += 1) {
    // A page that came of a form is not shown again, which ends in an error.
    await page.goBack().catch(() => {});
    const content = await settled(page);
    // What the provider shows is the provider's.
    if (!page.url().startsWith(url)) continue;
    own += 1;
    for (const address of mailboxes) assert.ok(!content.includes(address), `${page.url()} shows ${address}`);
  }
  assert.ok(own > 2, `only ${own} pages of ours on the way back`);
  await page.goto(`${url}/operator`);
  assert.equal(page.url(), `${url}/login`);
}

/** What is on a page that may still be on its way to another. */
async function settled(page) {
  for (;;) {
    try {
      await page.waitForLoadState();
      return await page.content();
    } catch (error) {
      if (!error.message.includes("navigating")) throw error;
    }
  }
}

test("the whole way by mouse, each page looked at in light and dark, wide and narrow", async (t) => {
  const visitor = await Visitor.arrive(browser);
  await wholeWay(t, visitor, mailboxes[0], (name) => visitor.inspect(name));
});

test("the whole way by keyboard alone", async (t) => {
  const visitor = await Visitor.arrive(browser, { keyboard: true });
  await wholeWay(t, visitor, mailboxes[1], async () => {});
});

test("the whole way on a phone without JavaScript", async (t) => {
  const phone = { viewport: PHONE, isMobile: true, hasTouch: true, javaScriptEnabled: false };
  const visitor = await Visitor.arrive(browser, phone);
  await wholeWay(t, visitor, mailboxes[2], (name) => visitor.picture(`${name}-phone`));
});

test("without a session a callback connects nothing and asks to sign in, and that page is good too", async () => {
  const visitor = await Visitor.arrive(browser);
  await visitor.goto("/oauth/callback/custom?code=x&state=y");
  await visitor.reads("The mailbox was not connected");
  await visitor.inspect("not-connected");
  assert.deepEqual(visitor.complaints, []);
  await visitor.leave();
});
