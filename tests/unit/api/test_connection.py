"""The book of connections, with a clock that is moved by hand."""

from gateway.api.connection import MIN_ANSWER_RATE, Connection, Connections, Limits


class Transport:
    """What the book uses of a transport."""

    def __init__(self, address, unsent=0):
        self.address, self.unsent, self.aborted = address, unsent, False

    def get_extra_info(self, name):
        return (self.address, 1) if name == "peername" else None

    def get_write_buffer_size(self):
        return self.unsent

    def abort(self):
        self.aborted = True


class Peer:
    """A connection as far as the book is concerned; its own code is tested over real sockets."""

    overdue, cut = Connection.overdue, Connection.cut

    def __init__(self, book, address="192.0.2.1", unsent=0):
        self._book, self.address, self._unsent = book, address, 0
        self.transport = Transport(address, unsent)
        self.deadline = book.monotonic() + book.limits.head_seconds
        self.awaits_request = True
        self.is_in = book.admit(self)

    def force_close(self):
        self.transport_kept = self.transport

    @property
    def gone(self):
        return self.transport.aborted


def a_book(**limits):
    now = [1000.0]
    return Connections(Limits(**limits), lambda: now[0], lambda code: None), now


def test_a_deadline_that_has_passed_ends_the_connection():
    book, now = a_book(head_seconds=10)
    peer = Peer(book)
    now[0] += 10
    book.sweep()
    assert not peer.gone
    now[0] += 0.1
    book.sweep()
    assert peer.gone


def test_a_client_that_takes_its_answer_steadily_is_let_go_on():
    book, now = a_book(head_seconds=10, idle_seconds=10)
    steady, stuck = Peer(book, unsent=100 * MIN_ANSWER_RATE), Peer(book, unsent=100 * MIN_ANSWER_RATE)
    for _ in range(5):
        now[0] += 10.1
        book.sweep()
        steady.transport.unsent -= 11 * MIN_ANSWER_RATE
    assert not steady.gone
    assert stuck.gone


def test_who_has_proven_itself_is_not_put_out():
    book, _ = a_book(max_connections=2)
    one, two = Peer(book), Peer(book)
    book.proven(one)
    book.proven(two)
    assert not Peer(book).is_in
    assert (len(book), one.gone, two.gone) == (2, False, False)


def test_the_oldest_that_has_sent_nothing_makes_room():
    book, _ = a_book(max_connections=3)
    one, two, three = Peer(book), Peer(book), Peer(book)
    book.proven(one)
    assert Peer(book).is_in
    assert [peer.gone for peer in (one, two, three)] == [False, True, False]
    assert len(book) == 3


def test_room_for_an_address_is_made_among_its_own():
    book, _ = a_book(max_per_address=1)
    other, own = Peer(book, "192.0.2.1"), Peer(book, "192.0.2.2")
    assert Peer(book, "192.0.2.2").is_in
    assert (other.gone, own.gone) == (False, True)


def test_what_is_forgotten_frees_its_place_once():
    book, _ = a_book(max_connections=1, max_per_address=1)
    peer = Peer(book)
    book.proven(peer)
    book.forget(peer)
    book.forget(peer)
    assert len(book) == 0
    assert Peer(book).is_in


def test_only_unused_connections_are_closed_for_a_stop():
    book, _ = a_book()
    busy, idle = Peer(book), Peer(book)
    busy.awaits_request = False
    book.close_unused()
    assert (busy.gone, idle.gone) == (False, True)
