"""Floods that slowhttptest does not know: chunk extensions and trailers, a few bytes at a time, from many
connections at once. Run in a process of their own, so that they do not slow the honest client's clock."""
import asyncio
import multiprocessing
import os
import random

PACE_S = 0.1
GIVE_UP_S = 10.0


def step_aside():
    """What an attacking process does first: attackers have processors of their own, so that here it takes only
    what nobody else wants. (A low priority is not enough: it would still run its turn to the end.)"""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def _head(target):
    return (f"POST /api/sessions HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {target.key}\r\n"
            "Transfer-Encoding: chunked\r\n\r\n").encode()


async def _closed(reader):
    while await reader.read(65_536):
        pass


async def _attack(port, begin, piece, end_s, start_s):
    """Sends until the server closes; after how many seconds that was, or None where it never did."""
    await asyncio.sleep(start_s)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    loop = asyncio.get_running_loop()
    began = loop.time()
    closed = asyncio.ensure_future(_closed(reader))
    try:
        writer.write(begin)
        while loop.time() - began < end_s:
            writer.write(piece)
            done, _ = await asyncio.wait({closed, asyncio.ensure_future(asyncio.sleep(PACE_S))},
                                         return_when=asyncio.FIRST_COMPLETED)
            if closed in done or writer.is_closing():
                return loop.time() - began
        return None
    except OSError:
        return loop.time() - began
    finally:
        closed.cancel()
        writer.close()


async def _all(port, begin, piece, count, end_s):
    return await asyncio.gather(*(_attack(port, begin, piece, end_s, random.uniform(0, count / 500))
                                  for _ in range(count)), return_exceptions=True)


def _process(pipe, *given):
    step_aside()
    pipe.send([one if one is None or isinstance(one, float) else repr(one)
               for one in asyncio.run(_all(*given))])


def _flood(target, begin, piece, count, deadline_s):
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=_process,
                                      args=(theirs, target.port, begin, piece, count, deadline_s + GIVE_UP_S))
    process.start()
    seconds = ours.recv()
    process.join()
    failed = [one for one in seconds if isinstance(one, str)]
    if failed:
        raise SystemExit(f"{len(failed)} attackers could not attack: {failed[0]}")
    if None in seconds:
        raise SystemExit(f"{seconds.count(None)} attackers were never closed")


def chunk_extensions(target, count, deadline_s):
    return _flood(target, _head(target) + b"1", b";name=value", count, deadline_s)


def trailers(target, count, deadline_s):
    return _flood(target, _head(target) + b"0\r\n", b"X-T: abcdef\r\n", count, deadline_s)
