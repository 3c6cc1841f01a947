// What the tests of a client share: where everything is, and the inbox the mail arrives in.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

// Longest wait for something that has to happen, and how often it is looked for.
const PATIENCE_MS = 60_000;
const POLL_MS = 200;

function setting(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run \`cargo xtask test sdk\``);
  return value;
}

export const url = setting("EDGEPOST_URL");
export const key = setting("EDGEPOST_KEY");
export const sendingKey = setting("EDGEPOST_SENDING_KEY");
export const from = setting("EDGEPOST_FROM");
export const alias = setting("EDGEPOST_ALIAS");
const inbox = setting("EDGEPOST_INBOX");

export const FRIEND = "ada@friend.test";

export function plain(subject, more = {}) {
  return { from, to: FRIEND, subject, text: "canary-of-the-body", ...more };
}

/** The answer to a request that has to work. */
export function data(result) {
  assert.equal(result.error, null, JSON.stringify(result.error));
  return result.data;
}

/** Holds the error that the client reports against what it must be. */
export function refused(result, statusCode, name) {
  assert.equal(result.data, null);
  assert.deepEqual(Object.keys(result.error).sort(), ["message", "name", "statusCode"]);
  const { message } = result.error;
  assert.deepEqual([result.error.statusCode, result.error.name], [statusCode, name], message);
  return message;
}

/** Asks until there is an answer. */
export async function until(what, ask) {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error(`never ${what}`);
    await sleep(POLL_MS);
  }
}

async function json(path) {
  const response = await fetch(`${inbox}${path}`);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

/** The one mail with this subject, as the provider has it. */
export async function delivered(subject) {
  const found = await until(`delivered: ${subject}`, async () => {
    const mails = await json("/api/messages");
    const own = mails.filter((mail) => mail.subject === subject);
    return own.length > 0 && own;
  });
  if (found.length !== 1) throw new Error(`${found.length} mails: ${subject}`);
  return json(`/api/messages/${found[0].id}`);
}

/** The octets of a mail's attachment, after its place among them. */
export async function attachment(mail, index) {
  const response = await fetch(`${inbox}/messages/${mail.id}/attachments/${index}`);
  if (!response.ok) throw new Error(`attachment ${index}: ${response.status}`);
  return Buffer.from(await response.arrayBuffer());
}

/** Who the mail was for, as SMTP said. */
export function recipients(mail) {
  return mail.envelope.rcpt_to.map((recipient) => recipient.address);
}
