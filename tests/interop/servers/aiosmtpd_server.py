"""Python's aiosmtpd, its messages written to files. Arguments: port, folder, mechanism of AUTH.

What the addresses mean is said in src/lib.rs.
"""

import asyncio
import base64
import json
import pathlib
import ssl
import sys

from aiosmtpd.smtp import MISSING, SMTP, AuthResult

PORT, FOLDER, MECHANISM = int(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
ERROR = '{"status":"401","schemes":"bearer","scope":"https://mail.test/"}'


def note(**event):
    with open(FOLDER / "journal", "a", encoding="utf-8") as journal:
        journal.write(json.dumps(event) + "\n")


class Handler:
    def __init__(self):
        self.messages = 0

    async def auth_XOAUTH2(self, server, args):
        return await self.bearer(server, args, b"user=", b"")

    async def auth_OAUTHBEARER(self, server, args):
        return await self.bearer(server, args, b"n,a=", b"\x01")

    async def bearer(self, server, args, start, last_word):
        if len(args) > 1:
            response = base64.b64decode(args[1])
        else:
            response = await server.challenge_auth("")
        if response is MISSING:
            return AuthResult(success=False)
        if response.startswith(start) and b"\x01auth=Bearer good" in response:
            return AuthResult(success=True)
        # As Google and Microsoft do: the reason, what the client says to that, then 535.
        if await server.challenge_auth(ERROR) != last_word:
            await server.push("501 5.5.2 that is not how it is acknowledged")
            return AuthResult(success=False)
        return AuthResult(success=False, handled=False)

    async def handle_MAIL(self, server, session, envelope, address, options):
        who = address.partition("@")[0]
        if who == "mail-closed":
            return hang_up(server)
        if who == "mail-refused":
            return "550 5.7.1 not yours to send as"
        if who == "mail-deferred":
            return "451 4.3.0 try again later"
        envelope.mail_from = address
        return "250 2.1.0 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("closed"):
            return hang_up(server)
        if address.startswith("refused"):
            return "550 5.1.1 no such mailbox"
        if address.startswith("deferred"):
            return "450 4.2.1 mailbox busy"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        who = envelope.mail_from.partition("@")[0]
        if who == "content-closed":
            return hang_up(server)
        if who == "content-refused":
            return "554 5.6.0 not this"
        if who == "content-deferred":
            return "451 4.3.0 not now"
        self.messages += 1
        file = f"{self.messages}.eml"
        (FOLDER / file).write_bytes(envelope.content)
        note(accepted=file, to=envelope.rcpt_tos, **{"from": envelope.mail_from})
        return "250 2.0.0 OK"


def hang_up(server):
    """Ends a connection without a word, as a crash does."""
    server.transport.abort()
    return "421 4.3.2 never sent"


class Journalled(SMTP):
    def connection_made(self, transport):
        # It is made a second time when TLS is established.
        if self.transport is None:
            note(opened=True)
        super().connection_made(transport)

    def connection_lost(self, error):
        super().connection_lost(error)
        note(closed=True)


async def main():
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(FOLDER / "certificate.pem", FOLDER / "key.pem")
    handler = Handler()

    def connected():
        return Journalled(
            handler,
            hostname="localhost",
            tls_context=tls,
            require_starttls=True,
            auth_required=True,
            auth_exclude_mechanism={"LOGIN", "PLAIN", "XOAUTH2", "OAUTHBEARER"} - {MECHANISM},
        )

    server = await asyncio.get_running_loop().create_server(connected, "127.0.0.1", PORT)
    note(listening=True)
    await server.serve_forever()


asyncio.run(main())
