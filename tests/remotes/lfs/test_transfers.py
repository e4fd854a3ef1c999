"""Content on its way: cuts, refusals, limits, and going on from where it was."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from git_datmo.errors import ContentMissing, DamagedContent, RemoteError
from git_datmo.model.pointer import Pointer
from git_datmo.remotes.lfs.place import Lfs
from git_datmo.storage.store import Store
from tests.contracts.places.ground import fill, nothing, some
from tests.kit.lfsserver import Field, LfsServer, wait_for

BIG = 3_000_000


@pytest.fixture
def server(lfs_field: Field) -> LfsServer:
    return lfs_field.server


@pytest.fixture
def here(lfs_field: Field) -> Store:
    return Store(lfs_field.root / "here" / "store")


@pytest.fixture
def elsewhere(lfs_field: Field) -> Store:
    return Store(lfs_field.root / "elsewhere" / "store")


@pytest.fixture
def big(lfs_field: Field, here: Store) -> Pointer:
    """Content that lies at the server already."""
    [pointer] = fill(here, some(1, BIG))
    place = lfs_field.clone("maker")
    place.put(here, [pointer], nothing)
    place.close()
    lfs_field.server.seen.clear()
    return pointer


class TestCuts:
    def test_a_download_that_is_cut_goes_on(
        self, lfs_field: Field, server: LfsServer, elsewhere: Store, big: Pointer
    ) -> None:
        server.cut("GET", 1_000_000)
        counts: list[int] = []
        assert lfs_field.clone("reader").get(elsewhere, [big], counts.append) == {}
        first, second = server.requests("GET")
        assert 1_000_000 <= first.body <= 1_300_000
        assert second.body < BIG - 500_000
        assert second.headers["Range"].startswith("bytes=")
        assert sum(counts) == BIG
        assert elsewhere.missing([big]) == []

    def test_a_bad_line_is_no_reason_to_give_up_while_something_comes(
        self, lfs_field: Field, server: LfsServer, elsewhere: Store, big: Pointer
    ) -> None:
        server.cut("GET", 300_000, times=7)
        assert lfs_field.clone("reader").get(elsewhere, [big], nothing) == {}
        assert sum(seen.body for seen in server.requests("GET")) < BIG + 7 * 300_000

    def test_another_process_goes_on_too(
        self, lfs_field: Field, server: LfsServer, elsewhere: Store, big: Pointer
    ) -> None:
        server.cut("GET", 2_000_000)
        server.refuse(503, "GET", "", times=99, skip=1)
        with pytest.raises(RemoteError, match="status 503"):
            lfs_field.clone("reader").get(elsewhere, [big], nothing)
        server.faults.clear()
        server.seen.clear()
        counts: list[int] = []
        assert lfs_field.clone("reader").get(elsewhere, [big], counts.append) == {}
        [only] = server.requests("GET")
        assert only.body < BIG - 1_500_000
        assert sum(counts) == only.body

    def test_a_server_that_knows_no_ranges(
        self, lfs_field: Field, server: LfsServer, elsewhere: Store, big: Pointer
    ) -> None:
        server.cut("GET", 1_000_000)
        server.ranges = False
        assert lfs_field.clone("reader").get(elsewhere, [big], nothing) == {}
        assert server.requests("GET")[-1].body == BIG

    def test_an_upload_that_is_cut_is_sent_again(
        self, lfs_field: Field, server: LfsServer, here: Store
    ) -> None:
        [pointer] = fill(here, some(1, BIG))
        server.cut("PUT", 1_000_000, times=2)
        counts: list[int] = []
        lfs_field.clone("a").put(here, [pointer], counts.append)
        assert server.oids == {lfs_field.oid(pointer)}
        assert server.litter == []
        assert sum(counts) == BIG

    def test_a_server_that_dies_and_comes_back(
        self, lfs_field: Field, server: LfsServer, elsewhere: Store, big: Pointer
    ) -> None:
        def restart() -> None:
            wait_for(lambda: any(seen.body > 500_000 for seen in server.requests("GET")))
            server.stop()
            time.sleep(0.5)
            server.faults.clear()
            server.start()

        server.slow = 0.02
        killer = threading.Thread(target=restart)
        killer.start()
        assert lfs_field.clone("reader").get(elsewhere, [big], nothing) == {}
        killer.join()
        assert elsewhere.missing([big]) == []

    def test_a_server_that_stays_dead(
        self, lfs_field: Field, server: LfsServer, here: Store
    ) -> None:
        kept, lost = fill(here, some(1, 1000), some(2, BIG))
        place = lfs_field.clone("a")
        place.put(here, [kept], nothing)
        server.slow = 0.02

        def kill() -> None:
            wait_for(lambda: any(seen.body > 500_000 for seen in server.requests("PUT")))
            server.stop()

        killer = threading.Thread(target=kill)
        killer.start()
        with pytest.raises(RemoteError, match=r"broke|reached"):
            place.put(here, [lost], nothing)
        killer.join()
        server.start()
        again = lfs_field.clone("b")
        assert again.present([kept, lost]) == {kept}
        again.put(here, [lost], nothing)
        assert again.present([kept, lost]) == {kept, lost}


class TestPassingTroubles:
    @pytest.mark.parametrize(
        ("method", "pattern"), [("POST", "batch"), ("PUT", ""), ("POST", "verify"), ("GET", "")]
    )
    @pytest.mark.parametrize("status", [500, 503])
    def test_a_server_in_trouble_is_asked_again(
        self,
        lfs_field: Field,
        server: LfsServer,
        here: Store,
        elsewhere: Store,
        method: str,
        pattern: str,
        status: int,
    ) -> None:
        server.refuse(status, method, pattern, times=2)
        pointers = fill(here, some(1, 1000))
        place = lfs_field.clone("a")
        place.put(here, pointers, nothing)
        assert place.get(elsewhere, pointers, nothing) == {}

    @pytest.mark.parametrize("said", ["seconds", "moment"])
    def test_the_pause_that_a_server_asks_for_is_kept(
        self, lfs_field: Field, server: LfsServer, here: Store, said: str
    ) -> None:
        moment = datetime.now(UTC) + timedelta(seconds=2)
        after = "1" if said == "seconds" else format_datetime(moment, usegmt=True)
        server.refuse(429, "POST", "batch", Retry_After=after)
        begun = time.monotonic()
        lfs_field.clone("a").put(here, fill(here, some(1, 1000)), nothing)
        assert time.monotonic() - begun >= 0.9

    def test_a_pause_of_an_hour_is_not_waited_for(
        self, lfs_field: Field, server: LfsServer, here: Store
    ) -> None:
        server.refuse(429, "POST", "batch", times=99, Retry_After="3600")
        begun = time.monotonic()
        with pytest.raises(RemoteError, match="asked too often"):
            lfs_field.clone("a").put(here, fill(here, some(1, 1000)), nothing)
        assert time.monotonic() - begun < 60

    @pytest.mark.parametrize("status", [401, 403, 404, 410])
    @pytest.mark.parametrize("method", ["PUT", "GET"])
    def test_an_action_that_is_too_old_is_replaced(
        self,
        lfs_field: Field,
        server: LfsServer,
        here: Store,
        elsewhere: Store,
        method: str,
        status: int,
    ) -> None:
        server.refuse(status, method, "")
        pointers = fill(here, some(1, 1000))
        place = lfs_field.clone("a")
        place.put(here, pointers, nothing)
        assert place.get(elsewhere, pointers, nothing) == {}
        assert len(server.requests(method, "/data/")) == 2

    def test_actions_that_end_before_their_turn_are_asked_for_again(
        self, lfs_field: Field, server: LfsServer, here: Store, elsewhere: Store
    ) -> None:
        server.ends = {"expires_in": 1}
        pointers = fill(here, some(1, 1000), some(2, 1000))
        place = lfs_field.clone("a")
        place.put(here, pointers, nothing)
        assert place.get(elsewhere, pointers, nothing) == {}
        assert len(server.requests("POST", "batch")) >= 6

    def test_an_answer_that_was_lost_does_not_send_it_twice(
        self, lfs_field: Field, server: LfsServer, here: Store
    ) -> None:
        """The server has it, and the client never heard."""
        server.refuse_after_put = 1
        [pointer] = fill(here, some(1, BIG))
        lfs_field.clone("a").put(here, [pointer], nothing)
        assert len(server.requests("PUT")) == 1
        assert server.oids == {lfs_field.oid(pointer)}


class TestRefusals:
    @pytest.mark.parametrize(
        ("status", "said"),
        [
            (403, "refuses"),
            (404, "no such thing"),
            (413, "too large"),
            (422, "does not accept"),
            (501, "no Git LFS batch API"),
            (507, "no room left"),
            (509, "bandwidth"),
            (418, "failed"),
        ],
    )
    def test_what_a_server_refuses_is_said(
        self, lfs_field: Field, server: LfsServer, here: Store, status: int, said: str
    ) -> None:
        place, pointers = lfs_field.clone("a"), fill(here, some(1, 1000))
        server.refuse(status, "POST", "batch", times=9)
        with pytest.raises(RemoteError, match=f"{said}.*status {status}.*ordered") as caught:
            place.put(here, pointers, nothing)
        assert server.url.removesuffix("/") in caught.value.message
        assert lfs_field.origin.refs() == {}

    @pytest.mark.parametrize("status", [400, 403, 413, 422, 507])
    def test_so_is_what_it_refuses_of_the_content(
        self, lfs_field: Field, server: LfsServer, here: Store, status: int
    ) -> None:
        place, pointers = lfs_field.clone("a"), fill(here, some(1, 1000))
        server.refuse(status, "PUT", "", times=9)
        with pytest.raises(RemoteError, match=f"upload, status {status}") as caught:
            place.put(here, pointers, nothing)
        assert "sig=" not in caught.value.message  # what is signed is as good as a password
        assert server.oids == set()
        assert lfs_field.origin.refs() == {}

    def test_a_file_over_the_limit_is_named_with_it(
        self, lfs_field: Field, server: LfsServer, here: Store
    ) -> None:
        server.largest = 2000
        place, pointers = lfs_field.clone("a"), fill(here, some(1, 1000), some(2, 3000))
        with pytest.raises(RemoteError, match=r"less than or equal to 2000.*3000 bytes"):
            place.put(here, pointers, nothing)
        assert place.present(pointers) == set()

    def test_a_server_that_takes_content_and_does_not_keep_it(
        self, lfs_field: Field, server: LfsServer, here: Store
    ) -> None:
        server.refuse(200, "PUT", "", times=9)
        pointers = fill(here, some(1, 1000))
        with pytest.raises(RemoteError, match="status 404"):
            lfs_field.clone("a").put(here, pointers, nothing)
        server.verify = False
        with pytest.raises(RemoteError, match="does not have them"):
            lfs_field.clone("b").put(here, pointers, nothing)
        assert lfs_field.origin.refs() == {}

    def test_what_is_refused_for_reading(
        self, lfs_field: Field, server: LfsServer, elsewhere: Store, big: Pointer
    ) -> None:
        server.refuse(403, "GET", "", times=9)
        with pytest.raises(RemoteError, match="download, status 403"):
            lfs_field.clone("reader").get(elsewhere, [big], nothing)

    def test_what_it_lost_between_question_and_download(
        self, lfs_field: Field, server: LfsServer, elsewhere: Store, big: Pointer
    ) -> None:
        server.refuse(404, "GET", "", times=9)
        failed = lfs_field.clone("reader").get(elsewhere, [big], nothing)
        assert isinstance(failed[big], ContentMissing)

    def test_the_git_remote_that_should_hold_the_list_is_gone(
        self, lfs_field: Field, server: LfsServer, here: Store, elsewhere: Store, big: Pointer
    ) -> None:
        lfs_field.origin.path.rename(lfs_field.root / "moved.git")
        place = lfs_field.clone("a")
        actions: list[Callable[[], object]] = [
            lambda: place.present([big]),
            lambda: place.get(elsewhere, [big], nothing),
            lambda: place.put(here, [big], nothing),
        ]
        for action in actions:
            with pytest.raises(RemoteError, match="git"):
                action()
        assert place.check().reached is False

    def test_nothing_is_taken_away(self, lfs_field: Field, big: Pointer) -> None:
        place = lfs_field.clone("a")
        [held] = place.listing()
        assert (held.key, held.blake3, held.size) == (big.key, big.blake3, big.size)
        assert held.name == lfs_field.oid(big)
        assert -60 < held.age < 600
        with pytest.raises(RemoteError, match="taken away"):
            place.remove([held])


class TestBytes:
    def test_chunked_uploads(self, lfs_field: Field, server: LfsServer, here: Store) -> None:
        """As GitLab asks for them."""
        server.chunked = server.tokens = True
        pointers = fill(here, some(1, BIG), some(2, 1))
        lfs_field.clone("a").put(here, pointers, nothing)
        assert server.oids == {lfs_field.oid(pointer) for pointer in pointers}
        for seen in server.requests("PUT"):
            assert seen.headers["Transfer-Encoding"] == "chunked"
            assert "Content-Length" not in seen.headers

    def test_longer_than_it_should_be(
        self, lfs_field: Field, server: LfsServer, elsewhere: Store, big: Pointer
    ) -> None:
        server.path(lfs_field.oid(big)).write_bytes(some(1, BIG) + b"more")
        failed = lfs_field.clone("reader").get(elsewhere, [big], nothing)
        assert isinstance(failed[big], DamagedContent)
        assert server.requests("GET")[0].body <= BIG + 4
        assert list((elsewhere.folder / "parts").iterdir()) == []

    def test_shorter_than_it_should_be(
        self, lfs_field: Field, server: LfsServer, elsewhere: Store, big: Pointer
    ) -> None:
        server.path(lfs_field.oid(big)).write_bytes(some(1, BIG)[:-10])
        failed = lfs_field.clone("reader").get(elsewhere, [big], nothing)
        assert isinstance(failed[big], DamagedContent)
        assert list((elsewhere.folder / "parts").iterdir()) == []

    def test_what_is_there_is_not_sent(
        self, lfs_field: Field, server: LfsServer, here: Store, big: Pointer
    ) -> None:
        """Somebody brought it by other means: it is only listed."""
        for name in lfs_field.origin.refs():
            lfs_field.origin.git("update-ref", "-d", name)
        place = lfs_field.clone("b")
        assert place.present([big]) == set()
        counts: list[int] = []
        place.put(here, [big], counts.append)
        assert server.requests("PUT") == []
        assert sum(counts) == BIG
        assert lfs_field.clone("c").present([big]) == {big}

    def test_batches_of_a_hundred(
        self, lfs_field: Field, server: LfsServer, here: Store, elsewhere: Store
    ) -> None:
        pointers = fill(here, *(b"%d" % number for number in range(230)))
        place = lfs_field.clone("a")
        place.put(here, pointers, nothing)
        assert place.present(pointers) == set(pointers)
        assert place.get(elsewhere, pointers, nothing) == {}
        sizes = [len(seen.document["objects"]) for seen in server.requests("POST", "batch")]
        assert sizes == [100, 100, 30] * 3

    def test_empty_files_never_reach_the_server(
        self, lfs_field: Field, server: LfsServer, here: Store, elsewhere: Store
    ) -> None:
        pointers = fill(here, b"")
        place = lfs_field.clone("a")
        place.put(here, pointers, nothing)
        other = lfs_field.clone("b")
        assert other.present(pointers) == set(pointers)
        assert other.get(elsewhere, pointers, nothing) == {}
        assert server.seen == []

    def test_the_digest_is_computed_once(
        self, lfs_field: Field, server: LfsServer, here: Store
    ) -> None:
        pointers = fill(here, some(1, 1000))
        repo = lfs_field.repo("a")
        lfs_field.handle(repo).put(here, pointers, nothing)
        here.path(pointers[0]).unlink()  # so it cannot be read again
        lfs_field.handle(repo).put(here, pointers, nothing)
        assert len(server.requests("PUT")) == 1

    def test_two_processes_of_one_clone(
        self, lfs_field: Field, server: LfsServer, here: Store
    ) -> None:
        repo = lfs_field.repo("a")
        pointers = fill(here, *(some(seed, 1000) for seed in range(8)))

        def put(part: list[Pointer]) -> None:
            place = lfs_field.handle(repo)
            place.put(here, part, nothing)
            place.close()

        with ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(put, pointers[n : n + 2]) for n in range(0, 8, 2)]:
                done.result()
        assert lfs_field.clone("b").present(pointers) == set(pointers)
        assert len([name for name in lfs_field.origin.refs() if name.endswith("/list")]) == 1


def test_lists_of_strangers_are_not_believed(
    lfs_field: Field, server: LfsServer, here: Store, elsewhere: Store, big: Pointer
) -> None:
    """Somebody lists other content for it, newer than the honest line: both are tried."""
    import hashlib

    from git_datmo.remotes.ledger import Line, now

    bad = some(9, BIG)
    oid = hashlib.sha256(bad).hexdigest()
    server.path(oid).write_bytes(bad)
    liar = lfs_field.clone("liar")
    liar._ledger.add([Line(big, now() + 1000, {"sha256": oid})])
    reader = lfs_field.clone("reader")
    assert reader.get(elsewhere, [big], nothing) == {}
    assert elsewhere.missing([big]) == []
    # Who computed the digest is not told that it is there when it is not.
    server.path(lfs_field.oid(big)).unlink()
    maker: Lfs = lfs_field.clone("maker-again")
    maker._digests.compute(here, [big])
    assert maker.present([big]) == set()


@pytest.mark.parametrize(
    "rest", [{}, {"sha256": 7}, {"sha256": "../../x"}, {"sha256": "A" * 64}, {"chunks": []}]
)
def test_lines_that_are_not_ours_are_passed_over(
    lfs_field: Field, elsewhere: Store, here: Store, rest: dict[str, object]
) -> None:
    from git_datmo.remotes.ledger import Line, now

    [pointer] = fill(here, some(1, 1000))
    lfs_field.clone("other")._ledger.add([Line(pointer, now(), rest)])
    reader = lfs_field.clone("reader")
    assert reader.present([pointer]) == set()
    assert list(reader.get(elsewhere, [pointer], nothing)) == [pointer]
    assert list(reader.listing()) == []
