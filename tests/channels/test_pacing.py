"""Pacing: limits read, kept and shared, by buckets in this process and by those in Redis."""

import asyncio
import heapq
import json
import math
import random
import socket
import subprocess
import sys
import tempfile
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from bot.pacing import Demand, Limit, Pace, PaceBook, ProviderLimits, load_pace_book, open_pace
from bot.pacing.buckets import EPOCH, HORIZON, WINDOW, Ask, Bucket, Buckets, Lane, LocalBuckets
from bot.pacing.redis_buckets import RedisBuckets
from campaigns.errors import DefinitionError
from campaigns.terms import SHANGHAI
from tests import servers
from tests.pacing_asker import Task, book_of, now

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "templates" / "pacing.toml"
SECOND = 1e6


def moment(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> float:
    """In Beijing, as the buckets count."""
    when = datetime(year, month, day, hour, minute, second, tzinfo=SHANGHAI)
    return (when - datetime.fromtimestamp(EPOCH, UTC)) / timedelta(microseconds=1)


NOON = moment(2026, 11, 24, 12)


def allowance(rate: float) -> float:
    """What may go at the very first: 50 ms' worth and one, and half a token that is forgiven to who comes late."""
    return rate * WINDOW / SECOND + 1.5


def one_lane(count: int, *common: Bucket) -> Ask:
    return Ask(common, (Lane(count),))


@pytest.fixture
async def redis(redis_server: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_server) as client:
        yield client


@pytest.fixture
def name() -> str:
    return f"test:{uuid.uuid4().hex}"


@pytest.fixture(params=["local", "redis"])
async def buckets(request: pytest.FixtureRequest, redis: Redis) -> Buckets:
    """Both kinds, at NOON long known to Redis."""
    if request.param == "local":
        return LocalBuckets()
    since = f"test:{uuid.uuid4().hex}:since"
    await redis.set(since, 0)
    return RedisBuckets(redis, since)


@pytest.fixture
def bucket(name: str) -> "Maker":
    return Maker(name)


class Maker:
    """Buckets under names of this test's own."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, key: str = "whole", **limit: float) -> Bucket:
        return Bucket(f"{self._name}:{key}", Limit(**limit))  # type: ignore[arg-type]


# ---- the file -----------------------------------------------------------------------------------------------------


def written(folder: Path, text: str) -> Path:
    path = folder / "pacing.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_limits_that_come_with_the_product_are_in_order() -> None:
    book = load_pace_book(SHIPPED)
    mail, sms = book.providers["email"], book.providers["sms_aliyun"]
    assert mail.whole is None
    assert mail.of_destination("qq.com") == Limit(rate=20 / 60)
    assert mail.aliases["foxmail.com"] == "qq.com"
    assert mail.of_destination("b.example") is None
    assert sms.whole == Limit(rate=1000)
    assert sms.of_destination("15483503031") == Limit(per_hour=5, per_day=10)
    assert book.providers["wechat"].whole == Limit(rate=50, per_day=100_000)


def test_a_folder_without_the_file_limits_nothing(tmp_path: Path) -> None:
    assert load_pace_book(tmp_path / "pacing.toml") == PaceBook()


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[carrier_pigeon]\nrate = '1/h'", "carrier_pigeon"),
        ("email = 3", "email"),
        ("pace_sandbox = 'yes'", "pace_sandbox"),
        ("[email]\nrate = 100", "email.rate"),
        ("[email]\nrate = '100'", "email.rate"),
        ("[email]\nrate = '0/s'", "email.rate"),
        ("[email]\nrate = '-1/s'", "email.rate"),
        ("[email]\nrate = '１/s'", "email.rate"),
        ("[email]\nspeed = '1/s'", "email.speed"),
        ("[email]\nburst = 5", "email.burst"),
        ("[email]\nper_day = 0", "email.per_day"),
        ("[email]\nper_day = true", "email.per_day"),
        ("[email]\nper_day = 1.5", "email.per_day"),
        ("[email]\nto = 'qq.com'", "email.to"),
        ("[email.to.'qq.com']", "email.to.qq.com"),
        ("[email.to.'qq.com']\nalso = ['foxmail.com']", "email.to.qq.com"),
        ("[email.to.'@qq.com']\nrate = '1/s'", "email.to.@qq.com"),
        ("[email.to.'qq.com']\nrate = '1/s'\nalso = 'foxmail.com'", "email.to.qq.com.also"),
        ("[email.to.'*']\nrate = '1/s'\nalso = ['foxmail.com']", "email.to.*.also"),
        (
            "[email.to.'a.example']\nrate='1/s'\nalso=['B.example']\n[email.to.'b.example']\nrate='1/s'",
            "a.example.also",
        ),
        ("[sms_aliyun.to.'qq.com']\nrate = '1/s'", "sms_aliyun.to.qq.com"),
        ("[sms_aliyun.to.'*']\nrate = '1/s'\nalso = ['15483503031']", "sms_aliyun.to.*.also"),
        ("[email", "toml"),
    ],
)
def test_a_limit_that_is_not_understood_is_refused_by_its_name(text: str, key: str, tmp_path: Path) -> None:
    with pytest.raises(DefinitionError) as refused:
        load_pace_book(written(tmp_path, text))
    assert refused.value.file == "pacing.toml"
    assert refused.value.key.endswith(key)


@pytest.mark.parametrize(("text", "rate"), [("1/s", 1), ("0.5/s", 0.5), ("20/min", 1 / 3), ("36/h", 0.01)])
def test_a_rate_is_read_in_seconds_minutes_and_hours(text: str, rate: float, tmp_path: Path) -> None:
    book = load_pace_book(written(tmp_path, f"[wechat]\nrate = '{text}'"))
    assert book.providers["wechat"].whole == Limit(rate=pytest.approx(rate))


def test_the_sandbox_is_not_paced_unless_the_file_asks_for_it(tmp_path: Path) -> None:
    limits = "[wechat]\nrate = '1/s'\n[email]\nrate = '1/s'"
    assert set(load_pace_book(written(tmp_path, limits)).without({"wechat"}).providers) == {"email"}
    asked = load_pace_book(written(tmp_path, f"pace_sandbox = true\n{limits}"))
    assert set(asked.without({"wechat"}).providers) == {"email", "wechat"}


# ---- a rate, in a time that is only counted -------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2, 8, 50])
@pytest.mark.parametrize("rate", [10, 100, 1_000, 10_000])
async def test_a_rate_is_kept_within_two_percent_however_many_ask(rate: int, workers: int) -> None:
    granted = await asking(rate, workers, seconds=12)
    begin, length = NOON + SECOND, 10  # the burst of the beginning is over
    kept = sum(count for at, _, count in granted if begin <= at < begin + length * SECOND)
    assert abs(kept / (rate * length) - 1) <= 0.02


@pytest.mark.parametrize("workers", [1, 8])
@pytest.mark.parametrize("rate", [10, 100, 1_000, 10_000])
async def test_no_second_brings_more_than_the_rate_and_what_may_go_at_once(rate: int, workers: int) -> None:
    granted = await asking(rate, workers, seconds=4)
    for begin, _, _ in granted:
        within = sum(count for at, _, count in granted if begin <= at < begin + SECOND)
        assert within <= rate + 2 * allowance(rate)  # a token waits for the last of its booking, a window at most
    first = min(at for at, _, _ in granted)
    assert all(
        sum(c for at, _, c in granted if at <= end) <= rate * (end - first) / SECOND + allowance(rate)
        for end, _, _ in granted
    )


@pytest.mark.parametrize("rate", [10, 1_000])
async def test_all_who_ask_get_a_like_share(rate: int) -> None:
    granted = await asking(rate, 5, seconds=10)
    shares = Counter[int]()
    for _, worker, count in granted:
        shares[worker] += count
    assert len(shares) == 5
    assert min(shares.values()) >= 0.8 * max(shares.values())


async def asking(rate: float, workers: int, *, seconds: float) -> list[tuple[float, int, int]]:
    """Workers that send what they are granted and ask again: when each grant is good, whose it is, how many."""
    buckets, dice = LocalBuckets(), random.Random(f"{rate} {workers}")
    ask = one_lane(100, Bucket("whole", Limit(rate=rate)))
    turns = [(NOON + dice.random() * 1_000, worker) for worker in range(workers)]
    granted = []
    while turns[0][0] < NOON + seconds * SECOND:
        at, worker = heapq.heappop(turns)
        booking = await buckets.book(ask, at)
        if booking.counts[0]:
            granted.append((at + booking.wait, worker, booking.counts[0]))
        heapq.heappush(turns, (at + booking.wait + 1_000 + dice.random() * 39_000 * (rate < 2_000), worker))
    return granted


async def test_who_comes_a_little_late_for_a_token_loses_nothing(buckets: Buckets, bucket: Maker) -> None:
    """A slow limit's messages come back by the ledger, which is looked into once a second."""
    slow = one_lane(9, bucket(rate=20 / 60))
    first = await buckets.book(slow, NOON)
    late = await buckets.book(slow, NOON + 3.9 * SECOND)
    third = await buckets.book(slow, NOON + 6 * SECOND)
    assert (first.counts, late.counts, third.counts) == ((1,), (1,), (1,))
    assert (first.wait, late.wait, third.wait) == (0, 0, 0)


async def test_time_nobody_used_is_not_saved_up(buckets: Buckets, bucket: Maker) -> None:
    whole = bucket(rate=100)
    await buckets.book(one_lane(100, whole), NOON)
    assert (await buckets.book(one_lane(100, whole), NOON + 3600 * SECOND)).counts == (6,)


async def test_more_may_go_at_once_where_the_file_says_so(buckets: Buckets, bucket: Maker) -> None:
    assert (await buckets.book(one_lane(100, bucket(rate=10, burst=40)), NOON)).counts == (40,)


async def test_those_who_ask_at_one_atstand_in_line(buckets: Buckets, bucket: Maker) -> None:
    ask = one_lane(1, bucket(rate=10))
    waits = [(await buckets.book(ask, NOON)).wait for _ in range(5)]
    assert waits == [0, 50_000, 150_000, 250_000, 350_000]  # the first half interval is forgiven


async def test_a_line_longer_than_half_a_second_books_nothing_and_says_when_to_come_back(
    buckets: Buckets, bucket: Maker
) -> None:
    ask = one_lane(1, bucket(rate=10))
    while (booking := await buckets.book(ask, NOON)).counts == (1,):
        assert booking.wait <= HORIZON
    assert booking.later == (0,)  # soon: hold it
    assert 0 < booking.wait <= HORIZON
    again = await buckets.book(ask, NOON + booking.wait)
    assert again.counts == (1,)


async def test_a_clock_that_was_set_back_does_not_stop_us_till_it_has_caught_up(
    buckets: Buckets, bucket: Maker
) -> None:
    ask = one_lane(1, bucket(rate=10))
    await buckets.book(ask, NOON + 3600 * SECOND)
    booking = await buckets.book(ask, NOON)
    assert booking.wait <= HORIZON + WINDOW
    assert (await buckets.book(ask, NOON + booking.wait)).counts == (1,)


# ---- counts of an hour, a day, a month ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quota", "at", "end"),
    [
        ("per_hour", moment(2026, 11, 24, 9, 59, 59), moment(2026, 11, 24, 10)),
        ("per_day", moment(2026, 11, 24, 23, 59), moment(2026, 11, 25)),
        ("per_day", moment(2026, 11, 24, 7, 59), moment(2026, 11, 25)),  # the day is Beijing's
        ("per_month", moment(2026, 11, 30, 23), moment(2026, 12, 1)),
        ("per_month", moment(2026, 12, 1), moment(2027, 1, 1)),
        ("per_month", moment(2028, 2, 29, 12), moment(2028, 3, 1)),
        ("per_month", moment(2027, 2, 28, 12), moment(2027, 3, 1)),
        ("per_month", moment(2028, 1, 31, 12), moment(2028, 2, 1)),
    ],
)
async def test_a_quota_begins_again_with_the_natural_hour_day_and_month(
    quota: str, at: float, end: float, buckets: Buckets, bucket: Maker
) -> None:
    ask = one_lane(5, bucket(**{quota: 3}))
    first = await buckets.book(ask, at)
    assert (first.counts, first.later) == ((3,), (end - at,))
    assert (await buckets.book(ask, end - 1)).counts == (0,)
    assert (await buckets.book(ask, end)).counts == (3,)


