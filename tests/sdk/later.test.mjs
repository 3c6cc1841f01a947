// What Resend's own client does with messages that wait, with lists, and with batches.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Resend } from "resend";

import { data, delivered, key, plain, refused, sendingKey, until, url } from "./support.mjs";

const resend = new Resend(key, { baseUrl: url });
const sender = new Resend(sendingKey, { baseUrl: url });

/** A time so many seconds from now, as programs write it. */
function ahead(seconds) {
  return new Date(Date.now() + seconds * 1000);
}

async function event(id) {
  return data(await resend.emails.get(id)).last_event;
}

test("a message is scheduled, and sent at its time", async () => {
  const at = ahead(5);
  const { id } = data(await resend.emails.send(plain("Scheduled", { scheduledAt: at.toISOString() })));
  const email = data(await resend.emails.get(id));
  assert.equal(email.last_event, "scheduled");
  assert.equal(Date.parse(email.scheduled_at), at.getTime());
  await delivered("Scheduled");
  assert.ok(Date.now() >= at.getTime());
  await until("sent", async () => (await event(id)) === "sent");
  refused(await resend.emails.cancel(id), 422, "validation_error");
});

test("a message is rescheduled, in words and by the clock", async () => {
  const { id } = data(await resend.emails.send(plain("Rescheduled", { scheduledAt: "in 1 min" })));
  const later = data(await resend.emails.update({ id, scheduledAt: "in 2 hours" }));
  assert.deepEqual(later, { object: "email", id });
  const { scheduled_at } = data(await resend.emails.get(id));
  assert.ok(Math.abs(Date.parse(scheduled_at) - ahead(7200)) < 60_000, scheduled_at);
  data(await resend.emails.update({ id, scheduledAt: ahead(-1).toISOString() }));
  await delivered("Rescheduled");
  const message = refused(
    await resend.emails.update({ id, scheduledAt: "in a while" }), 422, "validation_error",
  );
  assert.match(message, /`scheduled_at`/);
});

test("a message is canceled, and stays so", async () => {
  const { id } = data(await resend.emails.send(plain("Canceled", { scheduledAt: "in 1 hour" })));
  for (const _ of [1, 2]) {
    assert.deepEqual(data(await resend.emails.cancel(id)), { object: "email", id });
  }
  assert.equal(await event(id), "canceled");
  const update = await resend.emails.update({ id, scheduledAt: "in 1 min" });
  assert.match(refused(update, 422, "validation_error"), /`canceled`/);
  refused(await sender.emails.cancel(id), 401, "restricted_api_key");
});

test("lists are paged", async () => {
  const ids = [];
  for (const subject of ["List 1", "List 2", "List 3"]) {
    const { id } = data(await resend.emails.send(plain(subject, { scheduledAt: "in 1 hour" })));
    ids.unshift(id);
  }
  const page = async (options) => {
    const list = data(await resend.emails.list(options));
    assert.equal(list.object, "list");
    return [list.data.map((email) => email.id), list.has_more];
  };
  assert.deepEqual(await page({ limit: 2 }), [ids.slice(0, 2), true]);
  assert.deepEqual(await page({ limit: 1, after: ids[1] }), [[ids[2]], true]);
  assert.deepEqual(await page({ limit: 1, before: ids[2] }), [[ids[1]], true]);
  assert.deepEqual(await page({ before: ids[1] }), [[ids[0]], false]);
  const all = data(await resend.emails.list());
  const newest = all.data[0];
  assert.deepEqual(
    [newest.subject, newest.last_event, newest.cc, newest.bcc], ["List 3", "scheduled", null, null],
  );
  refused(await resend.emails.list({ limit: 101 }), 422, "validation_error");
  refused(await sender.emails.list(), 401, "restricted_api_key");
  for (const id of ids) data(await resend.emails.cancel(id));
});

test("a batch is sent whole, or as far as it is good", async () => {
  const batch = (name) => [plain(`${name} 1`), plain(`${name} 2`, { to: "nobody" }), plain(`${name} 3`)];
  const message = refused(await resend.batch.send(batch("Strict")), 422, "validation_error");
  assert.match(message, /Email 1 .*`to`/);

  const options = { batchValidation: "permissive", idempotencyKey: "batch-4711" };
  const first = data(await resend.batch.send(batch("Batch"), options));
  assert.equal(first.data.length, 2);
  assert.deepEqual(first.errors.map(({ index }) => index), [1]);
  assert.match(first.errors[0].message, /`to`/);
  assert.deepEqual(data(await resend.batch.send(batch("Batch"), options)), first);
  refused(await resend.batch.send(batch("Other"), options), 409, "invalid_idempotent_request");
  for (const [index, subject] of ["Batch 1", "Batch 3"].entries()) {
    await delivered(subject);
    assert.equal(data(await resend.emails.get(first.data[index].id)).subject, subject);
  }

  const many = Array.from({ length: 100 }, () => plain("Never", { scheduledAt: "in 1 hour" }));
  const { data: sent } = data(await resend.batch.send(many));
  assert.equal(new Set(sent.map(({ id }) => id)).size, 100);
  refused(await resend.batch.send([...many, many[0]]), 422, "validation_error");
  refused(await resend.batch.send([]), 422, "validation_error");
});
