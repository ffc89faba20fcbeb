"""Made-up sources served by a program of their own."""

from __future__ import annotations

import asyncio
import json
import sys

import aiohttp

_ARGUMENTS = ("-m", "tutti.testing.sources", "--now", "2024-03-05T12:30", "--faults", "down")


async def test_program_serves_until_it_is_told_to_stop() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, *_ARGUMENTS, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    address = (await process.stdout.readline()).decode().strip()
    async with aiohttp.ClientSession() as session:
        first, second, other = [
            await session.get(f"{address}{path}") for path in ("/fng/", "/fng/?limit=3", "/nothing")
        ]
        assert (first.status, second.status, other.status) == (503, 200, 404)
        told = json.loads(await second.read())["data"]
    process.terminate()
    assert await process.wait() == 0
    assert len(told) == 3
    assert told[0]["timestamp"] == "1709596800"
