"""Keys go to the partitions to which every client of Kafka sends them."""

from aiokafka.partitioner import murmur2
from hypothesis import given
from hypothesis import strategies as st

from chassis.broker import key_hash


@given(st.binary(max_size=64))
def test_a_key_has_the_hash_that_all_clients_give_it(key: bytes) -> None:
    """Otherwise the facts of one case would lie in two partitions."""
    assert key_hash(key) == murmur2(key) & 0x7FFFFFFF
