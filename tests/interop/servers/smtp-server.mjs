// The npm package smtp-server, its messages written to files. Arguments: port, folder, and
// "secure" where TLS begins with the connection.
// What the addresses mean is said in src/lib.rs.

import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { SMTPServer } from "smtp-server";

const [port, folder, secure] = process.argv.slice(2);
let messages = 0;

function note(event) {
  appendFileSync(join(folder, "journal"), JSON.stringify(event) + "\n");
}

function refusal(responseCode, text) {
  return Object.assign(new Error(text), { responseCode });
}

/** Ends a connection without a word, as a crash does. */
function hangUp(session) {
  for (const connection of server.connections) {
    if (connection.session.id === session.id) connection._socket.destroy();
  }
}

function onAuth(auth, session, callback) {
  if (auth.accessToken.startsWith("good")) return callback(null, { user: auth.username });
  const scope = "https://mail.test/";
  callback(null, { data: { status: "401", schemes: "bearer mac", scope } });
}

function onMailFrom({ address }, session, callback) {
  const [who] = address.split("@");
  if (who === "mail-closed") return hangUp(session);
  if (who === "mail-refused") return callback(refusal(550, "not yours to send as"));
  if (who === "mail-deferred") return callback(refusal(451, "try again later"));
  callback();
}

function onRcptTo({ address }, session, callback) {
  if (address.startsWith("closed")) return hangUp(session);
  if (address.startsWith("refused")) return callback(refusal(550, "no such mailbox"));
  if (address.startsWith("deferred")) return callback(refusal(450, "mailbox busy"));
  callback();
}

function onData(stream, session, callback) {
  const pieces = [];
  stream.on("data", (piece) => pieces.push(piece));
  stream.on("end", () => {
    const { mailFrom, rcptTo } = session.envelope;
    const [who] = mailFrom.address.split("@");
    if (who === "content-closed") return hangUp(session);
    if (who === "content-refused") return callback(refusal(554, "not this"));
    if (who === "content-deferred") return callback(refusal(451, "not now"));
    const file = `${(messages += 1)}.eml`;
    writeFileSync(join(folder, file), Buffer.concat(pieces));
    note({ accepted: file, from: mailFrom.address, to: rcptTo.map(({ address }) => address) });
    callback();
  });
}

const server = new SMTPServer({
  name: "localhost",
  secure: secure === "secure",
  key: readFileSync(join(folder, "key.pem")),
  cert: readFileSync(join(folder, "certificate.pem")),
  authMethods: ["XOAUTH2"],
  disableReverseLookup: true,
  onConnect(session, callback) {
    note({ opened: session.id });
    callback();
  },
  onClose(session) {
    note({ closed: session.id });
  },
  onAuth,
  onMailFrom,
  onRcptTo,
  onData,
});
// A client that goes away in the middle is what some cases are about.
server.on("error", (error) => console.error(error.message));
server.listen(Number(port), "127.0.0.1", () => note({ listening: true }));