async def test_the_tightest_of_several_quotas_holds_and_the_last_to_end_tells_when(
    buckets: Buckets, bucket: Maker
) -> None:
    ask = one_lane(5, bucket(rate=1000, per_hour=3, per_day=3))
    booking = await buckets.book(ask, NOON)
    assert (booking.counts, booking.later) == ((3,), (12 * 3600 * SECOND,))


# ---- many destinations ----------------------------------------------------------------------------------------------


async def test_a_slow_destination_does_not_hold_up_the_others(buckets: Buckets, bucket: Maker) -> None:
    whole, slow, fast = bucket(rate=1000), bucket("slow", rate=20 / 60), bucket("fast", rate=500)
    ask = Ask((whole,), (Lane(10, slow), Lane(10, fast), Lane(10)))
    booking = await buckets.book(ask, NOON)
    assert booking.counts == (1, 10, 10)
    assert booking.wait == 0
    assert booking.later == (pytest.approx(2 * SECOND), 0, 0)  # the first second of three is forgiven
    assert (await buckets.book(ask, NOON + 1)).counts == (0, 10, 10)


async def test_where_only_slow_destinations_are_left_the_first_token_is_waited_for(
    buckets: Buckets, bucket: Maker
) -> None:
    lanes = (Lane(5, bucket("one", rate=5)), Lane(5, bucket("two", rate=4)))
    await buckets.book(Ask((), lanes), NOON)
    booking = await buckets.book(Ask((), lanes), NOON)
    assert booking.counts == (1, 1)  # 100 ms and 125 ms away: one group
    assert booking.wait == 125_000
    assert (await buckets.book(Ask((), lanes), NOON)).counts == (1, 0)  # 300 ms and 375 ms: not worth the wait


