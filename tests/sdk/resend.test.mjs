// Resend's own client, as it comes from npm, against the Worker: only the address differs.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Resend } from "resend";

import {
  FRIEND, alias, attachment, data, delivered, from, key, plain, recipients, refused, sendingKey, until, url,
} from "./support.mjs";

const resend = new Resend(key, { baseUrl: url });

const EVERY_OCTET = Buffer.from(Array.from({ length: 256 }, (_, octet) => octet));

test("every option arrives", async () => {
  const subject = "Ihre Rechnung für März 🧾";
  const sent = {
    from: `Zoë’s Shop <${from}>`,
    to: [FRIEND, "Bob <bob@friend.test>"],
    cc: "Carol <carol@friend.test>",
    bcc: ["secret@friend.test"],
    replyTo: ["help@friend.test", "Büro <office@friend.test>"],
    subject,
    html: '<p>Grüße, 世界!</p><img src="cid:logo">canary-of-the-body',
    text: "Grüße, 世界!\ncanary-of-the-body",
    headers: { "X-Entity-Ref-ID": "4711" },
    tags: [{ name: "category", value: "invoice" }],
    attachments: [
      { filename: "logo.png", content: EVERY_OCTET, contentId: "logo", contentType: "image/png" },
      { filename: "Rechnung März.pdf", content: EVERY_OCTET.toString("base64") },
    ],
  };
  const { id } = data(await resend.emails.send(sent));
  assert.match(id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);

  const mail = await delivered(subject);
  assert.deepEqual(recipients(mail), [FRIEND, "bob@friend.test", "carol@friend.test", "secret@friend.test"]);
  const { letter } = mail;
  assert.equal(letter.from, sent.from);
  assert.equal(letter.to, `${FRIEND}, Bob <bob@friend.test>`);
  assert.equal(letter.cc, sent.cc);
  assert.equal(letter.reply_to, "help@friend.test, Büro <office@friend.test>");
  assert.deepEqual([letter.text, letter.html], [sent.text, sent.html]);
  const headers = new Map(letter.headers.map(([name, value]) => [name.toLowerCase(), value]));
  assert.equal(headers.get("x-entity-ref-id"), "4711");
  assert.ok(!headers.has("bcc"));
  const files = letter.attachments.map((file) => [file.name, file.content_type]);
  assert.deepEqual(files, [["logo.png", "image/png"], ["Rechnung März.pdf", "application/pdf"]]);
  for (const index of [0, 1]) {
    assert.deepEqual(await attachment(mail, index), EVERY_OCTET);
  }

  const email = await until("sent", async () => {
    const email = data(await resend.emails.get(id));
    return email.last_event === "sent" && email;
  });
  assert.deepEqual([email.object, email.id, email.subject], ["email", id, subject]);
  assert.deepEqual([email.to, email.bcc], [sent.to, sent.bcc]);
  assert.deepEqual([email.html, email.text, email.tags], [sent.html, sent.text, sent.tags]);
  assert.ok(!Number.isNaN(Date.parse(email.created_at)), email.created_at);
});

test("attachments of every kind the client takes are the same octets", async () => {
  const contents = [
    EVERY_OCTET,
    EVERY_OCTET.toString("base64"),
    new Uint8Array(EVERY_OCTET),
    new Uint8Array(EVERY_OCTET).buffer,
    // As clients before 6.22 sent a Buffer.
    EVERY_OCTET.toJSON(),
  ];
  const attachments = contents.map((content, index) => ({ filename: `${index}.bin`, content }));
  data(await resend.emails.send(plain("Attachments", { attachments })));
  const mail = await delivered("Attachments");
  assert.equal(mail.letter.attachments.length, contents.length);
  for (const index of contents.keys()) {
    assert.deepEqual(await attachment(mail, index), EVERY_OCTET, `${index}`);
  }
});

test("the address may come from the environment", async () => {
  process.env.RESEND_BASE_URL = url;
  const client = new Resend(key);
  delete process.env.RESEND_BASE_URL;
  data(await client.emails.send(plain("From the environment")));
  await delivered("From the environment");
});

test("an idempotency key makes one mail of two requests", async () => {
  const options = { idempotencyKey: "order-4711" };
  const first = data(await resend.emails.send(plain("Once"), options));
  assert.deepEqual(data(await resend.emails.send(plain("Once"), options)), first);
  const message = refused(
    await resend.emails.send(plain("Other"), options), 409, "invalid_idempotent_request",
  );
  assert.match(message, /idempotency key/);
  refused(
    await resend.emails.send(plain("Once"), { idempotencyKey: "k".repeat(257) }),
    400, "invalid_idempotency_key",
  );
  await until("sent", async () => data(await resend.emails.get(first.id)).last_event === "sent");
  await delivered("Once");
});

test("an alias is a sender", async () => {
  data(await resend.emails.send(plain("As an alias", { from: `Info <${alias}>` })));
  const { letter, envelope } = await delivered("As an alias");
  assert.deepEqual([letter.from, envelope.mail_from], [`Info <${alias}>`, from]);
  const other = await resend.emails.send(plain("x", { from: "ceo@bank.test" }));
  refused(other, 403, "validation_error");
});

test("keys are checked, and what they may do", async () => {
  const stranger = new Resend("re_123456789", { baseUrl: url });
  refused(await stranger.emails.send(plain("x")), 403, "invalid_api_key");
  const sender = new Resend(sendingKey, { baseUrl: url });
  const { id } = data(await sender.emails.send(plain("With a key that only sends")));
  refused(await sender.emails.get(id), 401, "restricted_api_key");
  refused(await resend.emails.get(id), 404, "not_found");
  await delivered("With a key that only sends");
});

test("what is wrong is named", async () => {
  const cases = [
    [{ to: "nobody" }, "validation_error", "`to`"],
    [{ subject: undefined }, "missing_required_field", "`subject`"],
    [{ text: undefined }, "missing_required_field", "`text`"],
    [{ headers: { Bcc: "evil@evil.test" } }, "validation_error", "`headers`"],
    [{ tags: [{ name: "a b", value: "c" }] }, "validation_error", "`tags`"],
    [{ attachments: [{ filename: "x", content: "?" }] }, "invalid_attachment", "`attachments[0]`"],
    [{ attachments: [{ path: "https://x.test/x" }] }, "invalid_attachment", "`path`"],
    [{ scheduledAt: "tomorrow at 9am" }, "validation_error", "`scheduled_at`"],
    [{ topicId: "x" }, "validation_error", "`topic_id`"],
    [{ template: { id: "x", variables: {} } }, "validation_error", "`template`"],
  ];
  for (const [more, name, field] of cases) {
    const message = refused(await resend.emails.send(plain("x", more)), 422, name);
    assert.ok(message.includes(field), message);
  }
  refused(await resend.emails.get("no-id"), 422, "validation_error");
});

test("what is not there yet is an error, and not an exception", async () => {
  const id = "019ab1c2-8000-8000-8000-000000000000";
  for (const result of [
    await resend.emails.share(id, { expiresIn: "10m" }),
    await resend.emails.metrics(),
    await resend.domains.list(),
  ]) {
    assert.equal(result.data, null);
    assert.ok(result.error);
  }
});
