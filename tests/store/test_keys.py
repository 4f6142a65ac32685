"""The district's keys: read from the environment or a private file, and never guessed at."""

from __future__ import annotations

import base64
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edupulse.school.errors import BadInput, NotReady
from edupulse.store import keys
from edupulse.store.keys import Keyring, keyring

FIRST, SECOND = (base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))
HERE = b"students.1"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EDUPULSE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("EDUPULSE_KEYS")
    return tmp_path / "home"


@pytest.fixture
def use(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Keyring]:
    def set_keys(text: str) -> Keyring:
        monkeypatch.setenv("EDUPULSE_KEYS", text)
        return keyring()

    return set_keys


def test_what_one_key_sealed_every_ring_with_that_key_opens(use: Callable[[str], Keyring]):
    (sealed,) = use(FIRST).seal([b"Ada"], [HERE])
    for text in (FIRST, f"{SECOND},{FIRST}", f"{FIRST}\n{SECOND}\n"):
        assert use(text).unseal([sealed], [HERE]) == [b"Ada"]
    with pytest.raises(NotReady, match="that key is not here"):
        use(SECOND).unseal([sealed], [HERE])


def test_the_first_key_seals(use: Callable[[str], Keyring]):
    (sealed,) = use(f"{SECOND},{FIRST}").seal([b"Ada"], [HERE])
    assert sealed is not None
    assert sealed.startswith(use(SECOND).current.number)


def test_a_value_opens_in_its_own_place_alone_and_only_whole(use: Callable[[str], Keyring]):
    ring = use(FIRST)
    (sealed,) = ring.seal([b"Ada"], [HERE])
    assert sealed is not None
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for value, place in ((sealed, b"students.2"), (changed, HERE), (sealed[:20], HERE)):
        with pytest.raises(NotReady, match="changed or moved"):
            ring.unseal([value], [place])


def test_the_same_name_never_looks_the_same_twice(use: Callable[[str], Keyring]):
    assert len(set(use(FIRST).seal([b"Ada"] * 100, [HERE] * 100))) == 100


@pytest.mark.parametrize("text", ["short", ",", "c2hvcnQ=", FIRST + "," + "!" * 44])
def test_what_is_no_key_is_refused_without_being_repeated(use: Callable[[str], Keyring], text: str):
    with pytest.raises(BadInput) as error:
        use(text)
    assert text == "," or text not in str(error.value)


def test_with_the_embedded_database_a_private_file_is_made_once(home: Path):
    with ThreadPoolExecutor(8) as pool:
        rings = list(pool.map(lambda _: keyring(), range(8)))
    assert len({ring.current.number for ring in rings}) == 1
    assert stat.S_IMODE((home / "keys").stat().st_mode) == 0o600
    assert [path.name for path in home.iterdir()] == ["keys"]


def test_a_database_of_ones_own_gets_no_key_that_might_be_lost_with_a_container(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DATABASE_URL", "postgresql://somewhere.example/edupulse")
    with pytest.raises(NotReady, match="no key"):
        keyring()
    assert not home.exists()


def test_a_file_that_others_may_read_is_refused(home: Path):
    keyring()
    (home / "keys").chmod(0o644)
    with pytest.raises(NotReady, match="Others may read"):
        keyring()


def test_keys_of_the_environment_go_before_those_of_the_file_which_still_open(
    use: Callable[[str], Keyring],
):
    (sealed,) = keyring().seal([b"Ada"], [HERE])
    ring = use(FIRST)
    assert ring.unseal([sealed], [HERE]) == [b"Ada"]
    assert sealed is not None
    assert not sealed.startswith(ring.current.number)


def test_a_new_key_goes_before_those_of_the_file(home: Path):
    before = keyring()
    keys.add_key(home / "keys")
    after = keyring()
    assert [key.number for key in after.keys[1:]] == [key.number for key in before.keys]
    assert after.current.number != before.current.number