async def test_the_whole_limit_is_shared_out_over_the_destinations(buckets: Buckets, bucket: Maker) -> None:
    lanes = tuple(Lane(4, bucket(f"to {place}", rate=1000)) for place in range(5))
    booking = await buckets.book(Ask((bucket(rate=200), bucket("from", rate=10_000)), lanes), NOON)
    assert sum(booking.counts) == 11  # 50 ms and one
    assert booking.counts == (4, 4, 3, 0, 0)


async def test_a_quota_of_the_whole_account_closes_every_destination(buckets: Buckets, bucket: Maker) -> None:
    ask = Ask((bucket(per_day=3),), (Lane(2), Lane(2, bucket("to", rate=1000))))
    booking = await buckets.book(ask, NOON)
    assert booking.counts == (2, 1)
    assert booking.later == (0, 12 * 3600 * SECOND)


# ---- given back, slowed down ----------------------------------------------------------------------------------------


async def test_what_was_given_back_can_be_used_again(buckets: Buckets, bucket: Maker) -> None:
    whole, number = bucket(rate=100, per_day=100), bucket("number", per_day=6)
    ask = Ask((whole,), (Lane(6, number),))
    first = await buckets.book(ask, NOON)
    await buckets.put_back(Ask((whole,), (Lane(4, number),)), first.booked_at, NOON)
    second = await buckets.book(ask, NOON)
    assert (first.counts, second.counts) == ((6,), (4,))
    assert second.wait == 0
    assert (await buckets.book(ask, NOON)).counts == (0,)


