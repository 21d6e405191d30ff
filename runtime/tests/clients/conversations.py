"""Runs the conversations of one module, each through a relay of its own: `python conversations.py MODULE PORTS OUT`.

PORTS is JSON: name of a model → port of its replica. What was said is written to OUT, a file per conversation; a
conversation that does not go as its client library wants raises.
"""

from __future__ import annotations

import importlib
import json
import os
import sys

from relay import Relay, write


def main(module_name: str, ports_text: str, out: str) -> None:
    ports = json.loads(ports_text)
    module = importlib.import_module(module_name)
    for conversation in module.CONVERSATIONS:
        with Relay(ports[conversation.model]) as relay:
            conversation(relay.port)
            write(os.path.join(out, f"{conversation.__name__}.json"), conversation.client, conversation.model, relay)
        print(conversation.__name__, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
