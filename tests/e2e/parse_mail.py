"""Messages read by Python's own parser: a JSON list of them in base64 in, what they say out."""

import base64
import email
import email.policy
import json
import sys

ADDRESS_FIELDS = ("from", "to", "cc", "bcc", "reply-to", "sender")


def encoded(octets):
    return base64.b64encode(octets).decode()


def part(node):
    """A part with its parts, and what the parser found wrong with it."""
    disposition = node.get_content_disposition()
    content_id = node["content-id"]
    read = {
        "type": node.get_content_type(),
        "disposition": disposition,
        "filename": node.get_filename(),
        "content_id": None if content_id is None else str(content_id).strip("<> "),
        "octets": "",
        "parts": [],
        "defects": [repr(defect) for defect in node.defects],
    }
    for name, value in node.items():
        read["defects"] += [f"{name}: {defect!r}" for defect in value.defects]
    if node.get_content_maintype() == "multipart":
        read["parts"] = [part(child) for child in node.iter_parts()]
    elif node.get_content_type() == "message/rfc822":
        read["octets"] = encoded(node.get_content().as_bytes())
    elif disposition is None:
        text = node.get_content(errors="strict")
        read["octets"] = encoded(text.encode())
    else:
        read["octets"] = encoded(node.get_payload(decode=True))
    return read


def message(octets):
    read = email.message_from_bytes(octets, policy=email.policy.default)
    names = [name.lower() for name in read.keys()]
    return {
        "headers": [[name.lower(), str(value)] for name, value in read.items()],
        "addresses": {
            name: [
                [address.display_name, address.addr_spec]
                for field in read.get_all(name)
                for address in field.addresses
            ]
            for name in ADDRESS_FIELDS
            if name in names
        },
        "body": part(read),
    }


json.dump([message(base64.b64decode(octets)) for octets in json.load(sys.stdin)], sys.stdout)