async def test_giving_back_saves_nothing_up(buckets: Buckets, bucket: Maker) -> None:
    ask = one_lane(6, bucket(rate=100))
    for _ in range(5):
        booking = await buckets.book(ask, NOON)
        await buckets.put_back(ask, booking.booked_at, NOON)
    assert (await buckets.book(one_lane(100, bucket(rate=100)), NOON)).counts == (6,)


async def test_what_is_given_back_after_midnight_does_not_count_for_the_new_day(
    buckets: Buckets, bucket: Maker
) -> None:
    midnight = moment(2026, 11, 25)
    ask = one_lane(3, bucket(per_day=3))
    before = await buckets.book(ask, midnight - 1)
    after = await buckets.book(ask, midnight)
    await buckets.put_back(ask, before.booked_at, midnight + 1)
    assert after.counts == (3,)
    assert (await buckets.book(ask, midnight + 2)).counts == (0,)


async def test_a_limit_can_be_lowered_for_a_while(buckets: Buckets, bucket: Maker) -> None:
    whole = bucket(rate=1000)
    await buckets.slow_down(whole, 0.1, 60 * SECOND, NOON)
    assert (await buckets.book(one_lane(100, whole), NOON)).counts == (6,)
    assert (await buckets.book(one_lane(100, whole), NOON + 59 * SECOND)).counts == (6,)
    assert (await buckets.book(one_lane(100, whole), NOON + 60 * SECOND)).counts == (51,)


