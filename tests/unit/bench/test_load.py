"""The events that all contenders are given."""

from tests.bench.load import DISTANCE_MAX, messages, sent_once, with_sampled_traces


def test_the_same_arguments_make_the_same_events() -> None:
    assert messages(50, name="a") == messages(50, name="a")


def test_lists_of_two_names_have_no_release_in_common() -> None:
    first, second = messages(50, name="a"), messages(50, name="b")

    assert {message.key for message in first}.isdisjoint(message.key for message in second)


def test_one_event_in_a_hundred_comes_twice() -> None:
    given = messages(1_000, name="a")

    assert (len(given), len(sent_once(given))) == (1_010, 1_000)


def test_an_event_comes_again_after_the_first_and_not_much_later() -> None:
    given = messages(2_000, name="a")
    places: dict[str, list[int]] = {}
    for place, message in enumerate(given):
        places.setdefault(message.event_id, []).append(place)
    distances = [found[1] - found[0] for found in places.values() if len(found) > 1]

    assert min(distances) > 0
    assert max(distances) < DISTANCE_MAX * 1.1


def test_a_correction_follows_what_it_corrects() -> None:
    order: dict[bytes, list[int]] = {}
    for message in sent_once(messages(1_000, name="a")).values():
        order.setdefault(message.key, []).append(message.sequence)

    assert len(order) == 500
    assert all(sequences == [1, 2] for sequences in order.values())


def test_releases_that_are_told_once_have_no_correction() -> None:
    assert {message.sequence for message in messages(100, name="a", revisions=1)} == {1}


def test_an_odd_number_of_events_is_made_as_asked() -> None:
    assert len(sent_once(messages(51, name="a"))) == 51


def test_about_the_asked_share_of_traces_is_sampled_and_a_duplicate_like_its_first() -> None:
    given = with_sampled_traces(messages(2_000, name="a"), 0.1)
    flags: dict[str, set[bytes]] = {}
    for message in given:
        flags.setdefault(message.event_id, set()).add(dict(message.headers)["traceparent"][-2:])

    assert all(len(each) == 1 for each in flags.values())
    assert 150 < sum(each == {b"01"} for each in flags.values()) < 250
