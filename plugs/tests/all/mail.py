"""A mail server of Debian's python3-aiosmtpd. What it is sent it does not keep; its answer says who has
come, and how.

mail.py tls:ADDRESS:PORT starttls:ADDRESS:PORT clear:ADDRESS:PORT (one or several of them)
"""

import asyncio
import ssl
import sys

from aiosmtpd.smtp import SMTP


class Mailbox:
    def __init__(self, how):
        self.how = how

    async def handle_DATA(self, server, session, envelope):
        how = "starttls" if session.ssl else "clear"
        how = how if self.how != "tls" else "tls"
        return f"250 from {session.peer[0]} by {how}"


async def listen(how, address, port):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain("certificate.pem", "key.pem")
    starttls = {"tls_context": tls, "require_starttls": True} if how == "starttls" else {}
    await asyncio.get_running_loop().create_server(
        lambda: SMTP(Mailbox(how), hostname="service.test", **starttls),
        address,
        int(port),
        ssl=tls if how == "tls" else None,
    )


async def serve(listeners):
    for listener in listeners:
        await listen(*listener.split(":"))
    await asyncio.Event().wait()


try:
    asyncio.run(serve(sys.argv[1:]))
except KeyboardInterrupt:
    pass
