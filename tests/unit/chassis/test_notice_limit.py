"""One broken source is news some times, not thousands of times."""

from chassis.notice_limit import NOTICES_MAX, SOURCES_MAX, WINDOW_SECONDS, NoticeLimit


def test_a_flood_from_one_source_is_told_only_so_often() -> None:
    limit = NoticeLimit(lambda: 0.0)

    told = [limit.allows("/lapas/LP1-PLG") for _ in range(1_000)]

    assert sum(told) == NOTICES_MAX
    assert all(told[:NOTICES_MAX])


def test_another_source_is_told_of_during_a_flood() -> None:
    limit = NoticeLimit(lambda: 0.0)
    for _ in range(1_000):
        limit.allows("/lapas/LP1-PLG")

    assert limit.allows("/lapas/LP-KAG")


def test_a_source_is_told_of_again_when_the_window_has_passed() -> None:
    now = 0.0
    limit = NoticeLimit(lambda: now)
    for _ in range(1_000):
        limit.allows("/lapas/LP1-PLG")

    now = WINDOW_SECONDS

    assert limit.allows("/lapas/LP1-PLG")


def test_invented_sources_do_not_fill_the_memory() -> None:
    limit = NoticeLimit(lambda: 0.0)

    for number in range(SOURCES_MAX * 3):
        limit.allows(f"/lapas/{number}")

    assert len(limit) <= SOURCES_MAX
