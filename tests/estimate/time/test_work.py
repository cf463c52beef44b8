"""What messages add to the kernels beside them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from weighbridge.estimate.time.work import NOTHING, Bound, Channel, Doing, Kernel, Message, exposed, together
from weighbridge.tree import Kind

seconds = st.floats(0, 10)


@given(seconds, seconds, st.floats(0, 0.5))
def test_a_message_costs_at_most_itself_and_at_least_what_sticks_out(sent: float, beside: float, taken: float) -> None:
    found = exposed(sent, beside, taken)
    assert max(sent - beside, 0) <= found <= sent + 1e-12
    assert exposed(sent, 0.0, taken) == sent
    assert exposed(sent, beside, 0.0) == max(sent - beside, 0)


def test_what_is_done_adds_up() -> None:
    multiply = Kernel("matmul", Kind.MLP, Bound.COMPUTE, 2.0, joules=1.0)
    copy = Kernel("copy", Kind.MLP, Bound.MEMORY, 1.0, launches=3)
    gather = Message(Channel.TENSOR, Kind.MLP, 4.0, beside=3.0)
    tokens = Message(Channel.EXPERT, Kind.EXPERTS, 5.0)
    done = together([Doing((multiply,), (gather,)), NOTHING, Doing((copy,), (tokens,))])
    assert done == Doing((multiply,), (gather,)) + Doing((copy,), (tokens,))
    assert (done.computing, done.multiplying, done.exposed, done.launches) == (3.0, 2.0, 6.0, 6)
    assert done.without(Channel.EXPERT).messages == (gather,)
    assert (done.sending(Channel.EXPERT), done.sending(Channel.DATA)) == (5.0, 0.0)
