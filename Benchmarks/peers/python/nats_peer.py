"""Rows N1 and N3 with nats-py: publishing with a window, and atomic batches. Each run is one line of JSON.

nats_peer.py URL publish COUNT WINDOW      traceparent and Nats-Msg-Id, as many in flight as the window says
nats_peer.py URL batch COUNT               atomic batches of 1000 with the same headers, one after the other
"""

import asyncio
import json
import sys
import time

import nats

SUBJECT = "bench.event"
PAYLOAD = b"x" * 256
TRACE_PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
BATCH = 1000
BASE = time.monotonic_ns() % 10**12


def headers_of(number):
    return {"traceparent": TRACE_PARENT, "Nats-Msg-Id": f"{BASE}-0123456789-{number}"}


async def publish(connection, count, window):
    jet_stream = connection.jetstream(publish_async_max_pending=window)
    pending = []
    for number in range(count):
        # Waits when the window is full.
        pending.append(await jet_stream.publish_async(SUBJECT, PAYLOAD, wait_stall=60, headers=headers_of(number)))
    await asyncio.gather(*pending)


async def batch(connection, count):
    for start in range(0, count, BATCH):
        numbers = range(start, min(start + BATCH, count))
        for index, number in enumerate(numbers, start=1):
            headers = headers_of(number) | {"Nats-Batch-Id": f"{BASE}-{start}", "Nats-Batch-Sequence": str(index)}
            if index < len(numbers):
                await connection.publish(SUBJECT, PAYLOAD, headers=headers)
                continue
            headers["Nats-Batch-Commit"] = "1"
            answer = json.loads((await connection.request(SUBJECT, PAYLOAD, timeout=60, headers=headers)).data)
            if answer.get("count") != len(numbers):
                sys.exit(f"the batch was not stored: {answer}")


async def main():
    url, role, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    connection = await nats.connect(url)
    begin = time.perf_counter()
    if role == "publish":
        await publish(connection, count, int(sys.argv[4]))
    else:
        await batch(connection, count)
    print(json.dumps({"seconds": time.perf_counter() - begin, "count": count}))
    await connection.close()


asyncio.run(main())