async def test_slowed_down_twice_the_slower_and_the_longer_counts(buckets: Buckets, bucket: Maker) -> None:
    whole = bucket(rate=1000)
    await buckets.slow_down(whole, 0.1, 60 * SECOND, NOON)
    await buckets.slow_down(whole, 0.5, 90 * SECOND, NOON)
    await buckets.slow_down(whole, 0.5, 10 * SECOND, NOON)
    assert (await buckets.book(one_lane(100, whole), NOON + 80 * SECOND)).counts == (6,)
    await buckets.slow_down(whole, 0.5, 10 * SECOND, NOON + 90 * SECOND)
    assert (await buckets.book(one_lane(100, whole), NOON + 91 * SECOND)).counts == (26,)


async def test_slowed_down_to_nothing_a_destination_rests_and_the_others_do_not(
    buckets: Buckets, bucket: Maker
) -> None:
    resting, quota = bucket("resting", rate=1000), bucket("quota", per_day=9)
    ask = Ask((), (Lane(5, resting), Lane(5, quota), Lane(5)))
    await buckets.slow_down(resting, 0, 60 * SECOND, NOON)
    await buckets.slow_down(quota, 0, 60 * SECOND, NOON)
    booking = await buckets.book(ask, NOON)
    assert booking.counts == (0, 0, 5)
    assert booking.later == (60 * SECOND, 60 * SECOND, 0)
    assert (await buckets.book(ask, NOON + 60 * SECOND)).counts == (5, 5, 5)


# ---- in Redis -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
async def test_the_script_in_redis_grants_what_the_arithmetic_here_grants(seed: int, redis: Redis, name: str) -> None:
    dice = random.Random(seed)
    pool = [Bucket(f"{name}:{number}", limit) for number, limit in enumerate(_limits(dice))]
    await redis.set(f"{name}:since", 0)
    here, there = LocalBuckets(), RedisBuckets(redis, f"{name}:since")
    at, bookings = NOON, []
    for _ in range(120):
        at = float(round(at + dice.choice([0, 0, 700, 9_000, 60_000, 3e5, 2e6, 4e9, 9e10, 4e12, -5e6]) * dice.random()))
        if dice.random() < 0.1 and bookings:
            ask, booked_at = dice.choice(bookings)
            await here.put_back(ask, booked_at, at)
            await there.put_back(ask, booked_at, at)
        elif dice.random() < 0.1:
            slowing = dice.choice(pool), dice.choice([0, 0.1, 0.5]), dice.choice([1e5, 2e6, 6e7])
            await here.slow_down(*slowing, at)
            await there.slow_down(*slowing, at)
        else:
            ask = _ask(dice, pool)
            mine, its = await here.book(ask, at), await there.book(ask, at)
            assert (its.booked_at, its.counts) == (mine.booked_at, mine.counts)
            assert its.wait == math.ceil(mine.wait)
            assert its.later == tuple(map(math.ceil, mine.later))
            assert any(mine.counts) or mine.wait or all(mine.later)  # whoever asks again at once gets something
            lanes = tuple(Lane(count, lane.bucket) for lane, count in zip(ask.lanes, mine.counts, strict=True))
            bookings.append((Ask(ask.common, lanes), at))


def _limits(dice: random.Random) -> list[Limit]:
    rates = [0, 1 / 3, 7, 10, 100, 1_000, 10_000]
    return [
        Limit(
            rate=dice.choice(rates),
            burst=dice.choice([0, 0, 20]),
            per_hour=dice.choice([0, 0, 60]),
            per_day=dice.choice([0, 0, 200]),
            per_month=dice.choice([0, 0, 900]),
        )
        for _ in range(6)
    ]


