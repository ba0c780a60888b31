"""Speaks NATS with nats-py.

    nats_peer.py publish URL MESSAGE…      publishes messages to JetStream, in order
    nats_peer.py dead-letters URL COUNT    waits for dead letters and reads them; prints one line of JSON
    nats_peer.py tap URL FOLDER            writes the headers of every event to FOLDER/messages.jsonl until it is stopped

A MESSAGE is JSON: "subject", "headers", and either "event" (the name of a message in contrail.events.v1, with its
"fields") or "hex" (the payload's bytes).
"""

import asyncio
import json
import pathlib
import sys

import nats


def payload(message):
    if "hex" in message:
        return bytes.fromhex(message["hex"])
    from shop_stubs import events

    return getattr(events, message["event"])(**message["fields"]).SerializeToString()


async def publish(client, *messages):
    stored = []
    for message in map(json.loads, messages):
        headers = message["headers"]
        acknowledgement = await client.jetstream().publish(message["subject"], payload(message), headers=headers)
        stored.append({"stream": acknowledgement.stream, "sequence": acknowledgement.seq})
    return stored


async def dead_letters(client, count):
    subscription = await client.jetstream().pull_subscribe("dead.>", stream="DEAD_LETTERS")
    letters = []
    deadline = asyncio.get_running_loop().time() + 20
    while len(letters) < int(count) and asyncio.get_running_loop().time() < deadline:
        try:
            for message in await subscription.fetch(1, timeout=2):
                letters.append({"subject": message.subject, "headers": message.headers, "hex": message.data.hex()})
                await message.ack()
        except nats.errors.TimeoutError:
            pass
    return letters


async def tap(client, folder):
    folder = pathlib.Path(folder)
    with open(folder / "messages.jsonl", "a", encoding="utf-8") as file:

        async def record(message):
            file.write(json.dumps({"subject": message.subject, "headers": message.headers or {}}) + "\n")
            file.flush()

        for subject in ("order.*", "user.*", "dead.>"):
            await client.subscribe(subject, cb=record)
        await client.flush()
        (folder / "ready").touch()
        await asyncio.Event().wait()


async def main(command, url, *arguments):
    client = await nats.connect(url)
    result = await {"publish": publish, "dead-letters": dead_letters, "tap": tap}[command](client, *arguments)
    await client.close()
    print(json.dumps(result))


asyncio.run(main(*sys.argv[1:]))
