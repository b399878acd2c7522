"""A mail server for tests: prints its port, then one JSON object for each message that it takes.

Usage: smtp_server.py none|starttls|tls [CERTIFICATE KEY]
The user `trawl` with the password `geheim` may log in. Mail to `later@` is put off, mail to `never@` is refused.
"""

import asyncio
import base64
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("later@"):
            return "451 4.7.1 greylisted, come back later"
        if address.startswith("never@"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        say(
            {
                "from": envelope.mail_from,
                "to": envelope.rcpt_tos,
                "hello": session.host_name,
                "tls": session.ssl is not None or mode == "tls",
                "authenticated": bool(session.authenticated),
                "content": base64.b64encode(envelope.content).decode(),
            }
        )
        return "250 2.0.0 queued as 4711"


def say(value):
    print(json.dumps(value), flush=True)


def authenticate(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"trawl", b"geheim")
    return AuthResult(success=good)


async def serve():
    options = {"authenticator": authenticate, "auth_require_tls": mode == "starttls", "decode_data": False}
    if mode == "starttls":
        options.update(tls_context=context, require_starttls=True)
    loop = asyncio.get_running_loop()
    safe = context if mode == "tls" else None
    server = await loop.create_server(lambda: SMTP(Handler(), **options), "127.0.0.1", 0, ssl=safe)
    say(server.sockets[0].getsockname()[1])
    # The test ends, and with it our input.
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


mode = sys.argv[1]
context = None
if mode != "none":
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
asyncio.run(serve())