def _ask(dice: random.Random, pool: list[Bucket]) -> Ask:
    mixed = dice.sample(pool, len(pool))
    common, own = mixed[: dice.randint(0, 2)], mixed[2 : 2 + dice.randint(1, 4)]
    lanes = [Lane(dice.randint(1, 40), one) for one in own] + [Lane(dice.randint(1, 40))]
    return Ask(tuple(common), tuple(dice.sample(lanes, len(lanes))))


async def test_two_processes_together_get_what_one_bucket_holds(redis_server: str, redis: Redis, name: str) -> None:
    rate, seconds = 1_000, 1.5
    await RedisBuckets(redis, f"{{{name}:pace}}:since").book(one_lane(1, Bucket(f"{name}:other", Limit(rate=1))))
    begin = await now(redis) + 1.5
    task = Task(redis_server, name, rate, 50, begin, begin + seconds)
    answers = await asyncio.gather(asker(task), asker(task))
    granted = [sum(answer["counts"]) for answer in answers]
    assert min(granted) > 0
    last = max(max(answer["usable_at"]) for answer in answers)
    assert sum(granted) <= rate * (last - begin) + allowance(rate)
    bookings = sorted((at, count) for one in answers for at, count in zip(one["booked_at"], one["counts"], strict=True))
    alone, whole = LocalBuckets(), Bucket("whole", Limit(rate=rate))
    assert [(await alone.book(one_lane(50, whole), at)).counts[0] for at, _ in bookings] == [c for _, c in bookings]


async def asker(task: Task) -> Mapping[str, list[float]]:
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-m", "tests.pacing_asker"],
        input=json.dumps(asdict(task)), capture_output=True, text=True, cwd=ROOT, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer: Mapping[str, list[float]] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize("rate", [10, 1_000])
async def test_a_flush_in_the_middle_brings_no_more_than_the_rate(rate: int, redis: Redis, name: str) -> None:
    pace = open_pace(book_of(rate), redis, name=name)
    begin, granted = await now(redis), 0
    while (at := await now(redis)) < begin + 1.5:
        grants = await asyncio.gather(*(pace.grant(mails(20)) for _ in range(4)))
        granted += sum(len(grant.now) for grant in grants)
        if at > begin + 0.7 and not await redis.exists(f"{name}:flushed"):
            for key in await redis.keys(f"*{name}*"):
                await redis.delete(key)
            await redis.set(f"{name}:flushed", 1)
    assert await redis.exists(f"{name}:flushed")
    assert 0 < granted <= rate * (await now(redis) - begin) + allowance(rate)


async def test_a_redis_that_was_flushed_waits_till_all_booked_before_is_used(redis: Redis, name: str) -> None:
    buckets, whole = RedisBuckets(redis, f"{name}:since"), Bucket(f"{name}:whole", Limit(rate=10))
    await redis.set(f"{name}:since", 0)
    for _ in range(4):
        await buckets.book(one_lane(1, whole), NOON)
    await redis.delete(f"{name}:since", f"{name}:whole")
    booking = await buckets.book(one_lane(1, whole), NOON + 1)
    assert booking.wait == HORIZON
    assert (await buckets.book(one_lane(1, whole), NOON + HORIZON)).counts == (1,)


