"""Frames between the local machine and an agent."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterbook.agent import frames

messages = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(st.lists(messages | st.binary(max_size=100), max_size=5))
def test_what_is_packed_is_read_in_the_same_order(sent: list[object]) -> None:
    stream = io.BytesIO(b"".join(frames.pack(message) for message in sent))
    assert [frames.read(stream.read) for _ in sent] == sent


def test_frames_survive_a_connection_that_gives_one_byte_at_a_time() -> None:
    stream = io.BytesIO(frames.pack({"text": "x" * 5000}))
    assert frames.read(lambda count: stream.read(1)) == {"text": "x" * 5000}


def test_the_end_between_frames_is_told_from_one_inside() -> None:
    with pytest.raises(EOFError):
        frames.read(io.BytesIO(b"").read)
    with pytest.raises(frames.BrokenFrame, match="ended in the middle"):
        frames.read(io.BytesIO(frames.pack({"a": 1})[:-1]).read)


def test_a_frame_over_the_limit_is_refused_before_it_is_read() -> None:
    with pytest.raises(frames.BrokenFrame, match="over the limit"):
        frames.read(io.BytesIO(struct.pack(">IB", frames.MAXIMUM + 1, ord("J"))).read)


def test_a_small_frame_that_unpacks_to_a_huge_one_is_refused() -> None:
    bomb = zlib.compress(b"0" * (frames.MAXIMUM + 10))
    with pytest.raises(frames.BrokenFrame, match="compressed frame is over the limit"):
        frames.read(io.BytesIO(struct.pack(">IB", len(bomb), ord("Z")) + bomb).read)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(frames.BrokenFrame, match="unknown kind of frame 63"):
        frames.read(io.BytesIO(struct.pack(">IB", 0, ord("?"))).read)