@pytest.fixture
def own_redis(redis_server: str) -> Iterator[tuple[int, Path]]:
    """A port and a folder for a Redis that the test itself starts and stops."""
    try:
        servers.redis_binary()
    except servers.MissingServer as exc:
        pytest.skip(f"a Redis given by TEST_REDIS_URL alone cannot be stopped: {exc}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with tempfile.TemporaryDirectory(prefix="huifang-test-") as folder:
        Path(folder).chmod(0o777)
        yield port, Path(folder)


async def test_nothing_goes_while_redis_is_away_and_all_goes_on_once_it_is_back(
    own_redis: tuple[int, Path], name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with Redis.from_url(f"redis://127.0.0.1:{own_redis[0]}/0") as redis:
        pace = open_pace(book_of(1000), redis, name=name)
        with servers.redis_on(*own_redis):
            await granted(pace, mails(20))
        grant = await pace.grant(mails(20))
        assert (grant.now, grant.later) == ((), {})
        assert not await pace.slow_down("email", 0.5, 1)
        await pace.give_back(grant)
        with servers.redis_on(*own_redis):
            assert await granted(pace, mails(20))
            assert await granted(pace, mails(20))
    away = [record.getMessage() for record in caplog.records if record.name.startswith("bot.pacing")]
    assert [line.split()[0] for line in away] == ["nothing", "Redis"]  # once each


async def test_a_redis_that_does_not_answer_is_as_good_as_gone(name: str) -> None:
    async def keep_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(keep_silent, "127.0.0.1", 0) as silent:
        port = silent.sockets[0].getsockname()[1]
        async with Redis(port=port) as redis:
            grant = await open_pace(book_of(1000), redis, name=name).grant(mails(20))
    assert (grant.now, grant.later) == ((), {})


async def granted(pace: Pace, demand: Demand) -> tuple[int, ...]:
    """A Redis that does not know us gives nothing for half a second."""
    for _ in range(10):
        if grant := (await pace.grant(demand)).now:
            return grant
    raise AssertionError("nothing is granted")


# ---- what the sender asks -------------------------------------------------------------------------------------------


def mails(count: int, domain: str = "b.example") -> Demand:
    return Demand("email", "", [f"hr{number}@{domain}" for number in range(count)])


def here(**providers: ProviderLimits) -> Pace:
    return open_pace(PaceBook(providers), None, name="here")


async def test_a_provider_without_limits_asks_nobody() -> None:
    nowhere = Redis(port=1)
    pace = open_pace(PaceBook({"wechat": ProviderLimits(senders={"wx1": Limit(rate=1)})}), nowhere, name="x")
    for demand in (mails(3), Demand("wechat", "wx2", ["o1", "o2", "o3"])):
        assert (await pace.grant(demand)).now == (0, 1, 2)


async def test_a_grant_names_the_messages_by_their_place_and_each_destination_by_itself() -> None:
    limits = ProviderLimits(destinations={"qq.com": Limit(rate=1 / 3)}, aliases={"foxmail.com": "qq.com"})
    addresses = ["a@b.example", "a@qq.com", "b@Foxmail.com", "b@b.example", "c@QQ.com"]
    grant = await here(email=limits).grant(Demand("email", "", addresses))
    assert grant.now == (0, 1, 3)
    assert grant.later == {2: pytest.approx(2), 4: pytest.approx(5)}  # spread, one token behind the other


async def test_every_number_without_a_line_of_its_own_is_counted_by_itself() -> None:
    limits = ProviderLimits(destinations={"*": Limit(per_day=1), "15483503033": Limit(per_day=2)})
    numbers = ["15483503031", "15483503032", "15483503031", "15483503033", "15483503033"]
    grant = await here(sms_aliyun=limits).grant(Demand("sms_aliyun", "古城人才网", numbers))
    assert grant.now == (0, 1, 3, 4)
    assert list(grant.later) == [2]
    assert 0 < grant.later[2] <= 24 * 3600


async def test_senders_have_limits_beside_the_providers() -> None:
    pace = here(
        sms_aliyun=ProviderLimits(whole=Limit(per_day=5), senders={"*": Limit(per_day=3), "古城": Limit(per_day=1)})
    )
    counts = []
    for sender in ("古城", "人才网", "另一个"):
        counts.append(len((await pace.grant(Demand("sms_aliyun", sender, ["15483503031"] * 3))).now))
    assert counts == [1, 3, 1]


async def test_a_grant_waits_until_its_tokens_are_good(redis: Redis, name: str) -> None:
    pace = open_pace(book_of(20), redis, name=name)
    begin = await now(redis)
    counted = 0
    while counted < 8:
        counted += len((await pace.grant(mails(3))).now)
    assert counted <= 20 * (await now(redis) - begin) + 2


async def test_places_given_back_go_again_and_the_others_do_not() -> None:
    pace = here(sms_aliyun=ProviderLimits(destinations={"*": Limit(per_day=1)}))
    demand = Demand("sms_aliyun", "", ["15483503031", "15483503032", "15483503033"])
    grant = await pace.grant(demand)
    await pace.give_back(grant, [1])
    assert (await pace.grant(demand)).now == (1,)
    await pace.give_back(grant)
    assert (await pace.grant(demand)).now == (0, 1, 2)


async def test_one_destination_or_sender_or_the_whole_provider_can_be_slowed_down() -> None:
    limits = ProviderLimits(
        whole=Limit(rate=1000), senders={"*": Limit(rate=1000)}, destinations={"qq.com": Limit(rate=1000)}
    )
    pace = here(email=limits)
    both = Demand("email", "a@b.example", ["a@qq.com", "a@c.example"])
    assert await pace.slow_down("email", 0, 60, destination="x@qq.com")
    assert (await pace.grant(both)).now == (1,)
    assert await pace.slow_down("email", 0, 60, sender="a@b.example")
    assert (await pace.grant(both)).now == ()
    other = Demand("email", "b@b.example", both.addresses)
    assert (await pace.grant(other)).now == (1,)
    assert await pace.slow_down("email", 0, 60)
    assert (await pace.grant(other)).now == ()


async def test_what_has_no_limit_cannot_be_slowed_down() -> None:
    pace = here(email=ProviderLimits(whole=Limit(per_day=9)))
    assert not await pace.slow_down("email", 0.5, 60)  # no rate to take half of
    assert await pace.slow_down("email", 0, 60)
    assert not await pace.slow_down("email", 0, 60, destination="a@b.example")
    assert not await pace.slow_down("wechat", 0.5, 60)


def test_no_more_is_worth_claiming_than_can_go_in_the_time() -> None:
    pace = here(email=ProviderLimits(whole=Limit(rate=10), senders={"slow@b.example": Limit(rate=0.01)}))
    assert pace.most("email", "a@b.example", 30) == 300
    assert pace.most("email", "slow@b.example", 30) == 1
    assert pace.most("wechat", "", 30) == math.inf


async def test_neither_numbers_nor_openids_can_be_read_in_redis(redis: Redis, name: str) -> None:
    limits = ProviderLimits(senders={"*": Limit(rate=9)}, destinations={"*": Limit(per_day=9)})
    pace = open_pace(PaceBook({"sms_aliyun": limits, "wechat": limits}), redis, name=name, secret="s" * 99)
    await pace.grant(Demand("sms_aliyun", "古城人才网", ["15483503031"]))
    await pace.grant(Demand("wechat", "wx1", ["oABCD"]))
    keys = " ".join(key.decode() for key in await redis.keys(f"*{name}*"))
    assert keys.count(":to:") == 2
    assert "15483503031" not in keys
    assert "oABCD" not in keys
    assert "15483503031" not in repr(Demand("sms_aliyun", "", ["15483503031"]))


async def test_a_bucket_nobody_uses_leaves_redis_by_itself(redis: Redis, name: str) -> None:
    buckets = RedisBuckets(redis, f"{name}:since")
    await redis.set(f"{name}:since", 0)
    await buckets.book(one_lane(1, Bucket(f"{name}:rate", Limit(rate=10))), NOON)
    await buckets.book(one_lane(1, Bucket(f"{name}:day", Limit(per_day=10))), NOON)
    for key in ("day", "slow"):
        await buckets.slow_down(Bucket(f"{name}:{key}", Limit(rate=10)), 0.5, 600 * SECOND, NOON)
    lives = [await redis.ttl(f"{name}:{key}") / 60 for key in ("rate", "slow", "day")]
    assert lives == pytest.approx([1, 11, 12 * 60 + 2], abs=1)


async def test_buckets_in_this_process_do_not_pile_up() -> None:
    buckets = LocalBuckets()
    for number in range(25_000):
        await buckets.book(one_lane(1, Bucket(f"number {number}", Limit(per_hour=5))), NOON + number * SECOND)
    assert len(buckets._states) < 15_000


@pytest.mark.parametrize("shared", [True, False])
async def test_the_pace_tells_how_much_of_a_days_limit_is_used(redis: Redis, name: str, shared: bool) -> None:
    book = PaceBook({"email": ProviderLimits(whole=Limit(per_day=10), senders={"a@x.example": Limit(per_day=5)})})
    pace = open_pace(book, redis if shared else None, name=name)
    assert await pace.used_today("email") == 0
    await pace.grant(Demand("email", "a@x.example", ["1@y.example", "2@y.example"]))
    await pace.grant(Demand("email", "", ["3@y.example"]))
    assert await pace.used_today("email") == 3
    assert await pace.used_today("email", "a@x.example") == 2
    assert await pace.used_today("wechat") is None
